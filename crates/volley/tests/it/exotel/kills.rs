//! SIGKILL at random moments, with lost answers and a listing that lags: no number in two campaigns, none lost.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use volley_model::BatchState;

use super::{campaigns, expect_all_agree};
use crate::books::Books;
use crate::kills::seed;
use crate::support::{End, Sandbox, contacts, wait_until};

const BATCHES: u32 = 200;
const BATCH_SIZE: u32 = 50;
const KILLS: u32 = 20;

fn send(sandbox: &Sandbox) -> End {
    sandbox.send(&["contacts.ndjson"]).run()
}

/// Starts a run, and kills it once the provider has seen so many more requests. `false` if it ended before.
fn kill_after(sandbox: &Sandbox, requests: u64) -> bool {
    let seen = || sandbox.mock().stats().exotel.requests;
    let target = seen() + requests;
    let mut started = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the moment of the kill", || {
        seen() >= target || started.has_ended()
    });
    if !started.has_ended() {
        started.kill();
    }
    started.wait().status.signal() == Some(9)
}

#[test]
fn two_hundred_batches_survive_kills_lost_answers_and_a_listing_that_lags() {
    let seed = seed();
    println!("VOLLEY_TEST_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 5\n[exotel]\nlisting_lag_ms = 60000\n");
    sandbox
        .voice_campaign()
        .set("limits.batch_size", BATCH_SIZE)
        .set("limits.requests_per_second", 200.0)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..BATCHES * BATCH_SIZE));
    // A tenth of the campaigns is created and the answer lost, and a few are lost before that.
    sandbox.faults(&format!(
        r#"{{"seed":{},"rules":[{{"at":"after_commit","do":"reset","probability":0.1,"number":"caller_id"}},
            {{"at":"after_read","do":"reset","probability":0.03,"number":"caller_id"}}]}}"#,
        seed >> 1
    ));
    let mut hit = 0;
    for _ in 0..KILLS {
        hit += u32::from(kill_after(&sandbox, dice.u64(0..=30)));
        let most = sandbox.mock().stats().exotel.max_per_recipient;
        assert!(most <= 1, "a number stands in {most} campaigns");
    }
    assert!(hit > 10, "only {hit} kills hit a run");
    assert!(sandbox.mock().stats().faults_hit.iter().sum::<u64>() > 0);
    sandbox.mock().clear_faults();

    // Past the lag, whatever was created is found; what was not stays in doubt, as absent.
    send(&sandbox);
    sandbox.mock().advance_clock(61);
    let end = send(&sandbox);
    expect_all_agree(&sandbox, &end);
    let end = send(&sandbox);
    expect_all_agree(&sandbox, &end);
    let books = Books::open(&sandbox);
    let absent = books.batches(BatchState::InDoubt);
    assert_eq!(
        books.batches(BatchState::Accepted),
        campaigns(&sandbox),
        "every campaign that the provider has is in the ledger\n{end}"
    );
    drop(books);
    if absent > 0 {
        end.expect(6);
        // A listing a second after the first that lacked them.
        let begun = Instant::now();
        wait_until("a second", || begun.elapsed() > Duration::from_millis(1100));
        send(&sandbox);
        let recipients = end.lines("in_doubt").to_string();
        let freed = sandbox
            .volley([
                "--json",
                "doubt",
                "resolve",
                "--all-absent",
                "--absent-for",
                "1s",
                "--not-sent",
            ])
            .args([
                "--reason",
                "past the lag they are absent still",
                "--recipients",
                &recipients,
            ])
            .run();
        freed.expect(0);
        assert_eq!(freed.summary()["recipients"].to_string(), recipients, "{freed}");
    }
    let end = send(&sandbox);
    end.expect(0);
    expect_all_agree(&sandbox, &end);
    let before = campaigns(&sandbox);
    let end = send(&sandbox);
    end.expect(0)
        .expect_lines(&[("already_sent", u64::from(BATCHES * BATCH_SIZE))]);
    let provider = sandbox.mock().stats().exotel;
    assert_eq!(campaigns(&sandbox), before, "a further run sends nothing");
    assert_eq!(
        (provider.distinct_recipients, provider.max_per_recipient),
        (u64::from(BATCHES * BATCH_SIZE), 1)
    );
}
