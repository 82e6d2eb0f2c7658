//! What Freeside wants, made short for the planner's tests: customer 42, service 20 is `jane@example.net`.

use magicmail::document::{AccountWanted, Neighbour, Request, Service, Standing};
use magicmail::id::{AccountId, PackageName, UserName};
use magicmail::password::Password;
use magicmail::secret::Secret;
use magicmail::world::{Hook, Task};

pub const ACCOUNT: &str = "FREESIDE42";

pub fn task(hook: Hook) -> Task {
    let service = Service {
        svcnum: 20,
        username: UserName::new("jane"),
        domain: "example.net".to_owned(),
        finger: "Jane Roe".to_owned(),
        password: Secret::new("sesame"),
        password_encoding: "plain".to_owned(),
        package: PackageName::new("EMAIL"),
        suspended: false,
        provisioned_before: false,
    };
    Task {
        hook,
        request: Request {
            account: AccountWanted {
                id: AccountId::new(ACCOUNT),
                configured_id: None,
                on_record: true,
                first_name: "Jane".to_owned(),
                last_name: "Roe".to_owned(),
            },
            old: (hook == Hook::Replace).then(|| service.clone()),
            service,
            others: Vec::new(),
            namesakes: Vec::new(),
            former_users: None,
            dry_run: false,
        },
        password: matches!(hook, Hook::Provision | Hook::Replace)
            .then(|| Password::Plain(Secret::new("sesame"))),
        unsendable: None,
        old_password: None,
        autopurge: false,
        finishing: false,
        finding: None,
        renamed: None,
    }
}

/// The same with other services: name, svcnum, package.
pub fn with_others(hook: Hook, others: &[(&str, u64, &str)]) -> Task {
    let mut task = task(hook);
    task.request.others = others.iter().map(|other| neighbour(other.0, other.1, other.2)).collect();
    task
}

pub fn neighbour(name: &str, svcnum: u64, package: &str) -> Neighbour {
    Neighbour {
        svcnum,
        username: UserName::new(name),
        domain: "example.net".to_owned(),
        package: PackageName::new(package),
        account_id: AccountId::new(ACCOUNT),
        on_record: true,
        standing: Standing::default(),
    }
}

pub fn purging(mut task: Task) -> Task {
    task.autopurge = true;
    task
}
