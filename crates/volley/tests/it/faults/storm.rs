//! All faults at once, by chance and seed, with kills among them: once, none lost, every ticket accounted for
//! (invariants 1, 2, 4, 5, 12).

use std::os::unix::process::ExitStatusExt;

use super::hits;
use crate::books::{Books, expect_all_agree};
use crate::support::{Sandbox, contacts, wait_until};

const RECIPIENTS: u64 = 1500;
const KILLS: u32 = 5;

/// 300 batches of five. A kill comes after 20 to 40 more requests.
#[test]
fn a_storm_of_faults_and_kills_doubles_nothing_and_loses_nothing() {
    let seed = crate::kills::seed();
    println!("VOLLEY_TEST_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::with_mock("[server]\nrequests_per_connection = 20\n");
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.requests_per_second", 300.0)
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..1500));
    sandbox.faults(&format!(
        r#"{{"seed":{},"rules":[
            {{"at":"after_commit","do":"drop","probability":0.03}},
            {{"at":"after_read","do":"reset","probability":0.03}},
            {{"at":"after_commit","do":"status","status":502,"probability":0.03}},
            {{"at":"after_commit","do":"truncate","probability":0.03}},
            {{"at":"before_read","do":"refuse_stream","probability":0.03}},
            {{"at":"after_read","do":"status","status":429,"retry_after":"0","probability":0.03}},
            {{"at":"after_read","do":"goaway","probability":0.03}}
        ]}}"#,
        dice.u32(..)
    ));
    for _ in 0..KILLS {
        kill_within(&sandbox, dice.u64(20..=40));
        Books::open(&sandbox)
            .expect_sound()
            .expect_tickets_of(sandbox.mock());
    }
    let end = sandbox.send(&["contacts.ndjson"]).run();
    expect_all_agree(&sandbox, &end);
    let hit = hits(&sandbox).iter().filter(|times| **times > 0).count();
    assert!(hit >= 5, "the storm was one: {:?}", hits(&sandbox));

    sandbox.mock().clear_faults();
    let end = sandbox.send(&["contacts.ndjson"]).run();
    let in_doubt = end.lines("in_doubt");
    end.expect(if in_doubt > 0 { 6 } else { 0 });
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known + in_doubt, RECIPIENTS, "{end}");
    expect_all_agree(&sandbox, &end);
}

/// A run that is killed once the provider has seen so many more requests.
fn kill_within(sandbox: &Sandbox, requests: u64) {
    let seen = || sandbox.mock().stats().together.requests;
    let target = seen() + requests;
    let mut send = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the moment of the kill", || seen() >= target || send.has_ended());
    send.kill();
    let end = send.wait();
    assert_eq!(
        end.status.signal(),
        Some(9),
        "the kill hit a process that ran\n{end}"
    );
}
