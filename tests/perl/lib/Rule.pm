package Rule;

# Tests of behaviour: each rule is a subtest whose name says it, run once for
# each shape that a real server may have (see Rule::Forms), in an empty Freeside,
# on an empty MagicMail, through the export, the library and TLS. Whatever a rule
# made anybody read is looked through for secrets, and for Perl's own warnings.
#
#     rule 'a_first_mailbox_is_the_master' => sub {
#         my $jane = provision( isp->customer, username => 'jane' );
#         server_is 'all of it', <<'LINES';
#     ...

use strict;
use warnings;
use utf8;

use Encode     ();
use Exporter   qw( import );
use List::Util qw( min );
use Test::More;

use FS::Record qw( qsearch );
use ISP;
use Rule::Forms;
use Rule::Picture qw( picture );
use Rule::Secrets;
use Simulator;

## no critic (ProhibitPackageVars): Freeside's

our @EXPORT_OK = qw(
    emptied_is_gone
    api_password change_server export form heard isp log_lines magicmail new_export nothing_there passes
    password_of provision refused requests_during rule says secrets server_is staff_read text_of writes_during
);
our %EXPORT_TAGS = (all => \@EXPORT_OK);

my @DOMAINS = qw( example.net example.org example.com );

# With characters that each way of writing a secret down escapes otherwise.
my $API_PASSWORD = q{api-p&%=é"'<w>-word};

my ($magicmail, $isp, $export, $form, @heard, @read);

sub magicmail { return $magicmail }
sub isp       { return $isp }

# The rule's first export, for the definition Mailbox.
sub export { return $export }

# The form that the server has now.
sub form { return $form }

# After a purge of the only mailbox of account FREESIDE1. A server that lists no deleted
# users does not show that nobody is left on it: Freeside's history does.
sub emptied_is_gone {
    return server_is('nothing is left', q{});
}

# rule NAME => [ modes => {}, options => {}, forms => N, ] sub { ... }: modes of the
# server that this rule is about, options of the export that it begins with; forms,
# where the shape of records does not matter, says how many are enough; small, why a real
# Freeside never comes there, which skips the rule in one; not_in_3, the same of Freeside 3.
# RULE in the
# environment chooses rules; RULES_LISTED names them without running any. On
# PostgreSQL, which knows nothing of a server's forms, two of them are enough.
sub rule {
    my ($name, @more) = @_;
    my $code = pop @more;
    my %more = @more;
    return if defined $ENV{RULE} && $name !~ /$ENV{RULE}/x;
    if ($ENV{RULES_LISTED}) { return pass $name }
    _open();
    return subtest $name => sub {
        if ($more{small}    && $isp->is_real)       { plan skip_all => $more{small} }
        if ($more{not_in_3} && $isp->is_freeside_3) { plan skip_all => $more{not_in_3} }
        my @forms = Rule::Forms->all;
        my $count = min($more{forms} || scalar @forms, $isp->most_forms);
        for my $each (@forms[0 .. $count - 1]) {
            $form = $each;
            subtest $form->name => sub { _run($code, %more) };
        }
    };
}

sub _open {
    if ($magicmail) { return }
    $magicmail = Simulator->start(
        domains         => \@DOMAINS,
        client_id       => 'freeside',
        client_password => Encode::encode_utf8($API_PASSWORD),
        arguments       => ['--host', 'localhost'],
    );
    $isp = ISP->open;
    for my $handle (qw( output failure_output todo_output )) {
        binmode Test::More->builder->$handle, ':encoding(UTF-8)';
    }
    return;
}

sub _run {
    my ($code, %more) = @_;
    @heard = @read = ();
    local $SIG{__WARN__} = sub {
        push @heard, grep { !$isp->is_freesides($_) } "$_[0]";
        return
    };
    $isp->empty_for_a_rule;
    $magicmail->reset;
    $magicmail->modes($form->modes, %{$more{modes} || {}});
    $export = new_export(options => $more{options});
    local $@ = q{};

    if (!eval { $code->(); 1 }) {
        fail "it died: $@"
    }
    _look_through();
    return;
}

# An export on the server: options => {}, definitions => [], no_suspend.
sub new_export {
    my (%column) = @_;
    my %option = (client_password => $API_PASSWORD, timeout => 10, %{$column{options} || {}});
    return $isp->magicmail($magicmail, %column, options => {$form->options, %option});
}

# What nobody may ever read, and what no rule should bring about.
sub _look_through {
    my $secrets = secrets();
    my $state   = $magicmail->state;
    $secrets->add(map { $_->{password} } values %{$state->{users}});
    $secrets->add(map { $_->_password } qsearch('svc_acct', {}));
    my @places = (
        (map { ['the error log'      => $_] } @heard),
        (map { ['a text'             => $_] } @read),
        (map { [q{Freeside's log}    => $_] } log_lines()),
        (map { ['an argument of job' => $_->arg] } qsearch('queue_arg', {})),
        (map { ['a text of a job'    => $_->get('statustext')] } qsearch('queue', {})),
    );
    my @shown = grep { $secrets->shown_in($_->[1]) } @places;
    is join("\n", map { "$_->[0]: $_->[1]" } @shown), q{}, 'no secret is shown';
    my @own = grep {
        !m/\A (?: \[ FS::part_export::magicmail \] | (?: GET | POST ) [ ] )/x && !$isp->is_freesides($_)
    } @heard;
    is join(q{}, @own), q{}, 'Perl has nothing to warn of';
    return;
}

# A provisioned mailbox of a customer, a package: it must succeed.
sub provision {
    my ($owner, %column) = @_;
    my $svc = $isp->mailbox($owner, %column);
    passes('provision ' . $svc->username, sub { return $svc->insert });
    return $isp->fresh($svc);
}

# The password of the API client; what must not be shown.
sub api_password { return $API_PASSWORD }

sub secrets { return Rule::Secrets->new($magicmail->client_id, $API_PASSWORD) }

# The text that the code gives, noted as read.
sub text_of {
    my ($code) = @_;
    my $text = $code->();
    $text = q{} if !defined $text;
    push @read, $text;
    return $text;
}

sub passes {
    my ($what, $code) = @_;
    return is text_of($code), q{}, $what;
}

# The code's text must be one that staff can read: what could not be done, to
# what, and why. Returns it less Freeside's own words before it.
sub refused {
    my ($what, $why, $code) = @_;
    my $text = text_of($code);
    if ($text eq q{}) {
        fail "$what: it was not refused";
        return q{};
    }
    my ($ours) = $text =~ m/ [(]transaction [ ] rolled [ ] back[)]: [ ] (.*) \z /sx;
    $ours = $text if !defined $ours;
    says($ours, $why, $what);
    staff_read($what, $ours);
    return $ours;
}

# Whether a text has these words in it, or matches.
sub says {
    my ($text, $why, $what) = @_;
    return like $text, ref $why ? $why : qr/\Q$why\E/x, $what;
}

# A text as staff should find it.
sub staff_read {
    my ($what, $text) = @_;
    my $verb = qr/ provision | unprovision | change | suspend | unsuspend | purge /x;
    push @read, $text;
    like $text, qr/ \A cannot [ ] (?: $verb ) [ ] (?: mailbox [ ] \S | the [ ] mailbox: ) /x,
        "$what: the first words say what";
    unlike $text, qr/[[:cntrl:]]/x,   "$what: one line";
    unlike $text, qr/(?<![.])[.]\z/x, "$what: no full stop";
    cmp_ok length $text, q{<=}, 1_500, "$what: not too long";
    return;
}

# The lines of the error log so far in this rule, as one text.
sub heard { return join q{}, @heard }

# Freeside's own log: "warning: text".
sub log_lines {
    my @levels = qw( debug info notice warning error );
    return map { "$levels[ $_->level ]: " . $_->message } $isp->log_rows;
}

# The requests that the code makes, as texts: "POST /user/jane".
sub requests_during {
    my ($code) = @_;
    $magicmail->clear_log;
    $code->();
    return $magicmail->request_lines;
}

# The same, of those that change something, with what they say.
sub writes_during {
    my ($code) = @_;
    $magicmail->clear_log;
    $code->();
    return map { _line($_) } grep { $_->{method} eq 'POST' } $magicmail->log;
}

sub _line {
    my ($entry) = @_;
    my %said = %{$entry->{parameters}};
    delete $said{client_type};
    return join q{ }, "POST $entry->{path}", map { "$_=$said{$_}" } sort keys %said;
}

# All that the server has, in lines (see Rule::Picture).
sub server_is {
    my ($what, $lines) = @_;
    return is picture($magicmail->state), $lines, $what;
}

# "plain secret12"; nothing where there is no such user.
sub password_of {
    my ($name) = @_;
    my $user = $magicmail->user($name) or return q{};
    return "$user->{password_type} $user->{password}";
}

# Somebody else changes what the server has: the code gets its state.
sub change_server {
    my ($code) = @_;
    my $state = $magicmail->state;
    $code->($state);
    $magicmail->set_state($state);
    return;
}

# Within a rule: no service, nothing in MagicMail, no faults, no log.
sub nothing_there {
    local $FS::svc_Common::noexport_hack = 1;
    for my $svc (qsearch('svc_acct', {})) { $svc->delete }
    change_server(sub { my ($state) = @_; $state->{$_} = {} for qw( accounts users addresses ) });
    magicmail->faults;
    magicmail->clear_log;
    return;
}

END { undef $magicmail; undef $isp }

1;
