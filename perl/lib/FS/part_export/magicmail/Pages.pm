package FS::part_export::magicmail::Pages;

# What Freeside's pages show of a mailbox, as methods of an export. A page waits
# five seconds at most, whatever the server does, and none of this ever dies.
# What export_getstatus gives also reaches the customer.

use strict;
use warnings;

use FS::Record  qw(qsearchs);
use Time::HiRes qw(time);

use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Text qw(html one_line);

# As long as a page waits in all, and the least that is worth asking with.
my $LONGEST  = 5;
my $SHORTEST = 0.1;

# So long after its first question a page is another one.
my $PAGE_ENDS = 10;

# Which service's page was drawn last, since when, and how long it has waited.
my %page = (svcnum => 0, since => 0, waited => 0);

# Why something is not known, by the library's word for the cause; a customer may read
# it. What an export cannot do without, its settings tell staff.
my %NOT_KNOWN = (
    not_reached => 'not known (the mail server could not be reached)',
    credentials => 'not known (the mail server refused access)',
    answer      => 'not known (the mail server gave no usable answer)',
    unusable    => 'not known (the mail export is not set up correctly)',
    no_account  => 'not known (the service has no customer)',
    other       => 'not known (the mail server could not be asked)',
);

# What a user record's status may be; another word is not clear.
my %CLEAR = map { $_ => 1 } qw(active suspended deleted);

=encoding utf8

=head1 NAME

FS::part_export::magicmail::Pages - what pages show of a mailbox

=head1 METHODS

=over 4

=item export_getstatus SVC, HTML, STATUS

Adds the status and the addresses of the mailbox to the hash STATUS.

=cut

sub export_getstatus {
    my ($self, $svc, undef, $status) = @_;
    return _never_die(
        sub {
            my %seen  = %{$self->_magic_look($svc, [qw(user addresses)])};
            my $label = _label($self, $status, 'MagicMail status');
            if (!exists $seen{user}) {
                $status->{$label} = _not_known(\%seen, 'user');
                return;
            }
            if (!$seen{is_ours}) {
                $status->{$label} = 'not there';
                return;
            }
            $status->{$label} = $self->_magic_status($svc, \%seen);
            my $addresses = _label($self, $status, 'MagicMail addresses');
            $status->{$addresses} =
                exists $seen{addresses} ? $seen{addresses} || [] : _not_known(\%seen, 'addresses');
            return;
        }
    );
}

=item export_getsettings SVC, SETTINGS, DEFAULTS

Adds what MagicMail has of the mailbox, its account and its packages to the hash
SETTINGS, and what differs from Freeside. For staff. The page prints each value as it
is: all are texts. What differs, and what is not known, comes first and in bold; the
page greys what is in DEFAULTS. What export_getstatus shows is not shown again.

=cut

sub export_getsettings {
    my ($self, $svc, $settings, $defaults) = @_;
    return _never_die(
        sub {
            require FS::part_export::magicmail::Settings;
            my $seen = $self->_magic_look($svc, []);
            foreach my $shown (FS::part_export::magicmail::Settings::shown($seen)) {
                my $label = _label($self, $settings, "MagicMail $shown->{name}");
                $settings->{$label} = $shown->{text};
                if (!$shown->{is_notable}) { $defaults->{$label} = 1 }
            }
            return;
        }
    );
}

=item export_links SVC, HTML

Adds a link to MagicMail's administration to the array HTML, where the export has
one. Without the network.

=cut

sub export_links {
    my ($self, $svc, $html) = @_;
    return _never_die(
        sub {
            my $options  = $self->magic_options;
            my $template = $options->{link_url};
            return if $template eq '';
            return
                if FS::part_export::magicmail::Options::link_fault($template) ne '';
            local $self->{magic_options} = $options;
            my $records  = FS::part_export::magicmail::Records->new($self, $options);
            my $facts    = $records->service_facts($svc);
            my $username = $records->text($svc->username);
            my $link     = FS::part_export::magicmail::Options::link_for(
                $template,
                username => $username,
                domain   => $facts->{domain},
                address  => "$username\@$facts->{domain}",
                account  => sub { return $self->_magic_account_in($facts) },
            );
            push @{$html}, _link($self, $link, @{$html});
            return;
        }
    );
}

=item test_export_report OPTIONS

The page of the Services report menu: what is in order with each magicmail export,
and what is not. A class method.

=back

=cut

sub test_export_report {
    my ($class, @options) = @_;
    my %options = ref $options[0] ? %{$options[0]} : @options;
    my $groups  = [];
    _never_die(
        sub {
            require FS::part_export::magicmail::Report;
            $groups = FS::part_export::magicmail::Report::groups($LONGEST, %options);
            return;
        }
    );
    return $groups;
}

# A link that opens a window of its own; one export's apart from that of another.
sub _link {
    my ($self, $link, @others) = @_;
    my $is_other = grep { m/>MagicMail\b/x } @others;
    my $label    = $is_other ? 'MagicMail (export ' . $self->exportnum . ')' : 'MagicMail';
    return ($is_other ? q{ } : '') . '<A HREF="' . html($link) . qq{" TARGET="_blank">$label</A>};
}

# Why a part is not known.
sub _not_known {
    my ($seen, $part) = @_;
    my $cause = defined $seen->{cause} ? $seen->{cause} : ($seen->{causes} || {})->{$part};
    return $NOT_KNOWN{defined $cause && $NOT_KNOWN{$cause} ? $cause : 'other'};
}

# The status of the mailbox; and for staff whether a suspend that failed is tried again.
sub _magic_status {
    my ($self, $svc, $seen) = @_;
    my $status = $seen->{user}{status};
    return 'not shown by the mail server'                 if !defined $status || $status eq '';
    return qq{not clear (the mail server says "$status")} if !$CLEAR{lc $status};
    return $status
        if lc $status ne 'active'
        || !$seen->{facts}{susp}
        || $self->get('no_suspend')
        || FS::part_export::magicmail::Log::is_for_customer();
    require FS::part_export::magicmail::Jobs;
    my $job = FS::part_export::magicmail::Jobs::suspend_job_of($svc, keys %{$seen->{records}->exports});
    return "$status, but should be suspended; "
        . ($job ? "tried again by job $job" : 'no job tries it again: suspend the package once more');
}

# What MagicMail has of a mailbox (parts as in the library's operation inspect),
# and beside it: is_ours, whether the user is on the service's account; account_id;
# facts and cust_main of Freeside's; failure, why nothing could be asked.
sub _magic_look {
    my ($self, $svc, $only) = @_;
    my $options = $self->magic_options;
    local $self->{magic_options} = $options;
    my $records  = FS::part_export::magicmail::Records->new($self, $options);
    my $facts    = $records->service_facts($svc);
    my @accounts = grep { $_ ne '' } $facts->{on_record}, $self->_magic_configured_in($facts);
    my %seen     = (facts => $facts, records => $records, is_ours => 0);
    if (!@accounts) {
        return {%seen, failure => 'the service is in no package', cause => 'no_account'};
    }
    my ($found, $failure) = $self->_magic_inspect(
        $svc,
        {
            account_id => $accounts[0],
            user       => $records->text($svc->username),
            only       => $only,
            @{$only} ? () : _compared($records, $svc, $accounts[0]),
        }
    );
    $seen{account_id} = $accounts[0];
    if ($failure) {
        return {%seen, failure => $failure->{text}, cause => $failure->{cause} || 'unusable'};
    }
    my $on = $found->{user} ? lc($found->{user}{account} || '') : '';
    if (grep { lc eq $on } @accounts) {
        $seen{is_ours} = 1;
    }
    return {%{$found}, %seen};
}

# The services of the account: the library compares them as an audit does.
sub _compared {
    my ($records, $svc, $account) = @_;
    require FS::part_export::magicmail::Accounts;
    my $known = FS::part_export::magicmail::Accounts->new($records)->account($account);
    return (svcnum => $svc->svcnum, services => $known->{services});
}

# Asks within what is left of the page's time.
sub _magic_inspect {
    my ($self, $svc, $arguments) = @_;
    my $seconds = _seconds_left($svc->svcnum);
    my $timeout = $self->magic_options->{timeout};
    if ($timeout =~ m/\A[\d.]+\z/x && $timeout < $seconds) {
        $seconds = $timeout;
    }
    if ($seconds < $SHORTEST) {
        return (undef, {text => "the mail server did not answer within $LONGEST s", cause => 'not_reached'});
    }
    my ($library, $failure) =
        $self->magic_library(machine => $self->magic_machine($svc));
    return (undef, $failure) if $failure;
    my $start  = time;
    my @answer = $library->call(
        'inspect',
        {%{$arguments}, within => "$seconds"},
        FS::part_export::magicmail::Log::sink($self, $svc)
    );
    $page{waited} += time - $start;
    return @answer;
}

# Status and settings are drawn on one page, by each export of the service: they
# share its five seconds.
sub _seconds_left {
    my ($svcnum) = @_;
    my $age = time - $page{since};
    if ($page{svcnum} != $svcnum || $age < 0 || $age > $PAGE_ENDS) {
        %page = (svcnum => $svcnum, since => time, waited => 0);
    }
    return $LONGEST - $page{waited};
}

sub _magic_configured_in {
    my ($self, $facts) = @_;
    return '' if !$facts->{custnum};
    $facts->{cust_main} ||=
        $self->_magic_records->customer($facts->{custnum});
    return '' if !$facts->{cust_main};
    my $account = $self->cust_account_id($facts->{cust_main});
    return defined $account ? $account : '';
}

sub _magic_account_in {
    my ($self, $facts) = @_;
    return $facts->{on_record} ne ''
        ? $facts->{on_record}
        : $self->_magic_configured_in($facts);
}

# A key of a hash that all exports of a service share.
sub _label {
    my ($self, $shared, $label) = @_;
    return exists $shared->{$label}
        ? "$label (export " . $self->exportnum . ')'
        : $label;
}

sub _never_die {
    my ($code) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $has_run = eval { $code->(); 1 };
    if (!$has_run) {
        FS::part_export::magicmail::Log::failed(undef, one_line("$@"));
    }
    return '';
}

1;
