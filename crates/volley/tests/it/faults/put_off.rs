//! 429 in all its forms, and streams refused: put off, never in doubt, never for ever.

use volley_model::BatchState;

use super::{hits, wait_for_accepted, wait_for_hits};
use crate::books::{Books, HandOver, expect_all_agree};
use crate::support::{Over, Sandbox, contacts, for_all};

#[test]
fn every_form_of_retry_after_ends_in_one_more_try() {
    for_all(put_off_once);
}

fn put_off_once(over: Over) {
    let past = r#","retry_after":"Sun, 06 Nov 1994 08:49:37 GMT""#;
    let forms = [
        ("", 0),
        (r#","retry_after":"1""#, 1000),
        (r#","retry_after":"0""#, 0),
        (r#","retry_after":"-1""#, 0),
        (r#","retry_after":"1e30""#, 0),
        (r#","retry_after":"soon""#, 0),
        (past, 0),
    ];
    for (form, wait_at_least_ms) in over.kept.first(2, &forms) {
        let sandbox = Sandbox::new().of(over);
        sandbox.prepare(20, 5);
        let rule = format!(r#"{{"at":"after_read","do":"status","status":429,"request":2{form}}}"#);
        sandbox.faults(&format!(r#"{{"rules":[{rule}]}}"#));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert_eq!(hits(&sandbox), [1], "{form}\n{end}");
        end.expect(0).expect_lines(&[("accepted", 20)]);
        let requests = &end.summary()["requests"];
        assert_eq!(
            (&requests["sent"], &requests["retried"], &requests["throttled"]),
            (&5.into(), &1.into(), &1.into()),
            "{form}\n{end}"
        );
        let (first, second) = tries_of_the_repeated(&sandbox);
        assert!(
            second.at - first.ended_at >= wait_at_least_ms * 1000,
            "{form}: {first:?}, {second:?}"
        );
        expect_all_agree(&sandbox, &end);
    }
}

/// The two attempts of the batch that has two.
fn tries_of_the_repeated(sandbox: &Sandbox) -> (HandOver, HandOver) {
    let hand_overs = Books::open(sandbox).hand_overs();
    let second = |first: &HandOver| {
        let later = |other: &&HandOver| other.batch == first.batch && other.at > first.at;
        hand_overs.iter().find(later).copied()
    };
    let pair = hand_overs.iter().find_map(|first| Some((*first, second(first)?)));
    pair.expect("a batch that was sent twice")
}

#[test]
fn one_429_cools_all_senders() {
    for_all(cool_all);
}

fn cool_all(over: Over) {
    let sandbox = Sandbox::new().of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.max_in_flight", 8)
        .set("limits.requests_per_second", 50.0)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..300));
    let mut send = sandbox.send(&["contacts.ndjson"]).start();
    wait_for_accepted(&sandbox, 10);
    sandbox
        .faults(r#"{"rules":[{"at":"after_read","do":"status","status":429,"retry_after":"1","times":1}]}"#);
    wait_for_hits(&sandbox, 0, 1);
    assert!(!send.has_ended(), "the fault came in the middle");
    let end = send.wait();
    end.expect(0).expect_lines(&[("accepted", 300)]);
    let (refused, _) = tries_of_the_repeated(&sandbox);
    let rest = refused.ended_at..refused.ended_at + 1_000_000;
    let handed_over = Books::open(&sandbox).hand_overs();
    let within = handed_over.iter().filter(|one| rest.contains(&one.at)).count();
    assert_eq!(within, 0, "sent while everybody was to rest: {refused:?}\n{end}");
    assert!(handed_over.iter().any(|one| one.at >= rest.end), "and went on");
    expect_all_agree(&sandbox, &end);
}

#[test]
fn a_batch_put_off_five_times_is_released_and_the_run_stops() {
    for_all(put_off_for_good);
}

fn put_off_for_good(over: Over) {
    for (deed, throttled) in [
        (r#""do":"status","status":429,"retry_after":"0""#, 5),
        (r#""do":"refuse_stream""#, 0),
    ] {
        let sandbox = Sandbox::new().of(over);
        sandbox.prepare(20, 5);
        sandbox.faults(&format!(r#"{{"rules":[{{"at":"after_read",{deed}}}]}}"#));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert_eq!(hits(&sandbox), [5], "{deed}\n{end}");
        end.expect(8).expect_lines(&[("pending", 20)]);
        let summary = end.summary();
        assert_eq!(summary["outcome"], "stopped");
        assert_eq!(summary["requests"]["throttled"], throttled, "{end}");
        assert_eq!(sandbox.mock().stats().together.recipients, 0);
        let states = Books::open(&sandbox).states();
        assert_eq!(
            states.keys().collect::<Vec<_>>(),
            [&BatchState::Released],
            "{states:?}"
        );

        sandbox.mock().clear_faults();
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 20)]);
        expect_all_agree(&sandbox, &end);
    }
}
