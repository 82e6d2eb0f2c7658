#!/usr/bin/perl

# How exports are loaded, and what a Freeside 3 has. Each runs in a perl of
# its own.

use strict;
use warnings;

use Cwd        qw( abs_path );
use File::Path qw( make_path );
use File::Temp qw( tempdir );
use FindBin;

use Test::More;

my $FREESIDE = abs_path("$FindBin::Bin/../lib");

# Output (with errors) of a perl with these directories before Freeside's; its
# status.
sub perl {
    my ($code, @directories) = @_;
    local $ENV{PERL5LIB} = join q{:}, @directories, $FREESIDE;
    open my $output, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $^X, '-w', '-e', $code
        or die "fork: $!\n";
    my $text = do { local $/ = undef; <$output> };
    close $output;
    return wantarray ? ($text, $? >> 8) : $text;
}

# A directory with an export of that name.
sub directory_with {
    my ($name, $code) = @_;
    my $directory = tempdir(CLEANUP => 1);
    make_path("$directory/FS/part_export/$name");
    for my $file ("$name.pm", "$name/Helper.pm") {
        open my $handle, '>', "$directory/FS/part_export/$file"
            or die "$file: $!\n";
        print {$handle} $file eq "$name.pm"
            ? $code
            : 'die "a helper is no export"';
        close $handle or die "$file: $!\n";
    }
    return $directory;
}

sub export_text {
    my ($name, $mark) = @_;
    return <<"END";
package FS::part_export::$name;
use strict;
use parent qw( FS::part_export );
our %info = ( svc => [qw( svc_acct svc_domain )], desc => '$mark' );
1;
END
}

my $LIST =
      'use FS::part_export; my $info = FS::part_export::export_info("svc_domain");'
    . ' print join q{ }, map { "$_=$info->{$_}{desc}" } sort keys %{$info};';

subtest 'every_export_of_every_directory_is_loaded_the_first_of_a_name_wins' => sub {
    my @directories = (
        directory_with(one => export_text(one => 'first')),
        directory_with(two => export_text(two => 'second'))
    );
    my $again = directory_with(one => export_text(one => 'hidden'));
    is perl($LIST, @directories, $again), 'one=first two=second', 'both, and nothing from the folders below';
};

subtest 'directories_that_do_not_exist_do_not_matter' => sub {
    is perl($LIST, '/no/such/directory', directory_with(one => export_text(one => 'here'))),
        'one=here', 'it is found';
};

subtest 'an_export_that_does_not_load_ends_everything' => sub {
    my ($text, $status) = perl(
        $LIST,
        directory_with(
            broken => "package FS::part_export::broken;\nuse No::Such::Module;\n1;\n"
        )
    );
    isnt $status, 0, 'an error';
    like $text, qr/FS::part_export::broken[ ]does[ ]not[ ]load/x, 'that names it';
};

subtest 'an_export_may_be_loaded_by_its_own_name_first' => sub {
    my $directory = directory_with(one => export_text(one => 'itself'));
    is perl("use FS::part_export::one; $LIST", $directory), 'one=itself', 'it registers all the same';
};

# What of these has a Freeside, by the word that the code prints for each.
my $HAS_METHODS = <<'END';
use FS::part_export;
print FS::part_export->can($_) ? "has $_" : q{-}
  for qw( get_remoteid set_remoteid );
END
my $HAS_TABLES = <<'END';
use FS::Record qw( dbdef );
print dbdef->table($_) ? "has $_" : q{-}
  for qw( log log_context export_cust_svc );
END
my $HAS_LOG = 'print eval { require FS::Log; 1 } ? "there" : "none"';

# Suspends a package; prints the error text and when it was suspended.
my $SUSPEND = <<'END';
use ISP;
my $isp = ISP->open;
$isp->export('one');
my $package = $isp->package( $isp->customer );
$isp->provisioned($package);
print $package->suspend, $isp->fresh($package)->susp;
END
my $REFUSING = <<'END';
package FS::part_export::one;
use parent qw( FS::part_export );
our %info = ( svc => 'svc_acct' );
sub _export_insert  { return q{} }
sub _export_suspend { return 'no' }
1;
END

subtest 'a_freeside_3_has_a_log_and_accounts_on_record_too' => sub {
    local $ENV{SMALL_FREESIDE} = 3;
    is perl('use FS; print FS->VERSION'), '3.93', 'its version';
    like perl($HAS_METHODS), qr/get_remoteid .* set_remoteid/x, 'get_remoteid and set_remoteid';
    is perl($HAS_LOG), 'there', 'FS::Log';
    unlike perl($HAS_TABLES), qr/-/x, 'and their tables';
};

subtest 'an_error_of_a_suspend_hook_counts_in_a_freeside_3_only' => sub {
    my $directory = directory_with(one => $REFUSING);
    like perl($SUSPEND, $directory), qr/\A \d+ \z/x, 'in a Freeside 4 it does not';
    local $ENV{SMALL_FREESIDE} = 3;
    is perl($SUSPEND, $directory),
        'error exporting export_suspend event to one (transaction rolled back): no',
        'its text, and the package is not suspended';
};

done_testing;
