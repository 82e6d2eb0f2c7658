//! The whole simulator: started with options, stopped when dropped.

use crate::connection;
use crate::connections::Connections;
use crate::control;
use crate::door::Port;
use crate::exchange::{Counters, Exchange};
use crate::fault::Fault;
use crate::guard::Permission;
use crate::log::{Entry, Failure};
use crate::mail_server::MailServer;
use crate::modes::Modes;
use crate::request::Credentials;
use crate::state::State;
use crate::tls::{CertificateKind, HighestTls, Identity};
use rustls::ServerConfig;
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a stop waits for the threads of connections.
const STOP_LIMIT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    /// None: no control port.
    pub control: Option<SocketAddr>,
    pub client: Credentials,
    /// Where `ca.pem` and `certificate.pem` are written; None: a temporary folder, removed at the stop.
    pub directory: Option<PathBuf>,
    pub certificate: CertificateKind,
    pub highest_tls: HighestTls,
    /// Names (or addresses) of the certificate besides localhost, 127.0.0.1 and ::1.
    pub hosts: Vec<String>,
    /// System domains, besides those of `state`.
    pub domains: Vec<String>,
    pub modes: Modes,
    pub faults: Vec<Fault>,
    pub state: State,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            control: None,
            client: Credentials::new("freeside", "secret"),
            directory: None,
            certificate: CertificateKind::Ca,
            highest_tls: HighestTls::default(),
            hosts: Vec::new(),
            domains: vec!["example.net".to_owned(), "example.com".to_owned()],
            modes: Modes::default(),
            faults: Vec::new(),
            state: State::default(),
        }
    }
}

pub struct Server {
    exchange: Arc<Exchange>,
    control: Option<Arc<Control>>,
    threads: Vec<JoinHandle<()>>,
    plain: bool,
    directory: PathBuf,
    /// The folder is ours to remove.
    temporary: bool,
}

struct Control {
    port: Port,
    connections: Connections,
}

impl Server {
    pub fn start(options: Options) -> Result<Server, Box<dyn Error + Send + Sync>> {
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        hosts.extend(options.hosts);
        let identity = Identity::make(options.certificate, &hosts)?;
        let (directory, temporary) = match options.directory {
            Some(directory) => (directory, false),
            None => (temporary_directory(), true),
        };
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("ca.pem"), &identity.trusted_pem)?;
        fs::write(directory.join("certificate.pem"), identity.pem())?;
        let tls = match options.certificate {
            CertificateKind::None => None,
            _ => Some(identity.configuration(options.highest_tls)?),
        };
        let mut state = options.state;
        options.domains.iter().for_each(|domain| state.add_system_domain(domain));
        let mail = MailServer::new(options.client, state, options.modes);
        let exchange = Arc::new(Exchange::new(mail, Port::bind(options.listen)?));
        exchange.set_faults(options.faults);
        let plain = tls.is_none();
        let mut server = Server { exchange, control: None, threads: Vec::new(), plain, directory, temporary };
        server.threads.push(server.accept_clients(tls));
        if let Some(address) = options.control {
            let control =
                Arc::new(Control { port: Port::bind(address)?, connections: Connections::default() });
            server.control = Some(Arc::clone(&control));
            server.threads.push(server.accept_controllers(control));
        }
        Ok(server)
    }

    fn accept_clients(&self, tls: Option<Arc<ServerConfig>>) -> JoinHandle<()> {
        let exchange = Arc::clone(&self.exchange);
        let numbers = AtomicU64::new(0);
        thread::spawn(move || {
            while let Some((stream, number)) = exchange.port.accept(|stream| {
                let number = numbers.fetch_add(1, Ordering::Relaxed) + 1;
                stream.set_nodelay(true).ok()?;
                exchange.connections.add(number, &stream).ok()?;
                Some((stream, number))
            }) {
                exchange.count(|counters| counters.opened += 1);
                let (exchange, tls) = (Arc::clone(&exchange), tls.clone());
                thread::spawn(move || connection::serve(&exchange, stream, number, tls));
            }
        })
    }

    fn accept_controllers(&self, control: Arc<Control>) -> JoinHandle<()> {
        let exchange = Arc::clone(&self.exchange);
        let numbers = AtomicU64::new(0);
        thread::spawn(move || {
            while let Some((stream, number)) = control.port.accept(|stream| {
                let number = numbers.fetch_add(1, Ordering::Relaxed) + 1;
                stream.set_nodelay(true).ok()?;
                control.connections.add(number, &stream).ok()?;
                Some((stream, number))
            }) {
                let (exchange, control) = (Arc::clone(&exchange), Arc::clone(&control));
                thread::spawn(move || {
                    control::serve(&exchange, stream);
                    control.connections.remove(number);
                });
            }
        })
    }

    /// Ends it all; a second time does nothing.
    pub fn stop(&mut self) {
        self.exchange.stopper.stop();
        self.exchange.port.close_for_good();
        self.exchange.connections.stop(STOP_LIMIT);
        if let Some(control) = &self.control {
            control.port.close_for_good();
            control.connections.stop(STOP_LIMIT);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        if self.temporary {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.exchange.port.address()
    }

    pub fn url(&self) -> String {
        let scheme = if self.plain { "http" } else { "https" };
        format!("{scheme}://{}", self.address())
    }

    pub fn control_url(&self) -> Option<String> {
        self.control.as_ref().map(|control| format!("http://{}", control.port.address()))
    }

    /// The certificate that a client is to trust.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn state(&self) -> State {
        self.exchange.state()
    }

    pub fn set_state(&self, state: State) {
        self.exchange.set_state(state);
    }

    pub fn log(&self) -> Vec<Entry> {
        self.exchange.log()
    }

    /// Connections on which TLS or HTTP failed.
    pub fn failures(&self) -> Vec<Failure> {
        self.exchange.failures()
    }

    pub fn clear_log(&self) {
        self.exchange.clear_log();
    }

    /// What later entries of the log bear as their round.
    pub fn set_round(&self, round: Value) {
        self.exchange.set_round(round);
    }

    pub fn connections(&self) -> Counters {
        self.exchange.counters()
    }

    pub fn modes(&self) -> Modes {
        self.exchange.modes()
    }

    pub fn set_modes(&self, modes: Modes) {
        self.exchange.set_modes(modes);
    }

    /// Changes some modes, given as a JSON object.
    pub fn change_modes(&self, changes: &Value) -> Result<Modes, String> {
        self.exchange.change_modes(changes)
    }

    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.exchange.set_faults(faults);
    }

    /// Watches from now on what is destroyed: only that may be which is permitted, or was made since.
    pub fn set_guard(&self, permitted: Vec<Permission>) {
        self.exchange.set_guard(permitted);
    }

    /// What was destroyed against the guard's permissions, and requests with `force`.
    pub fn violations(&self) -> Vec<String> {
        self.exchange.violations().unwrap_or_default()
    }

    pub fn reset(&self) {
        self.exchange.reset();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn temporary_directory() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("magicmail-simulator-{}-{number}", std::process::id()))
}
