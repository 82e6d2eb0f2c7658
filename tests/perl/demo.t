#!/usr/bin/perl

# The days of examples/ end as they expect, on 80 columns and without a secret;
# one that expects otherwise fails, and a wrong file is refused in plain words.

use strict;
use warnings;

use Cwd            qw( abs_path );
use English        qw( -no_match_vars );
use Encode         qw( decode );
use File::Basename qw( dirname );
use File::Temp     qw( tempdir );
use JSON::PP;
use Test::More;

my $EXAMPLES  = dirname(abs_path(__FILE__)) . '/../../examples';
my $WIDTH     = 80;
my $directory = tempdir(CLEANUP => 1);
my $json      = JSON::PP->new->utf8->canonical;

# A day, run as anybody would: status, what it printed, what it complained of.
sub run_day {
    my (@arguments) = @_;
    my $complaints  = "$directory/complaints";
    my $process     = open(my $output, '-|');
    if (!defined $process) { die "fork: $OS_ERROR\n" }
    if (!$process) {
        open STDERR, '>', $complaints or die "$complaints: $OS_ERROR\n";
        exec {$EXECUTABLE_NAME} $EXECUTABLE_NAME, "$EXAMPLES/day", @arguments or die "perl: $OS_ERROR\n";
    }
    my $printed = do { local $INPUT_RECORD_SEPARATOR = undef; <$output> };
    close $output;
    return ($CHILD_ERROR >> 8, decode('UTF-8', $printed), text_of($complaints));
}

sub text_of {
    my ($file) = @_;
    open my $handle, '<', $file or die "$file: $OS_ERROR\n";
    my $text = do { local $INPUT_RECORD_SEPARATOR = undef; <$handle> };
    close $handle or die "$file: $OS_ERROR\n";
    return $text;
}

sub day_of { my ($name) = @_; return $json->decode(text_of("$EXAMPLES/$name.json")) }

# The file of a day that is only for this test.
sub written {
    my ($day) = @_;
    my $file = "$directory/day.json";
    open my $handle, '>', $file or die "$file: $OS_ERROR\n";
    print {$handle} ref $day ? $json->encode($day) : $day;
    close $handle or die "$file: $OS_ERROR\n";
    return $file;
}

# A day of its first step only.
sub short_day {
    my $day = day_of('day');
    $day->{steps} = [$day->{steps}[0]];
    return $day;
}

# Whether a text says that, however its lines are broken.
sub says {
    my ($text, $sentence, $what) = @_;
    my $flat = $text =~ s/\s+/ /gxr;
    return ok(index($flat, $sentence) >= 0, $what || $sentence) || diag $text;
}

for my $name (qw( day trouble )) {
    subtest "the day of $name.json ends as it expects" => sub {
        my ($status, $printed, $complaints) = run_day("$EXAMPLES/$name.json");
        my $steps = @{day_of($name)->{steps}};
        is $status,     0,   'exit status';
        is $complaints, q{}, 'no complaints';
        says $printed, "$steps of $steps steps ended as expected.";
        is_deeply [grep { length > $WIDTH } split /\n/x, $printed], [], "no line is over $WIDTH columns";
        unlike $printed, qr/\e/x, 'nothing but text where it is no terminal';
        my @secrets = ('second-secret', map { $_->{password} } @{day_of($name)->{services}});
        is_deeply [grep { index($printed, $_) >= 0 } @secrets], [], 'no password is shown';
    };
}

subtest 'long and wide names stay within the page' => sub {
    my $day  = short_day();
    my $wide = "\x{738b}\x{5c0f}\x{660e}";
    $day->{customers}[0]{last} = $wide x 20;
    @{$day->{services}[0]}{qw( username finger )} = ('n' x 60, join q{ }, ($wide) x 40);
    my ($status, $printed) = run_day(written($day));
    is $status, 1, 'it is not the mailbox that the step expects';
    says $printed, '+ nnn', 'it is there';
    my @too_wide = grep { length($_ =~ s/[\x{4e00}-\x{9fff}]/xx/gxr) > $WIDTH } split /\n/x, $printed;
    is_deeply \@too_wide, [], "no line is over $WIDTH columns";
};

subtest 'a step that ends otherwise is named with all that differs' => sub {
    my $day    = short_day();
    my $expect = $day->{steps}[0]{expect};
    my $user   = $expect->{magicmail}{FREESIDE1}{users}{ann};
    $user->{status}     = 'suspended';
    $user->{password}   = 'another';
    $expect->{requests} = 1;
    $expect->{shows}    = ['what is never shown'];
    my ($status, $printed) = run_day(written($day));
    is $status, 1, 'exit status';
    says $printed, '0 of 1 steps ended as expected.';
    says $printed, q{Step 1, A new customer's first mailbox:};
    says $printed, 'user ann, status: it is "active", and should be "suspended"';
    says $printed, 'user ann: the password is not the expected one';
    says $printed, 'requests were sent, and 1 should do';
    says $printed, 'what is shown does not hold "what is never shown"';
};

subtest 'an account that the step does not name must stay as it was' => sub {
    my $day = short_day();
    delete $day->{steps}[0]{expect}{magicmail};
    my ($status, $printed) = run_day(written($day));
    is $status, 1, 'exit status';
    says $printed, 'account FREESIDE1 changed, and should be as before';
};

subtest 'a success where a refusal is expected fails, and a refusal where none is' => sub {
    my $day = short_day();
    $day->{steps}[0]{expect}{refused} = ['taken'];
    my ($status, $printed) = run_day(written($day));
    is $status, 1, 'exit status';
    says $printed, 'it succeeded, and should be refused';

    $day = short_day();
    $day->{services}[0]{domain} = 'example.com';
    ($status, $printed) = run_day(written($day));
    is $status, 1, 'exit status';
    says $printed, 'it was refused, and should not be';
    says $printed, 'account FREESIDE1 is not in MagicMail';
};

subtest 'a file that is no day is refused in plain words, before anything is done' => sub {
    my @wrong = (
        'step 1 does "vanish"; known are audit, change,' => sub { $_[0]{steps}[0]{do}      = 'vanish' },
        'step 1 has the unknown key "servise"; known'    => sub { $_[0]{steps}[0]{servise} = 'ann' },
        'step 1 lacks the key "service"'                        => sub { delete $_[0]{steps}[0]{service} },
        'step 1 names the unknown service "eve"; known are ann' => sub { $_[0]{steps}[0]{service} = 'eve' },
        'user ann has the unknown key "colour"'                 =>
            sub { $_[0]{steps}[0]{expect}{magicmail}{FREESIDE1}{users}{ann}{colour} = 'red' },
        'the day has a "domains" that is not a list of texts' => sub { $_[0]{domains} = 'example.net' },
        'has the name "ann" again'                 => sub { push @{$_[0]{services}}, $_[0]{services}[0] },
        'the day has no steps'                     => sub { $_[0]{steps}                       = [] },
        'the unknown option "colour" of an export' => sub { $_[0]{exports}[0]{options}{colour} = 'red' },
    );
    while (my ($sentence, $spoil) = splice @wrong, 0, 2) {
        my $day = short_day();
        $spoil->($day);
        my ($status, $printed, $complaints) = run_day(written($day));
        says $complaints, $sentence;
        is $status,  2,   '... and the exit status says that it was not begun';
        is $printed, q{}, '... nor was it';
    }
    my ($status, undef, $complaints) = run_day(written('{ "title": '));
    is $status, 2, 'not JSON: exit status';
    says $complaints, 'day.json: the file is not JSON';
    ($status, undef, $complaints) = run_day("$directory/nowhere.json");
    is $status, 2, 'no file: exit status';
    says $complaints, 'nowhere.json cannot be read';
};

done_testing;
