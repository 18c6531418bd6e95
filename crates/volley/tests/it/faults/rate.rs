//! Invariant 7: requests handed over never exceed the token bucket, probes, free GETs and the pages of listings included.

use super::hits;
use crate::books::{Books, HandOver, expect_all_agree};
use crate::support::{Over, Sandbox, contacts, for_all, number};

const SECOND: i64 = 1_000_000;
const RATE: usize = 40;
const BURST: usize = 4;
/// Answers that are lost.
const LOST: u32 = 12;

#[test]
fn requests_never_exceed_the_token_bucket() {
    for_all(stay_within_the_bucket);
}

fn stay_within_the_bucket(over: Over) {
    let provider = over.provider;
    let sandbox = Sandbox::new().of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.requests_per_second", 40.0)
        .set("limits.burst", 4)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..600));
    // The first trial's answer comes late: the bucket fills meanwhile, and the burst goes out. Retries cost tokens too, and so
    // does asking about the answers that are lost: a free GET, and a probe or some pages each.
    let lose = |nth| {
        let number = number(50 * nth + 25);
        format!(r#"{{"at":"after_commit","do":"status","status":502,"number":"{number}","times":1}}"#)
    };
    let losses: Vec<String> = (0..LOST).map(lose).collect();
    sandbox.faults(&format!(
        r#"{{"rules":[
            {{"at":"after_commit","do":"delay","ms":300,"request":1}},
            {{"at":"after_read","do":"status","status":429,"retry_after":"0","number":"+33600000150","times":1}},
            {{"at":"after_read","do":"refuse_stream","number":"+33600000250","times":1}},
            {}
        ]}}"#,
        losses.join(",")
    ));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert!(hits(&sandbox).iter().all(|times| *times == 1), "{end}");
    end.expect(0).expect_lines(&[("accepted", 600)]);
    let sent = Books::open(&sandbox).hand_overs();
    let probes = u64::from(LOST) * provider.probes();
    assert_eq!(
        sent.len() as u64,
        122 + probes,
        "120 batches, two of them twice, and probes"
    );
    let most = most_in_any_second(&sent);
    assert!(most <= RATE + BURST, "{most} handed over within one second");
    assert!(most > RATE / 2, "{most}: the limit was near");
    let all = sandbox.mock().stats().together;
    assert!(
        all.requests >= sent.len() as u64 + u64::from(LOST),
        "free GETs are seen: {all:?}"
    );
    // On their way requests may bunch: here by what the rate lets through in a tenth of a second.
    let seen = all.max_requests_in_any_second;
    assert!(
        seen <= (RATE + BURST + RATE / 10) as u64,
        "{seen} arrived within one second"
    );
    expect_all_agree(&sandbox, &end);
}

fn most_in_any_second(sent: &[HandOver]) -> usize {
    let within = |first: &HandOver| {
        sent.iter()
            .filter(|one| (first.at..first.at + SECOND).contains(&one.at))
            .count()
    };
    sent.iter().map(within).max().unwrap_or(0)
}

#[test]
fn recipients_never_exceed_their_bucket() {
    for_all(stay_within_the_recipients_bucket);
}

fn stay_within_the_recipients_bucket(over: Over) {
    let sandbox = Sandbox::new().of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 50)
        .set("limits.recipients_per_second", 1000.0)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..2000));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 2000)]);
    assert_eq!(end.summary()["limited_by"], "recipients_per_second", "{end}");
    // A second's recipients, the burst of one full batch, and what bunches within a tenth of a second.
    let seen = sandbox.mock().stats().together.max_recipients_in_any_second;
    assert!(seen <= 1000 + 50 + 100, "{seen} arrived within one second");
    let sent = Books::open(&sandbox).hand_overs();
    let most = 50 * most_in_any_second(&sent);
    assert!(most <= 1000 + 50, "{most} handed over within one second");
}
