//! From Freeside's stored password and its encoding to what MagicMail takes.

use crate::secret::Secret;

/// A password in a form that the server takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    Plain(Secret),
    /// A bare crypt string: DES, or `$1$`.
    Encrypted(Secret),
}

impl Password {
    pub fn text(&self) -> &Secret {
        match self {
            Password::Plain(text) | Password::Encrypted(text) => text,
        }
    }

    /// The API's `password_type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Password::Plain(_) => "plain",
            Password::Encrypted(_) => "encrypted",
        }
    }
}

/// Why a password cannot be sent: a clause that names the encoding and those that work, never the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSendable(pub String);

const WORKING: &str =
    "MagicMail takes plain, crypt (DES or $1$) and ldap ({PLAIN}, {CLEARTEXT}, {CRYPT}, {DES})";

impl NotSendable {
    fn because(what: &str) -> NotSendable {
        NotSendable(format!("{what}; {WORKING}"))
    }
}

/// Freeside's `_password` and `_password_encoding` as they are sent.
///
/// The mark by which older Freesides suspended a service (`*SUSPENDED* `; `!` or `!!` before a crypt
/// string) is left out: a mailbox keeps its real password throughout.
pub fn to_send(stored: &str, encoding: &str) -> Result<Password, NotSendable> {
    let text = without_suspended_mark(stored);
    if text.is_empty() {
        return Err(NotSendable::because("the service's password is empty"));
    }
    match encoding {
        "plain" => Ok(Password::Plain(Secret::new(text))),
        "crypt" => crypt(text)
            .ok_or_else(|| NotSendable::because(&format!("the password's encoding is {}", crypt_kind(text)))),
        "ldap" => ldap(text),
        "" => Err(NotSendable::because("the password's encoding is empty")),
        other => Err(NotSendable::because(&format!(
            "the password's encoding is {}",
            crate::error::one_line(other, 40)
        ))),
    }
}

fn without_suspended_mark(stored: &str) -> &str {
    let mut text = stored;
    while let Some(rest) = text.strip_prefix("*SUSPENDED* ") {
        text = rest;
    }
    text
}

fn crypt(text: &str) -> Option<Password> {
    let bare = text.strip_prefix("!!").or_else(|| text.strip_prefix('!')).unwrap_or(text);
    is_crypt(bare).then(|| Password::Encrypted(Secret::new(bare)))
}

fn is_crypt(text: &str) -> bool {
    let in_alphabet = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    match text.strip_prefix("$1$") {
        Some(rest) => !rest.is_empty() && rest.chars().all(|c| in_alphabet(c) || c == '$'),
        None => text.len() == 13 && text.chars().all(in_alphabet),
    }
}

/// What a crypt string that cannot be sent is, without showing any of it but its method.
fn crypt_kind(text: &str) -> String {
    let method = text
        .trim_start_matches('!')
        .strip_prefix('$')
        .and_then(|rest| rest.split_once('$'))
        .map(|(method, _)| method)
        .filter(|method| method.len() <= 8 && method.chars().all(|c| c.is_ascii_alphanumeric()));
    match method {
        Some(method) => format!("crypt with ${method}$"),
        None => "crypt, but not of a known form".to_owned(),
    }
}

fn ldap(text: &str) -> Result<Password, NotSendable> {
    let unmarked = text.strip_prefix("!!").or_else(|| text.strip_prefix('!'));
    let parts = unmarked.unwrap_or(text).strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let Some((scheme, value)) = parts.filter(|(scheme, _)| scheme.len() <= 20) else {
        return Err(NotSendable::because("the password's encoding is ldap without a {SCHEME}"));
    };
    let scheme = crate::error::one_line(&scheme.to_ascii_uppercase(), 20);
    if unmarked.is_some() && !matches!(scheme.as_str(), "CRYPT" | "DES") {
        return Err(NotSendable::because("the password's encoding is ldap without a {SCHEME}"));
    }
    match scheme.as_str() {
        "PLAIN" | "CLEARTEXT" if value.is_empty() => {
            Err(NotSendable::because("the service's password is empty"))
        }
        "PLAIN" | "CLEARTEXT" => Ok(Password::Plain(Secret::new(value))),
        "CRYPT" | "DES" => crypt(value).ok_or_else(|| {
            NotSendable::because(&format!(
                "the password's encoding is ldap {{{scheme}}} with {}",
                crypt_kind(value)
            ))
        }),
        _ => Err(NotSendable::because(&format!("the password's encoding is ldap {{{scheme}}}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<Password, NotSendable> {
        Ok(Password::Plain(Secret::new(text)))
    }

    fn encrypted(text: &str) -> Result<Password, NotSendable> {
        Ok(Password::Encrypted(Secret::new(text)))
    }

    const MD5: &str = "$1$abcdefgh$0123456789012345678901";

    #[test]
    fn each_encoding_that_works_is_sent_bare() {
        assert_eq!(to_send("&+%=é", "plain"), plain("&+%=é"));
        assert_eq!(to_send("{CRYPT}x", "plain"), plain("{CRYPT}x"));
        assert_eq!(to_send("abJnggxhB/yWI", "crypt"), encrypted("abJnggxhB/yWI"));
        assert_eq!(to_send(MD5, "crypt"), encrypted(MD5));
        assert_eq!(to_send("{plain}a b", "ldap"), plain("a b"));
        assert_eq!(to_send("{Cleartext}{x}", "ldap"), plain("{x}"));
        assert_eq!(to_send(&format!("{{crypt}}{MD5}"), "ldap"), encrypted(MD5));
        assert_eq!(to_send("{DES}abJnggxhB/yWI", "ldap"), encrypted("abJnggxhB/yWI"));
    }

    #[test]
    fn each_encoding_that_does_not_work_is_refused_by_name_without_the_password() {
        for (stored, encoding, named) in [
            ("$2a$10$secretsecret", "crypt", "$2a$"),
            ("$5$secretsecret$x", "crypt", "$5$"),
            ("$6$secretsecret$x", "crypt", "$6$"),
            ("*", "crypt", "crypt"),
            ("{MD5}secretsecret", "ldap", "{MD5}"),
            ("{SHA}secretsecret", "ldap", "{SHA}"),
            ("{ssha}secretsecret", "ldap", "{SSHA}"),
            ("secretsecret", "ldap", "ldap"),
            ("{CRYPT}$6$secretsecret$x", "ldap", "$6$"),
            ("secretsecret", "legacy", "legacy"),
            ("secretsecret", "", "empty"),
            ("", "plain", "empty"),
            ("{PLAIN}", "ldap", "empty"),
        ] {
            let NotSendable(text) = to_send(stored, encoding).expect_err(stored);
            assert!(text.contains(named), "{text}");
            assert!(text.contains("plain, crypt"), "{text}");
            assert!(!text.contains("secretsecret"), "{text}");
        }
    }

    #[test]
    fn the_mark_of_an_older_freeside_is_never_sent() {
        assert_eq!(to_send("*SUSPENDED* sesame", "plain"), plain("sesame"));
        assert_eq!(to_send("!sesame", "plain"), plain("!sesame"));
        assert_eq!(to_send("!!sesame", "plain"), plain("!!sesame"));
        assert_eq!(to_send("!abJnggxhB/yWI", "crypt"), encrypted("abJnggxhB/yWI"));
        assert_eq!(to_send(&format!("!!{MD5}"), "crypt"), encrypted(MD5));
        assert_eq!(to_send(&format!("*SUSPENDED* {MD5}"), "crypt"), encrypted(MD5));
        assert_eq!(to_send("*SUSPENDED* {CRYPT}abJnggxhB/yWI", "ldap"), encrypted("abJnggxhB/yWI"));
        assert_eq!(to_send("{CRYPT}!abJnggxhB/yWI", "ldap"), encrypted("abJnggxhB/yWI"));
    }
}
