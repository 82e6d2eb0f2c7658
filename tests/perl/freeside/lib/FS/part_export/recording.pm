package FS::part_export::recording;

# An export that notes each of its hooks, and what the database holds at that
# moment; its option "refuse" names the hook which returns an error, "die" the
# one which dies. "watch" is code of the test's.

use strict;
use warnings;

## no critic (ProhibitPackageVars): Freeside has them

use parent qw( FS::part_export );
use FS::agent;
use FS::Record qw( dbh );
use Tie::IxHash;

tie my %options, 'Tie::IxHash',
    refuse => {label => 'Refuse'},
    die    => {label => 'Die'};

our %info = (
    svc     => 'svc_acct',
    desc    => 'Notes what happens',
    options => \%options,
    weight  => 0,
    notes   => 'For the tests of the small Freeside',
);

our @CALLS;
our $WATCH;

sub _note {
    my ($self, $name, $svc, @more) = @_;
    my $svcnum    = $svc->svcnum;
    my ($rows)    = dbh->selectrow_array('SELECT count(*) FROM svc_acct WHERE svcnum = ?', undef, $svcnum);
    my ($svcpart) = dbh->selectrow_array('SELECT svcpart FROM cust_svc WHERE svcnum = ?',  undef, $svcnum);
    push @CALLS,
        {
        export     => $self->exportnum,
        hook       => $name,
        svc        => $svc,
        more       => \@more,
        svc_acct   => $rows,
        svcpart    => $svcpart,
        autocommit => $FS::UID::AutoCommit,
        signals    => join(q{,}, map { $SIG{$_} || 'DEFAULT' } qw( HUP INT QUIT TERM TSTP PIPE )),
        customer   => scalar $svc->cust_main,
        };
    if ($WATCH)                        { $WATCH->($self, $name, $svc, @more) }
    if ($self->option('die') eq $name) { die "the $name hook died\n" }
    return $self->option('refuse') eq $name ? "the $name hook refused" : q{};
}

## no critic (ProhibitUnusedPrivateSubroutines): Freeside calls them
sub _export_insert {
    my ($self, @arguments) = @_;
    return $self->_note(insert => @arguments);
}

sub _export_replace {
    my ($self, @arguments) = @_;
    return $self->_note(replace => @arguments);
}

sub _export_delete {
    my ($self, @arguments) = @_;
    return $self->_note(delete => @arguments);
}

sub _export_suspend {
    my ($self, @arguments) = @_;
    return $self->_note(suspend => @arguments);
}

sub _export_unsuspend {
    my ($self, @arguments) = @_;
    return $self->_note(unsuspend => @arguments);
}

sub export_pkg_change {
    my ($self, @arguments) = @_;
    return $self->_note(pkg_change => @arguments);
}

sub export_getstatus {
    my ($self, $svc, $html, $status) = @_;
    ${$html} .= '<b>noted</b>';
    $status->{user} = $svc->username;
    return q{};
}

sub check_options {
    my ($self, $options) = @_;
    return ($options->{refuse} || q{}) eq 'everything'
        ? 'option refuse: everything is too much'
        : q{};
}

# Reached by jobs.
sub work {
    my (@arguments) = @_;
    push @CALLS,
        {
        hook => 'work',
        more => \@arguments,
        user => $FS::CurrentUser::CurrentUser->username
        };
    if (!ref $arguments[0] && $arguments[0] eq 'fail') { die "cannot work\n" }
    return;
}

sub write_and_fail {
    FS::agent->new({agent => 'Half made'})->insert;
    die "written and failed\n";
}

sub script {
    my ($job, $parameter) = @_;
    if (!$FS::CurrentUser::CurrentUser->access_right('Configuration')) {
        die "access denied\n";
    }
    $job->update_statustext("50,Checking export $parameter->{script_exportnum}");
    $job->update_statustext('100,Done');
    return;
}

1;
