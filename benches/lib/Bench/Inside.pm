package Bench::Inside;

# What does not depend on the network: the boundary between Perl and the
# library, the library's size and loading, memory after many hooks.

use strict;
use warnings;

use English     qw( -no_match_vars );
use File::Path  qw( make_path );
use File::Temp  qw( tempdir );
use Time::HiRes qw( time );

use Bench::Hooks;
use Bench::Sample;
use FS::part_export::magicmail::Library;

# What a fresh process prints: the milliseconds of its first request.
my $FIRST_REQUEST = <<'END';
my %configuration;
@configuration{qw( machine port client_id client_password ca_file )} = @ARGV;
my ($library, $failure) = FS::part_export::magicmail::Library->for_configuration(\%configuration);
die $failure->{text} if $failure;
my $begin = time;
(undef, $failure) = $library->call(get_user => {id => 'nobody'}, sub { });
die $failure->{text} if $failure;
print 1000 * (time - $begin);
END

my $CALLS     = 5_000;
my $PROCESSES = 9;
my $PAGE_KB   = 4;

# Microseconds of a call that sends nothing, its documents encoded and decoded;
# and of the bare step over the boundary.
sub boundary {
    my ($place)   = @_;
    my $export    = $place->export('native', 'Mailbox');
    my ($library) = $export->magic_library(machine => $export->machine);
    my %document  = (password => 'secret12', password_encoding => 'plain');
    my $nothing   = sub { };
    return {
        call => _microseconds(sub { $library->call(encoding => \%document, $nothing) }),
        bare => _microseconds(sub { FS::part_export::magicmail::Library::version() }),
    };
}

sub _microseconds {
    my ($code) = @_;
    my @rounds;
    foreach (1 .. 9) {
        my $begin = time;
        $code->() for 1 .. $CALLS;
        push @rounds, 1_000_000 * (time - $begin) / $CALLS;
    }
    return Bench::Sample::median(@rounds);
}

sub library_size {
    return -s FS::part_export::magicmail::Library::file();
}

# Milliseconds that a fresh process takes to load FFI::Platypus, and then the
# library with its binding.
sub loading {
    my @program = (
        _same_folders(), '-MTime::HiRes=time', '-e',
        'my $a = time; require FFI::Platypus; my $b = time;'
            . ' require FS::part_export::magicmail::Library;'
            . ' my $error = FS::part_export::magicmail::Library::load();'
            . ' die $error if $error ne ""; print 1000 * ($b - $a), " ", 1000 * (time - $b)'
    );
    my (@platypus, @library);
    foreach (1 .. $PROCESSES) {
        my ($platypus, $library) = split q{ }, _of_fresh_perl(@program);
        push @platypus, $platypus;
        push @library,  $library;
    }
    return {
        platypus => Bench::Sample::median(@platypus),
        library  => Bench::Sample::median(@library)
    };
}

# Milliseconds that the first request of a process takes longer where the CAs of
# the system are to be read for it, and not one in ca_file.
sub reading_cas {
    my ($place)   = @_;
    my $simulator = $place->simulator;
    my @program   = (
        _same_folders(),                         '-MTime::HiRes=time',
        '-MFS::part_export::magicmail::Library', '-e',
        $FIRST_REQUEST,                          $simulator->host,
        $simulator->port,                        $simulator->client_id,
        $simulator->client_password
    );
    my (@one, @all);
    foreach (1 .. $PROCESSES) {
        push @one, _of_fresh_perl(@program, $simulator->ca_file);
        push @all, _of_fresh_perl(@program, q{});
    }
    return Bench::Sample::median(@all) - Bench::Sample::median(@one);
}

# Modules are found where this process finds them.
sub _same_folders {
    return map { "-I$_" } grep { !ref } @INC
}

# The line that a fresh perl prints, with these arguments.
sub _of_fresh_perl {
    my @arguments = @_;
    open my $output, q{-|}, $EXECUTABLE_NAME, @arguments or die "a fresh perl: $OS_ERROR\n";
    my $text = <$output>;
    close $output or die "a fresh perl failed\n";
    return $text;
}

my $EMPTY_EXPORT = <<'END';
package FS::part_export::magicmail;
use strict; use warnings; use parent -norequire, 'FS::part_export'; use Tie::IxHash;
tie my %options, 'Tie::IxHash', client_id => { label => 'Client' };
our %info = ( svc => 'svc_acct', desc => 'An empty export', options => \%options );
1;
END

# Milliseconds of a processor that a fresh process takes to load all exports, where
# there is ours alone, and where an empty one is in its place; in turns.
sub module {
    my $empty  = tempdir(CLEANUP => 1);
    my $folder = "$empty/FS/part_export";
    make_path($folder);
    open my $file, '>', "$folder/magicmail.pm" or die "$folder: $OS_ERROR\n";
    print {$file} $EMPTY_EXPORT;
    close $file or die "$folder: $OS_ERROR\n";
    my ($ours)   = $INC{'FS/part_export/magicmail.pm'} =~ m{\A(.*)/FS/part_export/}x;
    my ($others) = $INC{'FS/part_export.pm'}           =~ m{\A(.*)/FS/part_export}x;
    my (%samples);

    foreach (1 .. $PROCESSES) {
        push @{$samples{ours}},  _loaded_in($ours,  $others);
        push @{$samples{empty}}, _loaded_in($empty, $others);
    }
    return {map { $_ => Bench::Sample::median(@{$samples{$_}}) } keys %samples};
}

sub _loaded_in {
    my @folders = @_;
    my @program = (
        (map { "-I$_" } @folders), '-MTime::HiRes=clock_gettime,CLOCK_PROCESS_CPUTIME_ID', '-e',
        'sub used { return 1000 * clock_gettime(CLOCK_PROCESS_CPUTIME_ID) }'
            . ' my $before = used(); require FS::part_export; print used() - $before'
    );
    return _of_fresh_perl(@program);
}

# Kilobytes of this process after so many hooks, and after ten times as many: one
# more mailbox, a change, a suspension, the end of a mailbox, in turns.
sub memory {
    my ($place, $many) = @_;
    $place->simulator->modes(latency_ms => 0);
    my @hooks    = map { Bench::Hooks::named($_) } qw( second password suspend additional );
    my $customer = $place->customer('native', 'Mailbox', 5);
    my ($done, %kilobytes) = (0);
    foreach my $goal ($many, 10 * $many) {
        while ($done < $goal) {
            $place->put($customer);
            $place->and_back($hooks[$done % @hooks]{call}->($place, 'native', $customer));
            $done++;
        }
        $kilobytes{$goal} = _resident();
    }
    return {early => $many, before => $kilobytes{$many}, late => 10 * $many, after => $kilobytes{10 * $many}};
}

sub _resident {
    open my $statm, '<', '/proc/self/statm' or die "no /proc: $OS_ERROR\n";
    my (undef, $pages) = split q{ }, <$statm>;
    close $statm or die "no /proc: $OS_ERROR\n";
    return $pages * $PAGE_KB;
}

1;
