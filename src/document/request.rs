//! The request of a hook: what Freeside wants.

use super::{parse_object, Configuration, Fields};
use crate::error::Error;
use crate::id::{AccountId, Address, PackageName, UserName};
use crate::names::Names;
use crate::secret::Secret;
use serde_json::{Map, Value};

/// What a hook is asked to bring about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub account: AccountWanted,
    pub service: Service,
    /// In a change: the service as it was.
    pub old: Option<Service>,
    /// The other provisioned services that share an account with this one, and further packages of this one.
    pub others: Vec<Neighbour>,
    /// Other provisioned services of this Freeside with this service's user name, on whatever account.
    pub namesakes: Vec<Neighbour>,
    /// Everybody whom Freeside's history ever had on this account. None: not known.
    pub former_users: Option<Vec<UserName>>,
    /// Plan only.
    pub dry_run: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountWanted {
    /// The account that the service is on by Freeside's record, else the one that the export's options name.
    pub id: AccountId,
    /// The one that the export's options name, where it is another than `id`.
    pub configured_id: Option<AccountId>,
    /// Freeside has `id` on record for this service. False also if that is not known.
    pub on_record: bool,
    pub first_name: String,
    pub last_name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub svcnum: u64,
    pub username: UserName,
    pub domain: String,
    /// Freeside's one field for a person's name.
    pub finger: String,
    /// Freeside's `_password` and `_password_encoding`.
    pub password: Secret,
    pub password_encoding: String,
    pub package: PackageName,
    /// The service's package is suspended in Freeside.
    pub suspended: bool,
    /// This very service was provisioned before: a mailbox that is there is refreshed, not taken over.
    pub provisioned_before: bool,
}

impl Service {
    pub fn address(&self) -> Address {
        Address::of(&self.username, &self.domain)
    }

    /// First and last name: what stands before the last white space, and the rest; one word is the first name.
    pub fn names(&self) -> Names {
        names_of_user(&self.finger)
    }
}

/// See [`Service::names`].
pub fn names_of_user(finger: &str) -> Names {
    let finger = name_of_person(finger);
    match finger.rsplit_once(char::is_whitespace) {
        Some((first, last)) => (first.trim_end().to_owned(), last.to_owned()),
        None => (finger, String::new()),
    }
}

/// Another provisioned service of the account. With this service's own svcnum: a further package of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub svcnum: u64,
    pub username: UserName,
    pub domain: String,
    pub package: PackageName,
    pub account_id: AccountId,
    /// Freeside has that account on record for it. False also if that is not known.
    pub on_record: bool,
    /// What the hooks do not need of it.
    pub standing: Standing,
}

/// How Freeside has another service, as far as an audit compares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its customer's number.
    pub customer: u64,
    /// Its package is suspended.
    pub suspended: bool,
    /// Its exports suspend nothing.
    pub no_suspend: bool,
    /// The account that its export's options name, where another is on record.
    pub configured_id: Option<AccountId>,
    /// The names of its user, as a provision sends them. None: not known.
    pub names: Option<Names>,
    /// The names of its customer, likewise.
    pub customer_names: Option<Names>,
}

impl Neighbour {
    /// Its number and address, to follow the word "service": `12 (ann@example.net)`.
    pub fn told(&self) -> String {
        format!("{} ({}@{})", self.svcnum, self.username, self.domain)
    }

    /// A name that no hook would have sent is on no server, and must not be asked for.
    pub fn can_be_a_mailbox(&self) -> bool {
        let name = self.username.as_str();
        !name.trim().is_empty() && check_segment(name, "user name").is_ok()
    }
}

/// Which keys a hook needs beside those that all need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Account, user name, domain.
    Plain,
    /// The password too.
    WithPassword,
    /// The password, and the service as it was.
    WithOld,
}

impl Request {
    pub fn parse(text: &str, shape: Shape, configuration: &Configuration) -> Result<Request, Error> {
        Request::from_object(parse_object(text, "request")?, shape, configuration)
    }

    pub fn from_object(
        object: Map<String, Value>,
        shape: Shape,
        configuration: &Configuration,
    ) -> Result<Request, Error> {
        let mut fields = Fields::new(object, "");
        let account = account(fields.needed_object("account")?)?;
        let read_service = |from: Fields| service(from, shape, configuration);
        let service = read_service(fields.needed_object("service")?)?;
        let request = Request {
            old: match shape {
                Shape::WithOld => Some(read_service(fields.needed_object("old")?)?),
                _ => None,
            },
            others: neighbours(fields.objects("others")?, &account, configuration)?,
            namesakes: namesakes_of(&mut fields, &service.username)?,
            former_users: former_users(&mut fields)?,
            dry_run: fields.flag("dry_run")?,
            account,
            service,
        };
        fields.finish()?;
        request.check()?;
        Ok(request)
    }

    /// What an operation asks that is about an account, and about no service of its own: that has the number 0,
    /// which no service has.
    pub fn of_account(id: AccountId, username: UserName, domain: String, others: Vec<Neighbour>) -> Request {
        Request {
            account: AccountWanted {
                id,
                configured_id: None,
                on_record: false,
                first_name: String::new(),
                last_name: String::new(),
            },
            service: Service {
                svcnum: 0,
                username,
                domain,
                finger: String::new(),
                password: Secret::default(),
                password_encoding: String::new(),
                package: PackageName::additional(),
                suspended: false,
                provisioned_before: false,
            },
            old: None,
            others,
            namesakes: Vec::new(),
            former_users: None,
            dry_run: false,
        }
    }

    /// Refuses what no server could carry out.
    pub fn check(&self) -> Result<(), Error> {
        let svcnum = self.service.svcnum;
        if self.account.id.as_str().is_empty() {
            return Err(Error::refused(format!(
                "service {svcnum} has no account: it is in no package of a customer; put it into one first"
            )));
        }
        let accounts = std::iter::once(&self.account.id).chain(&self.account.configured_id);
        accounts.map(AccountId::as_str).try_for_each(|id| check_segment(id, "account id"))?;
        if self.service.username.as_str().trim().is_empty() {
            return Err(Error::refused(format!("service {svcnum} has no user name; give it one first")));
        }
        check_segment(self.service.username.as_str(), "user name")?;
        if self.service.domain.trim().is_empty() {
            return Err(Error::refused(format!(
                "service {svcnum} ({}) has no domain; give it one first",
                crate::foreign::quoted(self.service.username.as_str(), 80)
            )));
        }
        let services = std::iter::once(&self.service).chain(&self.old);
        services.map(|service| &*service.domain).try_for_each(|domain| check_segment(domain, "domain"))
    }
}

/// A name that a request's path is to have, under `key` of a document.
pub fn needed_segment(fields: &mut Fields, key: &str) -> Result<String, Error> {
    let text = fields.needed_text(key)?;
    if text.is_empty() {
        return Err(Error::refused(format!("{key} is empty")));
    }
    check_segment(&text, key)?;
    Ok(text)
}

/// Refuses a name that could not stand in a request's path as itself, also where something between here and the
/// server decodes `%2F`.
pub fn check_segment(name: &str, what: &str) -> Result<(), Error> {
    let is_dots = |part: &str| part == "." || part == "..";
    if name.contains(char::is_control) || name.split('/').any(is_dots) {
        return Err(Error::refused(format!(
            "the {what} {} cannot be used: it has a control character, or it is one or two dots (also between slashes)",
            crate::foreign::quoted(name, 80)
        )));
    }
    Ok(())
}

/// As it is sent: a control character is a space, and there is none at the ends.
pub fn name_of_person(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}

fn account(mut fields: Fields) -> Result<AccountWanted, Error> {
    let id = AccountId::new(fields.needed_text("id")?);
    let configured = fields.text("configured_id")?.filter(|id| !id.is_empty()).map(AccountId::new);
    let account = AccountWanted {
        configured_id: configured.filter(|configured| *configured != id),
        on_record: fields.flag("on_record")?,
        id,
        first_name: name_of_person(&fields.text("first_name")?.unwrap_or_default()),
        last_name: name_of_person(&fields.text("last_name")?.unwrap_or_default()),
    };
    fields.finish()?;
    Ok(account)
}

fn service(mut fields: Fields, shape: Shape, configuration: &Configuration) -> Result<Service, Error> {
    let text = |value: Option<String>| value.unwrap_or_default();
    let (password, encoding) = (fields.text("password")?, fields.text("password_encoding")?);
    if shape != Shape::Plain {
        password.as_ref().ok_or_else(|| fields.missing("password"))?;
        encoding.as_ref().ok_or_else(|| fields.missing("password_encoding"))?;
    }
    let service = Service {
        svcnum: fields.needed_number("svcnum")?,
        username: UserName::new(fields.needed_text("username")?),
        domain: fields.needed_text("domain")?,
        finger: text(fields.text("finger")?),
        password: Secret::new(text(password)),
        password_encoding: text(encoding),
        package: package(&mut fields, configuration)?,
        suspended: fields.flag("suspended")?,
        provisioned_before: fields.flag("provisioned_before")?,
    };
    fields.finish()?;
    Ok(service)
}

fn neighbours(
    others: Vec<Fields>,
    account: &AccountWanted,
    configuration: &Configuration,
) -> Result<Vec<Neighbour>, Error> {
    let mut neighbours = Vec::new();
    for mut fields in others {
        let services = services_of(&mut fields)?;
        let package = package(&mut fields, configuration)?;
        let account_id = fields.text("account_id")?.filter(|id| !id.is_empty());
        let account_id = account_id.map_or_else(|| account.id.clone(), AccountId::new);
        let on_record = fields.flag("on_record")?;
        fields.finish()?;
        neighbours.extend(services.into_iter().map(|(svcnum, username, domain)| Neighbour {
            svcnum,
            username: UserName::new(username),
            domain,
            package: package.clone(),
            account_id: account_id.clone(),
            on_record,
            standing: Standing::default(),
        }));
    }
    neighbours.retain(Neighbour::can_be_a_mailbox);
    Ok(neighbours)
}

/// `namesakes: [{svcnum, domain, account_id, on_record}]`; they have the user name of the service itself.
pub fn namesakes_of(fields: &mut Fields, username: &UserName) -> Result<Vec<Neighbour>, Error> {
    let one = |mut fields: Fields| {
        let namesake = Neighbour {
            svcnum: fields.needed_number("svcnum")?,
            username: username.clone(),
            domain: fields.text("domain")?.unwrap_or_default(),
            package: PackageName::additional(),
            // No account has an empty id: of a namesake whose account is not given none is known.
            account_id: AccountId::new(fields.text("account_id")?.unwrap_or_default()),
            on_record: fields.flag("on_record")?,
            standing: Standing::default(),
        };
        fields.finish()?;
        Ok(namesake)
    };
    fields.objects("namesakes")?.into_iter().map(one).collect()
}

/// `former_users: [user names]`; None if the key is missing.
pub fn former_users(fields: &mut Fields) -> Result<Option<Vec<UserName>>, Error> {
    if !fields.has("former_users") {
        return Ok(None);
    }
    let names = fields.texts("former_users")?.into_iter().map(UserName::new);
    Ok(Some(names.filter(|name| !name.as_str().trim().is_empty()).collect()))
}

/// One service, or a list of those that are alike in all else: number, user name and domain of each.
fn services_of(fields: &mut Fields) -> Result<Vec<(u64, String, String)>, Error> {
    if !fields.has("services") {
        let domain = fields.text("domain")?.unwrap_or_default();
        return Ok(vec![(fields.needed_number("svcnum")?, fields.needed_text("username")?, domain)]);
    }
    fields.services("services")
}

fn package(fields: &mut Fields, configuration: &Configuration) -> Result<PackageName, Error> {
    let text = fields.text("package")?.unwrap_or_default();
    let text = text.trim();
    Ok(if text.is_empty() { configuration.package.clone() } else { PackageName::new(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_names_of_people_are_sent_as_spaces() {
        let configuration = r#"{"machine":"m","client_id":"i","client_password":"p"}"#;
        let configuration = Configuration::parse(configuration).expect("a configuration");
        let request = r#"{"account": {"id": "A", "first_name": "An\u0007na\n", "last_name": "\tvan\r\nLee"},
            "service": {"svcnum": 1, "username": "jane", "domain": "d", "finger": "Jane\u0001Mary Roe\u0085Lee\n"}}"#;
        let request = Request::parse(request, Shape::Plain, &configuration).expect("a request");
        assert_eq!((&*request.account.first_name, &*request.account.last_name), ("An na", "van  Lee"));
        assert_eq!(request.service.names(), ("Jane Mary Roe".to_owned(), "Lee".to_owned()));
    }
}
