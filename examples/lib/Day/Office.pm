package Day::Office;

# The provider of a day: a fresh small Freeside with the day's customers, packages
# and exports, and a mail server beside it. What staff do there is a method each;
# it returns { error => Freeside's text or '', notes => [ what else was seen ] }.

use strict;
use warnings;

use Cwd            qw( abs_path );
use English        qw( -no_match_vars );
use File::Basename qw( dirname );

use FS::part_export::magicmail;
use ISP;
use Simulator;

my $CHECKOUT = dirname(abs_path(__FILE__)) . '/../../..';
my $PROGRAM  = 'freeside-magicmail';

# As wide as its lines may be, beside the margin.
my $COLUMNS = 75;

# Its exit status where something differs, and where it could not be told.
my $CANNOT = 2;

my %SENTENCE = (
    provision   => 'Staff provision %s (%s) in the package "%s" of %s.',
    unprovision => 'Staff unprovision %s (%s), in the package "%s" of %s.',
    change      => 'Staff change %s (%s), in the package "%s" of %s',
    redefine    => 'Staff move %s (%s), in the package "%s" of %s, to the service definition',
    reexport    => 'Staff export %s (%s), in the package "%s" of %s, once more.',
    suspend     => 'The package of %s (%s) is suspended: "%s" of %s.',
    unsuspend   => 'The package of %s (%s) is unsuspended: "%s" of %s.',
    page        => 'Staff look at the page of %s (%s), in the package "%s" of %s.',
);

# Everything that the day has before its first step.
sub open_for {
    my ($class, $day) = @_;
    my $self = bless {day => $day, packages => {}}, $class;
    $self->{simulator} =
        Simulator->start(domains => $day->{domains}, modes => $day->{modes} || {});
    $self->{isp} = ISP->open;
    for my $customer (@{$day->{customers}}) {
        my %column = %{$customer};
        $self->{customers}{delete $column{name}} = $self->{isp}->customer(%column);
    }
    for my $export (@{$day->{exports}}) {
        $self->{exports}{$export->{name}} = $self->{isp}->magicmail(
            $self->{simulator},
            exportname  => $export->{name},
            definitions => [$export->{definition}],
            options     => $self->_options($export->{options})
        );
    }
    for my $service (@{$day->{services}}) { $self->_prepare($service) }
    return $self;
}

sub simulator { my ($self) = @_; return $self->{simulator} }

sub _options {
    my ($self, $options) = @_;
    my $known = $FS::part_export::magicmail::info{options};    ## no critic (ProhibitPackageVars)
    for my $name (keys %{$options || {}}) {
        die qq{the day names the unknown option "$name" of an export; known are }
            . join(', ', keys %{$known}) . "\n"
            if !$known->{$name};
    }
    return {%{$options || {}}};
}

sub _prepare {
    my ($self, $service) = @_;
    my $isp  = $self->{isp};
    my %spec = %{$service};
    my ($customer, $package) = delete @spec{qw( customer package )};
    my $name = delete $spec{name};
    $isp->domain($spec{domain});
    $isp->definition($spec{definition});
    $spec{_password} = delete $spec{password};
    $self->{packages}{$customer}{$package} ||=
        $isp->package($self->{customers}{$customer}, definition => $package);
    $self->{services}{$name} = {
        spec         => \%spec,
        customer     => $self->{customers}{$customer},
        package      => $self->{packages}{$customer}{$package},
        package_name => $package,
    };
    return;
}

# The number of the customer whom a step is about.
sub customer_number {
    my ($self, $step) = @_;
    return if !defined $step->{service};
    return $self->{services}{$step->{service}}{customer}->custnum;
}

# What happens in a step, in a sentence.
sub sentence {
    my ($self, $step) = @_;
    my $verb = $step->{do};
    return 'Somebody works in the administration of MagicMail itself: ' . _by_hand($step->{users}) . q{.}
        if $verb eq 'meddle';
    return 'An administrator compares Freeside with MagicMail.' if $verb eq 'audit';
    return 'An administrator has it put right' . ($step->{apply} ? q{.} : ', as a dry run first.')
        if $verb eq 'repair';
    return "The queue's daemon runs the jobs that wait in Freeside's queue." if $verb eq 'jobs';
    return 'Staff look at the test report of the MagicMail exports.'         if $verb eq 'report';
    return qq{Staff change the options of the export "$step->{export}": } . _pairs($step->{options}) . q{.}
        if $verb eq 'options';
    my $service  = $self->{services}{$step->{service}};
    my $customer = $service->{customer};
    my $sentence = sprintf $SENTENCE{$verb}, $self->_address($service), $service->{spec}{finger},
        $service->{package_name}, join q{ }, $customer->first, $customer->get('last');
    return "$sentence: " . _pairs($step->{set}) . q{.} if $verb eq 'change';
    return qq{$sentence "$step->{definition}".}        if $verb eq 'redefine';
    return $sentence;
}

sub _by_hand {
    my ($users) = @_;
    my @said;
    for my $name (sort keys %{$users}) {
        my $columns = $users->{$name};
        push @said, map { "$_ " . join ', ', ref $columns->{$_} ? @{$columns->{$_}} : $columns->{$_} }
            sort keys %{$columns};
        $said[-1] .= " of user $name";
    }
    return join ', ', @said;
}

sub _pairs {
    my ($pairs) = @_;
    return join ', ', map { $_ eq 'password' || $_ eq 'client_password' ? "a new $_" : "$_ $pairs->{$_}" }
        sort keys %{$pairs};
}

sub _address {
    my ($self, $service) = @_;
    my $mailbox = $service->{mailbox} && $self->{isp}->fresh($service->{mailbox});
    return $mailbox ? $mailbox->email : "$service->{spec}{username}\@$service->{spec}{domain}";
}

# Does what the step says.
sub act {
    my ($self, $step) = @_;
    my $method  = $step->{do} eq q{options} ? "_set_options"                      : "_$step->{do}";
    my $service = defined $step->{service}  ? $self->{services}{$step->{service}} : undef;
    my $needed  = $service && $step->{do} ne 'provision';
    if ($needed && !($service->{mailbox} && $self->{isp}->fresh($service->{mailbox}))) {
        return {error => "service $step->{service} is not provisioned", notes => []};
    }
    my $done = $self->$method($step, $service);
    return ref $done ? $done : {error => $done, notes => []};
}

## no critic (ProhibitUnusedPrivateSubroutines): act calls them by name
sub _provision {
    my ($self, $step, $service) = @_;
    my $mailbox = $self->{isp}->mailbox($service->{package}, %{$service->{spec}});
    my $error   = $mailbox->insert;
    if (!$error) { $service->{mailbox} = $mailbox }
    return $error;
}

sub _unprovision {
    my ($self, $step, $service) = @_;
    return $self->{isp}->fresh($service->{mailbox})->cust_svc->cancel;
}

sub _change {
    my ($self, $step, $service) = @_;
    my %column = %{$step->{set}};
    if (exists $column{password}) { $column{_password} = delete $column{password} }
    return $self->{isp}->change($service->{mailbox}, %column);
}

sub _redefine {
    my ($self, $step, $service) = @_;
    return $self->{isp}->change_definition($self->{isp}->fresh($service->{mailbox}), $step->{definition});
}

sub _reexport {
    my ($self, $step, $service) = @_;
    my $mailbox = $self->{isp}->fresh($service->{mailbox});
    my @errors =
        map { $self->{isp}->reexport($_, $mailbox, 'replace') } $mailbox->cust_svc->part_svc->part_export;
    return join '; ', grep { $_ } @errors;
}

sub _suspend {
    my ($self, $step, $service) = @_;
    return $self->{isp}->fresh($service->{package})->suspend;
}

sub _unsuspend {
    my ($self, $step, $service) = @_;
    return $self->{isp}->fresh($service->{package})->unsuspend;
}

sub _set_options {
    my ($self, $step) = @_;
    my $name = $step->{export};
    local $EVAL_ERROR = q{};
    my $is_saved = eval {
        $self->{isp}->change_options($self->{exports}{$name}, %{$self->_options($step->{options})});
        1;
    };
    return $is_saved ? q{} : "$EVAL_ERROR";
}

sub _page {
    my ($self, $step, $service) = @_;
    my $mailbox = $self->{isp}->fresh($service->{mailbox});
    my (undef, $status) = $mailbox->export_getstatus;
    my ($settings) = $mailbox->export_getsettings;
    return {
        error => q{},
        notes => [
            ['status (customers see it too)' => _entries($status)],
            ['settings (staff only)'         => _entries($settings)],
            ['link'                          => map { _plain($_) } @{$mailbox->export_links}],
        ]
    };
}

sub _report {
    my ($self) = @_;
    my $groups = FS::part_export::magicmail->test_export_report({fsurl => 'https://freeside.example.net/'});
    my @notes;
    for my $group (@{$groups}) {
        for my $title (sort keys %{$group}) {
            my %found = %{$group->{$title}};
            my @faults;
            for my $thing (values %{$found{errors} || {}}) {
                push @faults, map { "NOT IN ORDER: $thing->{description}: $_" } values %{$thing->{errors}};
            }
            my $end = $found{errors} ? () : 'No errors found';

            # On the page more words follow.
            my $said = $found{description} =~ s/,\z//xr;
            push @notes, [map { _plain($_) } $title, "Found $found{count} $said", @faults, $end || ()];
        }
    }
    return {error => q{}, notes => \@notes};
}

# Users of the mail server get other columns, past the export.
sub _meddle {
    my ($self, $step) = @_;
    my $state = $self->{simulator}->state;
    for my $name (keys %{$step->{users}}) {
        my $user = $state->{users}{$name} or return "there is no user $name in MagicMail";
        %{$user} = (%{$user}, %{$step->{users}{$name}});
    }
    $self->{simulator}->set_state($state);
    return q{};
}

sub _audit {
    my ($self) = @_;
    return $self->_program(qw( audit admin ));
}

sub _repair {
    my ($self, $step) = @_;
    return $self->_program(qw( repair admin --max-percent 100 ), $step->{apply} ? '--apply' : ());
}

# What the command line prints, line by line.
sub _program {
    my ($self, @arguments) = @_;
    local $ENV{COLUMNS} = $COLUMNS;
    my @command = (
        $EXECUTABLE_NAME,              map({ "-I$CHECKOUT/$_" } qw( perl/lib tests/perl/lib )),
        "$CHECKOUT/perl/bin/$PROGRAM", @arguments
    );
    open my $output, '-|:encoding(UTF-8)', @command or die "$PROGRAM: $OS_ERROR\n";
    chomp(my @lines = <$output>);
    close $output or $OS_ERROR == 0 or die "$PROGRAM: $OS_ERROR\n";
    my $error = $CHILD_ERROR >> 8 >= $CANNOT ? "$PROGRAM failed" : q{};
    return {error => $error, notes => [], screen => ["\$ $PROGRAM @arguments", @lines]};
}

sub _jobs {
    my ($self) = @_;
    my @notes;
    for my $done ($self->{isp}->run_jobs) {
        my $job = $done->{job} =~ s/ .* :: //xr;
        push @notes, ["job $done->{jobnum}, $job", $done->{error} || 'done'];
    }
    return {error => q{}, notes => \@notes};
}
## use critic

sub _entries {
    my ($entries) = @_;
    return map { "$_: " . (ref $entries->{$_} ? join ', ', @{$entries->{$_}} : $entries->{$_}) }
        sort keys %{$entries};
}

# Text of a piece of HTML.
sub _plain {
    my ($html) = @_;
    my %character = (lt => '<', gt => '>', quot => q{"}, amp => q{&}, '#39' => q{'});
    $html =~ s{ <A [ ] HREF="([^"]*)" [^>]* > ([^<]*) </A> }{$2 ($1)}gix;
    $html =~ s/ < [^>]* > //gx;
    $html =~ s/ & ([#\w]+) ; /exists $character{$1} ? $character{$1} : "&$1;"/gex;
    return $html;
}

# How Freeside should have the service after the step, where it does not: a
# sentence.
sub disagreement {
    my ($self, $step, $error) = @_;
    my $verb     = $step->{do};
    my $service  = defined $step->{service} ? $self->{services}{$step->{service}}      : return;
    my $is_there = $service->{mailbox} && $self->{isp}->fresh($service->{mailbox}) ? 1 : 0;
    my $should   = $verb eq 'provision' ? !$error : $verb eq 'unprovision' ? !!$error : $is_there;
    return if $is_there == ($should ? 1 : 0);
    return 'Freeside ' . ($is_there ? 'still has' : 'does not have') . ' the service';
}

# Jobs that wait or failed; lines of the system's log from that one on.
sub jobs { my ($self) = @_; return $self->{isp}->jobs }

sub log_after {
    my ($self, $lognum) = @_;
    return grep { $_->lognum > $lognum } $self->{isp}->log_rows;
}

sub close_down {
    my ($self) = @_;
    delete @{$self}{qw( services packages exports customers )};
    $self->{isp}->close;
    $self->{simulator}->stop;
    return;
}

1;
