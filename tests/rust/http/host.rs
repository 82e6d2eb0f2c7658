//! The process that the library lives in: it forks, gets signals, and must not be ended by one.
//!
//! Each of these tests runs in a process of its own: a forked child would hold the connections of other tests
//! open, and signals are everybody's.

use super::alone::{alone, set_mask};
use super::*;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::Instant;

fn this_thread() -> i32 {
    // SAFETY: it has no preconditions.
    unsafe { libc::gettid() }
}

pub fn echo(mut line: Line) {
    while let Some(seen) = line.request() {
        let _ = line.answer(&seen.line);
    }
}

fn numbered(count: usize) -> Vec<Request> {
    (0..count).map(|n| get(&["user", &n.to_string()])).collect()
}

/// Asks, and looks whether each answer is the one to its request.
pub fn asks_rightly(https: &Https, count: usize) -> bool {
    let exchanges = all(https, &numbered(count), LIMIT);
    exchanges.iter().enumerate().all(|(n, exchange)| match &exchange.outcome {
        Outcome::Answered(answer) => {
            answer.body == format!("GET /api/v2/user/{n}?client_type=FREESIDE HTTP/1.1").into_bytes()
        }
        other => {
            eprintln!("{other:?}");
            false
        }
    })
}

pub struct Child(libc::pid_t);

/// Runs `work` in a forked child.
pub fn fork(work: impl FnOnce() -> bool) -> Child {
    // SAFETY: this process has other threads, so the child may only do what works without them: it uses the
    // library (that it can is what is tested) and leaves by _exit.
    match unsafe { libc::fork() } {
        0 => {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
            // SAFETY: it has no preconditions; destructors are not run, which is the point.
            unsafe { libc::_exit(i32::from(!done)) }
        }
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        pid => Child(pid),
    }
}

impl Child {
    pub fn has_succeeded(&self) -> bool {
        let end = Instant::now() + peer::PATIENCE;
        let mut status = 0;
        // SAFETY: the child is this process's own and is waited for once; `status` is written by the call.
        while unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } == 0 {
            if Instant::now() > end {
                // SAFETY: the child has not been waited for, so the number is still its.
                unsafe { libc::kill(self.0, libc::SIGKILL) };
                eprintln!("a child hangs");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        status == 0
    }
}

#[test]
fn children_and_parent_go_on_after_a_fork_each_on_connections_of_their_own() {
    if !alone("http::host::children_and_parent_go_on_after_a_fork_each_on_connections_of_their_own", &[]) {
        return;
    }
    let pair = pair(echo);
    assert!(asks_rightly(&pair.https, 1));
    let work = || (0..10).all(|_| asks_rightly(&pair.https, 1));
    let children: Vec<Child> = (0..8).map(|_| fork(work)).collect();
    assert!(work());
    assert!(children.iter().all(Child::has_succeeded));
    assert!(work());
    assert_eq!(pair.peer.accepted(), 1 + 8);
}

#[test]
fn a_child_that_frees_the_handle_leaves_the_parents_connection_alone() {
    if !alone("http::host::a_child_that_frees_the_handle_leaves_the_parents_connection_alone", &[]) {
        return;
    }
    for uses_it in [false, true] {
        let Pair { peer, https, trusted: _trusted } = pair(echo);
        assert!(asks_rightly(&https, 1));
        let mut https = Some(https);
        let child = fork(|| {
            let worked = !uses_it || https.as_ref().is_some_and(|https| asks_rightly(https, 2));
            drop(https.take());
            worked
        });
        assert!(child.has_succeeded());
        assert!(https.as_ref().is_some_and(|https| asks_rightly(https, 1)));
        assert!(peer.seen().len() >= 2 && peer.accepted() <= 3, "the parent's connection was kept");
    }
}

#[test]
fn a_grandchild_has_connections_of_its_own_too() {
    if !alone("http::host::a_grandchild_has_connections_of_its_own_too", &[]) {
        return;
    }
    let pair = pair(echo);
    assert!(asks_rightly(&pair.https, 2));
    let child = fork(|| {
        let before = asks_rightly(&pair.https, 3);
        let grandchild = fork(|| asks_rightly(&pair.https, 4));
        before && asks_rightly(&pair.https, 3) && grandchild.has_succeeded()
    });
    assert!(asks_rightly(&pair.https, 2));
    assert!(child.has_succeeded());
}

#[test]
fn a_fork_in_the_middle_of_other_threads_requests_leaves_nothing_locked() {
    if !alone("http::host::a_fork_in_the_middle_of_other_threads_requests_leaves_nothing_locked", &[]) {
        return;
    }
    let pair = pair(echo);
    let over = AtomicBool::new(false);
    let started = Barrier::new(7);
    std::thread::scope(|scope| {
        let busy: Vec<_> = (0..6)
            .map(|_| {
                let (pair, over, started) = (&pair, &over, &started);
                scope.spawn(move || {
                    started.wait();
                    let mut right = true;
                    // One at a time: in a program of Rust's own (not in a library) the standard library has a lock
                    // around the start of a thread, which a fork may leave locked.
                    while !over.load(SeqCst) {
                        right &= asks_rightly(&pair.https, 1);
                    }
                    right
                })
            })
            .collect();
        started.wait();
        let children = (0..60).all(|_| fork(|| asks_rightly(&pair.https, 3)).has_succeeded());
        over.store(true, SeqCst);
        assert!(busy.into_iter().all(|thread| thread.join().unwrap()));
        assert!(children);
    });
}

/// Masks of the threads of this process, by their ids.
fn masks() -> Vec<(i32, u64)> {
    let mask = |id: i32| {
        let status = std::fs::read_to_string(format!("/proc/self/task/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| task.unwrap().file_name().into_string().unwrap().parse().ok())
        .filter_map(|id| Some((id, mask(id)?)))
        .collect()
}

#[test]
fn no_signal_reaches_a_thread_of_the_librarys() {
    if !alone("http::host::no_signal_reaches_a_thread_of_the_librarys", &[]) {
        return;
    }
    let barrier = Arc::new(Barrier::new(4));
    let looked = Arc::new(AtomicUsize::new(0));
    let (caller, count) = (this_thread(), looked.clone());
    let identity = by_ca(&local());
    let pair = pair_with(&identity, move |mut line| {
        line.request();
        // All four requests are under way, and with them the library's three threads.
        if barrier.wait().is_leader() {
            // The two that glibc keeps for itself, and SIGKILL and SIGSTOP, cannot be blocked.
            let all = !(1_u64 << 31 | 1 << 32 | 1 << 8 | 1 << 18);
            for (id, mask) in masks().into_iter().filter(|&(id, _)| id != caller) {
                assert_eq!(mask & all, all, "thread {id} has the mask {mask:x}");
                count.fetch_add(1, SeqCst);
            }
        }
        barrier.wait();
        let _ = line.answer("");
    });
    set_mask(libc::SIG_UNBLOCK);
    let exchanges = all(&pair.https, &numbered(4), LIMIT);
    assert!(exchanges.into_iter().all(|exchange| matches!(exchange.outcome, Outcome::Answered(_))));
    assert!(looked.load(SeqCst) >= 3);
    assert!(masks().contains(&(caller, 0)), "the caller's own mask is as it was");
}

static CALLER: AtomicI32 = AtomicI32::new(0);
static CAUGHT: AtomicUsize = AtomicUsize::new(0);
static ASTRAY: AtomicUsize = AtomicUsize::new(0);

extern "C" fn catch(_: i32) {
    let count = if this_thread() == CALLER.load(SeqCst) { &CAUGHT } else { &ASTRAY };
    count.fetch_add(1, SeqCst);
}

#[test]
fn a_storm_of_signals_breaks_no_request() {
    if !alone("http::host::a_storm_of_signals_breaks_no_request", &[]) {
        return;
    }
    let identity = by_ca(&local());
    // Every third connection ends after its request, so that look-ups and handshakes are in the storm too.
    let count = AtomicUsize::new(0);
    let peer = Peer::tls(identity.server(), move |mut line| {
        while let Some(seen) = line.request() {
            if count.fetch_add(1, SeqCst) % 3 == 0 {
                let length = seen.line.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
                let _ = line.send(head + &seen.line);
                return line.close_notify();
            }
            let _ = line.answer(&seen.line);
        }
    });
    let trusted = identity.trusted();
    let endpoint = Endpoint { machine: "localhost".to_owned(), ..endpoint(&peer, Some(&trusted)) };
    let https = Https::new(endpoint).unwrap();
    CALLER.store(this_thread(), SeqCst);
    let signals = [libc::SIGUSR1, libc::SIGALRM, libc::SIGHUP];
    for signal in signals {
        // SAFETY: `catch` only touches atomics. Without SA_RESTART every blocking call may be interrupted.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = catch as extern "C" fn(i32) as usize;
            assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(SeqCst) {
                for signal in signals {
                    // SAFETY: a signal to this very process, which catches it.
                    unsafe { libc::kill(libc::getpid(), signal) };
                }
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        set_mask(libc::SIG_UNBLOCK);
        let right = (0..150).all(|round| asks_rightly(&https, 1 + round % 5));
        over.store(true, SeqCst);
        assert!(right);
    });
    assert!(CAUGHT.load(SeqCst) > 100, "{CAUGHT:?}");
    assert_eq!(ASTRAY.load(SeqCst), 0);
}

#[test]
fn a_connection_that_breaks_while_a_request_is_written_raises_no_sigpipe() {
    if !alone("http::host::a_connection_that_breaks_while_a_request_is_written_raises_no_sigpipe", &[]) {
        return;
    }
    let pair = pair(|mut line| {
        line.begin_request();
        line.half_close();
        // What is unread when a socket is closed makes the system send a reset.
    });
    // SAFETY: it restores what every program but a Rust one begins with: SIGPIPE ends the process.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    set_mask(libc::SIG_UNBLOCK);
    let long = "x".repeat(16 * 1024 * 1024);
    for _ in 0..5 {
        let failure = in_doubt(pair.carry(&post(&["user", "jane"], &[("memo", &long)])));
        assert_eq!(failure.kind, magicmail::wire::FailureKind::Closed, "{}", failure.text);
    }
}

#[test]
fn a_proxy_in_the_environment_is_not_asked() {
    let nowhere = "http://127.0.0.1:1".as_ref();
    let names = ["https_proxy", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"];
    if alone("http::host::a_proxy_in_the_environment_is_not_asked", &names.map(|name| (name, nowhere))) {
        assert!(asks_rightly(&pair(echo).https, 2));
    }
}

#[test]
fn descriptors_do_not_pile_up() {
    if !alone("http::host::descriptors_do_not_pile_up", &[]) {
        return;
    }
    let pair = pair(|mut line| {
        line.request();
        let _ = line.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let once = || {
        all(&pair.https, &numbered(4), LIMIT)
            .into_iter()
            .for_each(|exchange| drop(answered(exchange.outcome)))
    };
    once();
    pair.peer.wait_until_closed();
    let before = descriptors();
    (0..50).for_each(|_| once());
    pair.peer.wait_until_closed();
    assert!(descriptors() <= before, "{before} descriptors, then {}", descriptors());
}
