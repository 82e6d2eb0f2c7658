//! The command line. What MagicMail's operations take is not written here: `operations` makes those
//! commands from the library's table.

use crate::operations::Invocation;
use crate::settings::Settings;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// The MagicMail provisioning API by hand
///
/// Calls one operation of the API, or does what Freeside's export does for one mailbox, from a document. What it
/// needs to know of the server stands in a file (~/.config/magicmail.json, else /etc/magicmail.json), in the
/// environment, or on the command line, but for passwords: those are never given on a command line.
#[derive(Parser)]
#[command(name = "magicmail", version, term_width = 80)]
pub struct Arguments {
    #[command(flatten)]
    pub settings: Settings,
    /// Print JSON: the reply as the C ABI gives it, or the failure with its details
    #[arg(long, global = true, help_heading = "Output and questions")]
    pub json: bool,
    /// Do what removes or marks deleted without asking
    #[arg(long, short = 'y', global = true, help_heading = "Output and questions")]
    pub yes: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    #[command(flatten)]
    Operation(Invocation),
    /// Bring about what a service needs: account, user, password, address, packages
    Provision(HookArguments),
    /// Mark the service's user deleted; with autopurge, purge it
    Unprovision(HookArguments),
    /// Change the service's user from what "old" in the request says to what "service" says
    Change(HookArguments),
    /// Suspend the service's user
    Suspend(HookArguments),
    /// Make the service's user active again
    Unsuspend(HookArguments),
    /// Look whether the server can be reached and used: DNS, TCP, TLS, credentials, domains
    Check(CheckArguments),
    /// Print a completion script for a shell
    Completions { shell: Shell },
    /// Print the manual page, for man -l
    Man,
}

#[derive(Args)]
pub struct HookArguments {
    /// Say what would be done, and change nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// The package of a service that names none [default: EMAIL]
    #[arg(long, env = "MAGICMAIL_PACKAGE", hide_env_values = true, value_name = "NAME")]
    pub package: Option<String>,
    /// Purge what an unprovision marked deleted: the mail is lost
    #[arg(
        long,
        env = "MAGICMAIL_AUTOPURGE",
        hide_env_values = true,
        value_name = "0|1",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    pub autopurge: Option<String>,
    /// The request, a JSON document as the C ABI takes it [default: standard input]
    pub file: Option<PathBuf>,
}

#[derive(Args)]
pub struct CheckArguments {
    /// Also look whether the API client may use this domain; may be given several times
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// What account ids begin with [default: FREESIDE]
    #[arg(long, env = "MAGICMAIL_ACCOUNT_PREFIX", hide_env_values = true, value_name = "TEXT")]
    pub account_prefix: Option<String>,
}
