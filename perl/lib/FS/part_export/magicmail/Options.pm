package FS::part_export::magicmail::Options;

# The options of an export: what Freeside shows of them, their defaults, and
# the configuration document that the library is given.

use strict;
use warnings;

use Tie::IxHash;

use FS::part_export::magicmail::Faults;
use FS::part_export::magicmail::Library;

# Freeside gives them a column beside the labels: a wide one would squeeze these.
my $NOTES = <<'END';
<div style="max-width: 40em">
<p>Provisions mailboxes on a <a href="https://www.magicmail.com/" target="_blank">MagicMail</a>
mail server. Each customer is one MagicMail account, each service one user with one
e-mail address; the package is on the account's master user.</p>
<details><summary><b>Before the first mailbox, and what the options mean</b></summary>
<ul>
<li>In MagicMail, set up an API client of the type FREESIDE, and let it use each mail
domain as a <b>system domain</b>. Hosted domains cannot be provisioned.
<li>Put one MagicMail export on a service definition. Exports for several packages may
share a server and an account prefix.
<li>Passwords must be stored as plain text, as crypt (DES or $1$), or as ldap with
{PLAIN}, {CLEARTEXT}, {CRYPT} or {DES}. Others are refused.
<li>A user name is unique on the whole server, whatever the domain. It cannot be changed.
<li>Without <b>Auto purge</b>, an unprovisioned mailbox is only marked deleted. It comes
back if the service is provisioned again. With it, the mail is lost. Choose
<b>Purge only after the unprovision is committed</b> too: then an unprovision that fails
loses nothing.
<li>Give the API client's password either in <b>API Client Password</b>, or as the first
line of a file that Freeside's processes can read: the password is then neither in
Freeside's database nor on this page.
<li>If the server's certificate is self-signed, or of a CA of your own, name a file with
it in <b>CA certificate file</b>. If the certificate is not verified, anybody on the way
can read the API password.
<li>The link to the MagicMail administration may contain $account, $username, $domain and
$address, for example <code>https://mail.example.net/admin/user?name=$username</code>.
It is shown with each service of a customer.
</ul>
<p>The documentation is on the machine of Freeside, in the folder
<code>/usr/share/doc/freeside-export-magicmail/docs</code> (or <code>docs</code> of the
sources): <code>first-steps.md</code> leads to the first mailbox, <code>options.md</code>
explains each option, <code>messages.md</code> each message.</p>
</details>
</div>
END

# Name => label, type, default; in the order in which Freeside shows them.
my @OPTIONS = (
    client_id            => {label => 'API Client ID'},
    client_password      => {label => 'API Client Password'},
    client_password_file => {label => q{File with the API client's password (optional)}},
    account_prefix       => {label => 'Account Prefix', default => 'FREESIDE'},
    package              => {label => 'Package',        default => 'EMAIL'},
    port                 => {label => 'Port',           default => '443'},
    autopurge            => {
        label => 'Auto purge user/account on unprovision',
        type  => 'checkbox',
    },
    purge_after_commit => {
        label => 'Purge only after the unprovision is committed',
        type  => 'checkbox',
    },
    use_agent_custid => {
        label => 'Use agent_custid for Magicmail account_id when available',
        type  => 'checkbox',
    },
    debug        => {label => 'Enable debug warnings', type => 'checkbox'},
    ca_file      => {label => 'CA certificate file (default: system CAs)'},
    tls_insecure => {
        label => q{Do not verify the server's certificate},
        type  => 'checkbox',
    },
    timeout  => {label => 'Seconds to wait for one request (default: 20)', default => '20'},
    link_url => {label => 'Link to the MagicMail administration (optional)'},
);

my %DECLARED = @OPTIONS;

# What goes into the configuration document as it stands.
my @CONFIGURED = qw(client_id client_password client_password_file account_prefix package port
    ca_file timeout);
my @SWITCHES = qw(autopurge tls_insecure debug);

# What a link to MagicMail's administration may name.
my @LINKED = qw(account username domain address);

# Freeside's %info of the export.
sub info {
    tie my %options, 'Tie::IxHash', @OPTIONS;
    tie my %scripts, 'Tie::IxHash',
        check_export => {
        html_label      => 'Check this export (as saved)',
        success_message => 'The server, its certificate, the API client and' . ' the domains are in order.',
        error_url       => '/edit/part_export.cgi?',
        },
        audit_export => {
        html_label      => 'Compare Freeside with MagicMail',
        success_message => 'Freeside and MagicMail agree on every service of this server.',
        error_url       => '/edit/part_export.cgi?',
        };
    return (
        # As an export of customers (setting cust_main-exports) it only renames accounts.
        svc => [qw(svc_acct cust_main)],

        # A user name is unique on the server, whatever the domain.
        nodomain => 'Y',
        desc     => 'Real-time provisioning of mailboxes on a MagicMail server',
        options  => \%options,
        scripts  => \%scripts,
        notes    => $NOTES,
    );
}

# The options with their defaults: one that is missing or empty has its default, but for
# a prefix that is empty; a checkbox is 1 or 0.
sub complete {
    my (%given) = @_;
    my %options = %given;
    foreach my $name (keys %DECLARED) {
        my $declared = $DECLARED{$name};
        my $value    = defined $given{$name} ? $given{$name} : '';
        if (($declared->{type} || '') eq 'checkbox') {
            $options{$name} = $value ? 1 : 0;
        }
        else {
            my $is_missing = $name eq 'account_prefix' ? !defined $given{$name} : $value !~ m/\S/x;
            $options{$name} = $is_missing && defined $declared->{default} ? $declared->{default} : $value;
        }
    }
    return \%options;
}

# The configuration document of an export on $machine.
sub configuration {
    my ($options, $machine) = @_;
    return {
        machine => $machine,
        map { $_ => $options->{$_} } @CONFIGURED, @SWITCHES
    };
}

# What is wrong with options that are to be saved, as a text; '' if nothing. The
# library looks at them as it will at each call, but sends nothing. Where it is
# not installed yet, that is no reason not to save what is right.
sub faults {
    my ($given, $machine) = @_;
    if (!defined $machine || $machine eq '_SVC_MACHINE') {
        $machine = 'localhost';
    }
    my $options = complete(%{$given});
    my $fault =
        link_fault($options->{link_url}) || FS::part_export::magicmail::Faults::of($options, $machine);
    return $fault if $fault ne '';
    return ''     if FS::part_export::magicmail::Library::load() ne '';
    my (undef, $failure) =
        FS::part_export::magicmail::Library->for_configuration(configuration($options, $machine));
    return $failure ? $failure->{text} : '';
}

# What is wrong with the template of the link to MagicMail's administration.
sub link_fault {
    my ($template) = @_;
    return '' if $template eq '';
    return q{the link to the MagicMail administration (link_url) does not begin}
        . ' with https:// or http://'
        if $template !~ m{\Ahttps?://[^/\s]}ix;
    foreach my $name ($template =~ m/[\$](\w+)/gx) {
        next if grep { $_ eq $name } @LINKED;
        return
              "the link to the MagicMail administration (link_url) has \$$name,"
            . ' which is none of '
            . join ', ', map { "\$$_" } @LINKED;
    }
    return '';
}

# The link, its names replaced by the values of %value, escaped for a URL. A value
# may be code, which is run only if its name is there.
sub link_for {
    my ($template, %value) = @_;
    my $escaped = sub {
        my ($name) = @_;
        my $text = ref $value{$name} ? $value{$name}->() : $value{$name};
        utf8::encode($text);
        $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/gex;
        return $text;
    };
    $template =~ s/[\$](\w+)/exists $value{$1} ? $escaped->($1) : "\$$1"/gex;
    return $template;
}

# The account that options name for a customer: prefix and number.
sub account_id {
    my ($options, $custnum, $agent_custid) = @_;
    return '' if !$custnum;
    my $number =
           $options->{use_agent_custid}
        && defined $agent_custid
        && $agent_custid =~ m/\S/x ? $agent_custid : $custnum;
    return prefix($options) . $number;
}

# What an account's id begins with, exactly as it was typed.
sub prefix {
    my ($options) = @_;
    return $options->{account_prefix};
}

1;
