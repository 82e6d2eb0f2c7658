//! The properties of whole hooks, over made-up networks: some honest, some that lose and break what they carry,
//! some that lie.

use super::arbitrary::{answer, assert_holds, config};
use crate::properties::hooks::{check, gets_over, Case};
use crate::properties::liars;
use crate::properties::network::{Act, Script, Tail};
use crate::properties::scenes::Scene;
use magicmail::wire::{Answer, FailureKind};
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = FailureKind> {
    use FailureKind::{Certificate, Closed, Connect, Name, Protocol, Timeout};
    prop::sample::select(vec![Name, Connect, Certificate, Closed, Timeout, Protocol])
}

/// What happens on a network whose server tells the truth wherever it can be believed.
fn mishap() -> impl Strategy<Value = Act> {
    let page = (any::<bool>(), answer()).prop_map(|(done, mut answer)| {
        if matches!(answer.status, 200 | 400 | 500) {
            answer.body = b"oops".to_vec();
        }
        let done = done && !matches!(answer.status, 401 | 403);
        Act::Says { done, answer }
    });
    prop_oneof![
        4 => Just(Act::Honest),
        1 => kind().prop_map(Act::Unsent),
        2 => (any::<bool>(), kind()).prop_map(|(done, kind)| Act::Lost { done, kind }),
        2 => page,
    ]
}

fn anything() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => mishap(),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(at, by)| Act::Bent { at, by }),
        2 => (any::<bool>(), answer()).prop_map(|(done, answer)| Act::Says { done, answer }),
    ]
}

fn case(act: impl Strategy<Value = Act>) -> impl Strategy<Value = Case> {
    let acts = prop::collection::vec(act, 0..14);
    let tail = prop_oneof![
        3 => Just(Tail::Honest), 1 => Just(Tail::Gone), 1 => Just(Tail::Hanging), 1 => Just(Tail::Again)
    ];
    let scene = prop::sample::select(Scene::ALL.to_vec());
    (scene, any::<bool>(), prop::bool::weighted(0.1), acts, tail).prop_map(
        |(scene, autopurge, dry_run, acts, tail)| Case {
            scene,
            autopurge,
            dry_run,
            script: Script { acts, tail },
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn on_any_network_a_hook_ends_in_time_complete_or_as_before_and_says_which(case in case(mishap())) {
        assert_holds(check(&case))?;
    }

    #[test]
    fn a_server_that_answers_anything_is_not_believed_beyond_what_it_says(case in case(anything())) {
        assert_holds(check(&case))?;
    }
}

/// What passes: no connection for a moment, an answer that was lost, a server that is away.
fn passing() -> Vec<Act> {
    let away = |status| {
        let answer = Answer { status, content_type: None, location: None, body: b"away".to_vec() };
        Act::Says { done: false, answer }
    };
    let lost = |done| Act::Lost { done, kind: FailureKind::Closed };
    vec![
        Act::Unsent(FailureKind::Connect),
        Act::Unsent(FailureKind::Name),
        Act::Unsent(FailureKind::Closed),
        lost(false),
        lost(true),
        away(502),
        away(503),
        away(504),
    ]
}

#[test]
fn one_mishap_that_passes_at_whatever_request_is_got_over() {
    for scene in Scene::ALL.into_iter().filter(|scene| *scene != Scene::Taken) {
        for (autopurge, number) in (0..14).flat_map(|number| [(false, number), (true, number)]) {
            for act in passing() {
                let mut acts = vec![Act::Honest; number];
                acts.push(act.clone());
                let script = Script { acts, tail: Tail::Honest };
                let case = Case { scene, autopurge, dry_run: false, script };
                gets_over(&case).unwrap_or_else(|why| panic!("{act:?} at request {number}: {why}"));
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_a_server_lies_about_no_mailbox_is_lost(bytes in prop::collection::vec(any::<u8>(), 0..48)) {
        assert_holds(liars::check(&bytes))?;
    }
}

/// Cases that were drawn once in some thousand, and that the judge once took for wrong.
#[test]
fn an_error_as_the_root_and_an_address_that_is_another_by_one_byte_are_evidence() {
    let body = b"<error><code>account.error.not_found</code><message>No</message></error>".to_vec();
    let absent =
        Act::Says { done: false, answer: Answer { status: 200, content_type: None, location: None, body } };
    let act_on = |number: usize, act: &Act| {
        let mut acts = vec![Act::Honest; number];
        acts.push(act.clone());
        acts
    };
    let case = |scene: Scene, acts| {
        let script = Script { acts, tail: Tail::Honest };
        Case { scene, autopurge: false, dry_run: false, script }
    };
    check(&case(Scene::Last, act_on(0, &absent))).expect("the user is absent");
    for at in 0..200 {
        let mut acts = act_on(2, &Act::Bent { at, by: 1 });
        acts.extend([Act::Bent { at: 0, by: 1 }, Act::Bent { at: 0, by: 1 }, Act::Bent { at: 0, by: 1 }]);
        check(&case(Scene::Additional, acts)).unwrap_or_else(|why| panic!("byte {at}: {why}"));
    }
}

#[test]
fn one_wrong_byte_in_the_answer_to_a_suspension_is_not_believed_beyond_what_it_says() {
    for (number, at) in (0..3).flat_map(|number| (0..168).map(move |at| (number, at))) {
        let mut acts = vec![Act::Honest; number];
        acts.push(Act::Bent { at, by: 1 });
        let script = Script { acts, tail: Tail::Honest };
        let case = Case { scene: Scene::Suspend, autopurge: false, dry_run: false, script };
        check(&case).unwrap_or_else(|why| panic!("byte {at} of answer {number}: {why}"));
    }
}
