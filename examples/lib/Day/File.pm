package Day::File;

# A day as its file tells it, read and checked: every key is known, everything
# that is named is there. What is wrong is said with the place where it stands,
# before anything is started. The keys are described in examples/day.

use strict;
use warnings;

use English qw( -no_match_vars );
use JSON::PP;

# key => kind; with "!" it must be there.
my %KEYS = (
    day => {
        title     => 'text!',
        opening   => 'text!',
        domains   => 'texts!',
        exports   => 'list!',
        customers => 'list!',
        services  => 'list!',
        steps     => 'list!',
        modes     => 'object'
    },
    export   => {name => 'text!', definition => 'text!', options => 'object'},
    customer => {name => 'text!', first => 'text!', last => 'text!', agent_custid => 'text'},
    service  => {
        name       => 'text!',
        customer   => 'text!',
        package    => 'text!',
        definition => 'text!',
        username   => 'text!',
        domain     => 'text!',
        finger     => 'text!',
        password   => 'text!'
    },
    step    => {do => 'text!', headline => 'text!', text => 'text', faults => 'list', expect => 'object!'},
    expect  => {refused => 'texts', shows      => 'texts', requests  => 'number', magicmail => 'object'},
    account => {status  => 'text!', first_name => 'text',  last_name => 'text',   users     => 'object!'},
    user    => {
        status     => 'text!',
        master     => 'flag!',
        packages   => 'texts!',
        addresses  => 'texts!',
        first_name => 'text',
        last_name  => 'text',
        password   => 'text'
    },
    set => {finger => 'text', password => 'text', domain => 'text', username => 'text'},
);

# What each kind of step takes besides the keys that all have.
my %STEPS = (
    provision   => {service => 'text!'},
    unprovision => {service => 'text!'},
    change      => {service => 'text!', set        => 'object!'},
    redefine    => {service => 'text!', definition => 'text!'},
    reexport    => {service => 'text!'},
    suspend     => {service => 'text!'},
    unsuspend   => {service => 'text!'},
    options     => {export  => 'text!', options => 'object!'},
    page        => {service => 'text!'},
    report      => {},
    jobs        => {},
    meddle      => {users => 'object!'},
    audit       => {},
    repair      => {apply => 'flag'},
);

my %KINDS = (
    text   => ['a text',        sub { return defined $_[0] && !ref $_[0] && length $_[0] }],
    number => ['a number',      sub { return defined $_[0] && $_[0] =~ /\A \d+ \z/x }],
    flag   => ['true or false', sub { return JSON::PP::is_bool($_[0]) }],
    object => ['an object',     sub { return ref $_[0] eq 'HASH' }],
    list   => ['a list',        sub { return ref $_[0] eq 'ARRAY' }],
    texts  => [
        'a list of texts',
        sub {
            return ref $_[0] eq 'ARRAY' && !grep { ref } @{$_[0]}
        }
    ],
);

# Dies with a sentence where the file cannot be read or is not a day.
sub read_day {
    my ($class, $file) = @_;
    my $self = bless {file => $file}, $class;
    open my $handle, '<', $file or die "$file cannot be read: $OS_ERROR\n";
    my $text = do { local $INPUT_RECORD_SEPARATOR = undef; <$handle> };
    close $handle or die "$file cannot be read: $OS_ERROR\n";
    local $EVAL_ERROR = q{};
    my $day = eval { JSON::PP->new->utf8->decode($text) };
    if (!defined $day) { $self->_wrong('the file', 'is not JSON: ' . _reason($EVAL_ERROR)) }
    $self->_check($day);
    return $day;
}

sub _reason {
    my ($error) = @_;
    $error =~ s/ [ ] at [ ] \S+ [ ] line [ ] \d+ [.] \s* \z //x;
    return $error;
}

sub _wrong {
    my ($self, $where, $what) = @_;
    die "$self->{file}: $where $what\n";
}

sub _check {
    my ($self, $day) = @_;
    $self->_keys('the day', $day, $KEYS{day});
    my %names;
    for my $kind (qw( export customer service )) {
        $names{$kind} = $self->_named($kind, $day->{"${kind}s"});
    }
    my %definitions = map { $_->{definition} => 1 } @{$day->{exports}};
    $self->{known} = {%names, definition => \%definitions, domain => {map { $_ => 1 } @{$day->{domains}}}};
    for my $service (@{$day->{services}}) {
        $self->_references(qq{service "$service->{name}"}, $service, qw( customer definition ));
    }
    if (!@{$day->{steps}}) { $self->_wrong('the day', 'has no steps') }
    my $number = 0;
    for my $step (@{$day->{steps}}) { $self->_step('step ' . ++$number, $step) }
    return;
}

sub _named {
    my ($self, $kind, $things) = @_;
    my %seen;
    my $number = 0;
    for my $thing (@{$things}) {
        my $where = "$kind " . ++$number;
        $self->_keys($where, $thing, $KEYS{$kind});
        if ($seen{$thing->{name}}++) { $self->_wrong($where, qq{has the name "$thing->{name}" again}) }
    }
    return \%seen;
}

sub _keys {
    my ($self, $where, $thing, $keys) = @_;
    if (ref $thing ne 'HASH') { $self->_wrong($where, 'is not an object') }
    for my $key (sort keys %{$thing}) {
        my $kind = $keys->{$key}
            or
            $self->_wrong($where, qq{has the unknown key "$key"; known are } . join ', ', sort keys %{$keys});
        my ($words, $is_right) = @{$KINDS{$kind =~ s/!//xr}};
        if (!$is_right->($thing->{$key})) { $self->_wrong($where, qq{has a "$key" that is not $words}) }
    }
    for my $key (grep { $keys->{$_} =~ /!/x } sort keys %{$keys}) {
        if (!exists $thing->{$key}) { $self->_wrong($where, qq{lacks the key "$key"}) }
    }
    return;
}

# What is named under one of the keys must have been described.
sub _references {
    my ($self, $where, $thing, @keys) = @_;
    for my $key (grep { defined $thing->{$_} } @keys) {
        my $name  = $thing->{$key};
        my $known = $self->{known}{$key};
        next if $known->{$name};
        $self->_wrong($where, qq{names the unknown $key "$name"; known are } . join ', ',
            sort keys %{$known});
    }
    return;
}

sub _step {
    my ($self, $where, $step) = @_;
    my $verb = ref $step eq 'HASH' ? $step->{do} : undef;
    if (!defined $verb || ref $verb || !$STEPS{$verb}) {
        my $known = join ', ', sort keys %STEPS;
        $self->_wrong($where, defined $verb ? qq{does "$verb"; known are $known} : 'lacks the key "do"');
    }
    $self->_keys($where, $step, {%{$KEYS{step}}, %{$STEPS{$verb}}});
    $self->_references($where, $step, qw( service export definition ));
    if ($step->{set}) { $self->_keys("$where, set", $step->{set}, $KEYS{set}) }
    for my $fault (@{$step->{faults} || []}) {
        if (ref $fault ne 'HASH' || !$fault->{kind}) { $self->_wrong($where, 'has a fault without a "kind"') }
    }
    my $expect = $step->{expect};
    $self->_keys("$where, expect", $expect, $KEYS{expect});
    my $accounts = $expect->{magicmail} || {};
    for my $id (grep { defined $accounts->{$_} } sort keys %{$accounts}) {
        $self->_keys("$where, account $id", $accounts->{$id}, $KEYS{account});
        my $users = $accounts->{$id}{users};
        for my $name (sort keys %{$users}) {
            $self->_keys("$where, user $name", $users->{$name}, $KEYS{user})
        }
    }
    return;
}

1;
