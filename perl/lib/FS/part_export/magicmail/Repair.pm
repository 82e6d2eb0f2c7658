package FS::part_export::magicmail::Repair;

# Mends what an audit found: one finding after the other, each in a transaction
# of its own that locks the account, and after another look. What is done,
# and whether it still has to be, is the library's to say; a mailbox that is
# missing is provisioned by the same hook as ever.
#
# Nothing is ever deleted, purged or suspended but what a service of Freeside's
# is to be. An audit that could not tell everything mends nothing.

use strict;
use warnings;

use FS::Record qw(qsearchs);

use FS::part_export::magicmail::Accounts;
use FS::part_export::magicmail::Dialogue;
use FS::part_export::magicmail::Locks;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text        qw(one_line);
use FS::part_export::magicmail::Transaction qw(in_transaction);

# After so many failures in a row it ends.
my $MOST_FAILURES = 3;

# For the result of an audit of an export's server. More: findings, a list of
# keys, or kinds, a list of kinds; else everything is chosen.
sub new {
    my ($class, $export, $result, %more) = @_;
    my $self   = bless {%more, export => $export, result => $result}, $class;
    my %wanted = map { $_ => 1 } @{$more{findings} || []};
    my %kinds  = map { $_ => 1 } @{$more{kinds}    || []};
    my @chosen =
        grep { !(%wanted || %kinds) || $wanted{$_->{key}} || $kinds{$_->{kind}} } @{$result->{findings}};
    $self->{chosen}  = [grep { $_->{mend} ne 'hand' } @chosen];
    $self->{by_hand} = [grep { $_->{mend} eq 'hand' } @chosen];
    return $self;
}

# Keys that were asked for, and are none of the findings.
sub not_found {
    my ($self) = @_;
    my %known  = map { $_->{key} => 1 } @{$self->{result}{findings}};
    return grep { !$known{$_} } @{$self->{findings} || []};
}

# The findings that would be mended, and those that want a person.
sub chosen  { my ($self) = @_; return @{$self->{chosen}} }
sub by_hand { my ($self) = @_; return @{$self->{by_hand}} }

# Why nothing must be done, as a text; '' if nothing speaks against it. Limits:
# max_changes, and max_percent of the services.
sub brake {
    my ($self, %limit) = @_;
    my $result = $self->{result};
    if (my @unread = @{$result->{unread}}) {
        return 'the audit could not tell everything: ' . $unread[0]{text};
    }
    my $count    = $self->chosen;
    my $services = $result->{services};
    my $changes  = $count == 1    ? '1 change is' : "$count changes are";
    my $of_all   = $services == 1 ? '1 service'   : "$services services";
    if ($count > $limit{max_changes}) {
        return "$changes more than $limit{max_changes} (--max-changes)";
    }
    if ($count * 100 > $limit{max_percent} * $services) {
        return "$changes more than $limit{max_percent} % of $of_all (--max-percent)";
    }
    return '';
}

# Mends what was chosen; $told is given each result as soon as it is there: key,
# state (mended, gone, hand, failed), steps, warnings or text. $is_stopped says
# whether to end before the next. Returns why it ended before the last, or ''.
sub apply {
    my ($self, $told, $is_stopped) = @_;
    my $failures = 0;
    my @waiting  = $self->chosen;
    while (my $finding = shift @waiting) {
        if ($is_stopped->()) { return 'it was stopped; not begun: ' . (1 + @waiting) }
        my $result = $self->_mend($finding);
        $told->($result);
        $failures = $result->{state} eq 'failed' ? $failures + 1 : 0;
        if ($failures >= $MOST_FAILURES && @waiting) {
            return "$failures failures in a row; not begun: " . @waiting;
        }
    }
    return '';
}

# Never dies.
sub _mend {
    my ($self, $finding) = @_;
    my %result = (key => $finding->{key}, steps => [], warnings => []);
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $has_run = eval {
        in_transaction(sub { %result = (%result, %{$self->_mended($finding)}); return });
        1;
    };
    return \%result if $has_run;
    my $error = one_line("$@");
    FS::part_export::magicmail::Log::failed(scalar _service($finding), $error, $self->{export});
    return {%result, state => 'failed', steps => [], text => $error};
}

sub _mended {
    my ($self, $finding) = @_;
    my $export  = $self->{export};
    my $records = FS::part_export::magicmail::Records->new($export, $export->magic_options);
    local $export->{magic_options} = $records->options;
    $self->_lock($records, $finding);
    my $account = FS::part_export::magicmail::Accounts->new($records)->account($finding->{account});
    my ($library, $failure) = $export->magic_library;
    my $reply;

    if ($library) {
        ($reply, $failure) = $library->call(
            'repair',
            {account => $account, finding => $finding->{key}},
            FS::part_export::magicmail::Log::sink($export)
        );
    }
    if ($failure)                       { die "$failure->{text}\n" }
    if ($reply->{state} eq 'provision') { return $self->_provisioned($records, $finding) }
    if (my @steps = @{$reply->{steps}}) {
        FS::part_export::magicmail::Log::changed(scalar _service($finding),
            "mended $finding->{key}: " . join('; ', @steps), $export);
    }
    return {map { $_ => $reply->{$_} } qw(state steps warnings)};
}

# The service that a finding is about, for the log, where there is one.
sub _service {
    my ($finding) = @_;
    return if !$finding->{svcnum};
    require FS::svc_acct;
    return scalar qsearchs('svc_acct', {svcnum => $finding->{svcnum}});
}

# What every hook on this account waits for.
sub _lock {
    my ($self, $records, $finding) = @_;
    my $services = FS::part_export::magicmail::Services->new($records);
    FS::part_export::magicmail::Locks::take(
        $records,
        accounts => [$finding->{account}],
        custnums => [$finding->{customer}, $services->custnum_in($finding->{account})]
    );
    return;
}

# By the hook of the service's own export, as if it were provisioned now.
sub _provisioned {
    my ($self, $records, $finding) = @_;
    my $svc = _service($finding)
        or die "service $finding->{svcnum} is not there any more\n";
    my $svcpart  = $svc->cust_svc->svcpart;
    my $exports  = $records->exports;
    my ($number) = sort { $a <=> $b } grep { $exports->{$_}{svcparts}{$svcpart} } keys %{$exports};
    my $export   = $number ? qsearchs('part_export', {exportnum => $number}) : undef;
    if (!$export) { die "service $finding->{svcnum} has no magicmail export any more\n" }
    my $error = FS::part_export::magicmail::Dialogue->run($export, 'provision', $svc);
    if ($error ne '') { die "$error\n" }
    return {state => 'mended', steps => $finding->{steps}};
}

1;
