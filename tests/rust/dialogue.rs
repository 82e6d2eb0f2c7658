//! Tasks of Freeside's: what is asked of it, in which order, and what is sent once everything is known.

use crate::properties::export_over;
use crate::properties::network::{Act, Network, Script, Tail};
use crate::properties::scenes::Scene;
use magicmail::error::Status;
use magicmail::freeside::Task;
use magicmail::log::NoSink;
use magicmail::operation::Export;
use magicmail::wire::FailureKind;
use serde_json::{json, Map, Value};

/// Customer 42, whose service 20 is jane@example.net, of an export 1 that is on definition 1.
struct Freeside {
    begin: Value,
    answers: Map<String, Value>,
}

/// What was said, one line for each query or command, and the end.
struct Conversation {
    asked: Vec<String>,
    done: Value,
}

impl Freeside {
    fn new(task: &str) -> Freeside {
        let service = json!({
            "svcnum": 20, "svcpart": 1, "username": "jane", "domsvc": 3, "finger": "Jane Roe",
            "password": "sesame-7", "password_encoding": "plain",
        });
        let mut begin = json!({
            "task": task,
            "export": { "exportnum": 1, "no_suspend": 0, "purge_after_commit": 0 },
            "service": service,
            "context": { "own_transaction": 0, "for_customer": 0, "keeps_records": 1, "keeps_history": 1,
                         "names_accounts": 0 },
        });
        if task == "replace" {
            begin["old"] = begin["service"].clone();
        }
        let own = json!({ "custnum": 42, "agent_custid": null, "domain": "example.net", "records": [],
                          "has_row": task != "unprovision" });
        let mut whole = own.clone();
        for (key, value) in [
            ("svcpart", json!("1")),
            ("susp", Value::Null),
            ("first_name", json!("Ann")),
            ("last_name", json!("Lee")),
            ("old_domain", json!("example.net")),
            ("has_namesake", json!(0)),
        ] {
            whole[key] = value;
        }
        let exports = json!([{ "exportnum": 1, "account_prefix": "FREESIDE", "package": "EMAIL",
                               "use_agent_custid": 0, "definitions": [1] }]);
        let answers = json!({
            "exports": { "rows": exports }, "owner": { "row": own }, "service": { "row": whole },
            "services": { "rows": [] }, "namesakes": { "rows": [] }, "history": { "rows": [] },
            "lock": {}, "record_account": {}, "queue": {}, "rollback": {},
        });
        let Value::Object(answers) = answers else { unreachable!() };
        Freeside { begin, answers }
    }

    fn answering(mut self, name: &str, answer: Value) -> Freeside {
        self.answers.insert(name.to_owned(), answer);
        self
    }

    fn with(mut self, path: &str, value: Value) -> Freeside {
        *self.begin.pointer_mut(path).expect("there") = value;
        self
    }

    /// The whole conversation.
    fn run(&self, export: &Export) -> Conversation {
        let mut task = Task::begin(&self.begin.to_string()).expect("a task");
        let mut asked = Vec::new();
        let mut answers = Vec::new();
        for _ in 0..20 {
            let turn = task.next(export, &Value::Array(answers).to_string(), &NoSink).expect("a turn");
            let turn: Value = serde_json::from_str(&turn).expect("JSON");
            if let Some(done) = turn.get("done") {
                return Conversation { asked, done: done.clone() };
            }
            answers = Vec::new();
            for ask in turn["ask"].as_array().expect("a list") {
                let name = ask["name"].as_str().expect("a name");
                asked.push(format!("{name} {}", ask["with"]));
                answers.push(self.answers[name].clone());
            }
        }
        panic!("it never ends: {asked:#?}");
    }
}

impl Conversation {
    fn names(&self) -> Vec<&str> {
        self.asked.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect()
    }

    fn asks(&self, name: &str) -> &str {
        let found = self.asked.iter().find(|line| line.starts_with(&format!("{name} ")));
        found.unwrap_or_else(|| panic!("{name} was not asked: {:#?}", self.asked))
    }

    fn log(&self) -> String {
        let lines = self.done["log"].as_array().expect("a list").iter();
        lines.map(|line| format!("{}: {}", line["level"], line["text"])).collect::<Vec<_>>().join("\n")
    }
}

fn honest(scene: Scene) -> Network {
    Network::new(scene.state(), Script::honest())
}

fn away(scene: Scene) -> Network {
    Network::new(scene.state(), Script { acts: vec![Act::Unsent(FailureKind::Connect)], tail: Tail::Gone })
}

#[test]
fn a_provision_asks_for_everything_before_its_first_request() {
    let network = honest(Scene::NewCustomer);
    let said = Freeside::new("provision").run(&export_over(network.clone(), false));
    assert_eq!(said.done["error"], Value::Null);
    assert_eq!(said.names(), ["exports", "owner", "lock", "service", "record_account", "services"]);
    assert!(said.log().contains("provisioned mailbox jane@example.net, account FREESIDE42: create account"));
    assert!(network.state() != Scene::NewCustomer.state());
}

#[test]
fn a_hook_locks_its_service_and_what_concerns_others_the_accounts_too() {
    let record = json!({ "row": { "custnum": 42, "domain": "example.net", "records": [[1, "freeside7"]] } });
    let lock = |task: &str| {
        let said = Freeside::new(task)
            .answering("owner", record.clone())
            .run(&export_over(honest(Scene::Suspend), false));
        said.asks("lock").to_owned()
    };
    assert_eq!(
        lock("unprovision"),
        r#"lock {"accounts":["freeside7","FREESIDE42"],"custnums":[7,42],"svcnum":20}"#
    );
    assert_eq!(lock("suspend"), r#"lock {"accounts":[],"custnums":[7,42],"svcnum":20}"#);
}

#[test]
fn a_lock_is_taken_again_where_the_account_changed_while_waiting() {
    let said = Freeside::new("suspend")
        .answering("owner", json!({ "row": { "custnum": 41, "domain": "example.net", "records": [] } }))
        .run(&export_over(honest(Scene::Suspend), false));
    assert_eq!(said.names(), ["exports", "owner", "lock", "service", "lock", "service", "record_account"]);
}

#[test]
fn what_freeside_cannot_answer_ends_a_hook_before_any_request() {
    for name in ["exports", "owner", "lock", "service", "services", "record_account"] {
        let network = honest(Scene::NewCustomer);
        let said = Freeside::new("provision")
            .answering(name, json!({ "error": "Freeside's database: it is full" }))
            .run(&export_over(network.clone(), false));
        let error = said.done["error"].as_str().expect("an error");
        assert!(error.starts_with("cannot provision mailbox jane"), "{name}: {error}");
        assert!(error.ends_with("Freeside's database: it is full"), "{name}: {error}");
        assert!(network.seen().is_empty(), "{name}");
    }
}

#[test]
fn a_change_of_definition_leaves_the_mailbox_to_a_job() {
    let network = honest(Scene::Last);
    let mut there = Freeside::new("unprovision").answers["service"].clone();
    there["row"]["has_row"] = json!(1);
    let said =
        Freeside::new("unprovision").answering("service", there).run(&export_over(network.clone(), false));
    let arguments =
        r#"["exportnum","1","svcnum","20","username","jane","domain","example.net","account","FREESIDE42"]"#;
    assert_eq!(
        said.asks("queue"),
        format!(r#"queue {{"arguments":{arguments},"job":"unprovision_job","optional":false}}"#)
    );
    assert_eq!(said.done["error"], Value::Null);
    assert!(network.seen().is_empty());
}

#[test]
fn a_suspend_that_failed_is_left_to_a_job() {
    let failed = |more: &dyn Fn(Freeside) -> Freeside| {
        more(Freeside::new("suspend")).run(&export_over(away(Scene::Suspend), false))
    };
    let said = failed(&|freeside| freeside);
    assert_eq!(said.done["status"], json!(Status::NotReached as i32));
    assert_eq!(said.names().last(), Some(&"queue"));
    assert!(said.asks("queue").contains(r#""arguments":[1,20],"job":"suspend_job""#));
    let said = failed(&|freeside| freeside.with("/context/own_transaction", json!(1)));
    assert_eq!(said.names()[4..], ["rollback", "queue"]);
    let said = failed(&|freeside| freeside.answering("queue", json!({ "error": "no room" })));
    assert!(said.log().contains("no job tries it again: no room"), "{}", said.log());
    let said = failed(&|mut freeside| {
        freeside.begin["context"]["job"] = json!({});
        freeside
    });
    assert!(!said.names().contains(&"queue"));
}

#[test]
fn the_history_is_asked_for_only_where_an_account_may_be_purged() {
    let jane = json!({ "rows": [[null, null, "jane", null, null]] });
    let is_asked = |autopurge, services: Value, more: &dyn Fn(Freeside) -> Freeside| {
        let freeside = Freeside::new("unprovision").answering("history", jane.clone());
        let freeside = more(freeside.answering("services", json!({ "rows": services })));
        let said = freeside.run(&export_over(honest(Scene::Last), autopurge));
        said.names().contains(&"history")
    };
    let as_it_is = |freeside: Freeside| freeside;
    let ann = json!([[12, "ann", "example.net", 1, 42, "", 0, ""]]);
    assert!(is_asked(true, json!([]), &as_it_is));
    assert!(!is_asked(false, json!([]), &as_it_is));
    assert!(!is_asked(true, ann, &as_it_is));
    assert!(!is_asked(true, json!([]), &|freeside| freeside.with("/export/purge_after_commit", json!(1))));
    assert!(!is_asked(true, json!([]), &|freeside| freeside.with("/context/keeps_history", json!(0))));
}

#[test]
fn an_account_that_freeside_cannot_record_is_warned_about_once() {
    let said = Freeside::new("provision")
        .answering("record_account", json!({ "refused": true }))
        .run(&export_over(honest(Scene::NewCustomer), false));
    assert_eq!(said.names().iter().filter(|name| **name == "record_account").count(), 1);
    assert_eq!(said.log().matches("account FREESIDE42 cannot be put on record").count(), 1, "{}", said.log());
}

#[test]
fn a_customer_reads_a_neutral_sentence_and_staff_the_log() {
    let said = Freeside::new("provision")
        .with("/context/for_customer", json!(1))
        .run(&export_over(away(Scene::NewCustomer), false));
    let neutral = "the mailbox could not be set up now; please contact support";
    assert_eq!(said.done["error"], json!(neutral));
    assert!(said.log().contains("cannot provision mailbox jane@example.net"), "{}", said.log());
}

#[test]
fn a_subclass_is_asked_for_the_names_of_accounts() {
    let said = Freeside::new("provision")
        .with("/context/names_accounts", json!(1))
        .answering("account_names", json!({ "row": { "42": "kunde 42" } }))
        .run(&export_over(honest(Scene::NewCustomer), false));
    assert_eq!(said.asks("account_names"), r#"account_names {"custnums":[42]}"#);
    assert!(said.log().contains("account kunde 42"), "{}", said.log());
}

/// How jane is; nothing: she is not there.
fn jane(network: &Network) -> String {
    let state = serde_json::to_value(network.state()).expect("a document");
    state["users"]["jane"]["status"].as_str().unwrap_or_default().to_owned()
}

/// A job about jane's mailbox, which an unprovision left behind.
fn job(task: &str) -> Freeside {
    let mut freeside = Freeside::new(task);
    freeside.begin["service"] = json!({ "svcnum": 20, "username": "jane" });
    freeside.begin["context"]["job"] = json!({ "domain": "example.net", "account": "FREESIDE42" });
    freeside
}

/// The state of a scene, with jane marked deleted.
fn marked(scene: Scene) -> Network {
    let mut state = serde_json::to_value(scene.state()).expect("a document");
    state["users"]["jane"]["status"] = json!("deleted");
    Network::new(serde_json::from_value(state).expect("a state"), Script::honest())
}

#[test]
fn a_purge_job_locks_the_account_and_looks_again() {
    let network = marked(Scene::Last);
    let said = job("purge_job").run(&export_over(network.clone(), true));
    assert_eq!(said.names(), ["exports", "lock", "namesakes", "services", "history"]);
    assert_eq!(said.asks("lock"), r#"lock {"accounts":["FREESIDE42"],"custnums":[42],"svcnum":null}"#);
    assert_eq!(jane(&network), "");
    assert!(said.log().contains("purged mailbox jane@example.net: "), "{}", said.log());
}

#[test]
fn a_job_leaves_a_mailbox_alone_that_a_service_uses_again() {
    let jane = json!({ "rows": [[31, "JANE", "example.net", 1, 42, "", 0, ""]] });
    for task in ["unprovision_job", "purge_job", "finish_job"] {
        let network = marked(Scene::Last);
        let said = job(task)
            .answering("services", jane.clone())
            .answering("namesakes", jane.clone())
            .run(&export_over(network.clone(), true));
        assert_eq!(said.done["error"], Value::Null, "{task}");
        assert!(network.seen().is_empty(), "{task}");
    }
}

#[test]
fn a_purge_job_does_nothing_once_the_export_purges_no_more() {
    let network = marked(Scene::Last);
    let said = job("purge_job").run(&export_over(network.clone(), false));
    assert_eq!((&said.done["error"], network.seen().len()), (&Value::Null, 0));
}

#[test]
fn the_job_of_a_change_of_definition_unprovisions_what_nobody_has() {
    let network = honest(Scene::Last);
    let said = job("unprovision_job").run(&export_over(network.clone(), true));
    assert_eq!(said.done["error"], Value::Null);
    assert_eq!(jane(&network), "deleted");
}

#[test]
fn the_job_of_a_change_of_definition_synchronises_what_the_service_has() {
    let rows = json!({ "rows": [[20, "jane", "example.net", 1, 42, "", 0, ""]] });
    let network = honest(Scene::Last);
    let said = job("unprovision_job")
        .answering("services", rows.clone())
        .answering("namesakes", rows)
        .run(&export_over(network.clone(), true));
    assert_eq!(said.done["error"], Value::Null);
    assert_eq!(jane(&network), "active");
    assert!(network.seen().iter().any(|seen| seen.request.path[0] == "user_package"));
}

#[test]
fn a_suspend_is_tried_again_only_while_the_package_is_suspended() {
    let suspended = |susp: Value, definition: &str| {
        let mut freeside = job("suspend");
        freeside.answers["service"]["row"]["susp"] = susp;
        freeside.answers["service"]["row"]["svcpart"] = json!(definition);
        let network = honest(Scene::Suspend);
        freeside.run(&export_over(network.clone(), false));
        jane(&network)
    };
    assert_eq!(suspended(json!("1700000000"), "1"), "suspended");
    assert_eq!(suspended(Value::Null, "1"), "active");
    assert_eq!(suspended(json!("1700000000"), "2"), "active");
}

#[test]
fn a_document_that_is_none_is_refused_by_name() {
    let begin = |change: &dyn Fn(&mut Value)| {
        let mut begin = Freeside::new("provision").begin;
        change(&mut begin);
        let refused = Task::begin(&begin.to_string()).err().expect("refused");
        assert_eq!(refused.status, Status::Argument);
        refused.text
    };
    assert_eq!(begin(&|begin| begin["task"] = json!("sail")), "unknown task sail");
    assert_eq!(begin(&|begin| begin["service"]["colour"] = json!(1)), "unknown key service.colour");
    assert_eq!(
        begin(&|begin| begin["old"] = begin["service"].clone()),
        "key old belongs to a change, and only to it"
    );
    let export = export_over(honest(Scene::NewCustomer), false);
    let mut task = Task::begin(&Freeside::new("provision").begin.to_string()).expect("a task");
    let next =
        |task: &mut Task, answers: &str| task.next(&export, answers, &NoSink).map_err(|error| error.text);
    assert_eq!(next(&mut task, "{}"), Err("the answers are JSON, but not a list".to_owned()));
    assert!(next(&mut task, "[]").is_ok());
    assert_eq!(next(&mut task, "[]"), Err("an answer is missing".to_owned()));
    assert_eq!(next(&mut task, "[]"), Err("the task has ended".to_owned()));
}
