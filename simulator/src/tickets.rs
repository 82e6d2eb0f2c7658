//! TLS session tickets without end, which a server may send whenever it likes and its library sends only two of.

use rustls::crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::{
    ConnectionTrafficSecrets, ContentType, ProtocolVersion, ServerConnection, SupportedCipherSuite,
};
use std::io::{self, Write};

/// A NewSessionTicket of one byte: valid for an hour, with a nonce of one byte and no extensions.
const TICKET: [u8; 19] = [4, 0, 0, 15, 0, 0, 14, 16, 0, 0, 0, 0, 1, 0, 0, 1, 7, 0, 0];
/// As many fit into a record.
const IN_A_RECORD: usize = 800;
/// As many records are written at once.
const AT_ONCE: usize = 16;

/// Goes on until the client has enough. The connection must have sent all that it had to.
pub fn send(connection: ServerConnection, stream: &mut impl Write) -> io::Result<()> {
    let Some((mut encrypter, mut number)) = taken_over(connection) else { return Ok(()) };
    let tickets = TICKET.repeat(IN_A_RECORD);
    loop {
        let mut bytes = Vec::new();
        for _ in 0..AT_ONCE {
            let message = OutboundPlainMessage {
                typ: ContentType::Handshake,
                version: ProtocolVersion::TLSv1_2,
                payload: OutboundChunks::Single(&tickets),
            };
            bytes.extend(encrypter.encrypt(message, number).map_err(io::Error::other)?.encode());
            number += 1;
        }
        stream.write_all(&bytes)?;
    }
}

/// What encrypts the server's next records, and the number of the first.
fn taken_over(connection: ServerConnection) -> Option<(Box<dyn MessageEncrypter>, u64)> {
    let Some(SupportedCipherSuite::Tls13(suite)) = connection.negotiated_cipher_suite() else { return None };
    let (number, secrets) = connection.dangerous_extract_secrets().ok()?.tx;
    let (key, iv) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (key, iv),
        _ => return None,
    };
    Some((suite.aead_alg.encrypter(key, iv), number))
}
