//! The names of things in MagicMail, each of its own type.
//!
//! The server hands names back in upper case whatever was sent, so names of one kind compare without
//! regard to case; what is shown and sent is the spelling they were made with. Letters beyond ASCII
//! compare alike where each is the other's only upper or lower case: servers differ in whether they
//! raise them too, and two mailboxes that differ only there would be one on such a server.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The key by which names are compared.
fn folded(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii() {
                return c.to_ascii_uppercase();
            }
            let upper = only(c.to_uppercase());
            let pair = upper.and_then(|upper| only(upper.to_lowercase()));
            match (upper, pair == only(c.to_lowercase())) {
                (Some(upper), true) => upper,
                _ => c,
            }
        })
        .collect()
}

fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    chars.next().filter(|_| chars.next().is_none())
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $name {
            text: Arc<str>,
            key: Arc<str>,
        }

        impl $name {
            pub fn new(text: impl Into<String>) -> $name {
                let text = text.into();
                $name { key: folded(&text).into(), text: text.into() }
            }

            /// By this it is compared, and found in a table.
            pub fn key(&self) -> &str {
                &self.key
            }

            /// The spelling it was made with.
            pub fn as_str(&self) -> &str {
                &self.text
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &$name) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $name {}

        impl Ord for $name {
            fn cmp(&self, other: &$name) -> Ordering {
                self.key.cmp(&other.key)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &$name) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }
    };
}

id_type!(
    /// An account: one customer of Freeside.
    AccountId
);
id_type!(
    /// A user: one mailbox, one service of Freeside. Unique on the whole server.
    UserName
);
id_type!(
    /// A package: what a customer pays for.
    PackageName
);
id_type!(
    /// An e-mail address, `username@domain`.
    Address
);

impl Address {
    pub fn of(user: &UserName, domain: &str) -> Address {
        Address::new(format!("{user}@{domain}"))
    }

    pub fn domain(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl PackageName {
    /// The package that the server gives to each user of an account beside its master.
    pub fn additional() -> PackageName {
        PackageName::new("ADDITIONAL NOCOST MAILBOX")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_regard_to_case_where_it_is_one_to_one() {
        assert_eq!(UserName::new("o'neil"), UserName::new("O'NEIL"));
        assert_eq!(UserName::new("zoë"), UserName::new("ZOË"));
        for (one, other) in [("ırma", "irma"), ("groß", "gross"), ("zoë", "zoe"), ("ſam", "sam")] {
            assert_ne!(UserName::new(one), UserName::new(other));
        }
        assert_eq!(UserName::new("Jane").to_string(), "Jane");
    }
}
