package FS::part_export::magicmail::Report;

# The page of the Services report menu, and the script of an export's page: what
# is in order with an export, and what is not. The page prints raw HTML, so
# everything is escaped here.

use strict;
use warnings;

use FS::Record  qw(qsearch);
use Time::HiRes qw(time);

use FS::part_export::magicmail::Audit;
use FS::part_export::magicmail::Checks;
use FS::part_export::magicmail::Library;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Text qw(html one_line);

my $MODULE = 'FS/part_export/magicmail.pm';
my $NAME   = 'MagicMail';

# So many of the newest customers are compared, and that takes so long at least.
my $NEWEST   = 20;
my $SHORTEST = 0.5;

# The groups of the page, for all magicmail exports, within some seconds.
sub groups {
    my ($seconds, %options) = @_;
    my $until = time + $seconds;
    my $fsurl = defined $options{fsurl} ? $options{fsurl} : '';
    $fsurl =~ s{/*\z}{/}x;
    my @exports  = _exports();
    my @groups   = _installation();
    my %is_first = map { $_->exportnum => 1 } FS::part_export::magicmail::Audit::servers();
    while (my $export = shift @exports) {
        my $share  = ($until - time) / (1 + @exports);
        my $ends   = time + $share;
        my @checks = _checks($export, $share);
        if ($is_first{$export->exportnum}) { push @checks, _compared($export, $ends - time) }
        push @groups, _group($export, $fsurl, @checks);
    }
    return \@groups;
}

# What is wrong with one export, as texts; $progress is told how far it is.
sub errors_of {
    my ($export, $progress) = @_;
    my $seconds = $export->magic_options->{timeout};
    my @checks  = FS::part_export::magicmail::Checks::of_export($export, $seconds, $progress);
    return map { "$_->{name}: " . _told($_) } grep { !$_->{ok} } @checks;
}

sub _told {
    my ($check) = @_;
    return defined $check->{text} ? $check->{text} : 'not known';
}

sub _exports {
    my $types = join ', ', map { "'$_'" } FS::part_export::magicmail::Records::export_types();
    my @exports =
        sort { $a->exportnum <=> $b->exportnum }
        grep { $_->isa('FS::part_export::magicmail') } qsearch(
        {
            table     => 'part_export',
            hashref   => {},
            extra_sql => "WHERE exporttype IN ( $types )",
        }
        );
    return @exports;
}

# One export's checks; they never die.
sub _checks {
    my ($export, $seconds) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $timeout = eval { $export->magic_options->{timeout} } || $seconds;
    if ($timeout =~ m/\A[\d.]+\z/x && $timeout < $seconds) {
        $seconds = $timeout;
    }
    my @checks;
    my $has_run = eval {
        @checks = FS::part_export::magicmail::Checks::of_export($export, $seconds);
        1;
    };
    if (!$has_run) {
        push @checks, {name => 'Checks', ok => undef, text => one_line("$@")};
    }
    return @checks;
}

# Some services compared, within what is left of the time. They stand for all:
# the whole takes minutes.
sub _compared {
    my ($export, $seconds) = @_;
    my $name = "Services of the $NEWEST newest customers";
    if ($seconds < $SHORTEST) {
        return {name => $name, ok => undef, text => 'not compared: no time was left'}
    }
    my $result =
        FS::part_export::magicmail::Audit->new($export, newest => $NEWEST, within => "$seconds")->run;
    my @checks = map { _difference($_) } @{$result->{findings}};
    if (my ($unread) = @{$result->{unread}}) {
        push @checks, {name => $name, ok => undef, text => $unread->{text}};
    }
    return @checks if @checks;
    return {
        name => $name,
        ok   => 1,
        text => "MagicMail has them as Freeside does ($result->{accounts} accounts)"
    };
}

sub _difference {
    my ($finding) = @_;
    return {
        name   => "Difference, $finding->{title}",
        ok     => 0,
        text   => "$finding->{freeside}; $finding->{magicmail}",
        svcnum => $finding->{svcnum},
    };
}

# The files that are loaded: a module of the same name elsewhere in Perl's search
# path would be taken instead of this one without a word.
sub _installation {
    my %errors;
    my $error = FS::part_export::magicmail::Library::load();
    if ($error ne '') {
        $errors{library} = {
            description => 'The library',
            errors      => {Library => html($error)},
        };
    }
    my $module = $INC{$MODULE};
    my @copies = grep { $_ ne $module && -e } map { "$_/$MODULE" }
        grep { !ref } @INC;
    my $version = FS::part_export::magicmail->VERSION;
    my @loaded  = ("module $version: $module");
    push @loaded, map { "not loaded: $_" } @copies;
    my $file = FS::part_export::magicmail::Library::file();
    if ($file ne '') {
        my $of_library = FS::part_export::magicmail::Library::version();
        push @loaded, "library $of_library: $file";
    }
    return {
        "$NAME installation" => {
            count       => 1,
            description => join('<BR>', map { html($_) } @loaded),
            errors      => \%errors,
        }
    };
}

sub _group {
    my ($export, $fsurl, @checks) = @_;
    my $exportnum = $export->exportnum;
    my $title     = "$NAME export $exportnum: " . $export->machine;
    my %errors;
    foreach my $check (grep { !$_->{ok} } @checks) {
        my $svcnum = $check->{svcnum};
        my $id     = defined $svcnum ? "service $svcnum" : "export $exportnum";
        my $page =
            defined $svcnum
            ? "view/svc_acct.cgi?$svcnum"
            : "edit/part_export.cgi?$exportnum";
        $errors{$id} ||= {
            description => html(ucfirst $id),
            link        => html($fsurl . $page),
            errors      => {},
        };
        $errors{$id}{errors}{html($check->{name})} =
            html(one_line(_told($check)));
    }
    my @fine = map { "$_->{name}: " . _told($_) } grep { $_->{ok} } @checks;
    return {
        html($title) => {
            count       => scalar @checks,
            description => join('<BR>', map { html(one_line($_)) } @fine),
            errors      => \%errors,
        }
    };
}

1;
