//! The table of the API's operations, and calls made from it. The facts: MagicMail's API as its clients
//! of type FREESIDE have used it (docs/protocol.md).

use crate::id::{AccountId, Address, PackageName, UserName};
use crate::password::Password;
use crate::secret::Secret;
use crate::wire::{Method, Request, Value};

/// What an operation's answer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One record, in an element of this name.
    Record(&'static str),
    /// A list: the elements' name, inside an element of the other.
    List {
        outer: &'static str,
        inner: &'static str,
    },
    Nothing,
}

/// One operation of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    pub name: &'static str,
    pub method: Method,
    /// The first segment of the path.
    pub thing: &'static str,
    /// The argument that is the second segment, where there is one.
    pub key: Option<&'static str>,
    /// Parameters that are always the same.
    pub fixed: &'static [(&'static str, &'static str)],
    pub needed: &'static [&'static str],
    pub optional: &'static [&'static str],
    pub answer: Shape,
    /// The error codes by which the server says that it has no such thing.
    pub absent: &'static [&'static str],
    /// The error codes that mean "none, or not yours": they prove nothing.
    pub not_shown: &'static [&'static str],
}

const NO_ACCOUNT: &[&str] = &["account.error.not_found"];
const NO_USER: &[&str] = &["account.error.not_found", "user.error.not_found"];
const NO_DOMAIN: &[&str] = &["error.permission_denied", "domain.error.not_found"];
const NO_ADDRESS: &[&str] =
    &["error.permission_denied", "emailaddress.error.not_found", "email_address.error.not_found"];
/// What an account, a user or a package is: each of it has an answer that tells.
const TELLS: &[&str] = &[];
const ACCOUNT: Shape = Shape::Record("account");
const USER: Shape = Shape::Record("user");
const PACKAGES: Shape = Shape::List { outer: "packages", inner: "package" };
const PERSON: &[&str] = &["first_name", "last_name", "phone", "memo"];
const USER_FIELDS: &[&str] = &["first_name", "last_name", "memo", "password", "password_type"];
const UPDATE: &[(&str, &str)] = &[("action", "update")];
const SUSPEND: &[(&str, &str)] = &[("action", "update"), ("status", "suspended")];
const ACTIVATE: &[(&str, &str)] = &[("action", "update"), ("status", "active")];
const DELETE: &[(&str, &str)] = &[("action", "update"), ("status", "deleted")];
const MASTER: &[(&str, &str)] = &[("action", "update"), ("master_user", "Y")];
const PURGE: &[(&str, &str)] = &[("action", "purge")];

macro_rules! operations {
    ($($name:ident $method:ident $thing:literal $key:expr, $fixed:expr, $needed:expr, $optional:expr, $answer:expr, $absent:expr, $not_shown:expr;)*) => {
        /// Every operation, in the order of the API's description.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            name: stringify!($name), method: Method::$method, thing: $thing, key: $key, fixed: $fixed,
            needed: $needed, optional: $optional, answer: $answer, absent: $absent,
            not_shown: $not_shown,
        }),*];
    };
}

operations! {
    add_account Post "account" Some("id"), &[], &[], PERSON, ACCOUNT, &[], TELLS;
    get_account Get "account" Some("id"), &[], &[], &[], ACCOUNT, NO_ACCOUNT, TELLS;
    get_accounts Get "account" None, &[], &[], &[], Shape::List { outer: "accounts", inner: "account" }, &[], TELLS;
    update_account Post "account" Some("id"), UPDATE, &[], PERSON, ACCOUNT, &[], TELLS;
    suspend_account Post "account" Some("id"), SUSPEND, &[], &[], ACCOUNT, &[], TELLS;
    activate_account Post "account" Some("id"), ACTIVATE, &[], &[], ACCOUNT, &[], TELLS;
    delete_account Post "account" Some("id"), DELETE, &[], &[], ACCOUNT, &[], TELLS;
    purge_account Post "account" Some("id"), PURGE, &[], &["force"], Shape::Nothing, &[], TELLS;
    add_user Post "user" Some("id"), &[], &["account"], USER_FIELDS, USER, &[], TELLS;
    get_user Get "user" Some("id"), &[], &[], &[], USER, NO_USER, TELLS;
    get_users Get "user" None, &[], &["account"], &[], Shape::List { outer: "users", inner: "user" }, NO_ACCOUNT, TELLS;
    update_user Post "user" Some("id"), UPDATE, &[], USER_FIELDS, USER, &[], TELLS;
    make_master_user Post "user" Some("id"), MASTER, &[], &[], USER, &[], TELLS;
    suspend_user Post "user" Some("id"), SUSPEND, &[], &[], USER, &[], TELLS;
    activate_user Post "user" Some("id"), ACTIVATE, &[], &[], USER, &[], TELLS;
    delete_user Post "user" Some("id"), DELETE, &[], &[], USER, &[], TELLS;
    purge_user Post "user" Some("id"), PURGE, &[], &["force"], Shape::Nothing, &[], TELLS;
    assign_package Post "user_package" Some("user"), &[], &["package"], &[], PACKAGES, &[], TELLS;
    get_packages Get "user_package" Some("user"), &[], &[], &[], PACKAGES, &[], TELLS;
    remove_package Post "user_package" Some("user"), PURGE, &["package"], &[], Shape::Nothing, &[], TELLS;
    add_domain Post "domain" Some("id"), &[], &["account"], &[], Shape::Record("domain"), &[], TELLS;
    get_domain Get "domain" Some("id"), &[], &[], &[], Shape::Record("domain"), &[], NO_DOMAIN;
    get_domains Get "domain" None, &[], &["account"], &[], Shape::List { outer: "domains", inner: "domain" }, &[], TELLS;
    remove_domain Post "domain" Some("id"), PURGE, &[], &[], Shape::Nothing, &[], TELLS;
    add_email_address Post "emailaddress" Some("id"), &[], &["user"], &[], Shape::Record("emailaddress"), &[], TELLS;
    get_email_address Get "emailaddress" Some("id"), &[], &[], &[], Shape::Record("emailaddress"), &[], NO_ADDRESS;
    get_email_addresses Get "emailaddress" None, &[], &["user"], &[], Shape::List { outer: "emailaddresses", inner: "emailaddress" }, NO_USER, TELLS;
    remove_email_address Post "emailaddress" Some("id"), PURGE, &[], &[], Shape::Nothing, &[], TELLS;
}

impl Operation {
    pub fn named(name: &str) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    pub fn is_read(&self) -> bool {
        self.method == Method::Get
    }

    /// What the record of its answer is, in a sentence: `user`, `address`.
    pub fn noun(&self) -> &'static str {
        if self.thing == "emailaddress" {
            "address"
        } else {
            self.thing
        }
    }

    pub fn takes(&self, parameter: &str) -> bool {
        self.needed.contains(&parameter) || self.optional.contains(&parameter)
    }
}

/// One operation with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub operation: &'static Operation,
    /// The thing in the path.
    pub key: Option<String>,
    pub parameters: Vec<(String, Value)>,
    /// Its answer may be as long as this, in bytes, where that is more than usual.
    body_limit: Option<u64>,
}

/// The longest list that an audit reads: some 300,000 accounts.
const LONGEST_LIST: u64 = 32 * 1024 * 1024;

impl Call {
    pub fn new(operation: &'static Operation, key: Option<&str>, parameters: Vec<(String, Value)>) -> Call {
        Call { operation, key: key.map(str::to_owned), parameters, body_limit: None }
    }

    /// A call of an operation that this file's own table has.
    fn of(name: &str, key: Option<&str>, parameters: &[(&str, &str)]) -> Call {
        let position = OPERATIONS.iter().position(|operation| operation.name == name);
        let operation = &OPERATIONS[position.unwrap_or_default()];
        debug_assert_eq!(operation.name, name);
        let parameters = parameters.iter().map(|(name, value)| parameter(name, value)).collect();
        Call::new(operation, key, parameters)
    }

    /// The same, with an answer as long as only an audit asks for.
    #[must_use]
    pub fn long(self) -> Call {
        Call { body_limit: Some(LONGEST_LIST), ..self }
    }

    pub fn get_accounts() -> Call {
        Call::of("get_accounts", None, &[]).long()
    }

    pub fn get_account(id: &AccountId) -> Call {
        Call::of("get_account", Some(id.as_str()), &[])
    }

    /// The names travel only where they are set.
    pub fn add_account(id: &AccountId, first_name: &str, last_name: &str) -> Call {
        let names = [("first_name", first_name), ("last_name", last_name)];
        let set: Vec<_> = names.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Call::of("add_account", Some(id.as_str()), &set)
    }

    /// An empty name is sent, too: that is how one is emptied.
    pub fn update_account(id: &AccountId, names: &(String, String)) -> Call {
        let parameters = [("first_name", names.0.as_str()), ("last_name", names.1.as_str())];
        Call::of("update_account", Some(id.as_str()), &parameters)
    }

    pub fn activate_account(id: &AccountId) -> Call {
        Call::of("activate_account", Some(id.as_str()), &[])
    }

    pub fn suspend_account(id: &AccountId) -> Call {
        Call::of("suspend_account", Some(id.as_str()), &[])
    }

    pub fn delete_account(id: &AccountId) -> Call {
        Call::of("delete_account", Some(id.as_str()), &[])
    }

    /// Without force: a late or repeated purge cannot hit what is not marked deleted.
    pub fn purge_account(id: &AccountId) -> Call {
        Call::of("purge_account", Some(id.as_str()), &[])
    }

    pub fn get_user(name: &UserName) -> Call {
        Call::of("get_user", Some(name.as_str()), &[])
    }

    pub fn get_users(account: &AccountId) -> Call {
        Call::of("get_users", None, &[("account", account.as_str())])
    }

    /// The names travel only where they are set.
    pub fn add_user(
        name: &UserName,
        account: &AccountId,
        names: &(String, String),
        password: &Password,
    ) -> Call {
        let mut call = Call::of("add_user", Some(name.as_str()), &[("account", account.as_str())]);
        for (name, value) in [("first_name", &names.0), ("last_name", &names.1)] {
            if !value.is_empty() {
                call.parameters.push(parameter(name, value));
            }
        }
        call.with_password(password)
    }

    /// The names travel even when they are empty, for a name that was emptied.
    pub fn update_user(name: &UserName, names: &(String, String), password: Option<&Password>) -> Call {
        let parameters = [("first_name", names.0.as_str()), ("last_name", names.1.as_str())];
        let call = Call::of("update_user", Some(name.as_str()), &parameters);
        match password {
            Some(password) => call.with_password(password),
            None => call,
        }
    }

    pub fn activate_user(name: &UserName) -> Call {
        Call::of("activate_user", Some(name.as_str()), &[])
    }

    pub fn suspend_user(name: &UserName) -> Call {
        Call::of("suspend_user", Some(name.as_str()), &[])
    }

    pub fn delete_user(name: &UserName) -> Call {
        Call::of("delete_user", Some(name.as_str()), &[])
    }

    /// Without force: a late or repeated purge cannot hit what is not marked deleted.
    pub fn purge_user(name: &UserName) -> Call {
        Call::of("purge_user", Some(name.as_str()), &[])
    }

    pub fn make_master_user(name: &UserName) -> Call {
        Call::of("make_master_user", Some(name.as_str()), &[])
    }

    pub fn get_packages(user: &UserName) -> Call {
        Call::of("get_packages", Some(user.as_str()), &[])
    }

    pub fn assign_package(user: &UserName, package: &PackageName) -> Call {
        Call::of("assign_package", Some(user.as_str()), &[("package", package.as_str())])
    }

    pub fn remove_package(user: &UserName, package: &PackageName) -> Call {
        Call::of("remove_package", Some(user.as_str()), &[("package", package.as_str())])
    }

    pub fn get_domain(domain: &str) -> Call {
        Call::of("get_domain", Some(domain), &[])
    }

    pub fn get_email_address(address: &Address) -> Call {
        Call::of("get_email_address", Some(address.as_str()), &[])
    }

    pub fn get_email_addresses(user: &UserName) -> Call {
        Call::of("get_email_addresses", None, &[("user", user.as_str())])
    }

    pub fn add_email_address(address: &Address, user: &UserName) -> Call {
        Call::of("add_email_address", Some(address.as_str()), &[("user", user.as_str())])
    }

    pub fn remove_email_address(address: &Address) -> Call {
        Call::of("remove_email_address", Some(address.as_str()), &[])
    }

    fn with_password(mut self, password: &Password) -> Call {
        let text = Value::Secret(password.text().clone());
        self.parameters.push(("password".to_owned(), text));
        self.parameters.push(parameter("password_type", password.kind()));
        self
    }

    /// The request that carries this call.
    pub fn request(&self) -> Request {
        let mut parameters = vec![parameter("client_type", "FREESIDE")];
        let fixed = self.operation.fixed.iter().map(|(name, value)| parameter(name, value));
        parameters.extend(fixed);
        parameters.extend(self.parameters.iter().cloned());
        let mut path = vec![self.operation.thing.to_owned()];
        path.extend(self.key.clone());
        Request { method: self.operation.method, path, parameters, body_limit: self.body_limit }
    }
}

fn parameter(name: &str, value: &str) -> (String, Value) {
    (name.to_owned(), Value::Plain(value.to_owned()))
}

/// A parameter by its name, masked where it holds a password.
pub fn parameter_for(name: &str, value: String) -> (String, Value) {
    let value = if name == "password" { Value::Secret(Secret::new(value)) } else { Value::Plain(value) };
    (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_this_file_finds_its_operation() {
        let (account, user) = (AccountId::new("A"), UserName::new("u"));
        let (package, address) = (PackageName::new("P"), Address::new("u@d"));
        let names = ("f".to_owned(), String::new());
        let password = Password::Plain(Secret::new("p"));
        for (call, name) in [
            (Call::get_accounts(), "get_accounts"),
            (Call::get_account(&account), "get_account"),
            (Call::add_account(&account, "", ""), "add_account"),
            (Call::update_account(&account, &names), "update_account"),
            (Call::activate_account(&account), "activate_account"),
            (Call::suspend_account(&account), "suspend_account"),
            (Call::delete_account(&account), "delete_account"),
            (Call::purge_account(&account), "purge_account"),
            (Call::get_user(&user), "get_user"),
            (Call::get_users(&account), "get_users"),
            (Call::add_user(&user, &account, &names, &password), "add_user"),
            (Call::update_user(&user, &names, None), "update_user"),
            (Call::activate_user(&user), "activate_user"),
            (Call::suspend_user(&user), "suspend_user"),
            (Call::delete_user(&user), "delete_user"),
            (Call::purge_user(&user), "purge_user"),
            (Call::make_master_user(&user), "make_master_user"),
            (Call::get_packages(&user), "get_packages"),
            (Call::assign_package(&user, &package), "assign_package"),
            (Call::remove_package(&user, &package), "remove_package"),
            (Call::get_domain("d"), "get_domain"),
            (Call::get_email_address(&address), "get_email_address"),
            (Call::get_email_addresses(&user), "get_email_addresses"),
            (Call::add_email_address(&address, &user), "add_email_address"),
            (Call::remove_email_address(&address), "remove_email_address"),
        ] {
            assert_eq!(call.operation.name, name);
        }
    }

    #[test]
    fn a_name_that_is_not_set_is_left_out_of_an_add_and_sent_empty_in_an_update() {
        let names = ("Jane".to_owned(), String::new());
        let sent = |call: Call| -> Vec<String> {
            call.request()
                .parameters
                .iter()
                .map(|(name, value)| format!("{name}={}", value.reveal()))
                .collect()
        };
        let password = Password::Plain(Secret::new("p"));
        let added = sent(Call::add_user(&UserName::new("u"), &AccountId::new("A"), &names, &password));
        assert_eq!(
            added,
            ["client_type=FREESIDE", "account=A", "first_name=Jane", "password=p", "password_type=plain"]
        );
        let updated = sent(Call::update_user(&UserName::new("u"), &names, None));
        assert_eq!(updated, ["client_type=FREESIDE", "action=update", "first_name=Jane", "last_name="]);
    }
}
