//! One client's connection, from its handshake to its end.

use crate::exchange::Exchange;
use crate::http::Incoming;
use crate::wire::Wire;
use rustls::ServerConfig;
use std::net::TcpStream;
use std::sync::Arc;

/// Serves the connection until either side closes it. It is registered under `number` already.
pub fn serve(exchange: &Arc<Exchange>, stream: TcpStream, number: u64, tls: Option<Arc<ServerConfig>>) {
    match Wire::open(stream, tls) {
        Ok(mut wire) => {
            if wire.resumed() {
                exchange.count(|counters| counters.resumed += 1);
            }
            serve_requests(exchange, &mut wire, number);
            wire.break_off();
        }
        Err(broken) => {
            exchange.count(|counters| counters.handshakes_failed += 1);
            exchange.failed(number, &broken.error, &broken.received);
        }
    }
    exchange.connections.remove(number);
}

fn serve_requests(exchange: &Arc<Exchange>, wire: &mut Wire, number: u64) {
    let mut incoming = Incoming::default();
    let mut kept = false;
    loop {
        let received = match incoming.next(wire) {
            Ok(Some(received)) => received,
            Ok(None) => break,
            Err(error) => return exchange.failed(number, &error.to_string(), incoming.rest()),
        };
        let Some(play) = exchange.request(number, kept, &received) else { break };
        let open = play.perform(wire, &exchange.stopper);
        if !exchange.connections.end(number) {
            break;
        }
        if !open.unwrap_or(false) {
            return;
        }
        kept = true;
    }
    // The client has gone, or the connection was to be closed while idle: a proper end, if it is wanted.
    let _ = wire.send_and_close(b"", exchange.modes().close_notify);
}
