package FS::part_export::magicmail::Checks;

# What is looked at to say whether an export is in order: its options, the
# server, the domains and passwords of its services, and its neighbours.
#
# A check is { name, ok, text } and, where it is about one service, svcnum and custnum;
# ok is undef where it could not be told.

use strict;
use warnings;

use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Records;

# As many services whose passwords are not plain text are looked at.
my $MOST_PASSWORDS = 1_000;

# Of an export that nobody uses.
my $NOWHERE = 'this export is on no service definition';

my %NAMED = (
    reached     => 'Server',
    certificate => 'Certificate',
    credentials => 'API client',
);

# How Freeside may store new passwords, and what one then looks like.
my $CRYPT_MD5 = '$1$aaaaaaaa$aaaaaaaaaaaaaaaaaaaaaa';
my %STORED    = (
    'plain'      => [plain  => 'a'],
    'crypt-des'  => [crypt  => 'aaaaaaaaaaaaa'],
    'crypt-md5'  => [crypt  => $CRYPT_MD5],
    'ldap-plain' => [ldap   => '{PLAIN}a'],
    'ldap-crypt' => [ldap   => "{CRYPT}$CRYPT_MD5"],
    'ldap-md5'   => [ldap   => '{MD5}a'],
    'ldap-sha1'  => [ldap   => '{SHA}a'],
    'legacy'     => [legacy => 'a'],
);

# The checks of one export within some seconds; $progress, if given, is told how
# far they are, in percent and words.
sub of_export {
    my ($export, $seconds, $progress) = @_;
    $progress ||= sub { return };
    $progress->(5, 'Checking the options');
    my $begun = begun($export);
    $progress->(20, 'Asking the server');
    my $answer = asked($begun, $seconds);
    return ended($begun, $answer, $progress);
}

# The same in three parts, of which only the one between waits for the server, and it
# alone does not use the database. What is known before the server is asked:
sub begun {
    my ($export) = @_;
    my $options  = $export->magic_options;
    my %begun    = (export => $export, options => $options);
    my @faults   = _options($export, $options);
    my ($library, $failure);
    {
        local $export->{magic_options} = $options;
        ($library, $failure) = $export->magic_library;
    }
    if ($failure) {
        return {%begun, checks => @faults ? \@faults : [_check('Library', 0, $failure->{text})]};
    }
    my $records = FS::part_export::magicmail::Records->new($export, $options);
    my @domains = _domains($export, $records);
    return {%begun, checks => \@faults, library => $library, records => $records, domains => \@domains};
}

# What the server says, within some seconds.
sub asked {
    my ($begun,   $seconds) = @_;
    my ($library, $domains) = @{$begun}{qw(library domains)};
    return [] if !$library;
    return [_server($begun->{export}, $library, $seconds, @{$domains})];
}

# All checks, with those that the server was asked for; undef where that broke off.
sub ended {
    my ($begun,  $answer,  $progress) = @_;
    my ($export, $library, $records)  = @{$begun}{qw(export library records)};
    return @{$begun->{checks}} if !$library;
    $progress ||= sub { return };
    local $export->{magic_options} = $begun->{options};
    $answer ||= [_check('Server', undef, 'it did not answer in time')];
    my @checks = (@{$begun->{checks}}, @{$answer});
    $progress->(70, 'Checking the passwords');
    push @checks, _passwords($export, $library, $records);
    $progress->(90, 'Checking the other exports');
    push @checks, _neighbours($export, $records);
    return @checks;
}

sub _check {
    my ($name, $ok, $text, @more) = @_;
    return {name => $name, ok => $ok, text => $text, @more};
}

sub _options {
    my ($export, $options) = @_;
    my $fault = FS::part_export::magicmail::Options::faults($options, $export->machine);
    return $fault eq '' ? () : _check('Options', 0, $fault);
}

sub _server {
    my ($export, $library, $seconds, @domains) = @_;
    if ($seconds <= 0) {
        return _check('Server', undef, 'not asked: no time was left');
    }
    my ($found, $failure) = $library->call(
        'check',
        {domains => \@domains, within => "$seconds"},
        FS::part_export::magicmail::Log::sink($export)
    );
    return _check('Server', 0, $failure->{text}) if $failure;
    my @checks;
    foreach my $part (qw(reached certificate credentials)) {
        push @checks, _check($NAMED{$part}, @{$found->{$part}}{qw(ok text)});
    }
    foreach my $domain (@domains) {
        push @checks, _check("Domain $domain", @{$found->{domains}{$domain} || {}}{qw(ok text)});
    }
    return @checks;
}

# The domains of the export's services, and those that its service definitions
# fix or offer.
sub _domains {
    my ($export, $records) = @_;
    my @of_services = $records->rows( <<'END', $export->exportnum);
SELECT DISTINCT svc_domain.domain
  FROM export_svc
  JOIN cust_svc ON cust_svc.svcpart = export_svc.svcpart
  JOIN svc_acct ON svc_acct.svcnum = cust_svc.svcnum
  JOIN svc_domain ON svc_domain.svcnum = svc_acct.domsvc
 WHERE export_svc.exportnum = ?
END
    my @columns = $records->rows( <<'END', $export->exportnum);
SELECT part_svc_column.columnvalue
  FROM export_svc
  JOIN part_svc_column ON part_svc_column.svcpart = export_svc.svcpart
 WHERE export_svc.exportnum = ?
   AND part_svc_column.columnname = 'domsvc'
   AND part_svc_column.columnflag IN ( 'D', 'F', 'S' )
END
    my %svcnums =
        map { $_ => 1 }
        map { defined $_->{columnvalue} ? $_->{columnvalue} =~ m/(\d+)/gx : () } @columns;
    my @of_definitions;
    if (%svcnums) {
        my $numbers = join ', ', sort { $a <=> $b } keys %svcnums;
        @of_definitions = $records->rows("SELECT domain FROM svc_domain WHERE svcnum IN ( $numbers )");
    }
    my %domains =
        map { $records->text($_->{domain}) => 1 } @of_services, @of_definitions;
    my @domains = sort grep { $_ ne '' } keys %domains;
    return @domains;
}

# Whether new passwords can be sent, and those of the services there are.
sub _passwords {
    my ($export, $library, $records) = @_;
    my @checks = _new_passwords($library);
    my $sql    = <<"END";
SELECT DISTINCT svc_acct.svcnum, svc_acct.username, svc_acct._password,
       svc_acct._password_encoding, cust_pkg.custnum
  FROM export_svc
  JOIN cust_svc ON cust_svc.svcpart = export_svc.svcpart
  JOIN svc_acct ON svc_acct.svcnum = cust_svc.svcnum
  LEFT JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
 WHERE export_svc.exportnum = ?
   AND ( svc_acct._password_encoding IS NULL
      OR svc_acct._password_encoding <> 'plain' )
 ORDER BY svc_acct.svcnum
 LIMIT $MOST_PASSWORDS
END
    foreach my $row ($records->rows($sql, $export->exportnum)) {
        my ($ok, $text) = _is_sendable(
            $library,
            $records->text($row->{_password_encoding}),
            $records->text($row->{_password})
        );
        next if $ok;
        my $username = $records->text($row->{username});
        push @checks, _check("Password of $username", 0, $text, map { $_ => $row->{$_} } qw(svcnum custnum));
    }
    return @checks;
}

sub _new_passwords {
    my ($library) = @_;
    my $encoding;
    my $is_configured = eval {
        require FS::Conf;
        $encoding = FS::Conf->new->config('default-password-encoding');
        1;
    };
    return if !$is_configured || !defined $encoding || !$STORED{$encoding};
    my ($ok, $text) = _is_sendable($library, @{$STORED{$encoding}});
    return _check("Password encoding $encoding of new services", $ok, $text);
}

sub _is_sendable {
    my ($library, $encoding, $password) = @_;
    my ($found, $failure) =
        $library->call('encoding', {password => $password, password_encoding => $encoding});
    return (0,                          $failure->{text}) if $failure;
    return ($found->{sendable} ? 1 : 0, $found->{text});
}

# Other magicmail exports that get in this one's way.
sub _neighbours {
    my ($export,   $records) = @_;
    my ($of_types, @types)   = $records->of_types;
    my $sql = <<"END";
SELECT part_export.exportnum, part_export.machine,
       part_export_option.optionname, part_export_option.optionvalue
  FROM part_export
  LEFT JOIN part_export_option
    ON part_export_option.exportnum = part_export.exportnum
   AND part_export_option.optionname
    IN ( 'account_prefix', 'client_id', 'port' )
 WHERE $of_types
END
    my %others;
    foreach my $row ($records->rows($sql, @types)) {
        my $other = $others{$row->{exportnum}} ||= {given => {}};
        $other->{machine} = $records->text($row->{machine});
        if (defined $row->{optionname}) {
            $other->{given}{$row->{optionname}} =
                $records->text($row->{optionvalue});
        }
    }
    return (_prefix($export, \%others), _definitions($export, $records, keys %others));
}

sub _prefix {
    my ($export, $others) = @_;
    my $used = sub {
        my ($options, $machine) = @_;
        return join q{ }, lc $machine, @{$options}{qw(client_id port)};
    };
    my $options = $export->magic_options;
    my $own     = $used->($options, $export->machine);
    my $prefix  = FS::part_export::magicmail::Options::prefix($options);
    my @checks;
    foreach my $exportnum (sort { $a <=> $b } keys %{$others}) {
        my ($given, $machine) = @{$others->{$exportnum}}{qw(given machine)};
        my $other = FS::part_export::magicmail::Options::complete(%{$given});
        next
            if lc $prefix ne lc FS::part_export::magicmail::Options::prefix($other);
        next if $used->($other, $machine) eq $own;
        push @checks,
            _check(
            "Account prefix, export $exportnum",
            0,
            "export $exportnum has the account prefix $prefix too,"
                . ' but another server or another API client: give one of them another prefix,'
                . ' or both the same server, port and API client'
            );
    }
    return @checks ? @checks : _check('Account prefix', 1, $prefix);
}

sub _definitions {
    my ($export, $records, @exportnums) = @_;
    my $places = FS::part_export::magicmail::Records::places(@exportnums);
    my $sql    = <<"END";
SELECT part_svc.svcpart, part_svc.svc, other.exportnum
  FROM export_svc
  JOIN part_svc ON part_svc.svcpart = export_svc.svcpart
  JOIN export_svc other ON other.svcpart = export_svc.svcpart
 WHERE export_svc.exportnum = ?
   AND other.exportnum IN ( $places )
   AND other.exportnum <> ?
 ORDER BY part_svc.svcpart, other.exportnum
END
    my $own = $export->exportnum;
    if (!%{$records->exports->{$own}{svcparts} || {}}) {
        return _check('Service definitions', 0, "$NOWHERE: add it to one, or it provisions nothing");
    }
    my @rows = $records->rows($sql, $own, @exportnums, $own);
    if (!@rows) {
        return _check('Service definitions', 1, 'no other magicmail export');
    }
    my @checks;
    foreach my $row (@rows) {
        my ($svcpart, $exportnum) = @{$row}{qw(svcpart exportnum)};
        my $svc = $records->text($row->{svc});
        push @checks,
            _check("Service definition $svcpart, export $exportnum",
            0, "$svc has the magicmail export $exportnum too");
    }
    return @checks;
}

1;
