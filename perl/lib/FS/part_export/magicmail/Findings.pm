package FS::part_export::magicmail::Findings;

# What an audit found and a repair did, as text: a table for people, JSON and CSV
# for programs. Lines are at most 79 columns wide, where their words allow it.

use strict;
use warnings;

use FS::part_export::magicmail::Library;

my $WIDTH  = 79;
my $INDENT = 4;

# So many characters of findings are told in one text.
my $LONGEST_SENTENCE = 1_300;

# What a line of CSV has of a finding.
my @COLUMNS = qw(server key kind title customer svcnum mailbox account freeside magicmail mend steps hint);

# The results of audits, for people.
sub table {
    my (@results) = @_;
    my @lines;
    foreach my $result (@results) {
        push @lines, _wrapped(_summary($result), 0), '';
        my @findings = @{$result->{findings}};
        if (@findings) { push @lines, _rows(@findings), '' }
        push @lines,
            map { _wrapped("service $_->{svcnum} was left out: $_->{text}", 0) } @{$result->{left_out}};
        push @lines, map { _wrapped('COULD NOT TELL: ' . _unread($_), 0) } @{$result->{unread}};
    }
    return join("\n", @lines) . "\n";
}

sub _summary {
    my ($result) = @_;
    my $found = _found($result);
    return "$result->{machine}: $found; services: $result->{services},"
        . " accounts read: $result->{accounts}, requests: $result->{requests}";
}

sub _unread {
    my ($unread) = @_;
    return defined $unread->{account} ? "account $unread->{account}: $unread->{text}" : $unread->{text};
}

sub _rows {
    my (@findings) = @_;
    my ($widest)   = sort { $b <=> $a } map { length $_->{key} } {key => 'FINDING'}, @findings;
    my $row        = sub { return sprintf "%-*s  %s", $widest, @_ };
    my @lines      = ($row->('FINDING', 'WHAT'));
    foreach my $finding (@findings) {
        push @lines, $row->(@{$finding}{qw(key title)}), _details($finding);
    }
    return @lines;
}

sub _details {
    my ($finding) = @_;
    my @steps     = @{$finding->{steps}};
    my $mend      = @steps ? join('; ', @steps) : "by hand: $finding->{hint}";
    return map { _wrapped($_, $INDENT) } (
        'account:   ' . _account($finding),
        "Freeside:  $finding->{freeside}",
        "MagicMail: $finding->{magicmail}",
        "to mend:   $mend",
    );
}

sub _account {
    my ($finding) = @_;
    my $customer = $finding->{customer};
    return $finding->{account} . ($customer ? ", customer $customer" : '');
}

# Lines of a text, indented; what goes on is indented further.
sub _wrapped {
    my ($text, $indent) = @_;
    my ($label) = $text =~ m/\A((?:\w+[ ])?\w+:[ ]+)/x;
    my $further = $indent && defined $label ? length $label : 2;
    my @lines   = (q{ } x $indent . (defined $label ? $label : ''));
    my $rest    = defined $label ? substr $text, length $label : $text;
    my $is_new  = 1;
    my $width   = ($ENV{COLUMNS} || '') =~ m/\A([1-9]\d{1,3})\z/x ? $1 : $WIDTH;
    foreach my $word (split q{ }, $rest) {
        my $longer = $lines[-1] . ($is_new ? '' : q{ }) . $word;
        if (length $longer <= $width || $is_new) { $lines[-1] = $longer }
        else                                     { push @lines, q{ } x ($indent + $further) . $word }
        $is_new = 0;
    }
    return @lines;
}

# What an audit found, in one text of bounded length for Freeside's pages; '' where
# nothing differs. How to see all of it stands before what may be cut off.
sub sentence {
    my ($result) = @_;
    my @findings = @{$result->{findings}};
    my @unread   = causes(@{$result->{unread}});
    if (!@findings && !@unread) {
        return '' if $result->{accounts};
        return "nothing was compared: no service of this Freeside is on $result->{machine}";
    }
    my @texts = (_found($result) . " on $result->{machine}.");
    if (@findings) {
        push @texts, "The whole list: the command freeside-magicmail audit USER $result->{exportnum}.";
    }
    push @texts, map { "Could not tell: $_." } @unread;
    my $length = length join q{ }, @texts;
    my $more   = @findings;
    foreach my $text (map { _told($_) } @findings) {
        $length += 1 + length $text;
        last if $length > $LONGEST_SENTENCE;
        push @texts, $text;
        $more--;
    }
    if ($more) { push @texts, @findings == $more ? () : "And $more more." }
    return join q{ }, @texts;
}

# A finding: whose it is, both sides, the remedy.
sub _told {
    my ($finding) = @_;
    my @whose = (
        $finding->{customer} ? "customer $finding->{customer}" : (),
        "account $finding->{account}",
        defined $finding->{mailbox} && $finding->{mailbox} ne '' ? "mailbox $finding->{mailbox}" : (),
    );
    my @steps = @{$finding->{steps}};
    my $remedy =
        @steps ? 'freeside-magicmail repair does: ' . join('; ', @steps) : "by hand: $finding->{hint}";
    return
          ucfirst(join ', ', @whose)
        . ": $finding->{title}. Freeside: $finding->{freeside}. MagicMail: $finding->{magicmail}."
        . " Remedy: $remedy.";
}

# Why something could not be told: each cause once, with the accounts that it concerns.
sub causes {
    my @unread = @_;
    my (@causes, %accounts);
    foreach my $unread (@unread) {
        my ($account, $cause) = @{$unread}{qw(account text)};
        if (defined $account)   { $cause =~ s/\Acould[ ]not[ ]read[ ]account[ ]\Q$account\E:[ ]//x }
        if (!$accounts{$cause}) { push @causes, $cause }
        push @{$accounts{$cause}}, defined $account ? $account : ();
    }
    return map { _cause($_, @{$accounts{$_}}) } @causes;
}

sub _cause {
    my ($cause, @accounts) = @_;
    return $cause if !@accounts;
    my $others = @accounts - 1;
    return
          "account $accounts[0]"
        . ($others ? " and $others other" . ($others == 1 ? '' : 's') : '')
        . ": $cause";
}

# Never good news where nothing was compared.
sub _found {
    my ($result) = @_;
    my $count = @{$result->{findings}};
    return _differences($count)           if $count;
    return 'not known whether it differs' if @{$result->{unread}};
    return $result->{accounts} ? _differences(0) : 'nothing was compared';
}

sub _differences {
    my ($count) = @_;
    return $count == 0 ? 'no difference' : $count == 1 ? '1 difference' : "$count differences";
}

# What a repair would do: the findings chosen, and those that want a person.
sub intended {
    my ($repair) = @_;
    my @lines    = map { _wrapped("would mend $_->{key}: " . join('; ', @{$_->{steps}}), 0) } $repair->chosen;
    push @lines, map { _wrapped("by hand $_->{key}: $_->{hint}", 0) } $repair->by_hand;
    return join q{}, map { "$_\n" } @lines;
}

# What became of one finding.
sub result {
    my ($result) = @_;
    my %said = (
        mended => join('; ', @{$result->{steps}}),
        gone   => 'the two sides do not differ so any more',
        hand   => join('; ', @{$result->{warnings}}),
        failed => $result->{text},
    );
    my $word = $result->{state} eq 'failed' ? 'FAILED' : $result->{state};
    return join q{}, map { "$_\n" } _wrapped("$word $result->{key}: $said{$result->{state}}", 0);
}

sub csv {
    my (@results) = @_;
    my @lines = _csv_line(@COLUMNS);
    foreach my $result (@results) {
        foreach my $finding (@{$result->{findings}}) {
            my %row = (%{$finding}, server => $result->{machine}, steps => join '; ', @{$finding->{steps}});
            push @lines, _csv_line(@row{@COLUMNS});
        }
        foreach my $unread (@{$result->{unread}}) {
            my %row = (
                server    => $result->{machine},
                kind      => 'could_not_tell',
                account   => $unread->{account},
                magicmail => $unread->{text}
            );
            push @lines, _csv_line(@row{@COLUMNS});
        }
    }
    return join q{}, @lines;
}

# A text that a spreadsheet would take for a formula gets an apostrophe.
sub _csv_line {
    my (@values) = @_;
    foreach my $value (@values) {
        $value = defined $value ? "$value" : '';
        $value =~ s/"/""/gx;
        $value =~ s/\A(?=[=+\-@])/'/x;
    }
    return join(q{,}, map { qq{"$_"} } @values) . "\r\n";
}

# Characters, as the others are.
sub json {
    my ($document) = @_;
    my $text = FS::part_export::magicmail::Library::json_text($document);
    utf8::decode($text);
    return "$text\n";
}

1;
