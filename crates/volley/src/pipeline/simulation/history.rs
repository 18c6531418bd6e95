//! A history: runs with faults, then runs without until all is quiet; and what must hold at the end of each.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use volley_model::{BatchState, BodyHash, SealedBatch};
use volley_provider::octopush::{CURRENCY, DUPLICATE_CODES_DEFAULT, Octopush, Sealer};
use volley_provider::{Api, OctopushCredentials, Secret};
use volley_transport::{Endpoint, Pace, PaceConfig};

use super::super::budget::{Budget, Tariff};
use super::super::dispatch::{Dispatch, Parts};
use super::super::reading::Queued;
use super::super::refusals::Refusals;
use super::super::settle::{Doubt, Doubts};
use super::super::stop::StopReason;
use super::books::{Row, Word};
use super::disk::Disk;
use super::input;
use super::network::Network;
use super::oracles::{check_account, check_asked, check_converged};
use super::scenario::{OurClock, Theme};
use super::watch;
use super::world::{HOUR, SimulatedClock, World, forever};
use crate::exit::Exit;

/// No run lasts longer, whatever fails.
const RUN_MAX: Duration = Duration::from_hours(12);

/// What the histories of a theme met together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    seen: watch::Hits,
    time_in_runs: Duration,
    runs: u64,
    crashes: u64,
    signals: u64,
    storage_failures: u64,
    settled: u64,
    left_in_doubt: u64,
    budgets_used_up: u64,
    credits_too_low: u64,
}

impl AddAssign for Hits {
    fn add_assign(&mut self, other: Self) {
        self.seen.requests += other.seen.requests;
        self.seen.doubts += other.seen.doubts;
        self.seen.probes += other.seen.probes;
        self.seen.gets += other.seen.gets;
        self.time_in_runs += other.time_in_runs;
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.signals += other.signals;
        self.storage_failures += other.storage_failures;
        self.settled += other.settled;
        self.left_in_doubt += other.left_in_doubt;
        self.budgets_used_up += other.budgets_used_up;
        self.credits_too_low += other.credits_too_low;
    }
}

impl Hits {
    /// Whether a theme met what it is about, of 2,500 histories.
    pub(super) fn are_plenty(&self, theme: Theme) -> bool {
        let own = match theme {
            Theme::Faults => self.signals,
            Theme::Storage => self.storage_failures,
            Theme::Clocks => self.left_in_doubt,
            Theme::Money => self.budgets_used_up.min(self.credits_too_low),
        };
        let all = [
            own,
            self.crashes,
            self.settled,
            self.seen.probes,
            self.seen.doubts,
            self.seen.gets,
        ];
        all.iter().all(|hits| *hits > 500)
    }
}

/// Plays a history to its end.
pub(super) fn play(seed: u64, loud: bool) -> Hits {
    // The dispatcher's backoff draws from the thread's generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut history = History {
            world: World::new(seed, loud),
            hits: Hits::default(),
        };
        history.safety().await;
        history.liveness().await;
        history.hits.time_in_runs = history.world.time_in_runs();
        history.hits.seen = history.world.watch.borrow().hits;
        history.hits
    })
}

struct History {
    world: Rc<World>,
    hits: Hits,
}

impl History {
    async fn safety(&mut self) {
        for at in 0..self.world.scenario.runs_with_faults {
            self.between_runs();
            self.arm();
            let simulated = self.world.scenario.rehearsal && at < 2;
            let retry = self.world.chance(0.2);
            self.run(&input::lines(&self.world, false), simulated, retry)
                .await;
        }
    }

    /// Once faults stop, two runs settle all that can be settled, and the next one has nothing to do.
    async fn liveness(&mut self) {
        let world = Rc::clone(&self.world);
        world.say(|| "faults stop");
        world.faults.set(false);
        world.commits_left.set(None);
        world.crash_in.set(None);
        world.signal_in.set(None);
        world.outage.set(Default::default());
        if world.our_clock_jumps() {
            world.clock_off.set(0);
        }
        let lines = input::lines(&world, true);
        for _ in 0..2 {
            world.pass(world.scenario.limits.settle);
            self.run(&lines, false, false).await;
        }
        self.hits.left_in_doubt += check_converged(&world, &lines);
        let before = world.watch.borrow().hits.requests;
        self.run(&lines, false, false).await;
        // Of the credit a run hears with its first batch only.
        assert!(
            world.watch.borrow().hits.requests == before || world.scenario.credit.is_some(),
            "invariant 12, convergence: a further run sends"
        );
    }

    /// What happens while nothing runs: time, clocks, operators, power.
    fn between_runs(&self) {
        let world = &*self.world;
        if let OurClock::Ahead(seconds) = world.scenario.our_clock {
            world.clock_off.set(seconds);
        }
        if world.our_clock_jumps() {
            let most = [1, 240, 25 * HOUR][usize::try_from(world.below(3)).unwrap_or_default()];
            world
                .clock_off
                .set(-i64::try_from(world.below(most)).unwrap_or_default());
        }
        world.pass(self.gap());
        let doubts = world.books.borrow().doubts();
        let Some(doubt) = doubts.get(usize::try_from(world.below(8)).unwrap_or_default()) else {
            return;
        };
        match world.below(8) {
            0 => {
                world.say(|| format!("the body of {} is lost", doubt.batch));
                world.books.borrow_mut().row(doubt.batch).body = None;
            }
            1 if doubt.state == BatchState::InDoubt => {
                let said = [Word::Sent, Word::NotSent, Word::Abandon]
                    [usize::try_from(world.below(3)).unwrap_or_default()];
                world.say(|| format!("the operator says of {}: {said:?}", doubt.batch));
                world
                    .books
                    .borrow_mut()
                    .declare(doubt.batch, said, &mut world.provider.borrow_mut());
            }
            _ => {}
        }
    }

    fn gap(&self) -> Duration {
        let world = &*self.world;
        let kinds = if world.scenario.theme == Theme::Clocks {
            8
        } else {
            80
        };
        match world.below(kinds) {
            0 => Duration::from_secs(world.below(72 * HOUR)),
            1..4 => {
                // Just before a doubt can no longer be asked about.
                let books = world.books.borrow();
                let open: Vec<&Row> = books.rows.iter().filter(|row| row.is_open()).collect();
                let left = open.first().map(|row| row.left(world.wall())).unwrap_or_default();
                left.saturating_sub(Duration::from_secs(world.below(200)))
            }
            4 => Duration::from_secs(world.below(10 * HOUR)),
            _ => Duration::from_secs(world.below(60)),
        }
    }

    /// What will fail in the next run.
    fn arm(&self) {
        let world = &*self.world;
        let steps = |most: u64| u32::try_from(world.below(most)).ok();
        let some = [10, 25, 60][usize::try_from(world.below(3)).unwrap_or_default()];
        world
            .crash_in
            .set(if world.chance(0.5) { steps(some) } else { None });
        world
            .signal_in
            .set(if world.chance(0.3) { steps(some) } else { None });
        let storage = world.scenario.theme == Theme::Storage && world.chance(0.7);
        world.commits_left.set(if storage { steps(15) } else { None });
        if world.scenario.outages {
            let from = world.elapsed() + world.millis_below(5_000);
            let most = [500, 5_000, 400_000][usize::try_from(world.below(3)).unwrap_or_default()];
            world.outage.set((from, from + world.millis_below(most)));
        }
    }

    async fn run(&mut self, lines: &[u64], simulated: bool, retry: bool) {
        let world = Rc::clone(&self.world);
        world.say(|| format!("run: {} lines, simulated {simulated}, retry {retry}", lines.len()));
        world.crashed.set(false);
        world.storage_failed.set(false);
        *world.crash.borrow_mut() = Rc::default();
        *world.signal.borrow_mut() = Rc::default();
        self.hits.runs += 1;
        let dispatch = prepare(&world, simulated);
        let limits = &world.scenario.limits;
        let batch_size = usize::try_from(limits.batch_size.get()).unwrap_or_default();
        let planned = input::plan(lines, &world.books.borrow(), batch_size, simulated, retry);
        assert_eq!(
            planned.totals.read(),
            lines.len() as u64,
            "invariant 2, none lost: in the test's own intake"
        );
        let sealer = sealer(&world, simulated);
        let batches: Vec<SealedBatch> = planned
            .batches
            .iter()
            .map(|batch| sealer.seal(batch.clone()))
            .collect();
        let handed_over = world.watch.borrow().hits.requests;
        let (crash, signal) = (
            Rc::clone(&world.crash.borrow()),
            Rc::clone(&world.signal.borrow()),
        );
        let (send, mut receive) = mpsc::channel(16);
        let ended = tokio::select! {
            biased;
            () = crash.notified() => false,
            () = signalled(&world, &dispatch, &signal) => false,
            () = feed(&world, batches, send) => false,
            () = tokio::time::sleep(RUN_MAX) => panic!("liveness: the run does not end"),
            () = dispatch.run(&mut receive, |_| {}) => true,
        };
        self.hits.crashes += u64::from(!ended);
        self.hits.storage_failures += u64::from(world.storage_failed.get());
        let reasons = dispatch.stop.reasons();
        self.hits.signals += u64::from(
            reasons
                .iter()
                .any(|reason| matches!(reason, StopReason::Signal(_))),
        );
        self.hits.budgets_used_up += u64::from(
            reasons
                .iter()
                .any(|reason| matches!(reason, StopReason::MaxCost(_))),
        );
        self.hits.credits_too_low += u64::from(
            reasons
                .iter()
                .any(|reason| matches!(reason, StopReason::MinCredit(_))),
        );
        self.hits.settled += world.books.borrow().settled.len() as u64;
        world.say(|| format!("the run {}: {reasons:?}", if ended { "ends" } else { "is gone" }));
        if ended {
            if world.storage_failed.get() {
                record_late(&world, &dispatch);
            } else {
                check_account(&world, &dispatch, &planned);
                check_asked(&world, &dispatch);
            }
            let handed_over = world.watch.borrow().hits.requests - handed_over;
            assert_eq!(
                dispatch.account.borrow().requests_sent,
                handed_over,
                "the account: requests sent"
            );
            if reasons
                .iter()
                .any(|reason| matches!(reason, StopReason::Unreachable { hopeless: false, .. }))
            {
                world.watch.borrow().check_given_up(world.elapsed());
            }
        }
        world.books.borrow_mut().unended |= !ended || world.storage_failed.get();
        drop(dispatch);
        world.provider.borrow_mut().catch_up(world.elapsed());
        world.books.borrow().check_tickets(&world.provider.borrow());
    }
}

pub(super) type Simulated = Dispatch<Network, Disk, SimulatedClock>;

/// From the ledger to the parts of a run, as a real run prepares them.
fn prepare(world: &Rc<World>, simulated: bool) -> Simulated {
    let limits = &world.scenario.limits;
    let now = world.wall();
    let books = &mut *world.books.borrow_mut();
    world.provider.borrow_mut().catch_up(world.elapsed());
    let ledger_last_at = books.last_at;
    let open = books
        .rows
        .iter()
        .filter(|row| row.state == BatchState::Intended && !row.simulated);
    world
        .watch
        .borrow_mut()
        .begin(world.elapsed(), open.map(|row| &row.key));
    books.enter(now);
    let (settled, reserved) = books.spending();
    let doubts = Doubts::default();
    for doubt in books.doubts() {
        let failed_at = doubt.failed_at.filter(|_| !books.unended).unwrap_or(now);
        doubts.add(Doubt::of_an_earlier_run(&doubt, failed_at, limits.settle, now));
    }
    let credentials = OctopushCredentials {
        login: "simulated".to_owned(),
        key: Secret::new("simulated"),
    };
    let parts = Parts {
        // For children only, of which this provider has none.
        sealer: Arc::new(volley_provider::Sealer::Octopush(Sealer::new(
            "account",
            "simulated",
            simulated,
            HashMap::new(),
        ))),
        api: Api::Octopush(Octopush::new(&credentials).expect("they fit")),
        refusals: Refusals::none(),
        duplicate_codes: DUPLICATE_CODES_DEFAULT.to_vec(),
        simulated,
        lacks_stop_mention: false,
        tariff: Tariff {
            unit_price: limits.unit_price,
            charges_per_unit: 1,
            removes_blacklisted: false,
        },
        currency: CURRENCY,
        endpoint: Endpoint::parse("https://provider.example").expect("an endpoint"),
        wire: Network(Rc::clone(world)),
        pace: Pace::new(PaceConfig {
            requests_per_second: limits.requests_per_second,
            burst: limits.burst,
            recipients_per_second: limits.recipients_per_second,
            batch_size: limits.batch_size,
        }),
        journal: Disk(Rc::clone(world)),
        clock: SimulatedClock(Rc::clone(world)),
        budget: Budget::new(limits.max_cost, settled, reserved),
        doubts,
        ledger_last_at,
    };
    Dispatch::new(parts, limits)
}

fn sealer(world: &World, simulated: bool) -> Sealer {
    let mut generations: HashMap<BodyHash, u32> = HashMap::new();
    for hash in world.books.borrow().generations() {
        *generations.entry(hash).or_default() += 1;
    }
    Sealer::new("account", "simulated", simulated, generations)
}

/// The intake's side of the channel. Never ends.
async fn feed(world: &World, batches: Vec<SealedBatch>, send: mpsc::Sender<Queued>) {
    let slow = world.chance(0.2);
    for batch in batches {
        if slow {
            tokio::time::sleep(world.millis_below(2_000)).await;
        }
        let places = Vec::new();
        if send.send(Queued { batch, places }).await.is_err() {
            break;
        }
    }
    drop(send);
    forever::<()>().await;
}

/// The first signal, and the second or the end of the grace. Never ends.
async fn signalled(world: &World, dispatch: &Simulated, signal: &Notify) {
    signal.notified().await;
    world.say(|| "SIGTERM");
    dispatch.stop.request(StopReason::Signal(Exit::Terminate));
    world.watch.borrow_mut().silenced = Some("a signal had come");
    let grace = world.scenario.limits.shutdown_grace;
    let second = if world.chance(0.5) {
        world.millis_below(500)
    } else {
        grace
    };
    tokio::time::sleep(second).await;
    world.say(|| "the grace is over");
    dispatch.stop.end_grace();
    forever::<()>().await;
}

/// The process knows what its ledger does not; perhaps the disk is back.
fn record_late(world: &World, dispatch: &Simulated) {
    if world.chance(0.5) {
        for (key, conclusion) in dispatch.unrecorded.borrow().iter() {
            world.say(|| format!("late: {key} {:?}", conclusion.outcome));
            world
                .books
                .borrow_mut()
                .conclude_late(key, conclusion, &world.provider.borrow());
        }
    }
}
