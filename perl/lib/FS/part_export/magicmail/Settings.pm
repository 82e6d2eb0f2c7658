package FS::part_export::magicmail::Settings;

# What staff see of a mailbox beside its status and addresses: what differs from what
# Freeside has, and what MagicMail has. Texts; the page escapes them.

use strict;
use warnings;

use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text qw(one_line);

# Name and text of each, and is_notable of what a person should look at, from what
# _magic_look of FS::part_export::magicmail::Pages saw.
sub shown {
    my ($export, $svc, $seen) = @_;
    my @differences = _differences($export, $svc, $seen);
    my @unknown     = ((defined $seen->{failure} ? $seen->{failure} : ()), @{$seen->{unknown} || []});
    my @shown;
    if (@differences) { push @shown, _notable('differs from Freeside', @differences) }
    if (@unknown)     { push @shown, _notable('not known',             @unknown) }
    if (defined $seen->{account_id}) { push @shown, _item(account => _account($seen)) }
    if ($seen->{user} && $seen->{is_ours}) {
        push @shown, map { _item($_ => _text($seen->{user}{_field($_)})) } 'first name', 'last name';
    }
    my @masters = @{$seen->{masters} || []};
    push @shown, _item('master user' => @masters);
    push @shown,
        _item('packages of ' . (@masters > 1 ? $masters[0] : 'master') => @{$seen->{packages} || []});
    if ($seen->{is_ours}) { push @shown, _item('packages of user' => @{$seen->{user_packages} || []}) }
    return @shown;
}

sub _item {
    my ($name, @texts) = @_;
    return {name => $name, text => one_line(join ', ', @texts)};
}

sub _notable {
    my ($name, @texts) = @_;
    return {name => $name, text => one_line(join '; ', @texts), is_notable => 1};
}

sub _field {
    my ($name) = @_;
    $name =~ tr/ /_/;
    return $name;
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
            map      { "the master has the unexpected package $held{$_}" }
                grep { !exists $wanted{$_} } sort keys %held
        ),
    );
}

1;
