//! The program under test, and the server that it talks to.

use magicmail_simulator::{Options, Server};
use serde_json::{json, Value};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The API client's password; no output may have it.
pub const CLIENT_PASSWORD: &str = "k3y-0f-the-c1ient";
/// A mailbox's password; no output may have it.
pub const PASSWORD: &str = "Tr0ub4dor&3";

/// A simulator with a folder for files, and a configuration of it.
pub struct Desk {
    pub server: Server,
    pub folder: PathBuf,
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Desk {
        Desk::with(Options::default())
    }

    pub fn with(options: Options) -> Desk {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("magicmail-cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let client = magicmail_simulator::Credentials::new("freeside", CLIENT_PASSWORD);
        let server = Server::start(Options { client, ..options }).expect("a simulator");
        let desk = Desk { server, folder };
        desk.file("magicmail.json", &desk.configuration().to_string());
        desk.file("password", &format!("{PASSWORD}\n"));
        desk
    }

    pub fn configuration(&self) -> Value {
        json!({
            "machine": "localhost", "port": self.server.address().port(), "client_id": "freeside",
            "client_password": CLIENT_PASSWORD, "ca_file": self.server.ca_file(), "timeout": 60,
        })
    }

    /// Writes a file that only its owner can read; returns its name.
    pub fn file(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("closed to others");
        path.to_string_lossy().into_owned()
    }

    /// The program with this desk's configuration, and nothing of this process's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(arguments);
        command.env("MAGICMAIL_CONFIG", self.folder.join("magicmail.json"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments), "")
    }

    pub fn run_with(&self, input: &str, arguments: &[&str]) -> Ended {
        ended(self.command(arguments), input)
    }

    /// The JSON that a run prints, which must succeed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.status, 0, "{arguments:?}: {ended:?}");
        ended.json()
    }

    /// Runs that must succeed.
    pub fn all(&self, commands: &[&str]) {
        for command in commands {
            let ended = self.run(&command.split(' ').collect::<Vec<_>>());
            assert_eq!(ended.status, 0, "{command}: {ended:?}");
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The program without a configuration.
pub fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_magicmail"));
    command.args(arguments).env_clear().env("HOME", "/nonexistent");
    command
}

/// Runs to the end; no output may hold a password.
pub fn ended(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input");
    // A program that reads nothing may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ended = Ended {
        status: output.status.code().expect("an exit, and no signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    };
    for secret in [CLIENT_PASSWORD, PASSWORD, "Tr0ub4dor%263", "Tr0ub4dor&amp;3"] {
        assert!(!ended.out.contains(secret) && !ended.err.contains(secret), "{ended:?}");
    }
    ended
}

/// The request for jane@example.net of FREESIDE42.
pub fn request() -> Value {
    json!({
        "account": { "id": "FREESIDE42", "first_name": "Ann", "last_name": "Lee" },
        "service": {
            "svcnum": 17, "username": "jane", "domain": "example.net", "finger": "Jane Roe",
            "password": PASSWORD, "password_encoding": "plain", "package": "EMAIL",
        },
        "others": [],
    })
}
