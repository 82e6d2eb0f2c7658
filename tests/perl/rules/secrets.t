#!/usr/bin/perl

# Secrets: through a broad day, with debug on and a server that shows whatever it
# knows, nothing that anybody can read has the API's password, its Base64 form, the
# Authorization header or a mailbox's password in it.

use strict;
use warnings;
use utf8;

use Test::More;

use Carp         qw( croak );
use English      qw( -no_match_vars );
use File::Temp   ();
use MIME::Base64 qw( encode_base64 );

use FS::part_export::magicmail;
use FS::Record qw( dbh qsearch );
use Rule       qw( :all );

my @PASSWORDS = (
    'first-&+%=é-word',  q{second "quoted" <word> it's},
    'third-word beyond', "fourth-\x{1F600}-word",
    'fifth/word?x=1',    'abJnggxhB/yWI',
);

# All that the code writes to standard error, by whatever way.
sub standard_error_of {
    my ($code) = @_;
    my $file = File::Temp->new;
    open my $saved, '>&', \*STDERR or croak "dup: $OS_ERROR";
    open STDERR,    '>&', $file    or croak "dup: $OS_ERROR";
    my $is_done = eval {
        local $SIG{__WARN__} = 'DEFAULT';
        $code->();
        1;
    };
    my $error = $EVAL_ERROR;
    open STDERR, '>&', $saved or croak "dup: $OS_ERROR";
    close $saved;
    if (!$is_done) { fail "it died: $error" }
    open my $reader, '<:encoding(UTF-8)', $file->filename or croak "open: $OS_ERROR";
    local $INPUT_RECORD_SEPARATOR = undef;
    my $text = <$reader>;
    close $reader;
    return $text;
}

# What an error document says that echoes what it was told.
sub echo {
    my ($password) = @_;
    my $credentials = 'freeside:' . api_password();
    utf8::encode($credentials);
    my $basic = encode_base64($credentials, q{});
    return "refused: $password; Authorization: Basic $basic; " . api_password();
}

my @read;
sub noted { my ($text) = @_; push @read, $text; return $text }

# Every hook, well and badly; what staff read of it is noted.
sub day {
    my ($isp, $ann) = @_;
    my $package = $isp->package($ann);
    my ($first, $next, $third) =
        map { $isp->mailbox($package, username => "u$_", _password => $PASSWORDS[$_]) } 0 .. 2;
    noted($_->insert) for $first, $next, $third;
    noted($isp->mailbox($ann, username => 'u3', _password => $PASSWORDS[3], domain => 'elsewhere.example')
            ->insert);
    noted($isp->change($next,  _password => $PASSWORDS[4],            finger             => 'X Y'));
    noted($isp->change($third, _password => $PASSWORDS[5],            _password_encoding => 'crypt'));
    noted($isp->change($third, _password => '{SSHA}c2VjcmV0c2VjcmV0', _password_encoding => 'ldap'));
    noted($isp->reexport(export, $next, 'replace'));
    noted($package->suspend);
    noted($isp->fresh($package)->unsuspend);
    pages($isp->fresh($next));
    noted($isp->fresh($first)->delete);
    return $next;
}

sub pages {
    my ($svc) = @_;
    my ($html,     $status)   = $svc->export_getstatus;
    my ($settings, $defaults) = $svc->export_getsettings;
    noted($html);
    for my $page ($status, $settings, $defaults) {
        noted(join q{ }, map { ref ? @{$_} : $_ } %{$page});
    }
    noted(join q{ }, @{$svc->export_links});
    return;
}

# The same with a server that refuses each kind of request and says all it knows:
# the API's password always, a mailbox's where it was told one.
sub bad_day {
    my ($isp, $ann, $svc) = @_;
    for my $number (1 .. 8) {
        my $word = "bad-day-word-$number";
        for my $method (qw( GET POST )) {
            refuse($number, $method, $word);
            noted($isp->mailbox($ann, username => "bad$number", _password => $word)->insert);
            noted($isp->change($svc, _password => $word));
            refuse($number, $method, q{});
            noted($isp->fresh($svc)->suspend);
            noted($_->{error}) for $isp->run_jobs;
            noted($isp->fresh($svc)->unsuspend);
            pages($isp->fresh($svc));
        }
    }
    magicmail->faults;
    return;
}

# Refuses the requests of one kind, as XML that is escaped in one way or another.
sub refuse {
    my ($number, $method, $word) = @_;
    my $path = (qw( /account /user /user_package /emailaddress ))[$number % 4];
    my $body =
        '<response><error><code>x</code><message>' . xml(echo($word)) . '</message></error></response>';
    my %what =
        $number > 4
        ? (kind => 'answer', status => 400, content_type => 'text/xml', body => $body)
        : (kind => 'error_document', code => 'x.' . api_password(), message => echo($word));
    return magicmail->faults({on => 1, count => undef, method => $method, path => $path, %what});
}

sub xml {
    my ($text) = @_;
    my %entity = (q{&} => '&amp;', q{<} => '&lt;', q{>} => '&gt;');
    return $text =~ s/([&<>])/$entity{$1}/grx;
}

# The methods that subclasses use, and the report.
sub methods {
    my ($export) = @_;
    $export->error_init;
    $export->update_user('FREESIDE1', 'u1', password => $PASSWORDS[4], password_type => 'plain');
    $export->get_user('u1');
    $export->get_users('FREESIDE1');
    $export->request('POST', '/user/u1', action => 'update', password => $PASSWORDS[2]);
    $export->request('GET', '/nowhere/u1', password => $PASSWORDS[2]);
    $export->update_user('FREESIDE1', 'nobody', password => $PASSWORDS[4]);
    noted($export->error);
    $export->error_warn;
    my $report = FS::part_export::magicmail->test_export_report({fsurl => 'http://localhost/'});
    noted(join q{ }, map { texts_in($_) } $report);
    return;
}

sub texts_in {
    my ($thing) = @_;
    return
          ref $thing eq 'HASH'  ? map { texts_in($_) } %{$thing}
        : ref $thing eq 'ARRAY' ? map { texts_in($_) } @{$thing}
        : defined $thing        ? "$thing"
        :                         ();
}

rule 'nothing_that_anybody_can_read_has_a_secret_in_it',
    modes   => {echo_password => \1},
    options => {debug         => 1, autopurge => 1, purge_after_commit => 1},
    sub {
    my $ann    = isp->customer;
    my $errors = standard_error_of(
        sub {
            my $svc = day(isp, $ann);
            bad_day(isp, $ann, $svc);
            methods(export);
            noted(isp->fresh($svc)->delete);
            noted($_->{error}) for isp->run_jobs;
        }
    );
    my $secrets = secrets();
    $secrets->add(@PASSWORDS, map { "bad-day-word-$_" } 1 .. 8);
    my @places = (
        (map { ['standard error'   => $_] } split /\n/x, $errors),
        (map { ['a text'           => $_] } @read),
        (map { ["a row of $_->[0]" => $_->[1]] } rows()),
    );
    my @shown = grep { $secrets->shown_in($_->[1]) } @places;
    is join("\n", map { "$_->[0]: $_->[1]" } @shown), q{}, 'none of ' . @places . ' places';
    unlike $errors, qr/Authorization:[ ]Basic[ ](?![*])/x, 'nor the header';
    cmp_ok scalar(() = $errors =~ m/[*]{8}/gx), q{>}, 50, 'though many were there to be masked';
    like $errors, qr{[ ]POST[ ]/user/u0[ ].*password=[*]{8}[ ]}mx, 'debug was on';
    @read = ();
    };

# All texts of the tables that others read.
sub rows {
    my @rows;
    for my $table (qw( log queue queue_arg export_cust_svc )) {
        for my $row (qsearch($table, {})) {
            push @rows, map { [$table, $_] } grep { defined } values %{$row->hashref};
        }
    }
    return @rows;
}

rule 'the_job_arguments_are_numbers_and_names_and_never_a_password',
    not_in_3 => 'Freeside 3 returns the error of a suspend, and queues nothing',
    options  => {autopurge => 1, purge_after_commit => 1},
    sub {
    my $package = isp->package(isp->customer);
    isp->definition('Nowhere');
    my ($jane, $joe, $jim) = map { provision($package, username => $_) } qw( jane joe jim );
    passes('unprovisioned', sub { $jane->delete });
    passes('moved',         sub { isp->change_definition($joe, 'Nowhere') });
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jim'});
    passes('suspended', sub { $package->suspend });
    my @arguments = map { [$_->job =~ s/.*:://rx, $_->args] } isp->jobs;
    my $mailbox   = sub {
        my ($svc) = @_;
        my @numbers = (exportnum => export->exportnum, svcnum => $svc->svcnum);
        return (@numbers, username => $svc->username, domain => 'example.net', account => 'FREESIDE1');
    };
    is_deeply \@arguments,
        [
        ['purge_job',       $mailbox->($jane)],
        ['unprovision_job', $mailbox->($joe)],
        ['suspend_job',     export->exportnum, $jim->svcnum],
        ],
        'all of them';
    };

done_testing;
