package FS::part_export::magicmail::Settings;

# What staff see of a mailbox beside its status and addresses: what differs from what
# Freeside has, and what MagicMail has. Texts; the page escapes them.

use strict;
use warnings;

use FS::part_export::magicmail::Text qw(one_line);

# Name and text of each, and is_notable of what a person should look at, from what
# _magic_look of FS::part_export::magicmail::Pages saw.
sub shown {
    my ($seen)      = @_;
    my @differences = @{$seen->{differences} || []};
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

1;
