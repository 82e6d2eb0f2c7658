//! The control port: plain HTTP with JSON, to see and set what the simulator holds and does.

use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::http::{Incoming, Received};
use crate::state::State;
use serde::Serialize;
use serde_json::Value;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;

/// Serves one client of the control port until it goes.
pub fn serve(exchange: &Arc<Exchange>, mut stream: TcpStream) {
    let mut incoming = Incoming::default();
    while let Ok(Some(received)) = incoming.next(&mut stream) {
        let (status, body) = match answer(exchange, &received) {
            Ok(body) => ("200 OK", body),
            Err(NoAnswer::Path) => ("404 Not Found", r#"{"error":"no such thing"}"#.to_owned()),
            Err(NoAnswer::Bad(text)) => ("400 Bad Request", serde_json::json!({ "error": text }).to_string()),
        };
        let connection = if received.keeps() { "keep-alive" } else { "close" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() || !received.keeps() {
            break;
        }
    }
}

enum NoAnswer {
    Path,
    Bad(String),
}

impl From<String> for NoAnswer {
    fn from(text: String) -> NoAnswer {
        NoAnswer::Bad(text)
    }
}

fn answer(exchange: &Arc<Exchange>, received: &Received) -> Result<String, NoAnswer> {
    let path = received.target.split('?').next().unwrap_or_default();
    match (received.method.as_str(), path) {
        ("GET", "/state") => json(&exchange.state()),
        ("PUT", "/state") => {
            let state: State = serde_json::from_value(document(received)?).map_err(|e| e.to_string())?;
            exchange.set_state(state);
            json(&exchange.state())
        }
        ("GET", "/log") => json(&exchange.log()),
        ("DELETE", "/log") => {
            exchange.clear_log();
            json(&exchange.log())
        }
        ("GET", "/failures") => json(&exchange.failures()),
        ("GET", "/connections") => json(&exchange.counters()),
        ("GET", "/modes") => json(&exchange.modes()),
        ("PATCH", "/modes") => json(&exchange.change_modes(&document(received)?)?),
        ("GET", "/faults") => json(&exchange.faults()),
        ("PUT", "/faults") => {
            exchange.set_faults(Fault::list(text(received)?)?);
            json(&exchange.faults())
        }
        ("GET", "/guard") => json(&exchange.violations()),
        ("PUT", "/guard") => {
            let permitted = serde_json::from_value(document(received)?).map_err(|e| e.to_string())?;
            exchange.set_guard(permitted);
            json(&exchange.violations())
        }
        ("PUT", "/round") => {
            let round = document(received)?;
            exchange.set_round(round.clone());
            json(&round)
        }
        ("POST", "/reset") => {
            exchange.reset();
            Ok("{}".to_owned())
        }
        _ => Err(NoAnswer::Path),
    }
}

fn text(received: &Received) -> Result<&str, String> {
    std::str::from_utf8(&received.body).map_err(|_| "the body is not UTF-8".to_owned())
}

fn document(received: &Received) -> Result<Value, String> {
    serde_json::from_str(text(received)?).map_err(|e| format!("the body is no JSON: {e}"))
}

fn json<T: Serialize>(value: &T) -> Result<String, NoAnswer> {
    serde_json::to_string(value).map_err(|e| NoAnswer::Bad(e.to_string()))
}
