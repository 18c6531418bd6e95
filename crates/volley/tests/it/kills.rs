//! SIGKILL at random moments, again and again: nobody is sent to twice, nobody is lost (invariants 1, 2, 4, 12). At Exotel an
//! intent that was never sent is absent from its listing, and waits for the operator's word.
//!
//! The moments are drawn from a seed that is printed; `VOLLEY_TEST_SEED` repeats a run. A moment is a number of
//! requests that the provider has seen, so that it lies inside the run on any machine; 0 is while the ledger is opened
//! and the standing read. Which instruction it hits is the scheduler's, and as random.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::thread::{self, JoinHandle};

use crate::books::{Books, expect_all_agree};
use crate::support::{
    Converged, End, Invocation, Provider, Sandbox, Started, contacts, for_both, wait_until,
};

/// Recipients, and kills on the way. A storm of faults has twenty for Exotel too.
fn extent(provider: Provider) -> (u32, u32) {
    match provider {
        Provider::Octopush => (40_000, 20),
        Provider::Exotel => (20_000, 10),
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
fn twenty_kills_double_nothing_and_lose_nothing() {
    let seed = seed();
    println!("VOLLEY_TEST_SEED={seed}");
    survive_kills(Provider::Octopush, Feed::File, seed);
}

#[test]
fn twenty_kills_double_nothing_and_lose_nothing_when_fed_from_a_pipe() {
    let seed = seed();
    println!("VOLLEY_TEST_SEED={seed}");
    survive_kills(Provider::Octopush, Feed::Pipe, seed);
}

#[test]
fn ten_kills_call_nobody_twice_and_lose_nobody() {
    let seed = seed();
    println!("VOLLEY_TEST_SEED={seed}");
    survive_kills(Provider::Exotel, Feed::File, seed);
}

fn survive_kills(provider: Provider, feed: Feed, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (recipients, kills) = extent(provider);
    // Answers that take a moment, so that kills find requests in flight.
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n").of(provider);
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

    let fast = ["--set", "limits.requests_per_second=2000"];
    let end = Fed::start(&sandbox, feed, &lines, &fast).wait();
    let end = match provider {
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
    for_both(kill_while_the_ledger_is_made);
}

fn kill_while_the_ledger_is_made(provider: Provider) {
    // At each file that appears, and some steps further: whatever is half made, the next run finishes.
    let mut hit = 0;
    for file in ["volley.db-lock", "volley.db", "volley.db-wal", "volley.db-bodies"] {
        for steps in [0, 1, 10, 100] {
            let sandbox = Sandbox::new().of(provider);
            sandbox.prepare(50, 10);
            let mut send = sandbox.send(&["contacts.ndjson"]).start();
            let path = sandbox.path(file);
            while !path.exists() && !send.has_ended() {
                thread::yield_now();
            }
            (0..steps).for_each(|_| thread::yield_now());
            send.kill();
            let killed = send.wait();
            hit += u32::from(killed.status.signal() == Some(9));
            let Converged { end, .. } = sandbox.converge(&["contacts.ndjson"]);
            let found = format!("killed at {file} and {steps} steps: {}\n{end}", killed.status);
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
    if sandbox.path("volley.db").exists() {
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
