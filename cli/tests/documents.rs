//! What the program says of itself: the manual page and the completions.

use crate::program::{bare, ended};
use magicmail::api::OPERATIONS;

#[test]
fn the_manual_page_has_every_command_option_and_variable() {
    let page = ended(bare(&["man"]), "");
    assert_eq!(page.status, 0, "{page:?}");
    // Roff writes a hyphen as \\-.
    let text = page.out.replace("\\-", "-");
    let commands = text.lines().filter(|line| line.starts_with("\\fBmagicmail "));
    let hooks = ["provision", "unprovision", "change", "suspend", "unsuspend", "check", "completions", "man"];
    let examples = 4;
    assert_eq!(commands.count(), OPERATIONS.len() + hooks.len() + examples, "{text}");
    for part in [
        "--client-password-file",
        "MAGICMAIL_CLIENT_PASSWORD",
        "MAGICMAIL_AUTOPURGE",
        "EXIT STATUS",
        "--force",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_completions_of_the_common_shells_know_the_operations() {
    for shell in ["bash", "zsh", "fish"] {
        let script = ended(bare(&["completions", shell]), "");
        assert_eq!(script.status, 0, "{shell}");
        assert!(script.out.contains("make-master"), "{shell}");
    }
    assert_eq!(ended(bare(&["completions", "paper"]), "").status, 1);
}

#[test]
fn the_help_names_the_kinds_of_things_and_fits_a_terminal() {
    let help = ended(bare(&["--help"]), "");
    assert_eq!(help.status, 0, "{help:?}");
    assert_eq!(help.out.lines().filter(|line| line.chars().count() > 80).collect::<Vec<_>>(), [""; 0]);
    for part in ["account", "user", "package", "domain", "address", "check", "provision"] {
        assert!(help.out.contains(&format!("\n  {part}")), "{part}: {}", help.out);
    }
}
