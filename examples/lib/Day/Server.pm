package Day::Server;

# What the mail server of the day holds and what it was asked: its accounts as
# rows of a table, the difference from what a day expects, its requests as short
# lines. Passwords are compared and never shown.

use strict;
use warnings;

my $MASK = '****';

# The accounts of a state: id => { status, first_name, last_name, users => {
# name => { status, master, packages, addresses, first_name, last_name, password
# } } }, by names as Freeside has them.
sub accounts {
    my ($state) = @_;
    my %accounts;
    for my $id (keys %{$state->{accounts}}) {
        $accounts{$id} = {%{$state->{accounts}{$id}}, users => {}};
    }
    my %addresses;
    for my $address (sort keys %{$state->{addresses}}) {
        push @{$addresses{lc $state->{addresses}{$address}}}, $address;
    }
    for my $name (keys %{$state->{users}}) {
        my $user = $state->{users}{$name};
        $accounts{$user->{account}}{users}{$name} = {
            %{$user},
            master    => ($user->{master_user} || q{}) eq 'Y' ? 1 : 0,
            packages  => [sort @{$user->{packages} || []}],
            addresses => $addresses{lc $name} || [],
        };
    }
    return \%accounts;
}

# What differs between accounts and what is expected of them, as sentences:
# those not expected to be different are to be as before.
sub differences {
    my ($now, $before, $expected) = @_;
    my %ids = map { $_ => 1 } keys %{$now}, keys %{$before}, keys %{$expected};
    return map {
        exists $expected->{$_}
            ? _account_differences($_, $now->{$_}, $expected->{$_})
            : _untouched($_, $now->{$_}, $before->{$_})
    } sort keys %ids;
}

# The ids of the accounts that are not as they were.
sub changed {
    my ($now, $before) = @_;
    my %ids = (%{$now}, %{$before});
    return grep { _as_text($now->{$_}) ne _as_text($before->{$_}) } keys %ids;
}

sub _untouched {
    my ($id, $now, $before) = @_;
    return if _as_text($now) eq _as_text($before);
    return "account $id changed, and should be as before";
}

sub _account_differences {
    my ($id, $now, $expected) = @_;
    if (!$expected) { return $now ? "account $id is in MagicMail, and should not be" : () }
    return "account $id is not in MagicMail" if !$now;
    my @differences =
        map { _field_difference("account $id", $_, $now, $expected) } qw( status first_name last_name );
    my %names = map { $_ => 1 } keys %{$now->{users}}, keys %{$expected->{users}};
    for my $name (sort keys %names) {
        my ($user, $wanted) = ($now->{users}{$name}, $expected->{users}{$name});
        if    (!$user)   { push @differences, "user $name is not on account $id" }
        elsif (!$wanted) { push @differences, "user $name is on account $id, and should not be" }
        else {
            push @differences,
                map { _field_difference("user $name", $_, $user, $wanted) }
                qw( status master packages addresses first_name last_name password );
        }
    }
    return @differences;
}

sub _field_difference {
    my ($whose, $field, $now, $wanted) = @_;
    return if !exists $wanted->{$field};
    my ($is, $should) = map { _value($field, $_->{$field}) } $now, $wanted;
    return                                                if $is eq $should;
    return "$whose: the password is not the expected one" if $field eq 'password';
    return qq{$whose, $field: it is "$is", and should be "$should"};
}

sub _value {
    my ($field, $value) = @_;
    return $value ? 'yes' : 'no' if $field eq 'master';
    return join ', ', sort @{$value} if ref $value eq 'ARRAY';
    return defined $value ? $value : q{};
}

sub _as_text {
    my ($account) = @_;
    return q{} if !$account;
    my @texts = map { "$_=" . _value($_, $account->{$_}) } grep { $_ ne 'users' } sort keys %{$account};
    for my $name (sort keys %{$account->{users}}) {
        push @texts, _user_as_text($name, $account->{users}{$name});
    }
    return join "\n", @texts;
}

sub _user_as_text {
    my ($name, $user) = @_;
    return join "\n", $name, map { "$_=" . _value($_, $user->{$_}) } sort keys %{$user};
}

# The users of an account as rows, those that were there before and are gone
# among them, each marked as new (+), changed (*) or gone (-).
sub rows {
    my ($now, $before) = @_;
    my %new   = %{$now    ? $now->{users}    : {}};
    my %old   = %{$before ? $before->{users} : {}};
    my %names = (%new, %old);
    my @rows;
    for my $name (sort keys %names) {
        my $user = $new{$name} || $old{$name};
        my ($mark, $style) = _mark($name, $new{$name}, $old{$name});
        my @cells = ($name, $new{$name} ? $user->{status} : 'gone', $user->{master} ? 'yes' : q{});
        push @rows,
            {
            mark  => $mark,
            style => $style,
            cells => [@cells, map { _list($user->{$_}) } qw( packages addresses )]
            };
    }
    return @rows;
}

sub _mark {
    my ($name, $new, $old) = @_;
    return (q{-}, 'dim')    if !$new;
    return (q{+}, 'green')  if !$old;
    return (q{*}, 'yellow') if _user_as_text($name, $new) ne _user_as_text($name, $old);
    return (q{ }, q{});
}

sub _list {
    my ($items) = @_;
    return @{$items} ? $items : q{};
}

# A request of the server's log: its line, and how it was answered.
sub request_line {
    my ($request) = @_;
    my %parameter = %{$request->{parameters} || {}};
    delete $parameter{client_type};
    my $action = delete $parameter{action};
    my @parts  = (sprintf('%-4s', $request->{method}), $request->{path});
    if (defined $action) { push @parts, $action }
    for my $name (sort { _order($a) cmp _order($b) } keys %parameter) {
        my $value = $name eq 'password' ? $MASK : $parameter{$name};
        push @parts, "$name=$value";
    }
    return (join(q{ }, @parts), _outcome($request));
}

# What matters most comes first, since a long line is cut.
sub _order {
    my ($name) = @_;
    my %place = (status => 0, master_user => 0, account => 1, user => 1, package => 1, password => 2);
    return sprintf '%d %s', exists $place{$name} ? $place{$name} : 3, $name;
}

sub _outcome {
    my ($request) = @_;
    my $status = $request->{status};
    return 'no answer'    if !defined $status;
    return "$status none" if $status eq '400' && $request->{method} eq 'GET' && !$request->{fault};
    return $status;
}

1;
