//! SIGKILL at random moments, again and again: nobody is sent to twice, nobody is lost (invariants 1, 2, 4, 12), over both
//! ledgers. At Exotel an intent that was never sent is absent from its listing, and waits for the operator's word. On a server
//! the next run begins while the one that was killed still counts as living.
//!
//! The moments are drawn from a seed that is printed; `VOLLEY_TEST_SEED` repeats a run. A moment is a number of
//! requests that the provider has seen, so that it lies inside the run on any machine; 0 is while the ledger is opened
//! and the standing read. Which instruction it hits is the scheduler's, and as random.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::thread::{self, JoinHandle};

use crate::books::{Books, expect_all_agree};
use crate::support::{
    Converged, End, Invocation, Kept, Over, Provider, Sandbox, Started, contacts, for_all, for_both_ledgers,
    wait_until,
};

/// Recipients, and kills on the way. A storm of faults has twenty for Exotel too. Over a server fewer: the kills of
/// [`workers`](crate::workers) are besides.
fn extent(over: Over) -> (u32, u32) {
    match (over.provider, over.kept) {
        (Provider::Octopush, Kept::File) => (40_000, 20),
        (Provider::Exotel, Kept::File) => (20_000, 10),
        (_, Kept::Server) => (12_000, 6),
    }
}

/// With 20 recipients a request and 200 requests a second the whole takes ten seconds.
const BATCH_SIZE: u32 = 20;
const REQUESTS_PER_SECOND: f64 = 200.0;
/// The most requests that one run may get through: all of them leave work for the last one.
const REQUESTS_BEFORE_KILL_MAX: u64 = 90;

/// Where the lines come from.
#[derive(Clone, Copy)]
pub(crate) enum Feed {
    File,
    Pipe,
}

#[test]
fn kills_double_nothing_and_lose_nothing() {
    let seed = seed();
    println!("VOLLEY_TEST_SEED={seed}");
    for_both_ledgers(|kept| survive_kills(kept.into(), Feed::File, seed));
}

#[test]
fn kills_double_nothing_and_lose_nothing_when_fed_from_a_pipe() {
    let seed = seed();
    println!("VOLLEY_TEST_SEED={seed}");
    for_both_ledgers(|kept| survive_kills(kept.into(), Feed::Pipe, seed));
}

#[test]
fn kills_call_nobody_twice_and_lose_nobody() {
    let seed = seed();
    println!("VOLLEY_TEST_SEED={seed}");
    for_both_ledgers(|kept| survive_kills(Provider::Exotel.over(kept), Feed::File, seed));
}

fn survive_kills(over: Over, feed: Feed, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (recipients, kills) = extent(over);
    // Answers that take a moment, so that kills find requests in flight.
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n").of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", BATCH_SIZE)
        .set("limits.requests_per_second", REQUESTS_PER_SECOND)
        .set("limits.unit_price", "0.0495")
        .write();
    let lines = contacts(0..recipients);
    sandbox.write("contacts.ndjson", &lines);

    for kill in 1..=kills {
        let moment = dice.u64(0..=REQUESTS_BEFORE_KILL_MAX);
        kill_after(&sandbox, &mut Fed::start(&sandbox, feed, &lines, &[]), moment);
        expect_written_ahead(&sandbox);
        assert!(
            sandbox.mock().stats().together.max_per_recipient <= 1,
            "kill {kill}"
        );
    }
    let cut_off = sandbox.mock().stats().together.accepted_requests;
    assert!(cut_off > 0, "the kills fell into the sending");
    assert!(
        cut_off < u64::from(recipients / BATCH_SIZE),
        "and left some of it"
    );

    // Other limits than a run has that counts as living are refused.
    sandbox.outlast_the_silence();
    let fast = ["--set", "limits.requests_per_second=2000"];
    let end = Fed::start(&sandbox, feed, &lines, &fast).wait();
    let end = match over.provider {
        Provider::Octopush => end,
        Provider::Exotel => sandbox.converge(&["contacts.ndjson", fast[0], fast[1]]).end,
    };
    expect_all_reached(&sandbox, recipients, &end);
    let accepted = sandbox.mock().stats().together.accepted_requests;
    let end = Fed::start(&sandbox, feed, &lines, &fast).wait();
    expect_all_reached(&sandbox, recipients, &end);
    assert_eq!(end.lines("accepted"), 0, "a further run sends nothing\n{end}");
    assert_eq!(sandbox.mock().stats().together.accepted_requests, accepted);
}

#[test]
fn a_kill_while_the_ledger_is_made_is_no_obstacle() {
    for_all(kill_while_the_ledger_is_made);
}

/// What appears while a ledger is made: files; or what a query says, which takes longer than a step.
fn moments(kept: Kept) -> (&'static [&'static str], &'static [u32]) {
    match kept {
        Kept::File => (
            &["volley.db-lock", "volley.db", "volley.db-wal", "volley.db-bodies"],
            &[0, 1, 10, 100],
        ),
        Kept::Server => (
            &[
                "SELECT count(*) > 1 FROM pg_stat_activity WHERE datname = current_database()",
                "SELECT to_regclass('volley.ledger') IS NOT NULL",
            ],
            &[0],
        ),
    }
}

fn has_come(sandbox: &Sandbox, moment: &str) -> bool {
    match sandbox.kept() {
        Kept::File => sandbox.path(moment).exists(),
        Kept::Server => sandbox.rows(moment) == ["t"],
    }
}

fn kill_while_the_ledger_is_made(over: Over) {
    // Whatever is half made, the next run finishes.
    let mut hit = 0;
    let (places, steps) = moments(over.kept);
    for place in places {
        for steps in steps {
            let sandbox = Sandbox::new().of(over).without_ledger();
            sandbox.prepare(50, 10);
            let mut send = sandbox.send(&["contacts.ndjson"]).start();
            while !has_come(&sandbox, place) && !send.has_ended() {
                thread::yield_now();
            }
            (0..*steps).for_each(|_| thread::yield_now());
            send.kill();
            let killed = send.wait();
            hit += u32::from(killed.status.signal() == Some(9));
            sandbox.outlast_the_silence();
            let Converged { end, .. } = sandbox.converge(&["contacts.ndjson"]);
            let found = format!("killed at {place} and {steps} steps: {}\n{end}", killed.status);
            let known = end.lines("accepted") + end.lines("already_sent");
            assert_eq!(
                (end.code(), known),
                (0, 50),
                "what was in flight is asked about: {found}"
            );
            expect_all_agree(&sandbox, &end);
        }
    }
    assert!(hit > 0, "no kill hit a process that ran");
}

/// Invariants 2 to 4 after a kill: the account adds up, and whatever the provider accepted has its intent.
#[track_caller]
fn expect_written_ahead(sandbox: &Sandbox) {
    if sandbox.has_ledger() {
        Books::open(sandbox)
            .expect_sound()
            .expect_tickets_of(sandbox.mock());
    } else {
        assert_eq!(
            sandbox.mock().stats().together.requests,
            0,
            "sent before there was a ledger"
        );
    }
}

/// The last run's account: every number is accepted or was so before; what a kill left in doubt is settled.
#[track_caller]
fn expect_all_reached(sandbox: &Sandbox, recipients: u32, end: &End) {
    end.expect(0);
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known, u64::from(recipients), "{end}");
    let provider = sandbox.mock().stats().together;
    assert_eq!(
        (provider.recipients, provider.max_per_recipient),
        (known, 1),
        "what counts as sent was sent, once\n{end}"
    );
    expect_all_agree(sandbox, end);
}

/// Kills the process once the provider has seen so many more requests; asserts that the kill is what ended it.
pub(crate) fn kill_after(sandbox: &Sandbox, fed: &mut Fed, requests: u64) {
    let seen = || sandbox.mock().stats().together.requests;
    let target = seen() + requests;
    let started = fed.started.as_mut().expect("it was started");
    wait_until("the moment of the kill", || {
        seen() >= target || started.has_ended()
    });
    started.kill();
    let end = fed.wait();
    assert_eq!(
        end.status.signal(),
        Some(9),
        "the kill hit a process that ran\n{end}"
    );
}

/// A run with its input, and the thread that feeds it.
pub(crate) struct Fed {
    started: Option<Started>,
    feeder: Option<JoinHandle<()>>,
}

impl Fed {
    pub(crate) fn start(sandbox: &Sandbox, feed: Feed, lines: &str, args: &[&str]) -> Self {
        match feed {
            Feed::File => Self {
                started: Some(sandbox.send(&["contacts.ndjson"]).args(args).start()),
                feeder: None,
            },
            Feed::Pipe => Self::piped(sandbox.send(&[]).args(args), lines.to_owned()),
        }
    }

    fn piped(send: Invocation, lines: String) -> Self {
        let mut started = send.start_piped();
        let mut pipe = started.take_stdin().expect("a pipe");
        let feeder = thread::spawn(move || {
            // The reader may be killed: then the pipe breaks.
            let _ = pipe.write_all(lines.as_bytes());
        });
        Self {
            started: Some(started),
            feeder: Some(feeder),
        }
    }

    pub(crate) fn wait(&mut self) -> End {
        let end = self.started.take().expect("waited for once").wait();
        if let Some(feeder) = self.feeder.take() {
            feeder.join().expect("the feeder");
        }
        end
    }
}

/// Of the environment, to repeat a failure; else a new one each time.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("VOLLEY_TEST_SEED").ok();
    given.map_or_else(|| fastrand::u64(..), |text| text.parse().expect("a number"))
}
