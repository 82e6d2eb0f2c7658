package FS::part_export::magicmail::Errors;

# How an export's public methods speak of what failed, and how they reach the
# library. Part of FS::part_export::magicmail, whose methods these are.

use strict;
use warnings;

use FS::Record qw(dbh);

use FS::part_export::magicmail::Library;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Text qw(characters characters_in gives_bytes one_line to_error_log);

my $NOT_REACHED = 5;

=encoding utf8

=head1 NAME

FS::part_export::magicmail::Errors - errors of a magicmail export's methods

=head1 DESCRIPTION

On failure a method returns nothing, and C<error> has the text. A method that
found nothing returns nothing too, without an error. Errors stay until
C<error_init>.

=head1 METHODS

=over 4

=item error [ TEXT ]

Adds a text to the error, where one is given. Returns the error; it is empty
where nothing failed.

=cut

sub error {
    my ($self, $text) = @_;
    my $error = defined $self->{magic_error} ? $self->{magic_error} : '';
    if (defined $text && $text ne '') {
        $error = $error eq '' ? $text : "$error; $text";
        $self->{magic_error} = $error;
    }
    return $error;
}

=item error_init

Forgets the error. Returns the empty text.

=cut

sub error_init {
    my ($self) = @_;
    return $self->{magic_error} = '';
}

=item error_warn [ TEXT ]

Adds a text to the error, where one is given, writes the error to the error log,
where there is one, and forgets it.

=cut

sub error_warn {
    my ($self, $text) = @_;
    my $error = $self->error($text);
    if ($error ne '') {
        to_error_log('[FS::part_export::magicmail] ' . one_line($error));
    }
    $self->error_init;
    return;
}

=item check_for_error ANSWER

Where an answer of C<request> is none, or has an error in it, adds that to the error
and returns the error; otherwise returns the empty text.

=cut

sub check_for_error {
    my ($self, $answer) = @_;
    if (ref $answer ne 'HASH') {
        return $self->error ne '' ? $self->error : $self->error('there is no answer of the server');
    }
    my $found = $answer->{error};
    return '' if !defined $found;
    my @found = map {
        ref $_ eq 'HASH'
            ? join(': ', grep { defined && !ref } @{$_}{qw(code message)})
            : $_
    } ref $found eq 'ARRAY' ? @{$found} : $found;
    my $text = join '; ', grep { defined && $_ ne '' } @found;
    return $self->error($text ne '' ? $text : 'the server reports an error');
}

=item debug [ TEXT, ... ]

Whether the export's debug warnings are on: its option, or
C<$FS::part_export::magicmail::DEBUG> for all of them. If so, the texts are written to
the error log.

=cut

sub debug {
    my ($self, @texts) = @_;
    my $is_on = $self->magic_options->{debug};
    if ($is_on) {
        foreach my $text (@texts) {
            to_error_log(
                '[FS::part_export::magicmail] debug export ' . $self->exportnum . ': ' . one_line($text));
        }
    }
    return $is_on;
}

=item rollback WHAT

Undoes what a subclass did, in the order of this list; WHAT is a hashref with
any of these keys:

  remove_package   [ user, package ]
  purge_user       user
  purge_account    account
  delete_account   account
  suspend_account  account

Each is tried whatever became of the one before; what cannot be undone is added
to the error. What is purged is marked deleted first, and never purged with force: a
purge that comes late cannot hit a mailbox that is used again. Returns an error text
always: a hook that undoes something has failed.

=cut

sub rollback {
    my ($self, $what) = @_;
    my %undo = %{$what || {}};
    my @steps =
        ([remove_package => @{$undo{remove_package} || []}]);
    foreach my $name (qw(purge_user purge_account)) {
        push @steps, [$name, defined $undo{$name} ? $undo{$name} : ()];
    }
    foreach my $name (qw(delete_account suspend_account)) {
        push @steps, [$name, defined $undo{$name} ? $undo{$name} : ()];
    }
    foreach my $step (@steps) {
        my ($method, @arguments) = @{$step};
        next if !@arguments;
        if ($method =~ m/\Apurge_(user|account)\z/x) {
            my $delete = "delete_$1";
            $self->$delete(@arguments) or next;
        }
        $self->$method(@arguments);
    }
    return $self->error ne '' ? $self->error : 'what was done was undone';
}

=item magic_options

The export's options as a hashref: each that is missing or empty has its
default, a checkbox is 1 or 0. They are read from the database once for each
run of a hook, and at each call outside of one.

=cut

sub magic_options {
    my ($self) = @_;
    return $self->{magic_options} if $self->{magic_options};
    my %given      = $self->options;
    my $from_bytes = gives_bytes(dbh);
    my %options =
        map { $_ => characters($given{$_}, $from_bytes) } keys %given;
    my $complete = FS::part_export::magicmail::Options::complete(%options);
    ## no critic (ProhibitPackageVars) -- subclasses and scripts set it
    if ($FS::part_export::magicmail::DEBUG) { $complete->{debug} = 1 }
    return $complete;
}

=item magic_library [ OPTION => VALUE, ... ]

The library, configured as the export is, but for the options given here;
C<machine> may be among them.
Returns the object (see L<FS::part_export::magicmail::Library>), or undef and a
hashref with the C<text> of the failure.

=cut

sub magic_library {
    my ($self, %otherwise) = @_;
    my $machine = delete $otherwise{machine};
    my $configuration =
        FS::part_export::magicmail::Options::configuration({%{$self->magic_options}, %otherwise},
        defined $machine ? $machine : $self->machine);
    return FS::part_export::magicmail::Library->for_configuration($configuration);
}

=item magic_machine SVC

The server of a service: the export's, or the one that was chosen for the service
where a subclass lets each have its own.

=cut

sub magic_machine {
    my ($self, $svc) = @_;
    my $machine = $self->machine;
    return $machine
        if $machine ne '_SVC_MACHINE' || !$self->can('svc_machine');
    return $self->svc_machine($svc);
}

=item magic_call OPERATION, ARGUMENTS

Calls an operation of the library's by its name, with its arguments as a
hashref. Returns what it gives; nothing where the server has no such thing, or
on failure, which is added to the error.

=cut

sub magic_call {
    my ($self, $operation, $arguments) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my ($reply, $failure);
    my $has_run = eval {
        my $library;
        ($library, $failure) = $self->magic_library;
        if ($library) {
            ($reply, $failure) = $library->call(
                $operation,
                characters_in($arguments, gives_bytes(dbh)),
                FS::part_export::magicmail::Log::sink($self)
            );
        }
        if ($library && $failure && $failure->{status} == $NOT_REACHED) {
            $library->forget;
        }
        1;
    };
    if (!$has_run) { $failure = {text => one_line("$@")} }
    if ($failure)  { $self->error($failure->{text}) }
    return if $failure || !defined $reply;
    return $reply;
}

=back

=cut

1;
