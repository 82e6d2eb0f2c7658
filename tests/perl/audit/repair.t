#!/usr/bin/perl

# A repair mends what was found and nothing else, after another look; its brakes
# hold; from a reading that was cut short nothing is mended.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Drift;
use FS::part_export::magicmail::Audit;
use FS::part_export::magicmail::Repair;
use FS::svc_acct;
use Rule::Picture qw( picture );

my %WIDE = (max_changes => 1_000, max_percent => 100);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

sub audit {
    my ($drift, %more) = @_;
    return FS::part_export::magicmail::Audit->new($drift->export, %more)->run;
}

sub repair {
    my ($drift, %more) = @_;
    return FS::part_export::magicmail::Repair->new($drift->export, audit($drift), %more);
}

# What became of each, by its key; and why it ended early.
sub applied {
    my ($repair, $is_stopped) = @_;
    my %state;
    my $ended = $repair->apply(sub { my ($result) = @_; $state{$result->{key}} = $result->{state}; return },
        $is_stopped || sub { return 0 });
    return (\%state, $ended);
}

sub keys_of {
    my ($drift) = @_;
    my @keys = sort map { $_->{key} } @{audit($drift)->{findings}};
    return @keys;
}

# These are for people.
sub is_by_hand {
    my ($key) = @_;
    return $key =~ m/\A (?: orphan | two_masters | other_account )/x;
}

my $drift     = Drift->new;
my $magicmail = $drift->magicmail;

subtest 'each that can be mended is mended, and nothing else' => sub {
    my $before = $magicmail->state;
    my $repair = repair($drift);
    is $repair->brake(%WIDE), q{}, 'nothing speaks against it';
    my ($state, $ended) = applied($repair);
    is $ended, q{}, 'to the end';
    is_deeply $state, {map { $_ => 'mended' } grep { !is_by_hand($_) } $drift->keys}, 'all were mended';
    is_deeply [keys_of($drift)], [grep { is_by_hand($_) } $drift->keys], 'what is left is for people';
    my $after = $magicmail->state;
    is_deeply [grep { !$after->{users}{$_} } keys %{$before->{users}}], [], 'no user was removed';
    is_deeply $after->{users}{$_},             $before->{users}{$_}, "$_ is as before" for qw( eve u12a u8b );
    is_deeply $after->{accounts}{FREESIDE999}, $before->{accounts}{FREESIDE999}, 'the orphan account too';
};

subtest 'twice does nothing more' => sub {
    my $before = $magicmail->state;
    my $repair = repair($drift);
    is scalar($repair->chosen), 0, 'nothing is chosen';
    my ($state) = applied($repair);
    is_deeply $state, {}, 'nothing is done';
    is_deeply $magicmail->state, $before, 'MagicMail is as before';
};

subtest 'a missing mailbox comes with its password, by the hook' => sub {
    my $user = $magicmail->user('u0b');
    is "$user->{password_type} $user->{password} $user->{status}", 'plain secret12 active', 'the mailbox';
};

subtest "each change is a line of Freeside's log, with its service" => sub {
    my ($svcnum) = map  { m{\A suspended/ (\d+)}x } $drift->keys;
    my ($row)    = grep { $_->message =~ m{\A mended [ ] suspended/}x } $drift->isp->log_rows;
    is $row->message,  "mended suspended/$svcnum: activate user u2a [export 1, 127.0.0.1]", 'the line';
    is $row->tablenum, $svcnum,                                                             'its service';
};

subtest 'only what was named, only one kind' => sub {
    my $fresh = Drift->new(magicmail => $magicmail, kinds => [qw( suspended not_suspended deleted )]);
    my ($deleted, $not_suspended, $suspended) = $fresh->keys;
    applied(repair($fresh, findings => [$suspended]));
    is_deeply [keys_of($fresh)], [sort $not_suspended, $deleted], 'one finding';
    applied(repair($fresh, kinds => ['deleted']));
    is_deeply [keys_of($fresh)], [$not_suspended], 'one kind';
};

subtest 'the brakes' => sub {
    my $fresh  = Drift->new(magicmail => $magicmail);
    my $repair = repair($fresh);
    my $count  = $repair->chosen;
    is $repair->brake(max_changes => $count, max_percent => 100), q{}, 'as many as are allowed';
    like $repair->brake(max_changes => $count - 1, max_percent => 100), qr/--max-changes/x, 'more';
    like $repair->brake(max_changes => 1_000,      max_percent => 5),   qr/--max-percent/x, 'too many of all';
    my $stops = 0;
    my ($state, $ended) = applied($repair, sub { return $stops++ >= 2 });
    is scalar(keys %{$state}), 2,                                            'stopped after two';
    is $ended,                 'it was stopped; not begun: ' . ($count - 2), 'and it says so';
};

subtest 'three failures in a row end it' => sub {
    my $fresh  = Drift->new(magicmail => $magicmail);
    my $repair = repair($fresh);
    my $before = $magicmail->state;
    $magicmail->faults({kind => 'error_document', method => 'POST', on => 1, count => undef});
    my ($state, $ended) = applied($repair);
    $magicmail->faults;
    is_deeply [values %{$state}], [('failed') x 3], 'three failed';
    like $ended, qr/\A3 [ ] failures [ ] in [ ] a [ ] row/x, 'it says so';
    is picture($magicmail->state), picture($before), 'MagicMail is as before';
};

subtest 'it looks again before it acts' => sub {
    my $fresh  = Drift->new(magicmail => $magicmail, kinds => ['suspended']);
    my $repair = repair($fresh);
    my $state  = $magicmail->state;
    $state->{users}{u2a}{status} = 'active';
    $magicmail->set_state($state);
    $magicmail->clear_log;
    my ($done) = applied($repair);
    is_deeply [values %{$done}],                             ['gone'], 'somebody else was quicker';
    is_deeply [grep { m/POST/x } $magicmail->request_lines], [],       'nothing is sent';
};

subtest 'Freeside changed meanwhile' => sub {
    my $fresh    = Drift->new(magicmail => $magicmail, kinds => ['no_mailbox']);
    my $repair   = repair($fresh);
    my ($svcnum) = map { $_->{svcnum} } $repair->chosen;
    is $fresh->isp->fresh(FS::svc_acct->new({svcnum => $svcnum}))->delete, q{},
        'the service is unprovisioned';
    $magicmail->clear_log;
    my ($done) = applied($repair);
    is_deeply [values %{$done}],                             ['gone'], 'nothing is provisioned';
    is_deeply [grep { m/POST/x } $magicmail->request_lines], [],       'nothing is sent';
};

subtest 'from a reading cut short at any request nothing is mended' => sub {
    my $fresh  = Drift->new(magicmail => $magicmail, kinds => [qw( suspended no_mailbox package_extra )]);
    my $before = $magicmail->state;
    $magicmail->clear_log;
    audit($fresh);
    for my $on (1 .. $magicmail->requests) {
        $magicmail->faults({kind => 'cut_short', on => $on, count => undef});
        my $repair = repair($fresh);
        like $repair->brake(%WIDE), qr/\Athe [ ] audit [ ] could [ ] not [ ] tell/x, "request $on";
    }
    $magicmail->faults;
    is_deeply $magicmail->state, $before, 'MagicMail is as before';
};

subtest 'a look cut short at any request mends nothing' => sub {
    my $fresh  = Drift->new(magicmail => $magicmail, kinds => [qw( suspended )]);
    my $before = $magicmail->state;
    my $repair = repair($fresh);
    for my $on (1 .. 6) {
        $magicmail->faults({kind => 'cut_short', method => 'GET', on => $on, count => undef});
        my ($done) = applied($repair);
        is_deeply [values %{$done}], ['failed'], "from request $on";
    }
    $magicmail->faults;
    is_deeply $magicmail->state, $before, 'MagicMail is as before';
};

is_deeply [grep { !m/\A\[FS::part_export::magicmail\]/x } @warned], [], 'nothing else to warn of';
done_testing;
