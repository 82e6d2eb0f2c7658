//! The simulator as a program: starts it, says where it is, and runs until it is stopped.

#![deny(unsafe_code)]

use clap::Parser;
use magicmail_simulator::{CertificateKind, Credentials, Fault, HighestTls, Modes, Options, Server, State};
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// A stateful MagicMail server for tests and demonstrations.
///
/// Prints three lines: its address, `control` and the address of its control port, `ca` and the file with the
/// certificate to trust. The README beside its source describes modes, faults and the control port.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The control port
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    control: SocketAddr,
    #[arg(long, default_value = "freeside", env = "MAGICMAIL_SIMULATOR_CLIENT_ID", value_name = "ID")]
    client_id: String,
    #[arg(
        long,
        default_value = "secret",
        env = "MAGICMAIL_SIMULATOR_CLIENT_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    client_password: String,
    /// Where ca.pem and certificate.pem are written [default: a temporary folder]
    #[arg(long)]
    directory: Option<PathBuf>,
    #[arg(long, value_enum, default_value = "ca", value_name = "KIND")]
    certificate: CertificateKind,
    /// A name or address of the certificate, besides localhost, 127.0.0.1 and ::1
    #[arg(long = "host", value_name = "NAME", num_args = 1..)]
    hosts: Vec<String>,
    #[arg(long, value_enum, default_value = "1.3", value_name = "VERSION")]
    max_tls: HighestTls,
    /// A domain that addresses may be in [default: example.net example.com; with --state, those it names]
    #[arg(long = "domain", value_name = "NAME", num_args = 1..)]
    domains: Vec<String>,
    /// One of the modes, as GET /modes of the control port shows them
    #[arg(long = "mode", value_name = "KEY=VALUE", num_args = 1..)]
    modes: Vec<String>,
    /// A fault, or a list of faults, as PUT /faults of the control port takes them
    #[arg(long = "fault", value_name = "JSON", num_args = 1..)]
    faults: Vec<String>,
    /// A document with what the server holds at first, as GET /state of the control port gives it
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// End when the standard input ends
    #[arg(long)]
    stop_with_stdin: bool,
}

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("magicmail-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let stop_with_stdin = arguments.stop_with_stdin;
    let mut server = Server::start(options(arguments)?)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", server.url())?;
    writeln!(out, "control {}", server.control_url().unwrap_or_default())?;
    writeln!(out, "ca {}", server.ca_file().display())?;
    out.flush()?;
    if stop_with_stdin {
        let mut ignored = [0; 1024];
        while io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
        server.stop();
        return Ok(());
    }
    loop {
        std::thread::park();
    }
}

fn options(arguments: Arguments) -> Result<Options> {
    let mut options = Options {
        listen: arguments.listen,
        control: Some(arguments.control),
        client: Credentials::new(&arguments.client_id, &arguments.client_password),
        directory: arguments.directory,
        certificate: arguments.certificate,
        highest_tls: arguments.max_tls,
        hosts: arguments.hosts,
        modes: modes(&arguments.modes)?,
        ..Options::default()
    };
    if let Some(file) = arguments.state {
        let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        options.state =
            serde_json::from_str::<State>(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        options.domains.clear();
    }
    if !arguments.domains.is_empty() {
        options.domains = arguments.domains;
    }
    for text in arguments.faults {
        let list = if text.trim_start().starts_with('[') { text } else { format!("[{text}]") };
        options.faults.extend(Fault::list(&list)?);
    }
    Ok(options)
}

fn modes(assignments: &[String]) -> Result<Modes> {
    let mut modes = Modes::default();
    for assignment in assignments {
        modes = modes.with_assignment(assignment)?;
    }
    Ok(modes)
}
