package FS::part_export::magicmail::Report;

# The page of the Services report menu, and the script of an export's page: what
# is in order with an export, and what is not.
#
# The page prints of each group "Found COUNT DESCRIPTION attached to magicmail
# export.", then a green "No errors found" where the group has no key errors, else how
# many keys errors has, and each one's description, link and, in red, texts. It prints
# no name of a group or of a text, takes the order of the hashes, and escapes nothing.

use strict;
use warnings;

use Cwd         ();
use POSIX       ();
use Tie::IxHash ();
use Time::HiRes qw(time);

use FS::part_export::magicmail::Audit;
use FS::part_export::magicmail::Checks;
use FS::part_export::magicmail::Concurrent qw(concurrently);
use FS::part_export::magicmail::Findings;
use FS::part_export::magicmail::Library;
use FS::part_export::magicmail::Nightly;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Text qw(html one_line);

my $MODULE = 'FS/part_export/magicmail.pm';

# So many of the newest customers are compared, and that takes so long at least.
my $NEWEST   = 20;
my $SHORTEST = 0.5;

# As many findings of a nightly run are shown.
my $MOST_SHOWN = 200;

# So much longer than an export's own time is waited for its answers.
my $GRACE = 2;

# The groups of the page, for all magicmail exports: each has so many seconds of its
# own, side by side with the others.
sub groups {
    my ($seconds, %options) = @_;
    my $fsurl = defined $options{fsurl} ? $options{fsurl} : '';
    $fsurl =~ s{/*\z}{/}x;
    return [_not_allowed($fsurl)] if !_may_see();
    my %is_first = map { $_->exportnum => 1 } FS::part_export::magicmail::Audit::servers();
    my @begun    = map { _begun($_, $is_first{$_->exportnum}) } _exports();
    my @answers  = concurrently($seconds + $GRACE, map { _question($_, $seconds) } @begun);
    my @groups   = (_installation($fsurl));

    foreach my $begun (@begun) {
        push @groups, _groups_of($begun, shift(@answers) || {}, $fsurl);
    }
    push @groups, _nightly($fsurl, map { $_->{export} } @begun);
    return \@groups;
}

# What is wrong with one export, as texts; $progress is told how far it is.
sub errors_of {
    my ($export, $progress) = @_;
    my $seconds = $export->magic_options->{timeout};
    my @checks  = FS::part_export::magicmail::Checks::of_export($export, $seconds, $progress);
    return map { "$_->{name}: " . _text($_) } grep { !$_->{ok} } @checks;
}

sub _text {
    my ($check) = @_;
    return defined $check->{text} ? $check->{text} : 'not known';
}

# The page itself checks no access right.
sub _may_see {
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $user = $FS::CurrentUser::CurrentUser;
    return $user && $user->access_right('Configuration');
}

sub _not_allowed {
    my ($fsurl) = @_;
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $user   = $FS::CurrentUser::CurrentUser;
    my $name   = $user ? $user->username : 'nobody';
    my $number = $user ? $user->usernum  : '';
    my $errors = _ordered();
    $errors->{access} = _new_place("employee $name", "${fsurl}edit/access_user.html?$number");
    _add($errors->{access}, 'this report needs the access right Configuration');
    return _group('access', 0, 'results that you may see', $errors);
}

sub _exports {
    return grep { $_->isa('FS::part_export::magicmail') } FS::part_export::magicmail::Records::all_exports();
}

# What is known of an export before its server is asked. Never dies.
sub _begun {
    my ($export, $is_compared) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my %begun   = (export => $export);
    my $has_run = eval {
        $begun{checks} = FS::part_export::magicmail::Checks::begun($export);
        if ($is_compared && $begun{checks}{library}) {
            $begun{audit}    = FS::part_export::magicmail::Audit->new($export);
            $begun{accounts} = [$begun{audit}->sample($NEWEST)];
        }
        1;
    };
    if (!$has_run) { $begun{died} = one_line("$@") }
    return \%begun;
}

# Code that asks the server, without the database.
sub _question {
    my ($begun, $seconds) = @_;
    return sub {
        return {} if $begun->{died};
        my $ends    = time + $seconds;
        my $timeout = $begun->{checks}{options}{timeout};
        my $within  = $timeout =~ m/\A[\d.]+\z/x && $timeout < $seconds ? $timeout : $seconds;
        my %answer  = (checks => FS::part_export::magicmail::Checks::asked($begun->{checks}, $within));
        my $rest    = $ends - time;
        if ($begun->{audit} && @{$begun->{accounts}} && $rest >= $SHORTEST) {
            $answer{compared} = $begun->{audit}->compared($rest, @{$begun->{accounts}});
        }
        return \%answer;
    };
}

sub _groups_of {
    my ($begun, $answer, $fsurl) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $export = $begun->{export};
    my @groups;
    my $has_run = eval {
        die "$begun->{died}\n" if $begun->{died};
        push @groups,
            _checks($export, $fsurl,
            FS::part_export::magicmail::Checks::ended($begun->{checks}, $answer->{checks}));
        if ($begun->{audit}) { push @groups, _compared($begun, $answer->{compared}, $fsurl) }
        1;
    };
    if (!$has_run) {
        push @groups, _checks($export, $fsurl, _unknown('Checks', "$@"));
    }
    return @groups;
}

sub _label {
    my ($export) = @_;
    my $name = $export->exportname;
    return
          'export '
        . $export->exportnum . ' ('
        . (defined $name && $name ne '' ? "$name, " : '')
        . $export->machine . ')';
}

# The checks of one export. What has no result is no good news.
sub _checks {
    my ($export, $fsurl, @checks) = @_;
    my $label   = _label($export);
    my @unknown = map  { "$_->{name}: " . _text($_) } grep { !defined $_->{ok} } @checks;
    my @wrong   = grep { defined $_->{ok} && !$_->{ok} } @checks;
    my $errors  = _ordered();
    my $known   = _known($export, $fsurl, map { $_->{custnum} } @wrong);
    foreach my $check (@wrong) {
        my $place =
            $check->{svcnum}
            ? _place($errors, $known, @{$check}{qw(custnum svcnum)})
            : _export_place($errors, $export, $fsurl);
        my $of = $check->{svcnum} ? " (service $check->{svcnum})" : '';
        _add($place, "$check->{name}$of: " . _text($check));
    }
    _add_unknown($errors, $export, $fsurl, @unknown);
    my $description = (@checks == 1 ? 'check' : 'checks') . " of $label";
    return _group($label, scalar @checks, $description, %{$errors} ? $errors : ());
}

# A server's newest customers, compared. Where nothing was, that is no good news; where
# there is nothing to compare yet, it is no news.
sub _compared {
    my ($begun, $result, $fsurl) = @_;
    return if !@{$begun->{accounts}};
    my $export = $begun->{export};
    my $label  = _label($export);
    my $what   = "compared with Freeside by $label, those of the $NEWEST newest customers";
    my $errors = _ordered();
    my @unknown =
        $result
        ? FS::part_export::magicmail::Findings::causes(@{$result->{unread}})
        : 'no time was left';
    my @findings = $result ? @{$result->{findings}} : ();
    my $known    = _known($export, $fsurl, map { $_->{customer} } @findings);

    foreach my $finding (@findings) {
        my $place = _place($errors, $known, @{$finding}{qw(customer svcnum)});
        _add($place, _finding($finding));
    }
    my @orphans = $result ? $begun->{audit}->orphans_among(@{$result->{strangers}}) : ();
    foreach my $orphan (@orphans) {
        my $place = _export_place($errors, $export, $fsurl);
        _add($place, "User without a service: user $orphan->{user} on account $orphan->{account}");
    }
    _add_unknown($errors, $export, $fsurl, @unknown);
    my $read        = $result ? $result->{accounts} : 0;
    my $description = ($read == 1 ? 'account' : 'accounts') . " $what,";
    return _group("compared by $label", $read, $description, %{$errors} ? $errors : ());
}

# What the last nightly run found of all accounts, for each server.
sub _nightly {
    my ($fsurl, @exports) = @_;
    my %exports = map { $_->exportnum => $_ } @exports;
    my @groups;
    foreach my $result (FS::part_export::magicmail::Nightly::last_results()) {
        my $export  = $exports{$result->{exportnum} || 0} or next;
        my $has_run = eval { push @groups, _nightly_of($export, $result, $fsurl); 1 };
        if (!$has_run) {
            push @groups, _checks($export, $fsurl, _unknown('Nightly comparison', "$@"));
        }
    }
    return @groups;
}

sub _nightly_of {
    my ($export, $result, $fsurl) = @_;
    my @findings = @{$result->{findings}};
    my @unknown  = FS::part_export::magicmail::Findings::causes(@{$result->{unread}});
    my $count    = @findings;
    my $more     = @findings > $MOST_SHOWN ? splice @findings, $MOST_SHOWN : 0;
    my $errors   = _ordered();
    my $known    = _known($export, $fsurl, map { $_->{customer} } @findings);
    foreach my $finding (@findings) {
        my $is_placed = $finding->{customer} || $finding->{svcnum};
        my $place =
            $is_placed
            ? _place($errors, $known, @{$finding}{qw(customer svcnum)})
            : _export_place($errors, $export, $fsurl);
        _add($place, _finding($finding), _service_link($fsurl, $finding->{svcnum}));
    }
    if (!$count && !$result->{accounts} && !@unknown) { @unknown = 'no account was compared' }
    _add_unknown($errors, $export, $fsurl, @unknown);
    my $when = POSIX::strftime('%Y-%m-%d %H:%M', localtime $result->{time});
    my $description =
          ($count == 1 ? 'difference' : 'differences')
        . " of all accounts in the nightly comparison of $when by "
        . _label($export)
        . ($more ? ", the first $MOST_SHOWN here (freeside-magicmail audit has them all)" : '') . q{,};
    return _group("nightly $result->{exportnum}", $count, $description, %{$errors} ? $errors : ());
}

sub _service_link {
    my ($fsurl, $svcnum) = @_;
    return '' if !$svcnum;
    return ' <A HREF="' . html("${fsurl}view/svc_acct.cgi?$svcnum") . '">service ' . html($svcnum) . '</A>';
}

sub _unknown {
    my ($name, $text) = @_;
    return {name => $name, ok => undef, text => one_line($text)};
}

sub _finding {
    my ($finding) = @_;
    return
        ucfirst "$finding->{title}, account $finding->{account}:"
        . " Freeside: $finding->{freeside}; MagicMail: $finding->{magicmail}";
}

# What is said of customers: their names, where their pages are, and by which export.
sub _known {
    my ($export, $fsurl, @custnums) = @_;
    my %known  = (fsurl => $fsurl, label => _label($export), names => {});
    my %wanted = map { $_ => 1 } grep { $_ } @custnums;
    if (%wanted) {
        my $records = FS::part_export::magicmail::Records->new($export, $export->magic_options);
        $known{names} = $records->names_of_customers(keys %wanted);
    }
    return \%known;
}

# Where the findings about a customer stand, with a link to its page; of a service
# without one, to the service's.
sub _place {
    my ($errors, $known, $custnum, $svcnum) = @_;
    my ($names,  $fsurl, $label) = @{$known}{qw(names fsurl label)};
    my ($id,     $page) =
        $custnum
        ? ("customer $custnum", "view/cust_main.cgi?$custnum")
        : ("service $svcnum", "view/svc_acct.cgi?$svcnum");
    my $name = $custnum && defined $names->{$custnum} ? " ($names->{$custnum})" : '';
    return $errors->{$id} ||= _new_place("$id$name, $label", "$fsurl$page");
}

sub _export_place {
    my ($errors, $export, $fsurl) = @_;
    my $exportnum = $export->exportnum;
    return $errors->{"export $exportnum"} ||=
        _new_place(_label($export), $fsurl . "edit/part_export.cgi?$exportnum");
}

# What has no result, in one line: the page counts it, and knows nothing between red and
# green.
sub _add_unknown {
    my ($errors, $export, $fsurl, @unknown) = @_;
    return if !@unknown;
    _add(_export_place($errors, $export, $fsurl), 'Without a result: ' . join '; ', @unknown);
    return;
}

sub _new_place {
    my ($description, $link) = @_;
    return {description => html(one_line(ucfirst $description)), link => html($link), errors => _ordered()};
}

sub _add {
    my ($place, $text, $link) = @_;
    my $errors = $place->{errors};
    $errors->{1 + keys %{$errors}} = html(one_line($text)) . (defined $link ? $link : '');
    return;
}

# A hash that keeps its order.
sub _ordered {
    tie my %hash, 'Tie::IxHash';
    return \%hash;
}

sub _group {
    my ($name, $count, $description, $errors) = @_;
    my %group = (count => $count, description => html(one_line($description)));
    if ($errors) { $group{errors} = $errors }
    return {html($name) => \%group};
}

# The files that are loaded: a module of the same name elsewhere in Perl's search
# path would be taken instead of this one without a word.
sub _installation {
    my ($fsurl) = @_;
    my $error   = FS::part_export::magicmail::Library::load();
    my $module  = $INC{$MODULE};
    my $own     = Cwd::abs_path($module);
    my @copies  = grep { -e && Cwd::abs_path($_) ne $own } map { "$_/$MODULE" } grep { !ref } @INC;
    my @loaded  = ('module ' . FS::part_export::magicmail->VERSION . ": $module");
    if ($error eq '') {
        push @loaded,
              'library '
            . FS::part_export::magicmail::Library::version() . ': '
            . FS::part_export::magicmail::Library::file();
    }
    push @loaded, map { "not loaded: $_" } @copies;
    my $errors = _ordered();
    if ($error ne '') {
        $errors->{library} = _new_place('library', "${fsurl}browse/part_export.cgi");
        _add($errors->{library}, $error);
    }
    return _group('installation', 1, 'installation (' . join('; ', @loaded) . ')',
        $error ne '' ? $errors : ());
}

1;
