package FS::part_export::magicmail;

# The export of mailboxes to a MagicMail server: what Freeside calls. Each hook
# is one run of FS::part_export::magicmail::Dialogue, in which the Rust library
# decides and works. Loading this needs nothing that may lack: the library and
# what binds it are loaded at the first call that needs them.

use strict;
use warnings;

use FS::part_export::magicmail::Options;

our ($VERSION, %info);    ## no critic (ProhibitPackageVars) -- Freeside's

# Debug warnings of every export, whatever its option says.
our $DEBUG = 0;           ## no critic (ProhibitPackageVars) -- subclasses set it

BEGIN {
    $VERSION = '1.0.0';

    # Before Freeside's exports are loaded: that reads this.
    %info = FS::part_export::magicmail::Options::info();
}

use parent qw(
    FS::part_export::magicmail::Errors
    FS::part_export::magicmail::Client
    FS::part_export::magicmail::Customers
    FS::part_export::magicmail::Pages
    FS::part_export
);

use FS::part_export::magicmail::Dialogue;
use FS::part_export::magicmail::Jobs;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Rename;
use FS::part_export::magicmail::Text qw(one_line);

=encoding utf8

=head1 NAME

FS::part_export::magicmail - provisions mailboxes on a MagicMail mail server

=head1 DESCRIPTION

An export of Freeside's. A customer is one MagicMail account, a service
(svc_acct) one user with one e-mail address.

It may be a base class: of its methods, those of
L<FS::part_export::magicmail::Client>, L<FS::part_export::magicmail::Customers>
and L<FS::part_export::magicmail::Errors> are meant for subclasses. Freeside calls
the button of an export's page as a function of the export's own type: a subclass
whose C<%info> keeps our C<scripts> has a function C<check_export> too, which calls
ours.

=head1 HOOKS

Each returns the empty text, or what staff should read, and never dies. Freeside calls the
first three with a customer, too, if the setting cust_main-exports names the export: a
customer's new name then reaches the account (L<FS::part_export::magicmail::Rename>),
and nothing is ever refused.

=over 4

=item _export_insert SVC

=item _export_replace NEW, OLD

=item _export_delete SVC

=item _export_suspend SVC

=item _export_unsuspend SVC

=cut

## no critic (ProhibitUnusedPrivateSubroutines) -- Freeside calls them
sub _export_insert {
    my ($self, $svc) = @_;
    return '' if FS::part_export::magicmail::Rename::is_customer($svc);
    return FS::part_export::magicmail::Dialogue->run($self, 'provision', $svc);
}

sub _export_replace {
    my ($self, $new, $old) = @_;
    return FS::part_export::magicmail::Rename::run($self, $new, $old)
        if FS::part_export::magicmail::Rename::is_customer($new);
    return FS::part_export::magicmail::Dialogue->run($self, 'replace', $new, old => $old);
}

sub _export_delete {
    my ($self, $svc) = @_;
    return '' if FS::part_export::magicmail::Rename::is_customer($svc);
    return FS::part_export::magicmail::Dialogue->run($self, 'unprovision', $svc);
}

sub _export_suspend {
    my ($self, $svc) = @_;
    return FS::part_export::magicmail::Dialogue->run($self, 'suspend', $svc);
}

sub _export_unsuspend {
    my ($self, $svc) = @_;
    return FS::part_export::magicmail::Dialogue->run($self, 'unsuspend', $svc);
}
## use critic

=item export_pkg_change SVC, NEW_PKG, OLD_PKG

When a service moves to another customer's package its account stays: it is put
on record. Every other change of a package changes nothing here.

=cut

sub export_pkg_change {
    my ($self, $svc, $new, $old) = @_;
    return '' if !$old || !$self->can('set_remoteid');
    return '' if $new && $new->custnum eq $old->custnum;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $error   = '';
    my $has_run = eval { $error = $self->_keep_account($svc, $old); 1 };
    if (!$has_run) { $error = "$@" }
    return '' if !defined $error || $error eq '';
    $error = one_line('cannot record the account of service ' . $svc->svcnum . ": $error");
    FS::part_export::magicmail::Log::failed($svc, $error);
    return $error;
}

sub _keep_account {
    my ($self, $svc, $old) = @_;
    my $records = $self->_magic_records;
    local $self->{magic_options} = $records->options;
    my $facts = $records->service_facts($svc);
    return '' if ($facts->{exportnum} || 0) == $self->exportnum;
    my $account = $facts->{on_record};
    if ($account eq '') {
        my $customer = $old->cust_main or return '';
        $account = $self->cust_account_id($customer);
    }
    return '' if $account eq '';
    if (!$records->can_record($account)) {
        FS::part_export::magicmail::Log::warned($svc,
                  'service '
                . $svc->svcnum
                . " moves to another customer, and its account $account cannot be put on record: Freeside"
                . ' refuses a character of its name; its hooks will look for another account');
        return '';
    }
    return $self->set_remoteid($svc, $account);
}

=item check_options OPTIONS

Whether the export can be saved with these options, a hashref: the empty text, or
what is wrong. Without a request.

=cut

sub check_options {
    my ($self, $options) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $error = eval {
        my %given = %{$options || {}};
        FS::part_export::magicmail::Options::faults(\%given, ref $self ? $self->machine : undef);
    };
    return one_line(defined $error ? $error : "$@");
}

=item delete

Refused while jobs of the export wait in Freeside's queue: without it they cannot run,
and the mailboxes that they are about would live on.

=cut

sub delete {    ## no critic (ProhibitBuiltinHomonyms) -- Freeside's
    my ($self, @arguments) = @_;
    my $error = FS::part_export::magicmail::Jobs::why_not_delete($self);
    return $error ne '' ? $error : $self->SUPER::delete(@arguments);
}

=item actions

Links of the list of exports, in pairs of label and path: the test report. Freeside
appends a question mark and the number of the export, and shows the page in a small
window.

=cut

sub actions {
    my ($self) = @_;
    my $type = ref $self ? $self->exporttype : 'magicmail';
    return ('Test report' => "search/report_svc_export_test.cgi?export=$type;from");
}

=item _upgrade_exporttype

Called by freeside-upgrade: see L<FS::part_export::magicmail::Upgrade>. Without a request.

=cut

sub _upgrade_exporttype {    ## no critic (ProhibitUnusedPrivateSubroutines) -- Freeside calls it
    require FS::part_export::magicmail::Upgrade;
    return FS::part_export::magicmail::Upgrade::run();
}

=back

=head1 JOBS

Functions for Freeside's queue; see L<FS::part_export::magicmail::Jobs>.

=over 4

=item unprovision_job KEY, VALUE, ...

=item purge_job KEY, VALUE, ...

The keys: exportnum, svcnum, username, domain, account. A job that an older version
queued has the values alone, in this order.

=item finish_job KEY, VALUE, ...

Likewise, and purge: whether it may purge.

=item suspend_job EXPORTNUM, SVCNUM

=item check_export JOB, PARAMETERS

=item audit_export JOB, PARAMETERS

The scripts of the export's page.

=back

=cut

sub unprovision_job {
    my @arguments = @_;
    return FS::part_export::magicmail::Jobs::unprovision(@arguments);
}

sub purge_job {
    my @arguments = @_;
    return FS::part_export::magicmail::Jobs::purge(@arguments);
}

sub finish_job {
    my @arguments = @_;
    return FS::part_export::magicmail::Jobs::finish(@arguments);
}

sub suspend_job {
    my @arguments = @_;
    return FS::part_export::magicmail::Jobs::suspend(@arguments);
}

sub check_export {
    my @arguments = @_;
    return FS::part_export::magicmail::Jobs::check_export(@arguments);
}

sub audit_export {
    my @arguments = @_;
    return FS::part_export::magicmail::Jobs::audit_export(@arguments);
}

1;
