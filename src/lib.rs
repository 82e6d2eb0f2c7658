//! Freeside's export to the MagicMail mail server.
#![deny(unsafe_code)]

pub mod secret;
pub mod wire;
