//! What one worker is told holds for all of them within a second: the time that a 429 asks for, and a doubt. An outage costs what
//! was in flight and ten trials, over all workers together.

use std::time::Duration;

use test_postgres::Database;

use super::pause;
use crate::support::{Provider, Sandbox, Started, contacts, wait_until};

const WORKERS: u32 = 3;
/// Until what one is told is heard by all, in microseconds, as all moments here.
const HEARD: i64 = 1_000_000;
const SECOND: i64 = 1_000_000;

/// Workers at it, each on a part of its own.
struct AtWork {
    database: Database,
    sandbox: Sandbox,
    workers: Vec<Started>,
}

/// A request, as the ledger has it.
#[derive(Debug)]
struct HandOver {
    run: i64,
    at: i64,
    ended_at: i64,
    evidence: String,
}

impl AtWork {
    /// Until the provider has seen some requests of theirs, of two recipients each.
    fn begin(requests_per_second: f64, recipients: u32) -> Self {
        let database = test_postgres::shared().database();
        let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 10\n");
        sandbox
            .campaign()
            .set("limits.batch_size", 2)
            .set("limits.requests_per_second", requests_per_second)
            .set("limits.max_in_flight", 4)
            .set("limits.request_timeout", "1s")
            .write();
        let url = database.url();
        let init = ["ledger", "init", "--ledger", &url];
        sandbox.volley(init).run().expect(0);
        let workers = (0..WORKERS).map(|part| {
            let name = format!("part-{part}.ndjson");
            sandbox.write(&name, contacts(part * recipients..(part + 1) * recipients));
            let run = ["--json", "send", "--ledger", &url, "campaign.toml", &name];
            sandbox.volley(run).start()
        });
        let workers = workers.collect();
        let work = Self {
            database,
            sandbox,
            workers,
        };
        // A run begins with a batch alone, and is at it once that one is booked.
        work.wait_for("SELECT count(DISTINCT run) = 3 FROM volley.batch WHERE state = 'accepted'");
        let seen = work.sandbox.mock().stats().together.requests;
        wait_until("more requests", || {
            work.sandbox.mock().stats().together.requests > seen + 20
        });
        work
    }

    fn wait_for(&self, condition: &str) {
        wait_until(condition, || self.database.psql(condition) == "t");
    }

    /// Waits for their ends, and gives all that was handed over, in that order.
    fn end(mut self, codes: &[i32]) -> Vec<HandOver> {
        for worker in self.workers.drain(..) {
            let end = worker.wait();
            assert!(codes.contains(&end.code()), "{end}");
        }
        assert_eq!(self.sandbox.mock().stats().together.max_per_recipient, 1);
        let query = "SELECT run, handed_over_at, ended_at, evidence FROM volley.attempt \
            WHERE handed_over_at IS NOT NULL ORDER BY handed_over_at";
        let rows = self.database.psql(query);
        rows.lines().map(HandOver::of).collect()
    }
}

impl HandOver {
    fn of(row: &str) -> Self {
        let mut columns = row.splitn(4, '|');
        let mut column = || columns.next().expect("four columns");
        let mut moment = || column().parse().expect("a number");
        let (run, at, ended_at) = (moment(), moment(), moment());
        Self {
            run,
            at,
            ended_at,
            evidence: column().to_owned(),
        }
    }

    fn was_answered(&self, status: &str) -> bool {
        self.evidence.contains(status)
    }
}

#[test]
fn the_time_that_a_429_asks_for_is_given_by_all_workers() {
    if !test_postgres::is_there() {
        return;
    }
    let work = AtWork::begin(30.0, 120);
    let sends = Provider::Octopush.sends();
    work.sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_read","do":"status","status":429,"retry_after":"4",{sends},"times":1}}]}}"#
    ));
    let sent = work.end(&[0]);
    let told = sent.iter().find(|one| one.was_answered("429"));
    let told = told.expect("a 429").ended_at;
    let rest = told + 4 * SECOND;
    let early: Vec<_> = sent
        .iter()
        .filter(|one| (told + HEARD..rest).contains(&one.at))
        .collect();
    assert!(early.is_empty(), "it was told at {told}: {early:?}");
    for run in 1..=i64::from(WORKERS) {
        let had = sent.iter().filter(|one| one.run == run && one.at >= rest).count();
        assert!(had > 5, "run {run} had nothing to wait with: {had} after {rest}");
    }
}

#[test]
fn an_outage_costs_ten_trials_over_all_workers_one_after_another_however_long_one_of_them_must_wait() {
    if !test_postgres::is_there() {
        return;
    }
    let work = AtWork::begin(60.0, 1200);
    let (sends, free_get) = (Provider::Octopush.sends(), Provider::Octopush.free_get());
    // The first doubt; no free GET is answered until all have heard of it.
    work.sandbox.faults(&format!(
        r#"{{"rules":[
            {{"at":"after_commit","do":"status","status":502,{sends},"times":1}},
            {{"at":"before_read","do":"status","status":503,{free_get}}}
        ]}}"#
    ));
    work.wait_for("SELECT closed_at IS NOT NULL FROM volley.gate");
    pause(Duration::from_micros(HEARD.unsigned_abs()));
    // Whoever has the right to the first trial must wait for longer than the right lasts: 11 s. Then no answer tells anything.
    work.sandbox.faults(&format!(
        r#"{{"rules":[
            {{"at":"after_read","do":"status","status":429,"retry_after":"13",{sends},"times":1}},
            {{"at":"after_commit","do":"delay","ms":700,{sends}}},
            {{"at":"after_commit","do":"status","status":502,{sends}}}
        ]}}"#
    ));
    // Who had no doubt of its own ends with 8.
    let sent = work.end(&[6, 8]);
    let doubt = sent.iter().find(|one| one.was_answered("502"));
    let closed = doubt.expect("a doubt").ended_at;
    let trials: Vec<_> = sent.iter().filter(|one| one.at > closed + HEARD).collect();
    for pair in trials.windows(2) {
        assert!(pair[0].ended_at <= pair[1].at, "two at once: {trials:?}");
    }
    assert!(trials[0].was_answered("429"), "{trials:?}");
    assert!(trials[1].at - trials[0].ended_at >= 13 * SECOND, "{trials:?}");
    let in_doubt = sent.iter().filter(|one| one.was_answered("502")).count();
    assert_eq!((in_doubt, trials.len()), (1 + 10, 1 + 10), "{trials:?}");
}
