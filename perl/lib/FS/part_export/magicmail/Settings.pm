package FS::part_export::magicmail::Settings;

# What staff see of a mailbox beside its status and addresses: what differs from what
# Freeside has, and what MagicMail has. Texts; the page escapes them.

use strict;
use warnings;

use FS::part_export::magicmail::Text qw(one_line);

# What is shown anyway of a user, or says nothing more.
my %KNOWN = map { $_ => 1 } qw(id key name account status first_name last_name master_user);

# As many further fields are shown, and as many characters of each.
my $MOST_FURTHER = 20;
my $LONGEST      = 200;

# Name and text of each, and is_notable of what a person should look at, from what
# _magic_look of FS::part_export::magicmail::Pages saw.
sub shown {
    my ($seen)      = @_;
    my @differences = @{$seen->{differences} || []};
    my @unknown     = ((defined $seen->{failure} ? $seen->{failure} : ()), _unknown($seen));
    my @shown;
    if (@differences) { push @shown, _notable('differs from Freeside', @differences) }
    if (@unknown)     { push @shown, _notable('not known',             @unknown) }
    if (defined $seen->{account_id}) { push @shown, _item(account => _account($seen)) }
    if ($seen->{user} && $seen->{is_ours}) {
        push @shown, map { _item($_ => _text($seen->{user}{_field($_)})) } 'first name', 'last name';
        push @shown, _further($seen->{user});
    }
    my @masters = @{$seen->{masters} || []};
    if ($seen->{masters}) { push @shown, _item('master user' => @masters ? @masters : 'none') }
    if ($seen->{packages}) {
        push @shown, _item('packages of ' . (@masters > 1 ? $masters[0] : 'master') => @{$seen->{packages}});
    }
    if ($seen->{is_ours} && $seen->{user_packages}) {
        push @shown, _item('packages of user' => @{$seen->{user_packages}});
    }
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

# What the server gives of a user besides what is known of its records: it may be the
# quota or the last login. Passwords are never shown.
sub _further {
    my ($user) = @_;
    my @names =
        grep { !$KNOWN{lc $_} && !m/pass/ix && _text($user->{$_}) =~ m/\S/x } sort keys %{$user};
    if (@names > $MOST_FURTHER) { $#names = $MOST_FURTHER - 1 }
    return map { _item(_label($_) => substr $user->{$_}, 0, $LONGEST) } @names;
}

sub _label {
    my ($name) = @_;
    $name =~ tr/_/ /;
    return 'user: ' . one_line(substr $name, 0, $LONGEST);
}

# What could not be read, each cause once; alone if it is the one cause of everything.
sub _unknown {
    my ($seen) = @_;
    my (@causes, %parts);
    foreach my $text (@{$seen->{unknown} || []}) {
        my ($part, $cause) = $text =~ m/\A([^:]+):[ ](.*)\z/sx ? ($1, $2) : ('', $text);
        if (!$parts{$cause}) { push @causes, $cause }
        push @{$parts{$cause}}, $part;
    }
    my $is_all = @causes == 1 && !grep { exists $seen->{$_} } qw(user account masters);
    return $is_all ? @causes : map { join(', ', @{$parts{$_}}) . ": $_" } @causes;
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
    my $status = $seen->{account} ? _text($seen->{account}{status}) : 'not in MagicMail';
    return "$seen->{account_id} (" . ($status eq '' ? 'its status is not shown' : $status) . ')';
}

1;
