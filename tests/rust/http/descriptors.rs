//! Descriptors and processes that are not what they were: closed by the host, used up, numbered alike.

use super::alone::alone;
use super::host::{asks_rightly, echo, fork, Child};
use super::*;
use magicmail::wire::FailureKind;
use std::fs::File;
use std::os::fd::AsRawFd;

/// What a program does that becomes a daemon; then it opens files of its own, which get the numbers.
fn close_all_and_open_others(count: usize) -> Vec<File> {
    for number in 3..1_000 {
        // SAFETY: this process has no other user of them: it was forked for this, and knows what it does.
        unsafe { libc::close(number) };
    }
    (0..count).map(|_| File::open("/dev/zero").unwrap()).collect()
}

fn are_open(files: &[File]) -> bool {
    // SAFETY: F_GETFD only asks, of any number.
    files.iter().all(|file| unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFD) } >= 0)
}

#[test]
fn a_child_that_closed_all_descriptors_keeps_those_it_opened_then() {
    if !alone("http::descriptors::a_child_that_closed_all_descriptors_keeps_those_it_opened_then", &[]) {
        return;
    }
    for frees in [false, true] {
        let Pair { peer: _peer, https, trusted: _trusted } = pair(echo);
        assert!(asks_rightly(&https, 4));
        let mut https = Some(https);
        let child = fork(|| {
            let files = close_all_and_open_others(64);
            let right = frees || https.as_ref().is_some_and(|https| asks_rightly(https, 4));
            drop(https.take());
            right && are_open(&files)
        });
        assert!(child.has_succeeded());
        assert!(https.is_some_and(|https| asks_rightly(&https, 4)));
    }
}

#[test]
fn a_process_that_closed_its_descriptors_reads_from_no_other_file() {
    if !alone("http::descriptors::a_process_that_closed_its_descriptors_reads_from_no_other_file", &[]) {
        return;
    }
    let pair = pair(echo);
    let child = fork(|| {
        let asked = asks_rightly(&pair.https, 2);
        let files = close_all_and_open_others(64);
        let asked_again = asks_rightly(&pair.https, 2);
        let unread =
            files.iter().all(|file| std::io::Seek::stream_position(&mut &*file).is_ok_and(|at| at == 0));
        asked && asked_again && unread && are_open(&files)
    });
    assert!(child.has_succeeded());
    assert_eq!(pair.peer.accepted(), 4);
}

/// Runs `work` as the first process of a namespace of its own; None: this system does not let it.
fn first_of_namespace(work: impl FnOnce() -> bool) -> Option<Child> {
    // SAFETY: it changes nothing but where this process's next children are numbered.
    (unsafe { libc::unshare(libc::CLONE_NEWPID) } == 0).then(|| fork(work))
}

#[test]
fn processes_of_the_same_number_share_no_connection() {
    if !alone("http::descriptors::processes_of_the_same_number_share_no_connection", &[]) {
        return;
    }
    let pair = pair(echo);
    let in_both = || {
        let (first, asked) = (std::process::id(), asks_rightly(&pair.https, 1));
        let second = first_of_namespace(|| std::process::id() == first && asks_rightly(&pair.https, 1));
        first == 1 && asked && second.is_some_and(|second| second.has_succeeded())
    };
    // A process with one thread may make namespaces of users, which lets it make one of processes.
    let child = fork(|| {
        // SAFETY: it changes only what this process, made for it, may do. That it fails is seen in what follows.
        unsafe { libc::unshare(libc::CLONE_NEWUSER) };
        first_of_namespace(in_both).is_none_or(|first| first.has_succeeded())
    });
    assert!(child.has_succeeded());
    let asked = pair.peer.seen().len();
    assert_eq!(pair.peer.accepted(), asked, "a connection of its own for each process");
    println!("{asked} of 2 processes could be made");
}

#[test]
fn a_process_without_a_descriptor_left_is_told_and_not_the_server_blamed() {
    let file = Trusted::write("");
    let variables = [("SSL_CERT_FILE", file.path().as_os_str()), ("SSL_CERT_DIR", "/nonexistent".as_ref())];
    if !alone(
        "http::descriptors::a_process_without_a_descriptor_left_is_told_and_not_the_server_blamed",
        &variables,
    ) {
        return;
    }
    let pair = pair(echo);
    assert!(asks_rightly(&pair.https, 1));
    std::fs::copy(pair.trusted.path(), std::env::var_os("SSL_CERT_FILE").unwrap()).unwrap();
    let of_system = Https::new(endpoint(&pair.peer, None)).unwrap();
    let named =
        Https::new(Endpoint { machine: "localhost".to_owned(), ..endpoint(&pair.peer, Some(&pair.trusted)) });
    let (named, addressed) = (named.unwrap(), Https::new(endpoint(&pair.peer, Some(&pair.trusted))).unwrap());
    let mut files = Vec::new();
    // SAFETY: `limit` is a whole limit, which is only read.
    unsafe {
        let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    let failures =
        [&addressed, &named, &of_system].map(|https| not_sent(one(https, &get(&["user", "jane"]), LIMIT)));
    drop(files);
    for failure in failures {
        assert_eq!(failure.kind, FailureKind::Local);
        assert!(failure.text.starts_with("this process has no file descriptor left"), "{}", failure.text);
    }
    assert!(asks_rightly(&addressed, 1) && asks_rightly(&named, 1) && asks_rightly(&of_system, 1));
}

#[test]
fn handles_on_one_server_share_an_outage_and_a_child_does_not() {
    if !alone("http::descriptors::handles_on_one_server_share_an_outage_and_a_child_does_not", &[]) {
        return;
    }
    let (pair, other) = (pair(echo), pair(echo));
    let second = Https::new(endpoint(&pair.peer, Some(&pair.trusted))).unwrap();
    let at = pair.https.now();
    pair.https.set_outage(Some(at));
    assert_eq!((second.outage(), other.https.outage()), (Some(at), None));
    assert!(second.now() >= at && second.now() < at + Duration::from_secs(30), "their clocks are one");
    assert!(fork(|| second.outage().is_none()).has_succeeded());
    second.set_outage(None);
    assert_eq!(pair.https.outage(), None);
}

/// From now on this process can start no thread.
fn forbid_threads() {
    // SAFETY: the limit is whole and only read. Both change only this process, which was forked for this: its
    // user must not be the one whom no limit binds.
    unsafe {
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &limit), 0);
        assert!(libc::geteuid() != 0 || libc::setresuid(65_534, 65_534, 65_534) == 0);
    }
    assert!(std::thread::Builder::new().spawn(|| {}).is_err(), "the limit binds this process");
}

#[test]
fn a_process_without_a_thread_left_is_told_and_asks_one_by_one() {
    if !alone("http::descriptors::a_process_without_a_thread_left_is_told_and_asks_one_by_one", &[]) {
        return;
    }
    let pair = pair(echo);
    let named =
        Https::new(Endpoint { machine: "localhost".to_owned(), ..endpoint(&pair.peer, Some(&pair.trusted)) });
    let named = named.unwrap();
    let child = fork(|| {
        forbid_threads();
        let failure = not_sent(one(&named, &get(&["user", "jane"]), LIMIT));
        assert_eq!(failure.kind, FailureKind::Local);
        assert!(
            failure.text.starts_with("no thread could be started to look up localhost"),
            "{}",
            failure.text
        );
        asks_rightly(&pair.https, 4)
    });
    assert!(child.has_succeeded());
    assert_eq!(pair.peer.accepted(), 1);
}
