//! Doubts, over both ledgers: looked up in the listing by their exact name, never sent again by themselves.

use serde_json::Value;

use super::{campaigns, expect_all_agree};
use crate::support::{End, Kept, Provider, Sandbox, contacts, for_both_ledgers};

const LOST_COMMITTED: &str =
    r#"{"rules":[{"at":"after_commit","do":"reset","path":"campaigns","request":1}]}"#;
const LOST_UNCOMMITTED: &str =
    r#"{"rules":[{"at":"after_read","do":"reset","path":"campaigns","request":1}]}"#;

fn sandbox(kept: Kept, mock: &str, fault: &str) -> Sandbox {
    let sandbox = Sandbox::with_mock(mock).of(Provider::Exotel.over(kept));
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.max_in_flight", 1)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..30));
    sandbox.faults(fault);
    sandbox
}

fn doubts(sandbox: &Sandbox) -> Vec<Value> {
    let end = sandbox.volley(["--json", "doubt", "list"]).run();
    let list: Value = serde_json::from_str(end.stdout.trim()).expect("JSON");
    list["doubts"].as_array().expect("doubts").clone()
}

fn free(sandbox: &Sandbox, absent_for: &str, recipients: u64) -> End {
    let recipients = recipients.to_string();
    sandbox
        .volley([
            "--json",
            "doubt",
            "resolve",
            "--all-absent",
            "--absent-for",
            absent_for,
            "--not-sent",
        ])
        .args(["--reason", "the listing lacks it", "--recipients", &recipients])
        .run()
}

#[test]
fn an_answer_that_was_lost_is_found_by_its_name_in_the_same_run() {
    for_both_ledgers(find_by_name);
}

fn find_by_name(kept: Kept) {
    let sandbox = sandbox(kept, "", LOST_COMMITTED);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 30)]);
    assert_eq!(sandbox.mock().stats().faults_hit, [1]);
    assert_eq!(campaigns(&sandbox), 3);
    expect_all_agree(&sandbox, &end);
}

#[test]
fn while_the_listing_lags_it_stays_in_doubt_and_is_found_later() {
    for_both_ledgers(find_later);
}

fn find_later(kept: Kept) {
    let sandbox = sandbox(kept, "[exotel]\nlisting_lag_ms = 60000\n", LOST_COMMITTED);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6).expect_lines(&[("accepted", 20), ("in_doubt", 10)]);
    let listed = doubts(&sandbox);
    assert_eq!(
        (&listed[0]["absent"], &listed[0]["provider"]),
        (&1.into(), &"exotel".into())
    );
    let text = sandbox.volley(["doubt", "list"]).run();
    assert!(text.stdout.contains("absent in 1 listing since"), "{text}");

    sandbox.mock().advance_clock(61);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", 30)]);
    assert_eq!(end.summary()["settled"]["recipients"], 10);
    assert_eq!(campaigns(&sandbox), 3);
    expect_all_agree(&sandbox, &end);
}

#[test]
fn what_was_never_created_is_freed_by_the_operator_alone_and_then_sent_once() {
    for_both_ledgers(free_the_absent);
}

fn free_the_absent(kept: Kept) {
    let sandbox = sandbox(kept, "", LOST_UNCOMMITTED);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6).expect_lines(&[("accepted", 20), ("in_doubt", 10)]);
    assert_eq!(doubts(&sandbox)[0]["absent"], 1);

    // One listing proves nothing: nobody is freed, whatever the operator says.
    let end = free(&sandbox, "0s", 10);
    end.expect(0);
    assert_eq!(end.summary()["recipients"], 0);
    assert_eq!(doubts(&sandbox).len(), 1);

    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6)
        .expect_lines(&[("already_sent", 20), ("in_doubt", 10)]);
    assert_eq!(doubts(&sandbox)[0]["absent"], 2);
    assert_eq!(campaigns(&sandbox), 2, "nothing is created again by itself");

    // Two that lie too near prove no more.
    let end = free(&sandbox, "1h", 10);
    end.expect(0);
    assert_eq!(end.summary()["recipients"], 0);

    free(&sandbox, "0s", 11).expect(2);
    let end = free(&sandbox, "0s", 10);
    end.expect(0);
    assert_eq!(end.summary()["recipients"], 10);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0)
        .expect_lines(&[("accepted", 10), ("already_sent", 20)]);
    expect_all_agree(&sandbox, &end);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", 30)]);
    assert_eq!(campaigns(&sandbox), 3);
}

#[test]
fn a_listing_that_cannot_be_read_tells_no_absence() {
    for_both_ledgers(read_no_listing);
}

fn read_no_listing(kept: Kept) {
    let garbage = |nth| format!(r#",{{"at":"after_commit","do":"garbage","request":{nth}}}"#);
    let rules: String = (2..=9).map(garbage).collect();
    let lost = LOST_UNCOMMITTED.trim_end_matches("]}");
    let sandbox = sandbox(kept, "", &format!("{lost}{rules}]}}"));
    // One batch, so that whatever follows it is a GET.
    let end = sandbox.send(&["contacts.ndjson", "--max-recipients", "10"]).run();
    end.expect(6).expect_lines(&[("in_doubt", 10)]);
    assert!(end.stderr.contains("the listing cannot be read"), "{end}");
    assert_eq!(doubts(&sandbox)[0]["absent"], 0);
    // With a listing that can be, an absence is one.
    sandbox.mock().clear_faults();
    sandbox.send(&["contacts.ndjson"]).run().expect(6);
    assert_eq!(doubts(&sandbox)[0]["absent"], 1);
}

#[test]
fn twins_are_an_alarm_and_the_one_that_has_not_begun_is_deleted() {
    for_both_ledgers(delete_a_twin);
}

fn delete_a_twin(kept: Kept) {
    let sandbox = sandbox(
        kept,
        "[exotel]\ntwin_every = 1\nstart_lag_ms = 60000\n",
        LOST_COMMITTED,
    );
    let end = sandbox.send(&["contacts.ndjson", "--max-recipients", "10"]).run();
    end.expect(9).expect_lines(&[("accepted", 10)]);
    assert!(end.stderr.contains("2 campaigns are named volley-"), "{end}");
    assert!(end.stderr.contains("is deleted"), "{end}");
    let standing = sandbox
        .mock()
        .tickets()
        .into_iter()
        .filter(|ticket| !ticket.cancelled);
    assert_eq!(standing.count(), 1, "the provider has one left\n{end}");
    expect_all_agree(&sandbox, &end);
}

#[test]
fn twins_that_have_both_begun_end_the_run_with_6_and_are_named() {
    for_both_ledgers(name_the_twins);
}

fn name_the_twins(kept: Kept) {
    let sandbox = sandbox(kept, "[exotel]\ntwin_every = 1\n", LOST_COMMITTED);
    sandbox.write("contacts.ndjson", contacts(0..10));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6).expect_lines(&[("accepted", 10)]);
    let reason = end.summary()["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("numbers are called twice"), "{end}");
    let ids: Vec<String> = sandbox
        .mock()
        .tickets()
        .into_iter()
        .map(|ticket| ticket.ticket)
        .collect();
    assert!(ids.iter().any(|id| reason.contains(id)), "{ids:?}\n{end}");
}
