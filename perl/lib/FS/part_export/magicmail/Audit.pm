package FS::part_export::magicmail::Audit;

# Where Freeside and MagicMail differ, on one server: Freeside's services go to
# the library in batches, which compares them with what MagicMail has. What is
# found, its words and what would mend it come from there; nothing is decided
# here. A batch is one call in this process, on the connections that are kept: a
# program beside it, fed by a pipe, would need the API's password a second time,
# and save nothing, for the waiting is on the server.

use strict;
use warnings;

use Time::HiRes qw(time);

use FS::part_export::magicmail::Accounts;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Text qw(one_line);

# As many accounts are compared in one call of the library, and as many user names
# looked up at once.
my $IN_A_CALL = 50;
my $NAMES     = 100;

# The least that is worth asking with, in seconds.
my $SHORTEST = 0.1;

# After so many accounts in a row that cannot be read it ends.
my $MOST_IN_A_ROW = 20;

# The kind of a finding about a user on another account.
my $ELSEWHERE = 'other_account';

# The time that the first pass takes of the whole, in percent.
my $FIRST_PASS = 5;

# All magicmail exports, one for each server: the one of the lowest number.
sub servers {
    my %first;
    foreach my $export (FS::part_export::magicmail::Records::all_exports()) {
        $first{lc $export->machine} ||= $export;
    }
    my @exports = sort { $a->exportnum <=> $b->exportnum } values %first;
    return @exports;
}

# For an export: its server is audited, with the services of all magicmail exports
# there. More: custnum, for one customer only; at_once, customers in a batch; progress,
# code that gets how far it is (percent and words); is_stopped, code that says whether
# to end.
sub new {
    my ($class, $export, %more) = @_;
    my $options = $export->magic_options;
    my $records = FS::part_export::magicmail::Records->new($export, $options);
    my $self    = bless {
        progress   => sub { return },
        is_stopped => sub { return 0 },
        %more,
        export    => $export,
        options   => $options,
        records   => $records,
        findings  => [],
        unread    => [],
        left_out  => [],
        strangers => [],
        read      => 0,
        requests  => 0,
    }, $class;
    return $self;
}

sub export { my ($self) = @_; return $self->{export} }

# Runs it; never dies. Returns the result: findings, left_out, unread (what could
# not be told; nothing may be repaired then), services, accounts, requests.
sub run {
    my ($self) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $has_run = eval { $self->_run; 1 };
    if (!$has_run) { $self->_could_not_tell("$@") }
    return {
        exportnum => $self->{export}->exportnum,
        machine   => $self->{export}->machine,
        services  => $self->{services} || 0,
        accounts  => $self->{read},
        map { $_ => $self->{$_} } qw(findings unread left_out requests),
    };
}

sub _run {
    my ($self) = @_;
    my $export = $self->{export};
    local $export->{magic_options} = $self->{options};
    if ($export->machine eq '_SVC_MACHINE') {
        return $self->_could_not_tell('each service has a server of its own; such an export is not audited');
    }
    $self->{progress}->(0, 'Reading Freeside');
    my $accounts = $self->{accounts} =
        FS::part_export::magicmail::Accounts->new(@{$self}{qw(records at_once)});
    if ($self->_is_part) {
        $self->{services} = $self->_count;
        $self->_compare($accounts->of_customer($self->{custnum}));
    }
    else {
        $accounts->survey(sub { return !$self->_is_stopped });
        $self->{services} = $accounts->count;
        push @{$self->{left_out}}, $accounts->left_out;
        my $may_go_on = 1;
        $accounts->each_batch(sub { return $may_go_on = $self->_compare(@_) });
        if ($may_go_on) { $self->_compare($accounts->without_services) }
    }
    $self->_follow;
    if ($self->_is_part && !$self->{read} && !@{$self->{unread}}) {
        $self->_could_not_tell(
            "nothing was compared: customer $self->{custnum} has no mailbox on this server");
    }
    if (!@{$self->{unread}} && !$self->_is_stopped) { $self->_orphans }
    $self->{progress}->(100, $self->_how_far);
    return;
}

# Accounts that only users of the server name: where the user of a service is on another
# account than Freeside thinks, that one is read too.
sub _follow {
    my ($self) = @_;
    my @elsewhere = grep { $_->{kind} eq $ELSEWHERE && $_->{mailbox} } @{$self->{findings}};
    return if !@elsewhere;
    my ($library, $failure) = $self->{export}->magic_library;
    return $self->_could_not_tell($failure->{text}) if !$library;
    my %accounts;
    foreach my $finding (@elsewhere) {
        return if $self->_is_stopped;
        my ($name) = $finding->{mailbox} =~ m/\A(.*)\@/x or next;
        my ($user, $refused) =
            $library->call(get_user => {id => $name}, FS::part_export::magicmail::Log::sink($self->{export}));
        if ($refused) { return $self->_could_not_tell($refused->{text}) }
        $self->{requests}++;
        if ($user && defined $user->{account}) { $accounts{lc $user->{account}} = $user->{account} }
    }
    delete @accounts{keys %{$self->{seen}}};
    my $of = FS::part_export::magicmail::Accounts->new($self->{records});
    return $self->_compare(map { $of->account($accounts{$_}) } sort keys %accounts);
}

# Whether only some accounts are looked at; then nothing is said of others.
sub _is_part {
    my ($self) = @_;
    return $self->{custnum};
}

sub _is_stopped {
    my ($self) = @_;
    return 1 if $self->{has_stopped};
    return 0 if !$self->{is_stopped}->();
    $self->{has_stopped} = 1;
    $self->_could_not_tell('it was stopped');
    return 1;
}

# All provisioned services of the server.
sub _count {
    my ($self) = @_;
    my ($of_family, @family) = $self->{records}->of_family;
    my ($row) = $self->{records}->rows( <<"END", @family);
SELECT COUNT( DISTINCT cust_svc.svcnum ) AS services
  FROM part_export
  JOIN export_svc ON export_svc.exportnum = part_export.exportnum
  JOIN cust_svc ON cust_svc.svcpart = export_svc.svcpart
 WHERE $of_family
END
    return $row->{services};
}

# Compares some accounts; returns whether to go on.
sub _compare {
    my ($self, @accounts) = @_;
    while (my @some = splice @accounts, 0, $IN_A_CALL) {
        return 0 if $self->_is_stopped;
        foreach my $account (@some) { $self->{seen}{lc $account->{id}} = 1 }
        my $found = $self->_call(audit => {accounts => \@some, $self->_within}) or return 0;
        foreach my $kind (qw(findings unread left_out strangers)) {
            push @{$self->{$kind}}, @{$found->{$kind}};
        }
        $self->{read} += $found->{accounts};
        my $all = $self->{accounts}->accounts || 1;
        $self->{progress}
            ->($FIRST_PASS + int((99 - $FIRST_PASS) * $self->{read} / ($all + 1)), $self->_how_far);

        # A server of which nothing at all can be read is not asked for the rest.
        $self->{in_a_row} = $found->{accounts} ? 0 : @some + ($self->{in_a_row} || 0);
        if ($self->{in_a_row} >= $MOST_IN_A_ROW) {
            $self->_could_not_tell("the rest was not read: $self->{in_a_row} accounts in a row could not be");
            return 0;
        }
    }
    return 1;
}

sub _how_far {
    my ($self) = @_;
    my $all = $self->{accounts}->accounts || $self->{read};
    return "$self->{read} of $all accounts";
}

sub _within {
    my ($self) = @_;
    return if !defined $self->{until};
    my $seconds = $self->{until} - time;
    return (within => $seconds > $SHORTEST ? "$seconds" : "$SHORTEST");
}

# The accounts of so many of the newest customers: a sample of the whole, which takes
# minutes. A server of which each service has its own is not audited.
sub sample {
    my ($self, $newest) = @_;
    return if $self->{export}->machine eq '_SVC_MACHINE';
    $self->{accounts} = FS::part_export::magicmail::Accounts->new($self->{records});
    return $self->{accounts}->newest($newest);
}

# Compares a sample within some seconds, without the database; returns the result.
sub compared {
    my ($self, $seconds, @accounts) = @_;
    my $export = $self->{export};
    local $export->{magic_options} = $self->{options};
    $self->{until} = time + $seconds;
    $self->_compare(@accounts);
    return {accounts => $self->{read}, map { $_ => $self->{$_} } qw(findings unread strangers)};
}

# Accounts and users that no service has, once all accounts were read. A user of
# whom another account's service knows is told of there.
sub _orphans {
    my ($self) = @_;
    my $names = $self->_services_of(map { $_->{user} } @{$self->{strangers}});
    my $with_services =
        sub { my ($seen) = @_; return {%{$seen}, services => $names->{lc $seen->{user}} || []} };
    my @strangers = map { $with_services->($_) } @{$self->{strangers}};
    my $is_whole  = !$self->_is_part;
    return if !$is_whole && !@strangers;
    my %prefixes =
        map { FS::part_export::magicmail::Options::prefix($_->{options}) => 1 }
        values %{$self->{records}->exports};
    my $found = $self->_call(
        orphans => {
            strangers => \@strangers,
            known     => $is_whole ? [$self->{accounts}->ids] : [],
            prefixes  => $is_whole ? [sort keys %prefixes]    : [],
        }
    ) or return;
    push @{$self->{findings}}, @{$found->{findings}};
    return;
}

# Of users that no service of their account has, as an audit gives them: those that no
# service at all has.
sub orphans_among {
    my ($self, @strangers) = @_;
    my $names = $self->_services_of(map { $_->{user} } @strangers);
    return grep { !$names->{lc $_->{user}} } @strangers;
}

# The numbers of the services that have these user names, by name in lower case.
sub _services_of {
    my ($self, @names) = @_;
    my $records = $self->{records};
    my ($of_family, @family) = $records->of_family;
    my %services;
    while (my @some = splice @names, 0, $NAMES) {
        my $places = join ', ', ('LOWER(?)') x @some;
        my $sql    = <<"END";
SELECT DISTINCT svc_acct.svcnum, svc_acct.username
  FROM part_export
  JOIN export_svc ON export_svc.exportnum = part_export.exportnum
  JOIN cust_svc ON cust_svc.svcpart = export_svc.svcpart
  JOIN svc_acct ON svc_acct.svcnum = cust_svc.svcnum
 WHERE $of_family AND LOWER(svc_acct.username) IN ( $places )
END
        foreach my $row ($records->rows($sql, @family, @some)) {
            push @{$services{lc $records->text($row->{username})}}, $row->{svcnum};
        }
    }
    return \%services;
}

# An operation of the library's; nothing, and it could not be told, where it fails.
sub _call {
    my ($self, $operation, $arguments) = @_;
    my ($library, $failure) = $self->{export}->magic_library;
    my $reply;
    if ($library) {
        ($reply, $failure) =
            $library->call($operation, $arguments, FS::part_export::magicmail::Log::sink($self->{export}));
    }
    if ($failure) {
        $self->_could_not_tell($failure->{text});
        return;
    }
    $self->{requests} += $reply->{requests};
    return $reply;
}

sub _could_not_tell {
    my ($self, $text) = @_;
    push @{$self->{unread}}, {account => undef, text => one_line($text)};
    return;
}

1;
