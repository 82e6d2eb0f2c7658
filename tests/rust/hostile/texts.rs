//! What a server says ends before the eyes of staff: on a page, in a URL, in a log.

use super::*;
use crate::abi_caller::HookFunction;
use magicmail::ffi::{mm_export, mm_export_set_log};
use std::ffi::{c_char, c_void, CStr};
use std::sync::Mutex;

/// Each as XML can carry it.
fn treacherous_texts() -> Vec<String> {
    let mut texts = vec![
        "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>".to_owned(),
        "line one\r\nSet-Cookie: a=b\r\n\r\n\tline two\u{85}three\u{2028}four\u{2029}five".to_owned(),
        "\u{202e}gnp.exe \u{2066}hidden\u{2069} \u{200f}\u{200e}\u{61c}a\u{200b}b\u{200d}c\u{2060}\u{feff}"
            .to_owned(),
        "soft\u{ad}hyphen mongolian\u{180e}vowel anchor\u{fff9}a\u{fffa}b\u{fffb} tag\u{e0041}\u{e007f}"
            .to_owned(),
        "x".repeat(100_000),
        "two words ".repeat(20_000),
        format!("the password is {PASSWORD} and the client's {SECRET}"),
        "\u{7f}\u{80}\u{9b}31m %s %n ${jndi:ldap://x} {} ../../".to_owned(),
        "e\u{301}\u{301}\u{301}".repeat(500),
    ];
    // Whatever else is a control to Unicode, and may stand in XML.
    texts.push(('\u{7f}'..='\u{9f}').collect());
    texts
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '<' | '>' | '&' | '"' | '\'' | '\t' | '\r' | '\n' => format!("&#{};", c as u32),
            c => c.to_string(),
        })
        .collect()
}

#[test]
fn what_an_error_says_is_one_harmless_line() {
    let house = house();
    for text in treacherous_texts() {
        let told = escaped(&text);
        for error in [
            format!("<error><code>{told}</code><message>no</message></error>"),
            format!("<error><code>a.b</code><message>{told}</message></error>"),
            format!("<error code=\"{told}\" message=\"{told}\"/>"),
            format!("<error>{told}</error>"),
            format!("<error><other>{told}</other></error>"),
        ] {
            house.answer(200, "text/xml; charset=utf-8", &format!("<r>{error}</r>"));
            all_fail(&house.each_call(), &format!("{:.60}", text.escape_debug()));
        }
    }
}

#[test]
fn where_a_redirect_leads_and_what_a_page_shows_is_one_harmless_line() {
    let house = house();
    for text in treacherous_texts() {
        let header: String = text.chars().filter(|c| !c.is_control() && c.is_ascii()).take(5_000).collect();
        house.server.set_faults(vec![Fault {
            count: None,
            location: Some(header),
            ..Fault::new(Kind::Redirect)
        }]);
        all_fail(&house.each_call(), "a redirect");
        house.answer(200, "text/html", &format!("<html><title>{}</title></html>", escaped(&text)));
        all_fail(&house.each_call(), "a page");
    }
}

/// A server whose every user is `text` in each field that names or describes something.
fn fields_are(house: &House, text: &str) {
    let told = escaped(text);
    let fields = format!("status=\"{told}\" master_user=\"{told}\" first_name=\"{told}\" memo=\"{told}\"");
    let body = format!(
        "<response><account id=\"{told}\" {fields}/><user id=\"{told}\" account=\"{told}\" {fields}/>\
         <users><user id=\"{told}\" account=\"FREESIDE42\" {fields}/><user id=\"jane\" account=\"{told}\" {fields}/></users>\
         <packages><package id=\"{told}\"/></packages><emailaddress id=\"{told}\" user=\"{told}\"/></response>"
    );
    house.answer(200, "text/xml; charset=utf-8", &body);
}

#[test]
fn names_of_accounts_users_and_packages_are_harmless_where_they_are_told() {
    let house = house();
    for text in treacherous_texts() {
        fields_are(&house, &text);
        for (name, hook) in HOOKS {
            told_by_hook(&house, name, hook);
        }
    }
}

fn told_by_hook(house: &House, name: &str, hook: HookFunction) {
    let mut request = request_of(name);
    request["others"] =
        json!([{ "svcnum": 12, "username": "ann", "domain": "example.net", "package": "BASIC" }]);
    for dry_run in [false, true] {
        request["dry_run"] = json!(dry_run);
        match in_time(name, || house.handle.hook(hook, request.to_string().as_bytes())) {
            Ok(reply) => is_for_people(&serde_json::from_str(&reply).unwrap(), name),
            Err(failure) => is_harmless(&failure, name),
        }
    }
}

unsafe extern "C" fn keep(lines: *mut c_void, _level: i32, line: *const c_char) {
    // SAFETY: the userdata that is set below, and a C text.
    let (lines, line) = unsafe { (&*lines.cast::<Mutex<Vec<String>>>(), CStr::from_ptr(line)) };
    lines.lock().unwrap().push(line.to_str().unwrap().to_owned());
}

#[test]
fn the_debug_log_has_one_harmless_line_for_each_request() {
    let house = house();
    let lines: Mutex<Vec<String>> = Mutex::default();
    let handle = house.debugging();
    let pointer: *mut mm_export = handle.0;
    // SAFETY: the handle lives, and `lines` lives longer than its calls.
    unsafe { mm_export_set_log(pointer, Some(keep), std::ptr::from_ref(&lines).cast_mut().cast()) };
    for text in treacherous_texts() {
        fields_are(&house, &text);
        for (name, hook) in HOOKS {
            let _ = handle.hook(hook, request_of(name).to_string().as_bytes());
        }
    }
    let lines = lines.lock().unwrap();
    assert!(lines.len() > 20);
    for line in lines.iter() {
        let shown: String = line.chars().take(100).collect();
        assert!(!line.contains(SECRET) && !line.contains(PASSWORD), "{shown}");
        assert!(line.chars().count() <= 2_100 && !line.chars().any(is_treacherous), "{shown}");
    }
}
