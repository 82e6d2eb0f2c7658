package FS::part_export::magicmail::Settings;

# What staff see of a mailbox: what MagicMail has, and what differs from what
# Freeside has. Texts and lists of texts; the page escapes them.

use strict;
use warnings;

use FS::part_export::magicmail::Services;

# Pairs of a name and its text or texts, from what _magic_look of
# FS::part_export::magicmail::Pages saw.
sub shown {
    my ($export, $svc, $seen) = @_;
    my @shown;
    if (defined $seen->{account_id}) {
        push @shown, account => _account($seen);
    }
    if ($seen->{user} && $seen->{is_ours}) {
        my %user = %{$seen->{user}};
        push @shown,
            'user status' => _text($user{status}),
            'first name'  => _text($user{first_name}),
            'last name'   => _text($user{last_name}),
            addresses     => $seen->{addresses} || [];
    }
    my @masters = @{$seen->{masters} || []};
    push @shown,
        'master user'                                            => \@masters,
        'packages of ' . (@masters > 1 ? $masters[0] : 'master') => $seen->{packages} || [];
    if ($seen->{is_ours}) {
        push @shown, 'packages of user' => $seen->{user_packages} || [];
    }
    my @unknown = ((defined $seen->{failure} ? $seen->{failure} : ()), @{$seen->{unknown} || []});
    if (@unknown) { push @shown, 'not known' => \@unknown }
    my @differences = _differences($export, $svc, $seen);
    if (@differences) {
        push @shown, 'differs from Freeside' => \@differences;
    }
    return @shown;
}

sub _text {
    my ($text) = @_;
    return defined $text ? $text : '';
}

sub _account {
    my ($seen) = @_;
    return $seen->{account_id} if !exists $seen->{account};
    my $status =
        $seen->{account} ? $seen->{account}{status} : 'not in MagicMail';
    return "$seen->{account_id} (" . _text($status) . ')';
}

# What was not read is no difference.
sub _differences {
    my ($export, $svc, $seen) = @_;
    return if !exists $seen->{user};
    my $user     = $seen->{user};
    my $username = $seen->{records}->text($svc->username);
    return "there is no user $username in MagicMail" if !$user;
    if (!$seen->{is_ours}) {
        my $account = _text($user->{account});
        return "user $username is on account $account" . ", not $seen->{account_id}";
    }
    return (
        _status_difference($export, $seen),
        _name_difference($svc, $seen),
        _address_difference($username, $seen),
        _account_differences($export, $seen),
    );
}

sub _status_difference {
    my ($export, $seen) = @_;
    my $is_suspended =
        $seen->{facts}{susp} && !$export->get('no_suspend') ? 1 : 0;
    my $wanted = $is_suspended ? 'suspended' : 'active';
    my $status = lc _text($seen->{user}{status});
    return if $status eq $wanted;
    return "the user is $status and should be $wanted";
}

sub _name_difference {
    my ($svc, $seen) = @_;
    my $finger = $seen->{records}->text($svc->finger);
    my $name   = join q{ }, map { _text($seen->{user}{$_}) } qw(first_name last_name);
    foreach my $text ($finger, $name) {
        $text =~ s/\s+/ /gx;
        $text =~ s/\A[ ]|[ ]\z//gx;
    }
    return if $finger eq $name;
    return qq{the name is "$name" and should be "$finger"};
}

sub _address_difference {
    my ($username, $seen) = @_;
    my $domain = $seen->{facts}{domain};
    return if !exists $seen->{addresses} || $domain eq '';
    my $address = "$username\@$domain";
    return if grep { lc eq lc $address } @{$seen->{addresses} || []};
    return "the address $address is not on the user";
}

sub _account_differences {
    my ($export, $seen) = @_;
    my @differences;
    if (exists $seen->{account}) {
        my $status =
            $seen->{account} ? lc _text($seen->{account}{status}) : '';
        if ($status ne 'active') {
            push @differences, 'the account is not active';
        }
    }
    return @differences if !exists $seen->{masters};
    my $masters = @{$seen->{masters} || []};
    if ($masters != 1) {
        push @differences, "the account has $masters master users";
    }
    elsif (exists $seen->{packages}) {
        push @differences, _package_differences($seen);
    }
    return @differences;
}

sub _package_differences {
    my ($seen)   = @_;
    my $services = FS::part_export::magicmail::Services->new($seen->{records});
    my $account  = $seen->{account_id};
    my %wanted =
        map { uc $_->{package} => $_->{package} }
        grep { lc $_->{account_id} eq lc $account } $services->on_accounts([$account]);
    my %held = map { uc $_ => $_ } @{$seen->{packages} || []};
    return (
        (
            map  { "the master lacks the package $wanted{$_}" }
            grep { !exists $held{$_} } sort keys %wanted
        ),
        (
            map      { "the master has the package $held{$_} too much" }
                grep { !exists $wanted{$_} } sort keys %held
        ),
    );
}

1;
