package Statements;

# Which SQL was run: every statement that reaches a watched database handle is
# noted, whether it came through FS::Record or DBI itself, with the hook of an
# export that was running, the rows read (undef where DBI was asked itself), and
# by whom: the package that asked FS::Record or DBI.

use strict;
use warnings;

use Time::HiRes qw( time );

our @NOTED;
our $HOOK      = q{};
our $IS_WANTED = 0;

my $seconds = 0;

my @DATABASE_METHODS = qw(
    do selectrow_array selectrow_arrayref selectrow_hashref selectall_array
    selectall_arrayref selectall_hashref selectcol_arrayref
);

my $MESSENGERS = qr/\A (?: FS::Record\b | FS::UID\z | Statements\z | DB[ID]\b )/x;

sub watch {
    my ($class, $dbh) = @_;
    my $note = sub {
        my ($handle, $statement) = @_;
        _note(ref $statement ? $statement->{Statement} : $statement);
        return;
    };
    $dbh->{Callbacks} = {
        (map { $_ => $note } @DATABASE_METHODS),
        ChildCallbacks => {
            execute => sub { my ($handle) = @_; _note($handle->{Statement}); return }
        },
    };
    return _with_new_statements($dbh);
}

# To note each one takes longer than some of them do, and leaks a little.
sub unwatch {
    my ($class, $dbh) = @_;
    $dbh->{Callbacks} = undef;
    return _with_new_statements($dbh);
}

# What was prepared before is watched, or not, as it was then.
sub _with_new_statements {
    my ($dbh) = @_;
    %{$dbh->{CachedKids} || {}} = ();
    return $dbh;
}

sub _note {
    my ($sql) = @_;
    return if !$IS_WANTED;

    # selectall_hashref and its like run prepare and execute in turn: one
    # statement, not two.
    my $asker;
    for (my $depth = 1; my @frame = caller $depth; $depth++) {
        return if $frame[3] =~ /\A DBD::/x;
        if ($frame[0] !~ $MESSENGERS) { $asker ||= $frame[0] }
    }
    push @NOTED, {sql => $sql, hook => $HOOK, rows => undef, by => $asker};
    return;
}

# FS::Record tells how many rows its last search gave.
sub rows_read {
    my ($class, $count) = @_;
    if (@NOTED) { $NOTED[-1]{rows} = $count }
    return;
}

sub in_hook {
    my ($class, $name, $code) = @_;
    local $HOOK = $name;
    my $began  = time;
    my $result = $code->();
    $seconds = time - $began;
    return $result;
}

# How long the last hook took, without Freeside's own time.
sub seconds { return $seconds }

# Runs the code and returns what it ran, in order: { sql, hook, rows, by } each.
sub during {
    my ($class, $code) = @_;
    local $IS_WANTED = 1;
    local @NOTED     = ();
    $code->();
    return @NOTED;
}

# The same, less what Freeside itself ran outside of any hook of an export.
sub of_hooks_during {
    my ($class, $code) = @_;
    return grep { $_->{hook} } $class->during($code);
}

1;
