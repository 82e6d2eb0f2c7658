//! What must be seen nowhere: the API's password, the credentials as they are sent, mailbox passwords.

use crate::site::{Story, CLIENT_ID};
use crate::start::{API_PASSWORD, NEW_PASSWORD, OLD_PASSWORD};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};

/// Where a secret is shown, if it is.
pub fn shown(story: &Story) -> Option<String> {
    let texts = [&story.told, &story.again]
        .into_iter()
        .flat_map(|told| [told.text.clone(), told.detail.to_string(), told.reply.to_string()]);
    let secrets = secrets();
    for text in texts.chain(story.lines.iter().cloned()) {
        if secrets.iter().any(|secret| text.contains(secret)) {
            return Some(format!("a secret is shown: {text}"));
        }
    }
    // Bytes that came outside of TLS.
    let lost = story.failures.iter().find(|failure| {
        failure.received.contains("Authorization")
            || secrets.iter().any(|secret| failure.received.contains(secret))
    });
    lost.map(|failure| format!("a secret was sent in the open: {}", failure.received))
}

fn secrets() -> Vec<String> {
    let plain = [API_PASSWORD, NEW_PASSWORD, OLD_PASSWORD];
    let encoded = plain.map(|secret| utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string());
    let credentials = STANDARD.encode(format!("{CLIENT_ID}:{API_PASSWORD}"));
    plain.map(str::to_owned).into_iter().chain(encoded).chain([credentials]).collect()
}
