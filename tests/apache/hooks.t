#!/usr/bin/perl

# Freeside's own house: a prefork Apache with mod_perl, whose parent has used the
# library before it forked, and whose children run hooks at once; and a graceful
# restart in the middle of their work.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../perl/host/lib";

use Test::More;

use Carp qw( croak );
use JSON::PP;

use Apache;
use HostProcess qw( child_gave child_runs );
use Simulator;

if (my $reason = Apache->lacks) { plan skip_all => $reason }

my $CHILDREN = 4;
my $VISITORS = 6;
my $VISITS   = $ENV{VISITS} || 20;
my $PATIENCE = 120;

my ($library) =
    grep { defined && -e } $ENV{MAGICMAIL_LIB},
    map { "$FindBin::Bin/../../target/$_/libmagicmail.so" } qw( release debug );
my $magicmail = Simulator->start;
my $apache    = Apache->start(
    children    => $CHILDREN,
    library     => $library,
    files       => {MAGICMAIL_CA   => $magicmail->ca_file},
    environment => {MAGICMAIL_PORT => $magicmail->port},
);
my $asked = 0;

# Visitors who ask at the same time, each one page after the other; what they
# got. When half of it has come the code runs.
sub visited {
    my ($in_the_middle) = @_;
    pipe my $reader, my $writer or croak "pipe: $!";
    my @visitors;
    for my $visitor (1 .. $VISITORS) {
        my @numbers = map { 10 + $asked++ } 1 .. $VISITS;
        push @visitors, child_runs(sub { return visits($writer, @numbers) });
    }
    close $writer;
    my $half = $VISITORS * $VISITS / 2;
    while ($half-- > 0) { sysread $reader, my $byte, 1 }
    $in_the_middle->();
    return map { @{child_gave($_, $PATIENCE)} } @visitors;
}

sub visits {
    my ($writer, @numbers) = @_;
    my @got;
    for my $number (@numbers) {
        my $answer = $apache->get("/mailbox?do=life&number=$number");
        push @got, $answer->{success}
            ? decode_json($answer->{content})
            : {said => ["status $answer->{status}: $answer->{content}"]};
        syswrite $writer, q{.};
    }
    return \@got;
}

sub all_went_well {
    my (@pages) = @_;
    my @said = map { @{$_->{said}} } @pages;
    is scalar @pages, $VISITORS * $VISITS, 'as many answers as requests';
    is_deeply \@said, [], 'no hook failed' or diag $apache->error_log;
    is scalar(grep { !$_->{inherited} } @pages),     0, 'on the handle that the parent made';
    is $magicmail->connections->{handshakes_failed}, 0, 'no broken connection';
    my $users = $magicmail->state->{users};
    my %expected =
        map { ("user$_" => 'active', "second$_" => 'deleted') } 1, map { 9 + $_ } 1 .. $asked;
    is_deeply {
        map { $_ => $users->{$_}{status} } keys %{$users}
    }, \%expected, 'the server has everybody';
    return;
}

sub processes {
    my (@pages) = @_;
    my %count;
    for my $page (@pages) { $count{$page->{process}}++ }
    return %count;
}

my %before;

subtest 'children run hooks at once' => sub {
    my @pages = visited(sub { });
    all_went_well(@pages);
    %before = processes(@pages);
    cmp_ok scalar keys %before, '<=', $CHILDREN, 'children';
    cmp_ok scalar keys %before, '>',  1,         'several of them';
    diag sprintf '%d requests, none failed, by %d children: %s',
        scalar @pages, scalar keys %before,
        join q{, }, sort { $a <=> $b } values %before;
};

subtest 'a graceful restart in the middle' => sub {

    # The parent starts Perl anew, and warms up again.
    my $parent = $apache->process;
    my %users  = %{$magicmail->state->{users}};
    my @pages  = visited(sub { $apache->restart_gracefully });
    all_went_well(@pages);
    is $apache->process, $parent, 'the parent is the same';
    my %after = processes(@pages);
    my @new   = grep { !$before{$_} } keys %after;
    cmp_ok scalar @new,                              '>=', 1, 'other children came';
    cmp_ok scalar(grep { $before{$_} } keys %after), '>=', 1, 'after those before had worked';
    diag sprintf '%d requests over a graceful restart, none failed: '
        . '%d by the children before it, %d by those after', scalar @pages,
        _sum(@after{grep { $before{$_} } keys %after}), _sum(@after{@new});
};

sub _sum {
    my (@numbers) = @_;
    my $sum = 0;
    for my $number (@numbers) { $sum += $number }
    return $sum;
}

subtest 'restarts pile nothing up in the parent' => sub {
    my (@counts, @open);
    for (1 .. 4) {
        my @before = $apache->children;
        $apache->restart_gracefully;
        $apache->wait_for_children_other_than(@before);
        ok $apache->get('/mailbox?do=nothing')->{success}, 'it answers';
        push @counts, scalar(@open = $apache->open_files);
    }
    diag "descriptors of the parent after each restart: @counts";
    cmp_ok $counts[-1], '<=', $counts[0], 'no descriptor more'
        or diag join "\n", @open;
};

subtest 'the end' => sub {
    my $parent = $apache->process;
    $apache->wait_for_children_other_than();
    $apache->stop;
    ok !kill(0 => $parent), 'nobody is left';

    # The parent of each restart takes over the mailboxes of the one before.
    my @lines =
        grep { !/provisioned[ ]mailbox[ ](?:user|second)1@|MaxRequestWorkers/x }
        split /\n/x, $apache->error_log;
    is_deeply \@lines, [], 'nothing was written to the error log';
};

done_testing;
