//! How replies look: at a terminal of 80 columns, and in a pipe.

use crate::program::Desk;
use crate::terminal::Session;

fn shown(desk: &Desk, arguments: &[&str]) -> Vec<String> {
    let (status, seen) = Session::start(desk.command(arguments)).end();
    assert_eq!(status, 0, "{seen}");
    seen.lines().map(str::to_owned).collect()
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.all(&["account add FREESIDE42 --first-name Ann --last-name Lee --phone 555-1234"]);
    for (user, name, memo) in [
        ("jane", "Jane", "reads her mail at the office and at home, and wants no news of ours"),
        ("bob", "Bob", ""),
        ("\u{5c71}\u{7530}", "\u{5c71}\u{7530}\u{592a}\u{90ce}", "wide"),
    ] {
        let ended = desk.run(&[
            "user",
            "add",
            user,
            "FREESIDE42",
            "--first-name",
            name,
            "--last-name",
            "Roe",
            "--memo",
            memo,
        ]);
        assert_eq!(ended.status, 0, "{ended:?}");
    }
    desk
}

#[test]
fn a_table_fits_a_terminal_of_80_columns() {
    let desk = desk();
    let lines = shown(&desk, &["user", "list", "FREESIDE42"]);
    let expected = [
        "USER  STATUS  MASTER USER  ACCOUNT     FIRST NAME  LAST NAME  MEMO",
        "BOB   active  N            FREESIDE42  Bob         Roe",
        "JANE  active  Y            FREESIDE42  Jane        Roe        reads her mail",
        "                                                              at the office",
        "                                                              and at home, and",
        "                                                              wants no news of",
        "                                                              ours",
        "\u{5c71}\u{7530}  active  N            FREESIDE42  \u{5c71}\u{7530}\u{592a}\u{90ce}    Roe        wide",
    ];
    assert_eq!(lines, expected, "{}", lines.join("\n"));
}

#[test]
fn a_record_fits_it_too() {
    let desk = desk();
    let lines = shown(&desk, &["user", "get", "jane"]);
    let expected = [
        "id           JANE",
        "status       active",
        "master_user  Y",
        "account      FREESIDE42",
        "first_name   Jane",
        "last_name    Roe",
        "memo         reads her mail at the office and at home, and wants no news of",
        "             ours",
    ];
    assert_eq!(lines, expected, "{}", lines.join("\n"));
}

#[test]
fn the_lines_of_a_check_are_broken_between_words() {
    let desk = desk();
    let session = Session::start(desk.command(&["check", "--ca-file", ""]));
    let (status, seen) = session.end();
    assert_eq!(status, 5, "{seen}");
    let lines: Vec<&str> = seen.lines().skip(2).collect();
    assert!(
        lines[0].starts_with("TLS          FAULT   the certificate of localhost is not signed by"),
        "{seen}"
    );
    assert!(lines[1].starts_with("                     "), "{seen}");
    assert!(lines.iter().all(|line| line.chars().count() < 80), "{seen}");
}

#[test]
fn in_a_pipe_a_record_is_a_line() {
    let desk = desk();
    let out = desk.run(&["user", "list", "FREESIDE42"]).out;
    assert_eq!(out.lines().count(), 4, "{out}");
}
