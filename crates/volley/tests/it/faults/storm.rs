//! All faults at once, by chance and seed, with kills among them: once, none lost, every ticket accounted for
//! (invariants 1, 2, 4, 5, 12). Exotel's listing lags all the while, and what it lacks in the end is freed by the operator.

use std::ops::RangeInclusive;
use std::os::unix::process::ExitStatusExt;

use volley_model::BatchState;

use super::hits;
use crate::books::{Books, expect_all_agree};
use crate::kills::{Fed, Feed, kill_after};
use crate::support::{
    Converged, End, Kept, Over, Provider, Sandbox, contacts, for_all, for_both_ledgers, wait_until,
};

const RECIPIENTS: u32 = 2500;
const KILLS: u32 = 5;

/// 500 batches of five. A kill comes after 20 to 40 more requests, and what a busy machine lets pass until it falls.
#[test]
fn a_storm_of_faults_and_kills_doubles_nothing_and_loses_nothing() {
    let seed = crate::kills::seed();
    println!("VOLLEY_TEST_SEED={seed}");
    for_all(|over| survive_all_faults(over, seed));
}

/// A connection lasts 20 requests, and a campaign is listed a minute after it was made.
const MOCK: &str = "[server]\nrequests_per_connection = 20\n[exotel]\nlisting_lag_ms = 60000\n";

fn survive_all_faults(over: Over, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::with_mock(MOCK).of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.requests_per_second", 300.0)
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
    let sends = sandbox.provider().sends();
    sandbox.faults(&format!(
        r#"{{"seed":{},"rules":[
            {{"at":"after_commit","do":"drop","probability":0.03,{sends}}},
            {{"at":"after_read","do":"reset","probability":0.03,{sends}}},
            {{"at":"after_commit","do":"status","status":502,"probability":0.03,{sends}}},
            {{"at":"after_commit","do":"truncate","probability":0.03,{sends}}},
            {{"at":"before_read","do":"refuse_stream","probability":0.03,{sends}}},
            {{"at":"after_read","do":"status","status":429,"retry_after":"0","probability":0.03,{sends}}},
            {{"at":"after_read","do":"goaway","probability":0.03,{sends}}}
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

    mend(&sandbox);
    let Converged { end, .. } = sandbox.converge(&["contacts.ndjson"]);
    expect_converged(&sandbox, &end, RECIPIENTS.into());
}

/// The faults are over, and the listing has caught up.
fn mend(sandbox: &Sandbox) {
    sandbox.mock().clear_faults();
    sandbox.mock().advance_clock(61);
}

/// Recipients, five a batch, and kills. Over a server fewer, since each run takes longer to begin. The kills leave 900
/// batches for what a busy machine lets pass until they fall: three seconds' worth.
fn long_extent(kept: Kept) -> (u32, u32) {
    match kept {
        Kept::File => (8500, 20),
        Kept::Server => (5700, 6),
    }
}

/// After so many more requests a kill falls.
const REQUESTS_BEFORE_KILL: RangeInclusive<u64> = 15..=40;

#[test]
fn a_thousand_batches_survive_lost_answers_and_twenty_kills() {
    let seed = crate::kills::seed();
    println!("VOLLEY_TEST_SEED={seed}");
    for_both_ledgers(|kept| survive_the_storm(kept.into(), Feed::File, seed));
}

#[test]
fn a_thousand_batches_survive_lost_answers_and_twenty_kills_when_fed_from_a_pipe() {
    let seed = crate::kills::seed();
    println!("VOLLEY_TEST_SEED={seed}");
    for_both_ledgers(|kept| survive_the_storm(kept.into(), Feed::Pipe, seed));
}

#[test]
fn a_thousand_campaigns_survive_lost_answers_twenty_kills_and_a_listing_that_lags() {
    let seed = crate::kills::seed();
    println!("VOLLEY_TEST_SEED={seed}");
    for_both_ledgers(|kept| survive_the_storm(Provider::Exotel.over(kept), Feed::Pipe, seed));
}

/// Of the answers 5 % are lost after the commit, 5 % reset, 5 % are 502 after the commit, 5 % are 429; a connection
/// lasts 20 requests. The free GET is spared: three that fail before anything has answered in a run would end it (8).
fn survive_the_storm(over: Over, feed: Feed, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::with_mock(MOCK).of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.requests_per_second", 300.0)
        .set("limits.unit_price", "0.0495")
        .write();
    let (recipients, kills) = long_extent(over.kept);
    let lines = contacts(0..recipients);
    sandbox.write("contacts.ndjson", &lines);
    let sends = sandbox.provider().sends();
    sandbox.faults(&format!(
        r#"{{"seed":{},"rules":[
            {{"at":"after_commit","do":"drop","probability":0.05,{sends}}},
            {{"at":"after_read","do":"reset","probability":0.05,{sends}}},
            {{"at":"after_commit","do":"status","status":502,"probability":0.05,{sends}}},
            {{"at":"after_read","do":"status","status":429,"retry_after":"0","probability":0.05,{sends}}}
        ]}}"#,
        dice.u32(..)
    ));
    for _ in 0..kills {
        let moment = dice.u64(REQUESTS_BEFORE_KILL);
        kill_after(&sandbox, &mut Fed::start(&sandbox, feed, &lines, &[]), moment);
        Books::open(&sandbox)
            .expect_sound()
            .expect_tickets_of(sandbox.mock());
        assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
    }
    let end = Fed::start(&sandbox, feed, &lines, &[]).wait();
    expect_all_agree(&sandbox, &end);
    let hit = hits(&sandbox);
    // A fifth of what chance gives in so many batches.
    let at_least = u64::from(recipients / 500);
    assert!(
        hit.iter().all(|times| *times >= at_least),
        "each fault was met: {hit:?}"
    );
    let provider = sandbox.mock().stats().together;
    assert!(
        provider.connections >= provider.requests / 20,
        "connections were closed: {provider:?}"
    );

    mend(&sandbox);
    let Converged { end, .. } = sandbox.converge(&["contacts.ndjson"]);
    expect_converged(&sandbox, &end, recipients.into());
    let accepted = sandbox.mock().stats().together.accepted_requests;
    let end = Fed::start(&sandbox, feed, &lines, &[]).wait();
    end.expect(0).expect_lines(&[("already_sent", recipients.into())]);
    assert_eq!(end.summary()["requests"]["sent"], 0, "{end}");
    assert_eq!(sandbox.mock().stats().together.accepted_requests, accepted);
}

/// The run after the faults: everybody is reached, once; and of the provider's tickets those of the unticketed batches
/// are the only ones that we lack.
#[track_caller]
fn expect_converged(sandbox: &Sandbox, end: &End, recipients: u64) {
    end.expect(0);
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known, recipients, "{end}");
    let seen = sandbox.mock().stats().together;
    assert_eq!(
        (seen.recipients, seen.distinct_recipients, seen.max_per_recipient),
        (recipients, recipients, 1),
        "{end}"
    );
    let books = Books::open(sandbox);
    assert_eq!(
        books.batches(BatchState::Accepted) + books.batches(BatchState::Unticketed),
        seen.tickets,
        "{end}"
    );
    expect_all_agree(sandbox, end);
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
