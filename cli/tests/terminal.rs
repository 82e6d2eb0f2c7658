//! The program at a terminal: what it asks, what it hides, how wide it writes.

#![allow(unsafe_code)]

use crate::program::{request, Desk, PASSWORD};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A program at a terminal of its own, of 80 columns.
pub struct Session {
    screen: File,
    seen: String,
    child: Child,
}

impl Session {
    pub fn start(mut command: Command) -> Session {
        let (mut screen, mut keyboard) = (-1, -1);
        let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: both descriptors are written by the call, `size` lives, no name and attributes are asked for.
        let made = unsafe {
            libc::openpty(&mut screen, &mut keyboard, std::ptr::null_mut(), std::ptr::null(), &size)
        };
        assert_eq!(made, 0, "a terminal");
        // SAFETY: they were just opened and are owned by nobody else.
        let (screen, keyboard) = unsafe { (File::from_raw_fd(screen), OwnedFd::from_raw_fd(keyboard)) };
        let end = || Stdio::from(keyboard.try_clone().expect("a copy"));
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: both calls may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().expect("the program starts");
        Session { screen, seen: String::new(), child }
    }

    /// Reads until `text` stands on the screen.
    pub fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            assert!(self.read(), "waited for {text:?}, saw {:?}", self.seen);
        }
    }

    /// Waits until what is typed is not shown.
    fn wait_until_hidden(&self) {
        use std::os::fd::AsRawFd;
        let end = Instant::now() + PATIENCE;
        loop {
            // SAFETY: zero is a state of the structure, which the call fills.
            let mut state: libc::termios = unsafe { std::mem::zeroed() };
            // SAFETY: the descriptor is open, the structure lives.
            assert_eq!(unsafe { libc::tcgetattr(self.screen.as_raw_fd(), &mut state) }, 0);
            if state.c_lflag & libc::ECHO == 0 {
                return;
            }
            assert!(Instant::now() < end, "what is typed is shown: {:?}", self.seen);
            std::thread::yield_now();
        }
    }

    pub fn type_line(&mut self, text: &str) {
        self.screen.write_all(format!("{text}\n").as_bytes()).expect("typed");
    }

    /// False at the end, which a terminal tells as an error.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.screen.read(&mut bytes) {
            Ok(count) if count > 0 => {
                self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
                true
            }
            _ => false,
        }
    }

    /// The exit status and all that was shown.
    pub fn end(mut self) -> (i32, String) {
        while self.read() {}
        let status = self.child.wait().expect("an end").code().expect("an exit");
        (status, self.seen.replace("\r\n", "\n"))
    }
}

#[test]
fn who_purges_is_asked_and_may_say_no() {
    let desk = Desk::new();
    desk.all(&["account add FREESIDE42", "user add jane FREESIDE42"]);
    for (answer, status) in [("n", 3), ("", 3), ("yes please", 3), ("y", 0)] {
        let mut session = Session::start(desk.command(&["user", "purge", "jane", "--force"]));
        session.wait_for("purge user jane on localhost? [y/N] ");
        session.type_line(answer);
        let (ended, seen) = session.end();
        assert_eq!(ended, status, "{answer}: {seen}");
        if status == 3 {
            assert!(seen.contains("was not confirmed; nothing was changed"), "{seen}");
            assert_ne!(desk.json(&["user", "get", "jane"]), serde_json::Value::Null);
        }
    }
    assert_eq!(desk.json(&["user", "get", "jane"]), serde_json::Value::Null);
}

#[test]
fn an_unprovision_is_asked_about_also_where_the_request_comes_from_a_file() {
    let desk = Desk::new();
    let file = desk.file("request.json", &request().to_string());
    assert_eq!(desk.run(&["provision", &file]).status, 0);
    let mut session = Session::start(desk.command(&["unprovision", "--autopurge", &file]));
    session
        .wait_for("unprovision mailbox jane@example.net (for good: its mail is lost) on localhost? [y/N] ");
    session.type_line("y");
    let (status, seen) = session.end();
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains("purge user jane"), "{seen}");
}

#[test]
fn without_a_terminal_what_removes_wants_yes() {
    let desk = Desk::new();
    let text = request().to_string();
    assert_eq!(desk.run_with(&text, &["provision"]).status, 0);
    let before = desk.server.log().len();
    for arguments in [
        &["unprovision"][..],
        &["user", "purge", "jane"],
        &["user", "delete", "jane"],
        &["account", "purge", "FREESIDE42", "--force"],
        &["account", "delete", "FREESIDE42"],
        &["package", "remove", "jane", "EMAIL"],
        &["address", "remove", "jane@example.net"],
        &["domain", "remove", "example.net"],
    ] {
        let ended = desk.run_with(&text, arguments);
        assert_eq!(ended.status, 3, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains("give --yes"), "{arguments:?}: {ended:?}");
    }
    assert_eq!(desk.server.log().len(), before, "nothing was sent");
}

#[test]
fn a_password_is_typed_without_being_shown() {
    let desk = Desk::new();
    let mut configuration = desk.configuration();
    let secret = configuration["client_password"].take().as_str().expect("a text").to_owned();
    configuration.as_object_mut().expect("an object").remove("client_password");
    desk.file("magicmail.json", &configuration.to_string());
    let mut session = Session::start(desk.command(&["account", "add", "FREESIDE42"]));
    session.wait_for("The API client's password: ");
    session.wait_until_hidden();
    session.type_line(&secret);
    let (status, seen) = session.end();
    assert_eq!(status, 0, "{seen}");
    assert!(seen.contains("FREESIDE42") && !seen.contains(&secret), "{seen}");

    let mut command = desk.command(&["user", "add", "jane", "FREESIDE42", "--ask-password"]);
    command.env("MAGICMAIL_CLIENT_PASSWORD", secret);
    let mut session = Session::start(command);
    session.wait_for("The mailbox's password: ");
    session.wait_until_hidden();
    session.type_line(PASSWORD);
    let (status, seen) = session.end();
    assert_eq!(status, 0, "{seen}");
    assert!(!seen.contains(PASSWORD), "{seen}");
    let log = serde_json::to_value(desk.server.log()).expect("JSON");
    assert!(log.to_string().contains("Tr0ub4dor&3"), "it was sent");
}
