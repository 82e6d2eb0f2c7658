package ISP::Office;

# The provider's office: its employees and their rights, the buttons on an
# export's page, the background jobs and the system's log. A part of ISP.

use strict;
use warnings;

## no critic (ProhibitAmbiguousNames): records and rights are Freeside's words
## no critic (ProhibitPackageVars): so is $CurrentUser

use Carp     qw( croak );
use Exporter qw( import );

use FS::access_group;
use FS::access_right;
use FS::access_user;
use FS::access_usergroup;
use FS::queue;
use FS::Record qw( qsearch qsearchs );

our @EXPORT_OK = qw( inserted written );

# Makes a row of a table, or dies with Freeside's text.
sub inserted {
    my ($table, $columns, @arguments) = @_;
    my $class  = "FS::$table";
    my $record = $class->new($columns);
    return written($record, $record->insert(@arguments));
}

sub written {
    my ($record, $error) = @_;
    if ($error) { croak ref($record) . ": $error" }
    return $record;
}

# A button on the export's page: its script, as a job with a progress bar, by
# its name in %info. Returns the text it died with ('' when it did not) and the
# progress texts.
sub script {
    my ($self, $export, $name, %parameter) = @_;
    my $job = FS::queue->new({job => 'FS::part_export::' . $export->exporttype . "::$name"});
    written($job, $job->insert('_JOB', {"${name}_exportnum" => $export->exportnum, %parameter}));
    return ($job->run, $job->statustexts);
}

# An employee with these access rights.
sub employee {
    my ($self, $username, @rights) = @_;
    my $user = inserted(access_user => {username => $username});
    for my $right (@rights) { $self->give_right($username, $right) }
    return $user;
}

sub give_right {
    my ($self, $username, $right) = @_;
    my $user  = qsearchs('access_user', {username => $username});
    my $group = inserted(access_group => {groupname => $right});
    inserted(access_usergroup => {usernum => $user->usernum, groupnum => $group->groupnum});
    inserted(
        access_right => {
            righttype   => 'FS::access_group',
            rightobjnum => $group->groupnum,
            rightname   => $right
        }
    );
    return;
}

# Runs the code with another employee at work.
sub as {
    my ($self, $username, $code) = @_;
    local $FS::CurrentUser::CurrentUser = qsearchs('access_user', {username => $username})
        || croak "no employee $username";
    return $code->();
}

# What staff do with a job that failed.
sub retry {
    my ($self, $job) = @_;
    return $job->retry;
}

sub run_jobs { return FS::queue->run_all }

sub jobs {
    return qsearch({table => 'queue', hashref => {}, order_by => 'ORDER BY jobnum'});
}

sub log_rows {
    return qsearch({table => 'log', hashref => {}, order_by => 'ORDER BY lognum'});
}

1;
