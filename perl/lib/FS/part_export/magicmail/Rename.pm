package FS::part_export::magicmail::Rename;

# What an export does that Freeside calls when a customer changes (the setting
# cust_main-exports): a customer's new name reaches the accounts that are called after
# the customer. It never hinders the change: what fails is a warning, and an audit finds
# it (account_name).

use strict;
use warnings;

use FS::part_export::magicmail::Accounts;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Text        qw(one_line);
use FS::part_export::magicmail::Transaction qw(savepoint);

# The longest that an account may take, in seconds: somebody waits for the page.
my $LONGEST = 5;

my $NOT_REACHED = 5;

# Whether what a hook is called with is a customer, no service.
sub is_customer {
    my ($changed) = @_;
    return ref $changed && $changed->isa('FS::cust_main') ? 1 : 0;
}

# Always returns ''.
sub run {
    my ($export, $new, $old) = @_;
    return '' if !$old || !grep { _text($new, $_) ne _text($old, $_) } qw(first last);
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $has_run = eval { _rename($export, $new); 1 };
    if (!$has_run) { _warn($new, 'cannot rename its account', "$@") }
    return '';
}

sub _text {
    my ($customer, $name) = @_;
    my $text = $customer->get($name);
    return defined $text ? $text : '';
}

# A server of which each service has its own is left alone, as by an audit.
sub _rename {
    my ($export, $customer) = @_;
    return if $export->machine eq '_SVC_MACHINE';
    my $options  = $export->magic_options;
    my $records  = FS::part_export::magicmail::Records->new($export, $options);
    my $accounts = FS::part_export::magicmail::Accounts->new($records);
    local $export->{magic_options} = $options;
    my @accounts = @{savepoint(sub { return [$accounts->of_customer($customer->custnum)] })};
    my $timeout  = $options->{timeout};
    my $within   = $timeout =~ m/\A[\d.]+\z/x && $timeout < $LONGEST ? $timeout : $LONGEST;

    foreach my $account (grep { @{$_->{services}} } @accounts) {
        my ($library, $failure) = $export->magic_library;
        my $reply;
        if ($library) {
            ($reply, $failure) = $library->call(
                'rename_account',
                {account => $account, customer => $customer->custnum, within => "$within"},
                FS::part_export::magicmail::Log::sink($export)
            );
        }
        if ($failure) {
            if ($library && $failure->{status} == $NOT_REACHED) { $library->forget }
            _warn($customer, "account $account->{id} keeps its old name", $failure->{text});
            last;
        }
        if (my @steps = @{$reply->{steps}}) {
            FS::part_export::magicmail::Log::changed($customer,
                "renamed account $account->{id}: " . join('; ', @steps), $export);
        }
    }
    return;
}

sub _warn {
    my ($customer, $what, $why) = @_;
    my $text = one_line('customer ' . $customer->custnum . " was renamed, but $what: $why");
    FS::part_export::magicmail::Log::warned($customer,
        "$text; \"freeside-magicmail repair USER --kind account_name\" does it later");
    return;
}

1;
