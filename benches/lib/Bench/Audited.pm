package Bench::Audited;

# A Freeside and a MagicMail of some size, the same on both sides but for some
# drift; and the audit of them, with what it cost.

use strict;
use warnings;

use Carp    qw( croak );
use English qw( -no_match_vars );
use HTTP::Tiny;
use Time::HiRes qw( time );

use FS::part_export::magicmail::Audit;
use FS::Record qw( dbh qsearchs );
use FS::UID    qw( adminsuidsetup );
use ISP;
use Simulator;
use Statements;

# Of 100 users on 60 accounts, 20 accounts have three and the others one.
my ($ACCOUNTS, $OF_THREE) = (0.6, 0.2);

# Every so many accounts one mailbox is suspended by hand.
my $DRIFT = 500;

my $ADDITIONAL = 'ADDITIONAL NOCOST MAILBOX';

sub open {    ## no critic (ProhibitBuiltinHomonyms, ProhibitAmbiguousNames)
    my ($class, $directory, $size, $latency) = @_;
    my $self = bless {isp => ISP->open(unwatched => 1), drifted => 0}, $class;
    my $file = "$directory/state-$size.json";
    $self->_fill($file, $size);
    $self->{simulator} = Simulator->start(state => $file, modes => {latency_ms => $latency});
    my $export = $self->{isp}->magicmail($self->{simulator}, options => {timeout => 20});
    dbh->do(
        'INSERT INTO export_cust_svc (exportnum, svcnum, remoteid)'
            . q{ SELECT ?, cust_svc.svcnum, 'FREESIDE' || cust_pkg.custnum FROM cust_svc}
            . ' JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum',
        {}, $export->exportnum
    ) or croak dbh->errstr;
    dbh->commit;
    $self->{exportnum} = $export->exportnum;
    return $self;
}

sub drifted     { my ($self) = @_; return $self->{drifted} }
sub exportnum   { my ($self) = @_; return $self->{exportnum} }
sub control_url { my ($self) = @_; return $self->{simulator}->control_url }

# Rows into the database, and the same into the simulator's file.
sub _fill {
    my ($self, $file, $size) = @_;
    my $isp    = $self->{isp};
    my %insert = map { $_->[0] => _inserting(@{$_}) } (
        [cust_main => qw( custnum agentnum first last )],
        [cust_pkg  => qw( pkgnum custnum pkgpart )],
        [cust_svc  => qw( svcnum pkgnum svcpart )],
        [svc_acct  => qw( svcnum username _password _password_encoding finger domsvc )],
    );
    my %fixed = (
        agentnum => $isp->agent->agentnum,
        svcpart  => $isp->definition('Mailbox')->svcpart,
        domsvc   => $isp->domain('example.net')->svcnum,
        pkgpart  => qsearchs('part_pkg', {})->pkgpart,
    );
    my $svcnum = 1_000;
    my %lines  = (accounts => [], users => [], addresses => []);
    foreach my $number (1 .. $size * $ACCOUNTS) {
        $insert{cust_main}->execute($number, $fixed{agentnum}, 'Some', "Body$number");
        $insert{cust_pkg}->execute($number, $number, $fixed{pkgpart});
        push @{$lines{accounts}}, qq{"FREESIDE$number":{"status":"active"}};
        my $is_drifted = $number % $DRIFT == 0;
        $self->{drifted} += $is_drifted;
        my $count = $number <= $size * $OF_THREE ? 3 : 1;
        foreach my $which (1 .. $count) {
            my $name = "user$number-$which";
            $svcnum++;
            $insert{cust_svc}->execute($svcnum, $number, $fixed{svcpart});
            $insert{svc_acct}->execute($svcnum, $name, 'secret12', 'plain', 'Some Body', $fixed{domsvc});
            my ($master, $package) = $which == 1 ? ('Y', 'EMAIL') : ('N', $ADDITIONAL);
            my $status = $is_drifted && $which == 1 ? 'suspended' : 'active';
            my $user   = join q{,}, qq{"account":"FREESIDE$number"}, '"first_name":"Some","last_name":"Body"',
                '"password":"secret12"', qq{"master_user":"$master"}, qq{"status":"$status"},
                qq{"packages":["$package"]};
            push @{$lines{users}},     qq{"$name":{$user}};
            push @{$lines{addresses}}, qq{"$name\@example.net":"$name"};
        }
    }
    dbh->commit;
    _write($file, %lines);
    return;
}

sub _inserting {
    my ($table, @columns) = @_;
    my $places = join ', ', (q{?}) x @columns;
    return dbh->prepare("INSERT INTO $table (" . join(', ', @columns) . ") VALUES ($places)");
}

sub _write {
    my ($file, %lines) = @_;
    CORE::open my $handle, '>', $file or die "$file: $OS_ERROR\n";
    my @parts = map { qq{"$_":\{} . join(q{,}, @{$lines{$_}}) . '}' } sort keys %lines;
    print {$handle} '{', join(q{,}, @parts, '"domains":["example.net"]'), '}' or die "$file: $OS_ERROR\n";
    close $handle or die "$file: $OS_ERROR\n";
    return;
}

# In a process of its own: the audit of an export. The simulator's log is emptied
# now and then, for it would grow beyond the machine.
sub measured {
    my ($control_url, $exportnum) = @_;
    adminsuidsetup('admin');
    my $export = qsearchs('part_export', {exportnum => $exportnum});
    my $http   = HTTP::Tiny->new(keep_alive => 0, no_proxy => ['127.0.0.1']);
    my $audit  = FS::part_export::magicmail::Audit->new($export,
        progress => sub { $http->delete("$control_url/log"); return });
    my $start = time;
    my $result;
    my @statements = Statements->during(sub { $result = $audit->run });
    return {
        seconds    => time - $start,
        statements => scalar @statements,
        findings   => scalar @{$result->{findings}},
        unread     => join('; ', map { $_->{text} } @{$result->{unread}}),
        peak_kb    => _peak(),
        map { $_ => $result->{$_} } qw( services accounts requests ),
    };
}

# The most memory that this process had, in kB.
sub _peak {
    CORE::open my $status, '<', '/proc/self/status' or die "/proc/self/status: $OS_ERROR\n";
    my ($peak) = map { m/\AVmHWM: \s+ (\d+)/x } <$status>;
    close $status or die "/proc/self/status: $OS_ERROR\n";
    return $peak;
}

1;
