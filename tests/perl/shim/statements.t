#!/usr/bin/perl

# What a hook asks of the database: little, and as much whatever else is in it, a
# customer's own services and other customers' alike. And of the server, where a
# customer has hundreds of mailboxes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use ISP;
use Simulator;
use Statements;

my $MOST_STATEMENTS = 10;
my $MOST_REQUESTS   = 8;
my @OWN             = (1, 5,   500);
my @OTHERS          = (1, 100, 10_000);

my $magicmail = Simulator->start;
my $isp       = ISP->open;
local $SIG{__WARN__} = sub { };
$isp->magicmail($magicmail);
$isp->magicmail($magicmail, options => {package => 'PLUS'}, definitions => ['Plus']);

# A customer with so many mailboxes, in Freeside and in MagicMail.
sub customer_of {
    my ($size)   = @_;
    my $customer = $isp->customer;
    my $account  = 'FREESIDE' . $customer->custnum;
    my $state    = $magicmail->state;
    $isp->crowd($isp->package($customer), $size, name => "own$size-");
    $state->{accounts}{$account} = {first_name => 'Ann', last_name => 'Lee', status => 'active'};
    for my $name (map { "own$size-$_" } 1 .. $size) {
        my $is_master = $name =~ m/-1\z/x;
        $state->{users}{$name} = {
            account     => $account,
            master_user => $is_master ? 'Y' : 'N',
            packages    => [$is_master ? 'EMAIL' : 'ADDITIONAL NOCOST MAILBOX'],
        };
        $state->{addresses}{"$name\@example.net"} = $name;
    }
    $magicmail->set_state($state);
    return $customer;
}

# Each hook of a new mailbox of a customer, in the order of its life; it is in a
# package of its own, which is suspended.
sub life {
    my ($customer, $name) = @_;
    my $package = $isp->package($customer);
    my $svc     = $isp->mailbox($package, username => $name);
    return (
        insert    => sub { return $svc->insert },
        replace   => sub { return $isp->change($svc, finger => 'New One') },
        suspend   => sub { return $isp->fresh($package)->suspend },
        unsuspend => sub { return $isp->fresh($package)->unsuspend },
        delete    => sub { return $isp->fresh($svc)->delete },
    );
}

# All rows of services that our code reads while the code runs.
my $read = FS::part_export::magicmail::Records->can('rows');

sub services_read {
    my ($code) = @_;
    my @read;
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
    local *FS::part_export::magicmail::Records::rows = sub {
        my @rows = $read->(@_);
        push @read, grep { exists $_->{username} } @rows;
        return @rows;
    };
    $code->();
    return @read;
}

my (%customers, %counts, $others);
for my $size      (@OWN) { $customers{$size} = customer_of($size) }
for my $of_others (@OTHERS) {
    my $more = $of_others - ($others || 0);
    $isp->strangers($more - int $more / 2);
    $isp->strangers(int $more / 2, name => 'plus', definition => 'Plus');
    $others = $of_others;
    for my $size (@OWN) {
        subtest "a customer of $size, $of_others services of others" => sub {
            my @life = life($customers{$size}, "new$size-$of_others");
            while (my ($hook, $code) = splice @life, 0, 2) {
                $magicmail->clear_log;
                my ($error, @statements);
                my @read = services_read(
                    sub {
                        @statements = Statements->of_hooks_during(sub { $error = $code->() });
                    }
                );
                is $error, q{}, $hook;

                # A log entry is Freeside's own doing, and no question.
                my $asked = grep { $_->{by} !~ m/\AFS::[lL]og/x } @statements;
                push @{$counts{$hook}}, $asked;
                my $custnum = $customers{$size}->custnum;
                is scalar(grep { $_->{custnum} != $custnum } @read), 0, '... reads no service of others';
                cmp_ok $asked,               '<=', $MOST_STATEMENTS, "... $asked statements";
                cmp_ok $magicmail->requests, '<=', $MOST_REQUESTS,   '... requests';
            }
            is_deeply $magicmail->user("own$size-1")->{packages}, ['EMAIL'], 'nor do they count';
        };
    }
}

# What a hook costs more where there is more to know.
sub statements_of {
    my ($what, $code) = @_;
    my ($error, @statements);
    @statements = Statements->of_hooks_during(sub { $error = $code->() });
    is $error, q{}, $what;
    return scalar grep { $_->{by} !~ m/\AFS::[lL]og/x } @statements;
}

subtest 'with a namesake each hook has one more statement' => sub {
    my $other = $isp->mailbox($isp->customer, username => 'twice', domain => 'example.org');
    {
        local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
        is $other->insert, q{}, 'the namesake';
    }
    my @life = life($isp->customer, 'twice');
    while (my ($hook, $code) = splice @life, 0, 2) {
        is statements_of($hook, $code), $counts{$hook}[0] + 1, '... one more';
    }
};

subtest 'the history is one statement of the last unprovision with autopurge' => sub {
    my $export = $isp->magicmail($magicmail, options => {autopurge => 1}, definitions => ['Purged']);
    my $ann    = $isp->customer;
    my ($one, $two) = map { $isp->provisioned($ann, username => $_, definition => 'Purged') } qw( one two );
    my $before = statements_of('one that leaves another', sub { return $isp->fresh($one)->delete });
    my $latest = statements_of('the last one',            sub { return $isp->fresh($two)->delete });
    is $latest, $before + 1, 'one more';
    cmp_ok $latest, '<=', $MOST_STATEMENTS, "$latest statements";
    is $magicmail->account('FREESIDE' . $ann->custnum), undef, 'the account is gone';
};

for my $hook (sort keys %counts) {
    my %different = map { $_ => 1 } @{$counts{$hook}};
    is_deeply [keys %different], [$counts{$hook}[0]], "$hook: as many each time: $counts{$hook}[0]";
}

done_testing;
