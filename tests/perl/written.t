#!/usr/bin/perl

# How the export is written: in a syntax that the Perl of an old Freeside can read,
# and with words for each method that others may call.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../../perl/lib", "$FindBin::Bin/lib";

use Cwd qw( abs_path );
use File::Find;
use Perl::MinimumVersion;
use Pod::Coverage;
use PPI;
use Test::More;
use Test::Pod;

use FS::part_export;

my $ROOT   = abs_path("$FindBin::Bin/../../perl/lib");
my $OLDEST = '5.016';
my $BASE   = 'FS::part_export::magicmail';

my @files;
find({no_chdir => 1, wanted => sub { push @files, $_ if m/[.]pm\z/x }}, $ROOT);
@files = sort @files;

# What Perl::MinimumVersion passes over: a class of PPI's, a test of it, an example.
my %NEWER = (
    'dereferencing behind an arrow (5.20)' => [
        Cast => sub { $_[0] =~ m/[*]\z/x },
        'my @all = $list->@*;'
    ],
    'a signature (5.20)' => [
        Prototype => sub { $_[0] =~ m/[^\$\@%&*;+\\_\[\]()\s]/x },
        'sub f ($x) { return $x }'
    ],
    'a slice of keys and values (5.20)' => [
        Symbol =>
            sub { $_[0] =~ m/\A%/x && ref $_[0]->next_sibling && $_[0]->next_sibling->isa('PPI::Structure') },
        'my %some = %all{qw( a b )};'
    ],
    'a modifier of a pattern (5.22)' => [
        Regexp => sub { my %with = $_[0]->get_modifiers; return $with{n} || $_[0] =~ m/xx\w*\z/x },
        'm/a(b)/n;'
    ],
    'a here-document that is indented (5.26)' => [
        HereDoc => sub { $_[0] =~ m/\A<<~/x },
        "print <<~END;\n  text\n  END\n"
    ],
    'isa as an operator (5.32)' => [
        Word => sub { $_[0] eq 'isa' && $_[0]->sprevious_sibling && $_[0]->sprevious_sibling ne '->' },
        'if ($x isa Foo) { }'
    ],
    'try (5.34)' => [
        Word => sub {
            $_[0] eq 'try' && $_[0]->snext_sibling && $_[0]->snext_sibling->isa('PPI::Structure::Block')
        },
        'try { f() } catch ($e) { }'
    ],
);

# Names of what a text has that is newer.
sub newer_in {
    my ($text)   = @_;
    my $document = PPI::Document->new($text) or die "PPI cannot read it\n";
    my $version  = Perl::MinimumVersion->new($document)->minimum_version;
    my @newer    = $version > version->parse($OLDEST) ? ("Perl $version") : ();
    for my $name (sort keys %NEWER) {
        my ($class, $is_it) = @{$NEWER{$name}};
        my $found = $document->find_first(sub { $_[1]->isa("PPI::Token::$class") && $is_it->($_[1]) });
        if ($found) { push @newer, "$name: $found" }
    }
    return @newer;
}

subtest 'a syntax newer than that of Perl 5.16 is seen' => sub {
    for my $name (sort keys %NEWER) {
        is scalar(grep { m/\A\Q$name\E:/x } newer_in(\$NEWER{$name}[2])), 1, $name;
    }
    ok newer_in(\'use v5.20;'), 'use';
    my $old = 'sub f ($$;@) { my ($x, %y) = @_; return $x->isa("A") ? %{$x} : s/a/b/r // m/b/x }';
    is_deeply [newer_in(\$old)], [], 'an older one is none';
};

subtest 'the syntax is that of Perl 5.16' => sub {
    cmp_ok scalar @files, '>', 10, 'files';
    for my $file (@files) { is_deeply [newer_in($file)], [], $file =~ s/\A\Q$ROOT\E.//xr }
};

# The methods that other exports may have been made with, and what Freeside calls.
my %PUBLIC = (
    hooks => [
        qw( _export_insert _export_replace _export_delete _export_suspend _export_unsuspend
            export_pkg_change export_getstatus export_getsettings export_links check_options
            test_export_report )
    ],
    jobs      => [qw( unprovision_job purge_job finish_job suspend_job check_export )],
    customers => [
        qw( cust_account_id cust_magic_services cust_magic_packages sync_magic_packages
            get_accounts_and_users get_master_user )
    ],
    accounts => [
        qw( add_account get_account get_accounts update_account suspend_account activate_account
            delete_account purge_account )
    ],
    users => [
        qw( add_user get_user get_users update_user make_master_user suspend_user activate_user
            delete_user purge_user )
    ],
    packages  => [qw( assign_package get_packages remove_package )],
    domains   => [qw( add_domain get_domain get_domains remove_domain )],
    addresses => [qw( add_email_address get_email_address get_email_addresses remove_email_address )],
    errors    => [qw( request error check_for_error error_init error_warn debug rollback )],
);

# The modules whose subs are methods of the export.
my @MODULES = ($BASE, grep { m/\A\Q$BASE\E::/x } @FS::part_export::magicmail::ISA);

# The names that the pages of these modules explain.
sub explained {
    my %explained;
    for my $module (@MODULES) {
        open my $file, '<', $INC{$module =~ s{::}{/}grx . '.pm'} or die "$module: $!\n";
        while (my $line = <$file>) {
            if ($line =~ m/\A=item[ ](\w+)/x) { $explained{$1} = 1 }
        }
        close $file or die "$module: $!\n";
    }
    return %explained;
}

subtest 'each public method is there, and explained' => sub {
    my %explained = explained();
    for my $name (map { @{$PUBLIC{$_}} } sort keys %PUBLIC) {
        ok $BASE->can($name), $name;
        ok $explained{$name}, '... is explained';
    }
    for my $name (sort keys %explained) {
        ok $BASE->can($name), "$name is there";
    }
};

subtest 'no other sub of these modules looks like a method' => sub {
    for my $module (@MODULES) {
        my $coverage = Pod::Coverage->new(package => $module);
        is_deeply [$coverage->naked], [], $module or diag $coverage->why_unrated;
    }
};

subtest 'the pages can be read' => sub {
    pod_file_ok($_, s/\A\Q$ROOT\E.//xr) for @files;
};

done_testing;
