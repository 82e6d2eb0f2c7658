# The library that is missing, of another kind or another ABI; the JSON modules;
# what loading the export needs; forks.

use strict;
use warnings;

use Test::More;

use Config;
use File::Temp qw( tempdir );
use Time::HiRes qw( time );

use ISP;
use Simulator;

my $magicmail = Simulator->start;
my $folder    = tempdir( CLEANUP => 1 );
my $library   = $ENV{MAGICMAIL_LIB};

# Runs a program in a Perl of its own and returns what it prints.
sub perl {
    my ( $environment, $text, @switches ) = @_;
    local %ENV = ( %ENV, %{$environment} );
    open my $program, '>', "$folder/program.pl" or die $!;
    print {$program} $text;
    close $program;
    my $output = `$^X @switches $folder/program.pl 2>$folder/errors`;
    open my $errors, '<', "$folder/errors" or die $!;
    my $said = do { local $/; <$errors> };
    return "$output$said";
}

sub compiled {
    my ( $name, $text ) = @_;
    open my $source, '>', "$folder/$name.c" or die $!;
    print {$source} $text;
    close $source;
    system( 'cc', '-shared', '-o', "$folder/$name.so", "$folder/$name.c" ) == 0
      or die 'no C compiler';
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
print "settings: @{ $settings->{'MagicMail not known'} }\n";
print "method: ", ( defined $export->get_user('ann') ? 'something' : 'nothing' ),
    ' ', $export->error, "\n";
print "report: ", ref FS::part_export::magicmail->test_export_report({}), "\n";
END

sub each_hook_says {
    my ( $environment, $what, $name, @switches ) = @_;
    my $said = perl( $environment, $HOOKS, @switches );
    for my $hook (qw( insert replace delete suspend unsuspend )) {
        like $said, qr/^$hook:[ ]cannot[ ]\w+[ ]mailbox[ ]ann.*$what/mx,
          "$name: $hook";
    }
    like $said, qr/^status:[ ]not[ ]known/mx,         "$name: status";
    like $said, qr/^settings:.*$what/mx,              "$name: settings";
    like $said, qr/^method:[ ]nothing[ ].*$what/mx,   "$name: method";
    like $said, qr/^report:[ ]ARRAY$/mx,              "$name: report";
    return diag $said if !Test::More->builder->is_passing;
}

subtest 'no library' => sub {
    each_hook_says( { MAGICMAIL_LIB => "$folder/nowhere.so" },
        'there[ ]is[ ]no[ ]file', 'named' );
};

subtest 'a file that is none' => sub {
    open my $text, '>', "$folder/text.so" or die $!;
    print {$text} "no library\n";
    close $text;
    each_hook_says( { MAGICMAIL_LIB => "$folder/text.so" },
        'cannot[ ]be[ ]loaded', 'text' );
};

subtest 'another library' => sub {
    my $other = compiled( other => "int other(void) { return 1; }\n" );
    each_hook_says( { MAGICMAIL_LIB => $other },
        'is[ ]no[ ]MagicMail[ ]library', 'other' );
};

subtest 'another ABI' => sub {
    my $old = compiled(
        old => "unsigned mm_abi_version(void) { return 2; }\n" );
    each_hook_says( { MAGICMAIL_LIB => $old },
        'has[ ]version[ ]2[ ]of[ ]the[ ]C[ ]ABI.*needs[ ]1', 'old' );
};

subtest 'no FFI::Platypus' => sub {
    mkdir "$folder/FFI" or die $!;
    open my $module, '>', "$folder/FFI/Platypus.pm" or die $!;
    print {$module} qq{die "Can't locate FFI/Platypus.pm in \@INC";\n};
    close $module;
    each_hook_says( {}, 'libffi-platypus-perl', 'Platypus', "-I$folder" );
};

subtest 'each JSON module' => sub {
    my $program = <<"END";
use strict; use warnings; use ISP; use Simulator;
BEGIN { unshift \@INC, sub { my ( undef, \$file ) = \@_;
    for my \$gone ( split /,/, \$ENV{GONE} ) { die "gone\\n" if \$file eq \$gone } return; } }
my \$isp = ISP->open;
my \$export = \$isp->export( 'magicmail', machine => '@{[ $magicmail->host ]}',
    options => { client_id => 'freeside', client_password => 'secret',
        port => @{[ $magicmail->port ]}, ca_file => '@{[ $magicmail->ca_file ]}' } );
my \$svc = \$isp->mailbox( \$isp->customer( first => "Zo\\x{eb}" ), username => 'ann' );
print 'error: [', \$svc->insert, "]\\n";
print join( ',', grep { m{JSON/(XS|PP)[.]pm} } sort keys %INC ), "\\n";
END
    for my $gone ( q{}, 'Cpanel/JSON/XS.pm', 'Cpanel/JSON/XS.pm,JSON/XS.pm' ) {
        $magicmail->reset;
        my $said = perl( { GONE => $gone }, $program );
        like $said, qr/^error:[ ]\[\]$/mx, "without '$gone': $said";
        is( ( values %{ $magicmail->state->{accounts} } )[0]{first_name},
            "Zo\x{eb}", 'characters' );
    }
};

subtest 'loading needs nothing that may lack' => sub {
    my $loaded = perl( {}, <<'END' );
use FS::part_export;
print join( ',', grep { m{FFI/|JSON/} } sort keys %INC ), "\n";
print exists $FS::part_export::magicmail::info{options}{client_id} ? 'info' : 'none';
END
    unlike $loaded, qr{FFI|XS[.]pm}x, 'neither FFI nor JSON::XS' or diag $loaded;
    like $loaded, qr/info/x, '%info is there';
    like perl( {}, <<'END' ), qr/both/x, 'in the other order too';
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
    for my $n ( 1 .. 3 ) {
        my $child = fork;
        die 'fork' if !defined $child;
        if ( !$child ) {
            no warnings 'redefine';
            local *ISP::DESTROY = sub { };
            my ($library) = $export->magic_library;
            my ($reply) = $library->call( 'get_account', { id => 'A1' } );
            require POSIX;
            POSIX::_exit( $reply && $reply->{id} eq 'A1' ? 0 : 1 );
        }
        ok $export->get_account('A1'), 'in the parent meanwhile';
        waitpid $child, 0;
        is $?, 0, "in child $n";
    }
    ok $export->get_account('A1'), 'afterwards';
};

subtest 'objects are kept, within bounds' => sub {
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    $magicmail->reset;
    ok $export->add_account('A1'), 'once';
    my $again = $isp->fresh($export);
    ok $again->get_account('A1'), 'by another object';
    cmp_ok $magicmail->connections->{opened}, '<=', 1, 'one connection at most';
    my %pointers;
    for my $n ( 1 .. 50 ) {
        my ($library) = $export->magic_library( package => "P$n" );
        $pointers{ $library->{pointer} } = 1;
    }
    my ($kept) = $export->magic_library( package => 'P50' );
    my ($same) = $export->magic_library( package => 'P50' );
    is $kept, $same, 'the newest is kept';
};

done_testing;
