//! The names of things in MagicMail, each of its own type.
//!
//! The server hands names back in upper case whatever was sent, so names of one kind compare without
//! regard to ASCII case; what is shown and sent is the spelling they were made with.

use std::cmp::Ordering;
use std::fmt;

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> $name {
                $name(text.into())
            }

            /// The spelling it was made with.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &$name) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl Ord for $name {
            fn cmp(&self, other: &$name) -> Ordering {
                self.0.to_ascii_lowercase().cmp(&other.0.to_ascii_lowercase())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &$name) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
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
        Address(format!("{user}@{domain}"))
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
    fn names_compare_without_regard_to_ascii_case_only() {
        assert_eq!(UserName::new("o'neil"), UserName::new("O'NEIL"));
        assert_ne!(UserName::new("zoë"), UserName::new("zoË"));
        assert_eq!(UserName::new("Jane").to_string(), "Jane");
    }
}
