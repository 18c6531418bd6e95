//! Many workers send one campaign at once, over a ledger on a server, and die, sleep and lose the server on their way: nobody is
//! sent to twice, nobody is lost, and what all of them share is kept by all of them (invariants 1, 2, 4, 5, 7, 8, 12).
//!
//! `VOLLEY_TEST_SEED` repeats the moments; `VOLLEY_TEST_RECIPIENTS` and `VOLLEY_TEST_STOPPED_SECONDS` make it as large as it is
//! shown by hand: 400000 and 60.

mod absences;
mod budget;
mod full;
mod hangs;
mod news;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Scope};
use std::time::Duration;

use rust_decimal::Decimal;
use rustix::process::{Pid, Signal, kill_process};
use test_postgres::{Database, Server};

use crate::support::{End, Invocation, Sandbox, contacts, wait_until};

const WORKERS: usize = 4;
const PARTS: u32 = 8;
const KILLS: u32 = 6;
const REQUESTS_PER_SECOND: u32 = 100;
const BURST: u32 = 2;

/// From the environment, or the usual.
fn extent<T: FromStr>(name: &str, usual: T) -> T {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// What the workers share: the parts that are to be sent, and who is at it.
struct Job<'a> {
    sandbox: &'a Sandbox,
    database: &'a Database,
    url: String,
    next_part: AtomicUsize,
    /// The process of each worker, while it has one.
    at_work: [Mutex<Option<Pid>>; WORKERS],
    /// How each process ended that was not killed.
    ends: Mutex<Vec<(Pid, End)>>,
    done: AtomicUsize,
    /// The one that sleeps: nobody kills it.
    asleep: Mutex<Option<Pid>>,
    /// For how long it does, at least.
    stopped: Duration,
}

/// A worker that was stopped in the middle of its run.
struct Sleeper {
    process: Pid,
    run: String,
}

#[test]
fn workers_that_die_and_sleep_and_lose_the_server_send_once_and_lose_nobody() {
    if !test_postgres::is_there() {
        return;
    }
    let seed = extent("VOLLEY_TEST_SEED", fastrand::u64(..));
    println!("VOLLEY_TEST_SEED={seed}");
    let recipients = extent("VOLLEY_TEST_RECIPIENTS", 20_000_u32);
    let stopped = Duration::from_secs(extent("VOLLEY_TEST_STOPPED_SECONDS", 6));
    let unit_price: Decimal = UNIT_PRICE.parse().expect("a price");
    let max_cost = unit_price * Decimal::from(recipients);
    let server = Server::start();
    let database = server.database();
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n");
    sandbox
        .campaign()
        .set("limits.batch_size", i64::from((recipients / 400).min(500)))
        .set("limits.requests_per_second", f64::from(REQUESTS_PER_SECOND))
        .set("limits.burst", i64::from(BURST))
        .set("limits.settle", "1s")
        .set("limits.request_timeout", "3s")
        .set("limits.unit_price", UNIT_PRICE)
        // What all of them may cost, once: a reservation that is left behind, or made twice, stops the last.
        .set("limits.max_cost", max_cost.to_string())
        .write();
    write_parts(&sandbox, recipients);
    // Three seconds without a sign, so that the dead are found while the others are still at it.
    let url = format!("{}?silence=3", database.url());
    sandbox
        .volley(["ledger", "init", "--ledger", &url])
        .run()
        .expect(0);
    let job = Job {
        sandbox: &sandbox,
        database: &database,
        url,
        next_part: AtomicUsize::new(0),
        at_work: Default::default(),
        ends: Mutex::default(),
        done: AtomicUsize::new(0),
        asleep: Mutex::default(),
        stopped,
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn({
                    let job = &job;
                    move || job.work(worker)
                })
            })
            .collect();
        job.disturb(scope, &server, seed);
        for worker in workers {
            worker.join().expect("a worker");
        }
    });
    job.expect_nothing_left();
    expect_all_agree(&sandbox, &database, recipients);
    let spent = database.psql("SELECT settled + reserved FROM volley.budget");
    assert!(
        spent.trim().parse::<Decimal>().expect("an amount") <= max_cost,
        "{spent} of {max_cost}"
    );
}

/// What is reserved for a recipient; the mock asks for a little less.
const UNIT_PRICE: &str = "0.0495";

/// Eight parts, each with a fifth of its recipients in the next one too.
fn write_parts(sandbox: &Sandbox, recipients: u32) {
    let each = recipients / PARTS;
    for part in 0..PARTS {
        let from = part * each;
        let to = (from + each + each / 4).min(recipients);
        sandbox.write(&part_name(part as usize), contacts(from..to));
    }
}

fn part_name(part: usize) -> String {
    format!("part-{part}.ndjson")
}

impl Job<'_> {
    /// Sends one part after another, each as often as it takes.
    fn work(&self, worker: usize) {
        loop {
            let part = self.next_part.fetch_add(1, Ordering::Relaxed);
            if part >= PARTS as usize {
                return;
            }
            while !self.send(worker, part) {}
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn run(&self, part: usize) -> Invocation {
        let name = part_name(part);
        self.sandbox
            .volley(["--json", "send", "--ledger", &self.url, "campaign.toml", &name])
    }

    /// Whether the part is done; otherwise it must be sent again, as an orchestrator does.
    fn send(&self, worker: usize, part: usize) -> bool {
        let started = self.run(part).start();
        let pid = Pid::from_raw(started.id().cast_signed()).expect("a process");
        *self.at_work[worker].lock().expect("a lock") = Some(pid);
        let end = started.wait_longer(self.stopped);
        *self.at_work[worker].lock().expect("a lock") = None;
        let done = match end.status.code() {
            Some(0) => true,
            // In doubt; held by others and given back, or buried: all of them say to run it again.
            Some(6 | 10) | None => false,
            Some(_) => panic!("worker {worker}, part {part}: {end}"),
        };
        self.ends.lock().expect("a lock").push((pid, end));
        done
    }

    /// Kills workers, stops one for a while, and takes the server away once.
    fn disturb<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, server: &Server, seed: u64) {
        let mut dice = fastrand::Rng::with_seed(seed);
        self.wait_for_requests(20);
        for kill in 1..=KILLS {
            self.wait_for_requests(self.requests() + dice.u64(5..40));
            self.kill_one(&mut dice);
            if kill == 2 {
                let sleeper = self.put_to_sleep(&mut dice);
                // Beside the kills that follow.
                scope.spawn(move || self.wake_buried(&sleeper));
                self.wait_for_requests(self.requests() + 20);
            }
            if kill == 4 {
                server.kill();
                pause(Duration::from_millis(500));
                server.start_again();
            }
        }
    }

    fn requests(&self) -> u64 {
        self.sandbox.mock().stats().together.requests
    }

    /// Until the provider has seen so many, or there is nothing left to send.
    fn wait_for_requests(&self, requests: u64) {
        wait_until("more requests", || {
            self.requests() >= requests || self.done.load(Ordering::Relaxed) == PARTS as usize
        });
    }

    /// Kills a worker that has a process, whichever the dice say: what is to happen happens.
    fn kill_one(&self, dice: &mut fastrand::Rng) {
        wait_until("a worker to kill", || {
            self.expect_work_left();
            self.signal(dice.usize(..WORKERS), Signal::KILL).is_some()
        });
    }

    /// Stops a worker in the middle of its run. One that has not begun it has nothing to be buried.
    fn put_to_sleep(&self, dice: &mut fastrand::Rng) -> Sleeper {
        let mut sleeper = None;
        wait_until("a worker with a run to put to sleep", || {
            self.expect_work_left();
            let Some(process) = self.signal(dice.usize(..WORKERS), Signal::STOP) else {
                return false;
            };
            let of_it = format!("worker LIKE '%:{}'", process.as_raw_nonzero());
            let run = format!(
                "SELECT id FROM volley.run WHERE {of_it} AND commit_number > 0 AND ended_at IS NULL AND fenced_at IS NULL"
            );
            let run = self.database.psql(&run);
            if run.is_empty() {
                // It may have been about to end.
                let _ = kill_process(process, Signal::CONT);
                return false;
            }
            *self.asleep.lock().expect("a lock") = Some(process);
            sleeper = Some(Sleeper { process, run });
            true
        });
        sleeper.expect("one that sleeps")
    }

    /// Wakes it once it counts as dead: it ends, says why, and writes nothing.
    fn wake_buried(&self, sleeper: &Sleeper) {
        pause(self.stopped);
        let row = |columns: &str| {
            let run = format!("SELECT {columns} FROM volley.run WHERE id = {}", sleeper.run);
            self.database.try_psql(&run)
        };
        let is_buried = || row("fenced_at IS NOT NULL").is_ok_and(|buried| buried == "t");
        wait_until("the sleeper to be buried", || {
            // The others may have ended by now, or have lost the server and watch anew: who begins looks for the silent, too.
            is_buried() || {
                self.run(0).run();
                is_buried()
            }
        });
        let written = "commit_number, last_at, beat, beat_at, ended_at";
        let before = row(written).expect("its row");
        kill_process(sleeper.process, Signal::CONT).expect("a process that is stopped");
        let mut end = None;
        wait_until("the sleeper to end", || {
            let mut ends = self.ends.lock().expect("a lock");
            let its_own = ends.iter().position(|(process, _)| *process == sleeper.process);
            end = its_own.map(|at| ends.swap_remove(at).1);
            end.is_some()
        });
        let end = end.expect("one that ended");
        // Of what it had handed over and cannot write down it does not know that others settle it.
        end.expect(if end.lines("in_doubt") > 0 { 6 } else { 10 });
        let reason = end.summary()["reason"].to_string();
        let says_so = format!("run {} gave no sign of life in time", sleeper.run);
        assert!(reason.contains(&says_so), "{end}");
        assert_eq!(row(written).expect("its row"), before);
    }

    fn expect_work_left(&self) {
        let done = self.done.load(Ordering::Relaxed);
        assert!(done < PARTS as usize, "all was done before it was disturbed");
    }

    /// Signals a worker's process, if it has one that is awake. One that was killed is not at work any more.
    fn signal(&self, worker: usize, signal: Signal) -> Option<Pid> {
        let mut at_work = self.at_work[worker].lock().expect("a lock");
        let pid = (*at_work)?;
        if *self.asleep.lock().expect("a lock") == Some(pid) {
            return None;
        }
        // One that has just ended is not there.
        kill_process(pid, signal).ok()?;
        if signal == Signal::KILL {
            *at_work = None;
        }
        Some(pid)
    }

    /// A further run over all parts sends nothing, and every line is sent already.
    fn expect_nothing_left(&self) {
        let before = self.sandbox.mock().stats().together.accepted_requests;
        for part in 0..PARTS as usize {
            let end = self.run(part).run();
            end.expect(0);
            assert_eq!(end.lines("already_sent"), end.lines("read"), "part {part}");
        }
        assert_eq!(self.sandbox.mock().stats().together.accepted_requests, before);
    }
}

#[expect(clippy::disallowed_methods, reason = "what is tested is that time passes")]
fn pause(time: Duration) {
    thread::sleep(time);
}

fn expect_all_agree(sandbox: &Sandbox, database: &Database, recipients: u32) {
    let stats = sandbox.mock().stats().together;
    assert_eq!(stats.max_per_recipient, 1);
    assert_eq!(stats.distinct_recipients, u64::from(recipients));
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
    let open = "SELECT count(*) FROM volley.batch WHERE state IN ('intended', 'in_doubt')";
    assert_eq!(database.psql(open).trim(), "0");
    expect_tickets(sandbox, database);
    expect_rate(database);
}

/// The ledger's tickets are the provider's, at the same cost; those that it lacks are of batches that it says so of.
fn expect_tickets(sandbox: &Sandbox, database: &Database) {
    let theirs: HashMap<String, Decimal> = sandbox
        .mock()
        .tickets()
        .into_iter()
        .map(|ticket| (ticket.ticket, ticket.cost))
        .collect();
    let ours = database.psql("SELECT ticket || ' ' || cost FROM volley.tickets");
    let mut known = 0;
    for line in ours.lines() {
        let (ticket, cost) = line.split_once(' ').expect("a ticket and its cost");
        assert_eq!(theirs.get(ticket), cost.parse().ok().as_ref(), "{ticket}");
        known += 1;
    }
    let lacking = database.psql("SELECT count(*) FROM volley.batch WHERE state = 'unticketed'");
    assert_eq!(
        theirs.len(),
        known + lacking.trim().parse::<usize>().expect("a count")
    );
}

/// By the hand-over times, no second had more requests than the limits of the campaign allow, whoever sent them.
fn expect_rate(database: &Database) {
    let times = database
        .psql("SELECT handed_over_at FROM volley.attempt WHERE handed_over_at IS NOT NULL ORDER BY 1");
    let times: Vec<i64> = times.lines().map(|line| line.parse().expect("a time")).collect();
    let mut most = 0;
    let mut first = 0;
    for (nth, at) in times.iter().enumerate() {
        while at - times[first] >= 1_000_000 {
            first += 1;
        }
        most = most.max(nth - first + 1);
    }
    assert!(
        most <= (REQUESTS_PER_SECOND + BURST) as usize,
        "{most} in a second"
    );
}

/// A password in the ledger's address is seen by nobody (invariant 10).
#[test]
fn the_password_of_the_ledger_s_server_is_never_shown() {
    if !test_postgres::is_there() {
        return;
    }
    let database = test_postgres::shared().database();
    let planted = "planted-5f0e7c";
    let role = format!("planted_{}", database.name());
    test_postgres::shared().administer(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD '{planted}'; GRANT CREATE ON DATABASE {} TO {role}",
        database.name()
    ));
    let url = database
        .url()
        .replace("volley:pw@", &format!("{role}:{planted}@"));
    let sandbox = Sandbox::new();
    sandbox.prepare(20, 5);
    let check = |args: &[&str]| {
        let run = sandbox.volley(args).args(["--log-level", "trace"]);
        let end = run.env("VOLLEY_LEDGER", &url).run();
        assert!(!end.stdout.contains(planted), "{end}");
        assert!(!end.stderr.contains(planted), "{end}");
        end
    };
    for (args, code) in [
        (&["check", "campaign.toml"][..], 0),
        (&["ledger", "init"], 0),
        (&["ledger", "init"], 3),
        (&["check", "campaign.toml"], 0),
        (&["send", "campaign.toml", "contacts.ndjson"], 0),
        (&["report"], 0),
        (&["suppress", "add", "+33612345678"], 0),
        (&["suppress", "list", "--json"], 0),
        (&["doubt", "list", "--json"], 0),
        (&["export", "batches"], 0),
        (&["export", "tickets"], 0),
        (&["export", "recipients", "spring"], 0),
        (&["export", "refused", "spring"], 0),
        (&["send", "--help"], 0),
    ] {
        assert_eq!(check(args).code(), code, "{args:?}");
    }
}
