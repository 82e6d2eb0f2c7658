//! Freeside's export to the MagicMail mail server.
//!
//! The way through the code is the way of the data: a hook's request comes in as a JSON document
//! (`document`), `operation` runs it: `observe` reads what MagicMail has, `plan` decides, `apply` does it
//! step by step, `api` speaks the protocol, `http` carries it; and back.
#![deny(unsafe_code)]

pub mod api;
pub mod apply;
pub mod document;
pub mod error;
pub mod evidence;
pub mod ffi;
pub mod foreign;
pub mod freeside;
pub mod http;
pub mod id;
pub mod log;
mod markup;
pub mod names;
pub mod observe;
pub mod operation;
pub mod panics;
pub mod password;
pub mod password_file;
pub mod plan;
pub mod record;
pub mod secret;
pub mod step;
mod unescape;
pub mod wire;
pub mod world;
