#!/usr/bin/perl

# The library that is missing, of another kind or another ABI; where it is looked
# for; what loading the export needs; forks.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Carp       qw( croak );
use Config     qw( %Config );
use Cwd        qw( abs_path );
use File::Copy qw( copy );
use File::Path qw( make_path );
use File::Temp qw( tempdir );
use POSIX      ();
use Test::More;

use ISP;
use Simulator;

my $MODULE    = 'FS/part_export/magicmail/Library.pm';
my $INCLUDED  = abs_path("$FindBin::Bin/../../../perl/lib");
my $magicmail = Simulator->start;
my $folder    = tempdir(CLEANUP => 1);
my $library   = abs_path($ENV{MAGICMAIL_LIB} || "$INCLUDED/../../target/release/libmagicmail.so");

sub written {
    my ($name, $text) = @_;
    open my $file, '>', "$folder/$name" or croak "$name: $!";
    print {$file} $text;
    close $file or croak "$name: $!";
    return "$folder/$name";
}

# Runs a program in a Perl of its own and returns all that it says.
sub perl {
    my ($environment, $text, @switches) = @_;
    my $program = written('program.pl', $text);
    local %ENV = (%ENV, %{$environment});
    my @command = ($^X, @switches, "-I$INCLUDED", "-I$FindBin::Bin/../lib", $program);
    open my $output, q{-|}, "@command 2>&1" or croak "perl: $!";
    my @lines = <$output>;
    close $output or note "perl ended with $?";
    return join q{}, @lines;
}

sub compiled {
    my ($name, $text) = @_;
    my $source = written("$name.c", $text);
    system('cc', '-shared', '-o', "$folder/$name.so", $source) == 0
        or croak 'no C compiler';
    return "$folder/$name.so";
}

my $HOOKS = <<'END';
use strict; use warnings; use ISP;
my $isp = ISP->open;
my $export = $isp->export( 'magicmail', machine => 'mail.example.net',
    options => { client_id => 'a', client_password => 'b' } );
my $svc = $isp->mailbox( $isp->customer, username => 'ann' );
{ no warnings 'once'; local $FS::svc_Common::noexport_hack = 1; $svc->insert; }
$SIG{__WARN__} = sub { };
$FS::UID::AutoCommit = 0;
for my $hook (qw( insert replace delete suspend unsuspend )) {
    my $method = "_export_$hook";
    print "$hook: ", $export->$method( $svc, $svc ), "\n";
}
my ( undef, $status ) = $svc->export_getstatus;
my ($settings) = $svc->export_getsettings;
print "status: $status->{'MagicMail status'}\n";
print "settings: $settings->{'MagicMail not known'}\n";
print "method: ", ( defined $export->get_user('ann') ? 'something' : 'nothing' ),
    ' [', $export->error, "]\n";
print "save: [", $export->check_options( { $export->options } ), "]\n";
print "bad: [", $export->check_options( { $export->options, port => 'x' } ), "]\n";
my ($group) = map { values %{$_} } FS::part_export::magicmail->test_export_report({})->[0];
print "report: ", values( %{ $group->{errors}{library}{errors} } ), "\n";
END

sub each_hook_says {
    my ($environment, $what, $name, @switches) = @_;
    my $said = perl($environment, $HOOKS, @switches);
    for my $hook (qw( insert replace delete suspend unsuspend )) {
        like $said, qr/^$hook:[ ]cannot[ ]\w+[ ]mailbox[ ]ann.*$what/mx, "$name: $hook";
    }
    like $said, qr/^status:[ ]not[ ]known/mx,              "$name: status";
    like $said, qr/^settings:.*$what/mx,                   "$name: settings";
    like $said, qr/^method:[ ]nothing[ ]\[.*$what.*\]$/mx, "$name: method";
    like $said, qr/^save:[ ]\[\]$/mx,                      "$name: an export can be saved";
    like $said, qr/^bad:[ ]\[the[ ]export's[ ]Port/mx,     "$name: but no bad one";
    like $said, qr/^report:[ ].*$what/mx,                  "$name: report";
    return;
}

subtest 'no library' => sub {
    each_hook_says({MAGICMAIL_LIB => "$folder/nowhere.so"}, 'there[ ]is[ ]no[ ]file', 'named');
};

subtest 'a file that is none' => sub {
    my $text = written('text.so', "no library\n");
    each_hook_says({MAGICMAIL_LIB => $text}, 'cannot[ ]be[ ]loaded', 'text');
};

subtest 'another library' => sub {
    my $other = compiled(other => "int other(void) { return 1; }\n");
    each_hook_says({MAGICMAIL_LIB => $other}, 'is[ ]no[ ]MagicMail[ ]library', 'other');
};

subtest 'another ABI' => sub {
    my $old = compiled(old => "unsigned mm_abi_version(void) { return 2; }\n");
    each_hook_says({MAGICMAIL_LIB => $old}, 'has[ ]version[ ]2[ ]of[ ]the[ ]C[ ]ABI.*needs[ ]1', 'old');
};

subtest 'a library of an older release' => sub {
    my $older = compiled(older => "unsigned mm_abi_version(void) { return 1; }\n");
    my $what  = 'older[ ]than[ ]this[ ]export,[ ]it[ ]has[ ]no[ ]mm_\w+;[ ]install[ ]the[ ]export';
    each_hook_says({MAGICMAIL_LIB => $older}, $what, 'older');
};

subtest 'no FFI::Platypus' => sub {
    make_path("$folder/without/FFI");
    written('without/FFI/Platypus.pm', q{die "Can't locate FFI/Platypus.pm in @INC";});
    each_hook_says({}, 'libffi-platypus-perl', 'Platypus', "-I$folder/without");
};

subtest 'where the library is looked for' => sub {
    my $show = 'use FS::part_export::magicmail::Library; print q{load:[}, '
        . 'FS::part_export::magicmail::Library::load(), q{] file:}, FS::part_export::magicmail::Library::file();';
    my $architecture = $Config{archname} =~ s/-thread-multi//xr;
    my %tree         = (
        'usr/share/perl5'         => "usr/lib/$architecture/libmagicmail.so.0",
        'local/share/perl/5.36.0' => 'local/lib/libmagicmail.so.0',
        'checkout/perl/lib'       => 'checkout/target/debug/libmagicmail.so',
        'checkout2/perl/lib'      => 'checkout2/target/release/libmagicmail.so',
    );
    for my $tree (sort keys %tree) {
        for my $file ("$tree/$MODULE", $tree{$tree}) {
            make_path("$folder/$file" =~ s{/[^/]+\z}{}xr);
        }
        copy("$INCLUDED/$MODULE", "$folder/$tree/$MODULE")
            or croak "copy: $!";
        copy($library, "$folder/$tree{$tree}") or croak "copy: $!";
    }
    written("checkout$_/Cargo.toml", q{}) for q{}, 2;
    for my $tree (sort keys %tree) {
        my $said = perl({MAGICMAIL_LIB => q{}}, $show, "-I$folder/$tree");
        is $said, "load:[] file:$folder/$tree{$tree}", $tree;
    }
    my $said = perl({MAGICMAIL_LIB => $library}, $show, "-I$folder/usr/share/perl5");
    is $said, "load:[] file:$library", 'MAGICMAIL_LIB comes first';
};

subtest 'loading needs nothing that may lack' => sub {
    my $loaded = perl({}, <<'END' );
use FS::part_export;
print join( ',', grep { m{FFI/|JSON/} } sort keys %INC ), "\n";
print exists $FS::part_export::magicmail::info{options}{client_id} ? 'info' : 'none';
END
    is $loaded,            "\ninfo", 'neither FFI nor JSON, and %info is there';
    is perl({}, <<'END' ), 'both',   'in the other order too';
use FS::part_export::magicmail;
my $info = FS::part_export::export_info('svc_acct')->{magicmail};
print 'both' if $info && $info->{options}{client_id} && $info->{scripts}{check_export};
END
};

subtest 'a kept library is used across a fork' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    ok $export->add_account('A1'), 'before' or diag $export->error;

    # A child must not use its parent's database handle.
    local $export->{magic_options} = $export->magic_options;
    for my $number (1 .. 3) {
        my $child = fork;
        if (!defined $child) { croak "fork: $!" }
        if (!$child) {
            my ($kept)  = $export->magic_library;
            my ($reply) = $kept->call('get_account', {id => 'A1'});
            POSIX::_exit($reply && $reply->{id} eq 'A1' ? 0 : 1);
        }
        ok $export->get_account('A1'), 'in the parent meanwhile';
        waitpid $child, 0;
        is $?, 0, "in child $number";
    }
    ok $export->get_account('A1'), 'afterwards';
};

subtest 'the Platypus of Debian 11 will do' => sub {
    my $said = perl({MAGICMAIL_LIB => $library}, <<'END');
use strict; use warnings;
use FFI::Platypus;
use FS::part_export::magicmail::Library;
my $new = \&FFI::Platypus::new;
{
    no warnings 'redefine';
    *FFI::Platypus::new = sub {
        my ( undef, %option ) = @_;
        die "version 1.34 has api $option{api} only as an experiment\n" if $option{api} > 1;
        goto &{$new};
    };
}
print FS::part_export::magicmail::Library::load(), 'loaded';
END
    is $said, 'loaded', 'nothing of it is asked for that came later';
};

subtest 'objects are kept, within bounds' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    ok $export->add_account('A1'),              'once';
    ok $isp->fresh($export)->get_account('A1'), 'by another object';
    cmp_ok $magicmail->connections->{opened}, '<=', 1, 'one connection at most';
    my ($first) = $export->magic_library(package => 'P0');
    for my $number (1 .. 50) {
        $export->magic_library(package => "P$number");
    }
    my ($kept)  = $export->magic_library(package => 'P50');
    my ($same)  = $export->magic_library(package => 'P50');
    my ($again) = $export->magic_library(package => 'P0');
    is $kept,    $same,  'the newest is kept';
    isnt $again, $first, 'the oldest went';
    $kept->forget;
    my ($anew) = $export->magic_library(package => 'P50');
    isnt $anew, $kept, 'one that is to be forgotten is made anew';
};

done_testing;
