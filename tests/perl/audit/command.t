#!/usr/bin/perl

# freeside-magicmail, run as an administrator or cron would: what it prints, its
# exit status, and Ctrl-C.

use strict;
use warnings;

use Carp           qw( croak );
use Cwd            qw( abs_path );
use English        qw( -no_match_vars );
use File::Basename qw( dirname );
use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Path qw( make_path );
use File::Temp qw( tempdir );
use IPC::Open3 qw( open3 );
use JSON::PP;
use Symbol qw( gensym );
use Test::More;

use Drift;

my $CHECKOUT = dirname(abs_path(__FILE__)) . '/../../..';
my @PROGRAM  = (
    $EXECUTABLE_NAME, "-I$CHECKOUT/perl/lib", "-I$CHECKOUT/tests/perl/lib",
    "$CHECKOUT/perl/bin/freeside-magicmail"
);
my $WIDTH = 80;

# Status, what it printed, what it complained of.
sub run_it {
    my (@arguments) = @_;
    my $complaints  = gensym;
    my $process     = open3(my $input, my $output, $complaints, @PROGRAM, @arguments);
    close $input;
    local $INPUT_RECORD_SEPARATOR = undef;
    my ($printed, $said) = (scalar <$output>, scalar <$complaints>);
    waitpid $process, 0;
    return ($CHILD_ERROR >> 8, $printed, $said);
}

my $drift     = Drift->new(kinds => [qw( suspended two_masters nothing )]);
my $magicmail = $drift->magicmail;
my ($key)     = grep { m/suspended/x } $drift->keys;

subtest 'the nightly run keeps its result for the report' => sub {
    my ($status, $printed) = run_it(qw( audit admin --nightly --quiet ));
    is $status, 1, 'there are differences';
    my @report =
        map { values %{$_} } @{FS::part_export::magicmail->test_export_report({fsurl => 'https://x/'})};
    my ($group) = grep { $_->{description} =~ m/nightly/x } @report;
    is $group->{count}, 2, 'all of them';
    like $group->{description}, qr/\A differences [ ] of [ ] all [ ] accounts /x, 'a sentence';
    my ($place) = grep { $_->{description} =~ m/\A Customer [ ] 1 [ ]/x } values %{$group->{errors}};
    is $place->{link}, 'https://x/view/cust_main.cgi?1', 'with a link to the customer';
    my ($link) = join(q{}, values %{$place->{errors}}) =~ m/HREF="([^"]+)">service[ ]\d/x;
    like $link, qr{\Ahttps://x/view/svc_acct[.]cgi[?]\d+\z}x, 'and one to the service';
};

subtest 'audit for people' => sub {
    my ($status, $printed, $said) = run_it(qw( audit admin ));
    is $status, 1,   'there are differences';
    is $said,   q{}, 'no progress bar where it is no terminal';
    like $printed, qr/2 [ ] differences; [ ] services: [ ] 6,/x,              'the sum';
    like $printed, qr/^\Q$key\E \s+ mailbox \s suspended/mx,                  'a row';
    like $printed, qr/^ [ ]+ account: [ ]+ FREESIDE1, [ ] customer [ ] 1$/mx, 'whose it is';
    like $printed, qr/^ [ ]+ Freeside: [ ]+ service [ ]/mx,                   'what Freeside says';
    like $printed, qr/^ [ ]+ MagicMail: [ ] user [ ] u2a [ ] is [ ] susp/mx,  'what MagicMail says';
    like $printed, qr/^ [ ]+ to [ ] mend: [ ]+ activate [ ] user [ ] u2a$/mx, 'what mends it';
    is_deeply [grep { length > $WIDTH } split /\n/x, $printed], [], "on $WIDTH columns";
    unlike $printed, qr/\e/x, 'nothing but text';
};

subtest 'audit for programs' => sub {
    my ($status, $printed) = run_it(qw( audit admin --format json ));
    my $document = JSON::PP->new->utf8->decode($printed);
    is $status, 1, 'status';
    is_deeply [sort map { $_->{key} } @{$document->{servers}[0]{findings}}], [$drift->keys], 'JSON';
    ($status, $printed) = run_it(qw( audit admin --format csv ), $drift->export->exportnum);
    is $status, 1, 'status';
    my @lines = split /\r\n/x, $printed;
    is scalar(@lines), 3, 'CSV';
    like $lines[0], qr/\A"server","key","kind"/x, 'its head';
    like $lines[1], qr/"\Q$key\E","suspended"/x,  'a row';
};

subtest 'a repair is a dry run unless it is told otherwise' => sub {
    my $before = $magicmail->state;
    my ($status, $printed) = run_it(qw( repair admin --max-percent 50 ));
    is $status, 1, 'there is something to mend';
    like $printed, qr/would [ ] mend [ ] \Q$key\E: [ ] activate [ ] user [ ] u2a/x, 'it says what';
    like $printed, qr/dry [ ] run/x,                                                'and that it was none';
    is_deeply $magicmail->state, $before, 'nothing was done';
    ($status, $printed) = run_it(qw( repair admin --apply ));
    is $status, 2, 'one of six services is more than 5 percent';
    like $printed, qr/nothing [ ] was [ ] done: .* --max-percent/x, 'the brake says so';
    is_deeply $magicmail->state, $before, 'nothing was done';
};

subtest 'a repair, and again' => sub {
    my ($status, $printed) = run_it(qw( repair admin --apply --max-percent 50 ));
    is $status, 1, 'one is left for people';
    like $printed, qr/^mended [ ] \Q$key\E: [ ] activate [ ] user [ ] u2a$/mx, 'mended';
    like $printed, qr/1 [ ] mended, [ ] 0 [ ] failed, [ ] 1 [ ] by [ ] hand/x, 'the sum';
    ($status, $printed) = run_it(qw( repair admin --apply --max-percent 50 --format json ));
    my $document = JSON::PP->new->utf8->decode($printed);
    is_deeply $document->{servers}[0]{results}, [], 'nothing the second time';
    my $state = $magicmail->state;
    $state->{users}{u14b}{master_user} = 'N';
    $magicmail->set_state($state);
    ($status, $printed) = run_it(qw( repair admin --apply ));
    is $status, 0, 'nothing is left';
    like $printed, qr/nothing [ ] to [ ] mend/x, 'it says so';
};

subtest 'for cron' => sub {
    is_deeply [run_it(qw( audit admin --quiet ))], [0, q{}, q{}], 'silent where nothing differs';
    $magicmail->faults({kind => 'status_500', on => 3, count => undef});
    my ($status, $printed) = run_it(qw( audit admin -q ));
    $magicmail->faults;
    is $status, 2, 'it could not be told';
    like $printed, qr/COULD [ ] NOT [ ] TELL/x, 'and it says so';
};

subtest 'test and status' => sub {
    my ($status, $printed) = run_it(qw( test admin ));
    is $status, 0, 'all in order' or diag $printed;
    like $printed, qr/ok [ ]+ Server/x, 'a line for each check';
    ($status, $printed) = run_it(qw( status admin ));
    is $status, 0, 'status';
    like $printed, qr/export [ ] 1: [ ] prefix [ ] FREESIDE/x, 'the exports';
    like $printed, qr/library [ ] \d/x,                        'the library';
};

subtest 'what Freeside warns of while it loads is nothing for cron' => sub {
    my $folder = tempdir(CLEANUP => 1);
    make_path("$folder/FS/part_export");
    open my $file, '>', "$folder/FS/part_export/chatty.pm" or croak "chatty.pm: $OS_ERROR";
    print {$file} 'package FS::part_export::chatty; warn "chatty is loaded\n"; 1;', "\n";
    close $file or croak "chatty.pm: $OS_ERROR";
    local $ENV{PERL5LIB} = join q{:}, $folder, grep { defined } $ENV{PERL5LIB};
    is_deeply [run_it(qw( audit admin --quiet ))], [0, q{}, q{}], 'silent where nothing differs';
    my ($status, undef, $said) = run_it(qw( audit admin --customer 99 --quiet ));
    is $status, 2, 'what could not be told';
    like $said, qr/^chatty [ ] is [ ] loaded$/mx, 'comes with the warnings';
    (undef, undef, $said) = run_it(qw( audit admin ));
    like $said, qr/^chatty [ ] is [ ] loaded$/mx, 'and so does what a person runs';
};

subtest 'jobs of all servers are counted once' => sub {
    my $export = FS::part_export->new({exporttype => 'magicmail', machine => 'other.example.net'});
    is $export->insert({client_id => 'x', client_password => 'y'}), q{}, 'an export of another server';
    my $job = FS::queue->new({job => 'FS::part_export::magicmail::suspend_job'});
    is $job->insert($export->exportnum, 1), q{}, 'a job';
    my ($status, $printed) = run_it(qw( status admin ));
    is $status, 0, 'status';
    my @servers = $printed =~ m/^(server [ ] .*)$/gmx;
    is scalar(@servers), 2, 'two servers';
    is_deeply [$printed =~ m/^(jobs .*)$/gmx], ['jobs in the queue, new: 1'], 'one line for the queue';
    is $job->delete,    q{}, 'the job is gone';
    is $export->delete, q{}, 'so is the export';
};

subtest 'a limit of one change reads as a sentence' => sub {
    my $state = $magicmail->state;
    $state->{users}{u2a}{status} = 'suspended';
    $magicmail->set_state($state);
    my ($status, $printed) = run_it(qw( repair admin --apply ));
    $state->{users}{u2a}{status} = 'active';
    $magicmail->set_state($state);
    is $status, 2, 'nothing was done';
    like $printed, qr/^nothing\swas\sdone:\s1\schange\sis\smore\sthan\s5\s/mx, 'and why';
};

subtest 'what cannot be is refused in plain words' => sub {
    my @wrong = (
        [[],                               qr/\Ausage:/x],
        [['mend', 'admin'],                qr/\Ausage:/x],
        [['audit', 'admin', 'x'],          qr/\Athe [ ] export [ ] is [ ] no [ ] number/x],
        [['audit', 'admin', 99],           qr/\Athere [ ] is [ ] no [ ] export [ ] 99/x],
        [['audit', 'admin', '--format=x'], qr/\Ausage:/x],
        [['audit', 'admin', '--colour'],   qr/\AUnknown [ ] option/x],
        [['audit', 'nobody'],              qr/\Acannot [ ] start .* unknown [ ] user: [ ] nobody\n\z/x],
    );
    for my $case (@wrong) {
        my ($arguments, $text) = @{$case};
        my ($status, $printed, $said) = run_it(@{$arguments});
        is $status, 2, "@{$arguments}";
        like $said, $text, '... says why';
    }
};

subtest 'what is not there any more is said to be so' => sub {
    my ($status, $printed) = run_it(qw( repair admin --finding suspended/999 --apply ));
    is $status, 0, 'nothing to mend';
    like $printed, qr{^suspended/999: [ ] there [ ] is [ ] no [ ] such [ ] finding [ ] now$}mx, 'by its key';
    is_deeply [run_it(qw( repair admin --apply --quiet ))], [0, q{}, q{}], 'and for cron nothing at all';
};

subtest 'on a terminal there is a progress bar, which goes away' => sub {
    my $terminal = '/usr/bin/script';
    plan skip_all => "no $terminal" if !-x $terminal;
    local $ENV{TERM} = 'xterm';
    my $process = open3(my $input, my $output, undef, $terminal, '-qec', "@PROGRAM audit admin", '/dev/null');
    close $input;
    local $INPUT_RECORD_SEPARATOR = undef;
    my $shown = <$output>;
    waitpid $process, 0;
    like $shown, qr/\[ [#]+ [ ]* \] [ ]+ \d+ [ ] % [ ]+ \d+ [ ] of [ ] \d+ [ ] accounts/x, 'the bar';
    like $shown, qr/\r\e\[K 127[.]0[.]0[.]1: [ ] no [ ] difference/x, 'gone when the result is there';
};

subtest 'Ctrl-C ends a repair after the finding under way' => sub {
    my $state = $magicmail->state;
    $state->{users}{$_}{status} = 'suspended' for qw( u2a u14a u38a );
    $magicmail->set_state($state);
    $magicmail->clear_log;
    my $complaints = gensym;
    $magicmail->faults({kind => 'slow', method => 'POST', on => 1, ms => 2_000});
    my $process =
        open3(my $input, my $output, $complaints, @PROGRAM, qw( repair admin --apply --max-percent 100 ));
    close $input;
    my $until = time + 30;
    1 while !(grep { m/POST/x } $magicmail->request_lines) && time < $until;
    kill INT => $process;
    local $INPUT_RECORD_SEPARATOR = undef;
    my $printed = <$output>;
    waitpid $process, 0;
    is $CHILD_ERROR >> 8, 2, 'it ended early' or diag $printed;
    like $printed, qr/^mended [ ] suspended/mx, 'the one under way is mended';
    like $printed, qr/ended [ ] early: [ ] it [ ] was [ ] stopped; [ ] not [ ] begun: [ ] 2/x,
        'the others are not';
    my @suspended = grep { $_->{status} eq 'suspended' } values %{$magicmail->state->{users}};
    is scalar(@suspended), 2, 'as MagicMail has it';
};

subtest 'Ctrl-C ends an audit after the call under way' => sub {
    $magicmail->modes(latency_ms => 500);
    $magicmail->clear_log;
    my $complaints = gensym;
    my $process    = open3(my $input, my $output, $complaints, @PROGRAM, qw( audit admin ));
    close $input;
    my $until = time + 30;
    1 while !$magicmail->requests && time < $until;
    kill INT => $process;
    local $INPUT_RECORD_SEPARATOR = undef;
    my $printed = <$output>;
    waitpid $process, 0;
    $magicmail->modes(latency_ms => 0);
    is $CHILD_ERROR >> 8, 2, 'it could not be told' or diag $printed;
    like $printed, qr/it [ ] was [ ] stopped/x, 'it says so';
};

done_testing;
