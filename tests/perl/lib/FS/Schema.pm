package FS::Schema;

# Freeside's tables, as far as an export can meet them: names, columns and
# foreign keys are Freeside's.

use strict;
use warnings;

use Exporter qw( import );
use FS;
use FS::Schema::Table;

our @EXPORT_OK = qw( dbdef );

# table: column type [!] [*] [*column] [-> table]; the first column is the key, ! is not
# null, * is indexed, *column is indexed behind that column. "int" as a key is given by the caller, "serial" by the
# database.
my $TABLES = <<'END';
agent:               agentnum serial, agent text !, typenum int, disabled text
access_user:         usernum serial, username text !, first text, last text, disabled text
access_group:        groupnum serial, groupname text !
access_usergroup:    usergroupnum serial, usernum int ! * -> access_user, groupnum int ! * -> access_group
access_right:        rightnum serial, righttype text !, rightobjnum int ! *, rightname text !
cust_main:           custnum serial, agentnum int ! * -> agent, agent_custid text *agentnum, last text !, first text !, company text, daytime text, night text, mobile text, refnum int, signupdate int
part_pkg:            pkgpart serial, pkg text !, comment text, freq text, plan text, disabled text
cust_pkg:            pkgnum serial, custnum int ! * -> cust_main, pkgpart int ! * -> part_pkg, order_date int, start_date int, setup int, bill int, last_bill int, susp int, adjourn int, resume int, cancel int *, expire int, change_date int, change_pkgnum int, change_custnum int, uncancel int, uncancel_pkgnum int, quantity int
part_svc:            svcpart serial, svc text !, svcdb text !, disabled text, preserve text
part_svc_column:     columnnum serial, svcpart int ! * -> part_svc, columnname text !, columnlabel text, columnvalue text, columnflag text
cust_svc:            svcnum serial, pkgnum int * -> cust_pkg, svcpart int ! * -> part_svc, agent_svcid int, overlimit int
svc_domain:          svcnum int -> cust_svc, domain text ! *, suffix text, catchall int
svc_acct:            svcnum int -> cust_svc, username text *, _password text, _password_encoding text, sec_phrase text, uid int, gid int, finger text, dir text, shell text, quota text, domsvc int * -> svc_domain
part_export:         exportnum serial, exportname text, machine text, exporttype text !, nodomain text, no_suspend text, default_machine int
part_export_option:  optionnum serial, exportnum int ! * -> part_export, optionname text !, optionvalue text
part_export_machine: machinenum serial, exportnum int ! * -> part_export, machine text !, disabled text
svc_export_machine:  svcexportmachinenum serial, svcnum int ! * -> cust_svc, exportnum int ! * -> part_export, machinenum int ! -> part_export_machine
export_svc:          exportsvcnum serial, exportnum int ! * -> part_export, svcpart int ! * -> part_svc, role text
export_cust_svc:     exportcustsvcnum serial, exportnum int ! * -> part_export, svcnum int ! * -> cust_svc, remoteid text !
queue:               jobnum serial, job text !, _date int !, status text ! *, statustext text, svcnum int *, custnum int -> cust_main, secure text, priority int, usernum int
queue_arg:           argnum serial, jobnum int ! * -> queue, frozen text, arg text
log:                 lognum serial, _date int ! *, agentnum int, tablename text, tablenum int, level int !, message text !
log_context:         logcontextnum serial, lognum int ! * -> log, context text !
h_cust_main:         historynum serial, history_date int !, history_action text !, custnum int !, agentnum int !, agent_custid text *agentnum
h_cust_pkg:          historynum serial, history_date int !, history_action text !, pkgnum int !, custnum int ! *
h_cust_svc:          historynum serial, history_date int !, history_action text !, svcnum int ! *, pkgnum int *, svcpart int !
h_svc_acct:          historynum serial, history_date int !, history_action text !, svcnum int ! *history_action, username text *
h_part_export_option: historynum serial, history_date int !, history_action text !, optionnum int !, exportnum int ! *, optionname text ! *, optionvalue text
END

my (@names, %tables);
for my $line (split /\n/x, $TABLES) {
    my ($name, $columns) = split /:\s*/x, $line, 2;
    push @names, $name;
    $tables{$name} = FS::Schema::Table->new($name, $columns);
}

my $definition = bless {}, __PACKAGE__;

sub dbdef { return $definition }

sub tables { return @names }

sub table {
    my ($self, $name) = @_;
    return $tables{$name};
}

# The statements that make an empty database.
sub statements {
    my ($self, $driver) = @_;
    return map { $tables{$_}->statements($driver) } @names;
}

1;
