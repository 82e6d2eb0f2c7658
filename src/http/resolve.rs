//! Host names to addresses, within a limit of time.
//!
//! The system's resolver cannot be told a limit, so it runs in a thread of its own; one that is not done in time
//! is left to finish by itself. While it does, nobody else looks the same name up: who asks for it waits for the
//! same look-up, so that an outage of the name servers leaves one thread for each name.

use super::process::PerProcess;
use super::signals;
use super::words::is_out_of_descriptors;
use crate::panics;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Why a name has no address.
#[derive(Debug)]
pub enum Unresolved {
    /// The system's own words.
    Failed(Arc<io::Error>),
    /// It is being looked up for so long.
    Timeout(Duration),
    NoThread(io::Error),
}

/// The addresses of `host`, an IP address or a name, in the order to try them. Never empty.
pub fn resolve(host: &str, port: u16, until: Instant) -> Result<Vec<SocketAddr>, Unresolved> {
    static LOOKUPS: PerProcess<Lookups> = PerProcess::new();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let lookups = LOOKUPS.get_or_make(|_| Lookups::default());
    let addresses = lookups.find(host, until, ask_system)?;
    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

type Found = Result<Vec<IpAddr>, Arc<io::Error>>;

fn ask_system(host: &str) -> io::Result<Vec<IpAddr>> {
    match (host, 0).to_socket_addrs() {
        Ok(found) => Ok(found.map(|address| address.ip()).collect()),
        // The resolver does not tell that it had no descriptor to ask with; others are told.
        Err(error) => Err(File::open("/dev/null").err().filter(is_out_of_descriptors).unwrap_or(error)),
    }
}

/// The look-ups under way, by the name.
#[derive(Clone, Default)]
struct Lookups(Arc<Mutex<BTreeMap<String, Arc<Lookup>>>>);

struct Lookup {
    started: Instant,
    found: Mutex<Option<Found>>,
    done: Condvar,
}

impl Lookups {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Lookup>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(
        &self,
        host: &str,
        until: Instant,
        ask: fn(&str) -> io::Result<Vec<IpAddr>>,
    ) -> Result<Vec<IpAddr>, Unresolved> {
        let lookup = self.join_or_start(host, ask).map_err(Unresolved::NoThread)?;
        match lookup.wait(until) {
            None => Err(Unresolved::Timeout(lookup.started.elapsed())),
            Some(Ok(addresses)) if addresses.is_empty() => {
                Err(Unresolved::Failed(Arc::new(io::Error::other("the name is known, but has no address"))))
            }
            Some(found) => found.map_err(Unresolved::Failed),
        }
    }

    fn join_or_start(&self, host: &str, ask: fn(&str) -> io::Result<Vec<IpAddr>>) -> io::Result<Arc<Lookup>> {
        let mut running = self.lock();
        if let Some(lookup) = running.get(host) {
            return Ok(lookup.clone());
        }
        let lookup =
            Arc::new(Lookup { started: Instant::now(), found: Mutex::default(), done: Condvar::new() });
        let ending = Ending { lookups: self.clone(), host: host.to_owned(), lookup: lookup.clone() };
        running.insert(host.to_owned(), lookup.clone());
        drop(running);
        // Where no thread can be started, `ending` is dropped with the closure, and the look-up ended.
        signals::blocked(|| {
            thread::Builder::new().spawn(move || {
                // After a panic `ending` says that there is no result.
                let found = panics::caught(|| ask(&ending.host).map_err(Arc::new));
                found.into_iter().for_each(|found| ending.lookup.end(found));
            })
        })?;
        Ok(lookup)
    }
}

/// Ends a look-up however its thread ends.
struct Ending {
    lookups: Lookups,
    host: String,
    lookup: Arc<Lookup>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.lookups.lock().remove(&self.host);
        self.lookup.end(Err(Arc::new(io::Error::other("the DNS look-up was interrupted"))));
    }
}

impl Lookup {
    fn lock(&self) -> MutexGuard<'_, Option<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first result counts.
    fn end(&self, found: Found) {
        self.lock().get_or_insert(found);
        self.done.notify_all();
    }

    /// None: it is not done until then.
    fn wait(&self, until: Instant) -> Option<Found> {
        let mut found = self.lock();
        while found.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            found = self.done.wait_timeout(found, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        found.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

    const PATIENCE: Duration = Duration::from_secs(20);
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static OUTAGE: AtomicBool = AtomicBool::new(true);

    fn hangs(_: &str) -> io::Result<Vec<IpAddr>> {
        ASKED.fetch_add(1, SeqCst);
        while OUTAGE.load(SeqCst) {
            thread::yield_now();
        }
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }

    #[test]
    fn an_outage_of_the_name_servers_leaves_one_thread_for_a_name() {
        let lookups = Lookups::default();
        for _ in 0..20 {
            let until = Instant::now() + Duration::from_millis(5);
            let error = lookups.find("mail.example.net", until, hangs).unwrap_err();
            assert!(matches!(error, Unresolved::Timeout(_)), "{error:?}");
        }
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lookups.find("mail.example.net", Instant::now() + PATIENCE, hangs));
            OUTAGE.store(false, SeqCst);
            assert_eq!(waiting.join().unwrap().unwrap(), [Ipv4Addr::LOCALHOST]);
        });
        assert!(ASKED.load(SeqCst) <= 2, "one, and one more where the first had ended before the last asked");
        let end = Instant::now() + PATIENCE;
        while !lookups.lock().is_empty() {
            assert!(Instant::now() < end, "a look-up that has ended is kept");
            thread::yield_now();
        }
        let before = ASKED.load(SeqCst);
        lookups.find("mail.example.net", Instant::now() + PATIENCE, hangs).unwrap();
        assert_eq!(ASKED.load(SeqCst), before + 1, "the name is looked up again");
    }

    #[test]
    fn a_look_up_that_panics_is_an_error_for_all_who_wait() {
        let ask: fn(&str) -> io::Result<Vec<IpAddr>> = |_| panic!("on purpose");
        let error = Lookups::default().find("mail.example.net", Instant::now() + PATIENCE, ask).unwrap_err();
        assert!(matches!(error, Unresolved::Failed(_)), "{error:?}");
    }
}
