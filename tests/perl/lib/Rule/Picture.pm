package Rule::Picture;

# What a server has, in lines that a test can show and compare:
#
#     account FREESIDE1 active "Ann" "Lee"
#     user jane on FREESIDE1, master, active "Jane" "Roe": EMAIL
#     address jane@example.net on jane

use strict;
use warnings;

use Exporter qw( import );

our @EXPORT_OK = qw( picture );

sub picture {
    my ($state) = @_;
    my %part = map { $_ => $state->{$_} } qw( accounts users addresses );
    return join q{},
        (map { _account($_, $part{accounts}{$_}) } sort keys %{$part{accounts}}),
        (map { _user($_, $part{users}{$_}) } sort keys %{$part{users}}),
        (map { "address $_ on $part{addresses}{$_}\n" } sort keys %{$part{addresses}});
}

sub _account {
    my ($id, $account) = @_;
    return "account $id $account->{status} " . _names($account) . "\n";
}

sub _user {
    my ($name, $user) = @_;
    my $master   = $user->{master_user} eq 'Y' ? ' master,' : q{};
    my $packages = join ', ', sort @{$user->{packages}};
    return "user $name on $user->{account},$master $user->{status} " . _names($user) . ": $packages\n";
}

sub _names {
    my ($thing) = @_;
    return qq{"$thing->{first_name}" "$thing->{last_name}"};
}

1;
