//! A stateful MagicMail server for tests and the demo. It serves the provisioning API as a client of type
//! FREESIDE sees it, over HTTPS, with every shape and every fault that a real server or network may show.
//! It shares no code with the library that it tests.
//!
//! The way of a request: `connection` reads it (`http`, `tls`), `exchange` decides what becomes of it
//! (`fault`, `log`), `mail_server` answers it: `command` says what is asked, `state` holds accounts, users,
//! packages, addresses and domains, `render` writes the XML. `play` sends the answer, or whatever the fault
//! puts in its place. `lies` are answers that are well formed and not true; `guard` watches what is destroyed. `server` starts and stops it all; `control` is its control port.
//!
//! [`MailServer`] alone, without sockets, threads or clock, serves simulations inside one process.

#![deny(unsafe_code)]

mod command;
mod connection;
mod connections;
mod control;
mod door;
mod exchange;
mod fault;
mod guard;
mod http;
mod lies;
mod log;
mod mail_server;
pub mod modes;
mod play;
mod render;
mod request;
mod server;
mod state;
mod stopper;
mod tickets;
mod tls;
mod wire;

pub use exchange::Counters;
pub use fault::{Fault, Kind};
pub use guard::{losses, Guard, Loss, LossKind, Permission};
pub use lies::{Lie, Scope, ScopedLie};
pub use log::{Entry, Failure};
pub use mail_server::{Answer, MailServer};
pub use modes::Modes;
pub use request::{ApiRequest, Credentials, Method};
pub use server::{Options, Server};
pub use state::{Mailbox, State};
pub use tls::{CertificateKind, HighestTls};
