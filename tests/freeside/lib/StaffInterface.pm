package StaffInterface;

# The staff interface of a real Freeside, on the copy of its database: an Apache of the
# test's own with Freeside's own Apache configuration (FREESIDE_APACHE, see README.md).

use strict;
use warnings;

use parent qw( Apache );

use Carp    qw( croak );
use English qw( -no_match_vars );
use POSIX   ();

my @MODULES = qw(
    mpm_prefork access_compat alias auth_basic authn_core authz_core authz_host authz_user dir env mime perl
    rewrite
);
my $CHILDREN = 4;

# As many tries of a minute each: a start loads all of Freeside.
my $TRIES = 4;

my $LONGEST_LOG = 2_000;

## no critic (ProhibitUnusedPrivateSubroutines): Apache calls them

sub lacks {
    my ($class) = @_;
    if (my $reason = $class->SUPER::lacks) { return $reason }
    return _configuration()
        ? q{}
        : q{there is no Apache configuration of Freeside's (FREESIDE_APACHE)};
}

sub _configuration {
    return $ENV{FREESIDE_APACHE} if $ENV{FREESIDE_APACHE};
    my ($file) =
        grep { -e }
        map  { "$_/freeside-base2.4.conf" } "$ENV{MAGICMAIL_FREESIDE}/../htetc",
        '/etc/apache2/conf-available';
    return $file;
}

sub start {
    my ($class) = @_;
    return $class->SUPER::start(children => $CHILDREN);
}

sub _copy { return }

sub _configure {
    my ($self) = @_;
    my ($folder, $port) = @{$self}{qw( folder port )};
    my ($pages, $handler, $own) = _freesides();
    my @loaded =
        map { "LoadModule ${_}_module /usr/lib/apache2/modules/mod_$_.so" } @MODULES;
    my @folders =
        map { "PerlSwitches -I$_" } grep { !m{/tests/perl/lib\z}x } split /:/x,
        $ENV{PERL5LIB};
    my %variable =
        map { $_ => $ENV{$_} }
        grep { defined $ENV{$_} } qw( FREESIDE_CONF MAGICMAIL_FREESIDE_CONF MAGICMAIL_LIB );
    my @environment =
        map { qq{PerlSetEnv $_ "$variable{$_}"} } sort keys %variable;
    _write(
        "$folder/startup.pl",
        (map { "\$ENV{$_} = '$variable{$_}';\n" } sort keys %variable),
        "require FreesideCopy;\n", "1;\n"
    );

    # Apache reads its configuration twice; Freeside is loaded the second time.
    _write(
        "$folder/handler.pl",
        "require Apache2::ServerUtil;\n",
        "if (Apache2::ServerUtil::restart_count() > 1) { require '$handler' }\n", "1;\n"
    );
    $own =~ s{^(\s*PerlRequire\s+)\S+}{$1$folder/handler.pl}mx;
    _write("$folder/apache.conf", map { "$_\n" } @loaded,
        @folders, @environment, <<"END_OF_CONFIGURATION", $own);
ServerRoot $folder
ServerName 127.0.0.1
PidFile $folder/apache.pid
ErrorLog $folder/error.log
DefaultRuntimeDir $folder
DocumentRoot $folder
Listen 127.0.0.1:$port
StartServers 1
MaxRequestWorkers $CHILDREN
TypesConfig /etc/mime.types
<Directory />
    AllowOverride None
    Require all granted
</Directory>
Alias /freeside $pages
PerlRequire $folder/startup.pl
END_OF_CONFIGURATION
    return;
}

# The folder of the pages, the handler, and the text of Freeside's own configuration. One
# that was not installed has no paths in it yet.
sub _freesides {
    my $file = _configuration();
    open my $handle, '<', $file or croak "$file: $OS_ERROR";
    my $text = do { local $INPUT_RECORD_SEPARATOR = undef; <$handle> };
    close $handle or croak "$file: $OS_ERROR";
    my $sources = "$ENV{MAGICMAIL_FREESIDE}/..";
    $text =~ s{%%%FREESIDE_DOCUMENT_ROOT%%%}{$sources/httemplate}gx;
    $text =~ s{%%%MASON_HANDLER%%%}{$sources/htetc/handler.pl}gx;
    my ($pages) = $text =~ m/<Directory \s+ "? ([^\s">]+)/x
        or croak "$file names no folder";
    my ($handler) = $text =~ m/^ \s* PerlRequire \s+ "? ([^\s"]+)/mx
        or croak "$file names no handler";
    return ($pages, $handler, $text);
}

sub _write {
    my ($name, @text) = @_;
    open my $file, '>', $name or croak "$name: $OS_ERROR";
    print {$file} @text;
    close $file or croak "$name: $OS_ERROR";
    return;
}

# Apache ends with a signal to its whole process group.
sub _become_apache {
    my ($self) = @_;
    POSIX::setsid();
    delete local @ENV{qw( PERL5LIB PERL5OPT )};
    return $self->SUPER::_become_apache;
}

sub _wait_for_answer {
    my ($self) = @_;
    for (1 .. $TRIES) {
        return if $self->wait_until(
            sub {
                return $self->get('/freeside/elements/freeside.css')->{success};
            }
        );
    }
    croak "Apache does not start:\n" . substr $self->error_log, -$LONGEST_LOG;
}

1;
