//! Answers that are whole and mean nothing but work: what is done for them grows with their length, not faster.

use super::*;

/// Six times the timeout of `house`.
const HOOK_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn an_answer_of_100_000_names_is_folded_in_time() {
    let house = house();
    let names: String = (0..100_000).map(|n| format!("<n{n}/>")).collect();
    house.answer(200, "text/xml", &format!("<r>{names}</r>"));
    let arguments = br#"{"method": "GET", "path": "/user"}"#;
    let reply = in_time("100,000 names", || house.handle.call(b"request", arguments)).unwrap();
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(reply.as_object().unwrap().len(), 100_000);
}

#[test]
fn a_debug_log_masks_passwords_without_end_in_time() {
    let house = house();
    let handle = house.debugging();
    for body in ["<password ".repeat(80_000), format!("{}/>", "<password ".repeat(80_000))] {
        house.answer(200, "text/xml", &body);
        let arguments = br#"{"method": "GET", "path": "/user"}"#;
        in_time("passwords", || handle.call(b"request", arguments)).unwrap_err();
    }
}

#[test]
fn namespaces_that_pile_up_are_refused() {
    let house = house();
    let around: String = (0..40)
        .map(|n| {
            let declared: String = (0..200).map(|m| format!(" xmlns:n{n}x{m}=\"urn:{n}.{m}\"")).collect();
            format!("<a{declared}>")
        })
        .collect();
    let inner = "<b xmlns:x=\"\"/>".repeat(60_000);
    house.answer(200, "text/xml", &format!("<r>{around}{inner}{}</r>", "</a>".repeat(40)));
    all_fail(&house.each_call(), "namespaces");
}

/// The list is not believed, so its entries are neither compared with each other nor removed one by one.
#[test]
fn a_user_who_holds_40_000_packages_is_left_alone() {
    let house = house();
    let user = |name: &str, master: &str| {
        format!("<user id=\"{name}\" account=\"FREESIDE42\" status=\"active\" master_user=\"{master}\"/>")
    };
    let packages: String = (0..40_000).map(|n| format!("<package id=\"PACKAGE {n}\"/>")).collect();
    house.answer(
        200,
        "text/xml",
        &format!(
            "<response><account id=\"FREESIDE42\" status=\"active\"/>{0}<users>{0}{1}</users>\
             <packages>{packages}</packages><emailaddress id=\"jane@example.net\" user=\"jane\"/></response>",
            user("jane", "N"),
            user("ann", "Y")
        ),
    );
    let (name, hook) = HOOKS[0];
    let request = request_of(name).to_string();
    let failure = within(HOOK_LIMIT, name, || house.handle.hook(hook, request.as_bytes())).unwrap_err();
    assert!(failure.text.contains("list of packages has more than 1000 entries"), "{}", failure.text);
    assert!(house.server.log().iter().all(|entry| entry.method == "GET"), "{:?}", house.server.log());
}
