package MailboxPage;

# The page that runs hooks in a child of Apache: /mailbox?do=life&number=17 makes
# the mailbox user17 of a customer of its own, changes it, suspends and
# unsuspends it, and unprovisions a second one. It answers with what went wrong
# ("" where nothing did), the process, and whether the library's handle is the
# one that the parent made before the fork.

use strict;
use warnings;

## no critic (ProhibitPackageVars): Freeside's

use Apache2::Const -compile => qw( OK );
use Apache2::RequestIO  ();
use Apache2::RequestRec ();
use APR::Const          ();
use English             qw( -no_match_vars );
use JSON::PP;

use ISP;

my $NUMBER_OF_THE_PARENT = 1;

my ($isp, $export, $inherited);

sub warm_up {
    open_freeside();
    $inherited = handle();
    my @said = life($NUMBER_OF_THE_PARENT);
    die "the parent's hooks: @said\n" if @said;
    undef $export;
    undef $isp;
    return;
}

# Each child has a Freeside, and a database handle, of its own. A file says that
# it is ready.
sub child_init {
    open_freeside();
    open my $file, '>', "$ENV{TMPDIR}/ready-$PID" or die "ready: $OS_ERROR\n";
    close $file or die "ready: $OS_ERROR\n";
    return Apache2::Const::OK();
}

sub open_freeside {
    $isp    = ISP->open;
    $export = $isp->export(
        'magicmail',
        machine => '127.0.0.1',
        options => {
            port            => $ENV{MAGICMAIL_PORT},
            ca_file         => $ENV{MAGICMAIL_CA},
            client_id       => 'freeside',
            client_password => 'secret',
        }
    );
    return;
}

sub handle {
    my ($library) = $export->magic_library;
    return $library->{pointer};
}

sub handler {
    my ($request) = @_;
    my %parameter =
        map { split /=/x, $_, 2 } split /&/x, $request->args || q{};
    my @said;
    if ($parameter{do} eq 'life') {
        my $is_done = eval { @said = life($parameter{number}); 1 };
        if (!$is_done) { push @said, "died: $EVAL_ERROR" }
    }
    $request->content_type('application/json');
    $request->print(
        encode_json(
            {
                process   => $PID,
                said      => \@said,
                inherited => handle() == $inherited ? 1 : 0,
            }
        )
    );
    return Apache2::Const::OK();
}

# What Freeside said that was not ''.
sub life {
    my ($number) = @_;
    my $customer = $isp->customer(custnum => 1_000 + $number);
    my $first    = $isp->mailbox($customer, username => "user$number");
    my @said     = $first->insert;
    my $other    = $isp->mailbox($customer, username => "second$number");
    push @said, $other->insert, $isp->change($first, finger => "User $number");
    my $package = $first->cust_svc->cust_pkg;
    push @said, $package->suspend, $isp->fresh($package)->unsuspend, $isp->fresh($other)->delete;
    return grep { $_ } @said;
}

1;
