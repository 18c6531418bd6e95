//! What all simulated parts share: chance, time, the books, and the moment at which everything ends.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::outside::Clock;
use super::books::Books;
use super::others::Others;
use super::provider::Provider;
use super::scenario::{OurClock, Scenario};
use super::watch::Watch;

/// When every history begins.
const BEGUN: Timestamp = Timestamp::constant(1_795_262_400, 0);
/// Hours, in seconds.
pub(super) const HOUR: u64 = 3600;

/// One history's world. Borrow its parts for a moment only, never across an await.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) rng: RefCell<Rng>,
    pub(super) provider: RefCell<Provider>,
    pub(super) books: RefCell<Books>,
    pub(super) others: RefCell<Others>,
    pub(super) watch: RefCell<Watch>,
    /// Whether anything still fails.
    pub(super) faults: Cell<bool>,
    /// Commits until the storage fails.
    pub(super) commits_left: Cell<Option<u32>>,
    pub(super) storage_failed: Cell<bool>,
    /// Steps until the process is killed, or told to stop.
    pub(super) crash_in: Cell<Option<u32>>,
    pub(super) signal_in: Cell<Option<u32>>,
    pub(super) crashed: Cell<bool>,
    pub(super) crash: RefCell<Rc<Notify>>,
    pub(super) signal: RefCell<Rc<Notify>>,
    /// Connections are refused from the first of these until the second.
    pub(super) outage: Cell<(Duration, Duration)>,
    /// Our wall clock is off by so many seconds.
    pub(super) clock_off: Cell<i64>,
    start: Instant,
    /// What passed between the runs.
    idle: Cell<Duration>,
    loud: bool,
}

impl World {
    pub(super) fn new(seed: u64, loud: bool) -> Rc<Self> {
        let mut rng = Rng::with_seed(seed);
        let scenario = Scenario::of(seed, &mut rng);
        let world = Rc::new(Self {
            provider: RefCell::new(Provider::new(&scenario)),
            books: RefCell::new(Books::new(scenario.provider(), scenario.limits.max_cost)),
            others: RefCell::default(),
            watch: RefCell::new(Watch::new(&scenario.limits)),
            rng: RefCell::new(rng),
            faults: Cell::new(true),
            commits_left: Cell::new(None),
            storage_failed: Cell::new(false),
            crash_in: Cell::new(None),
            signal_in: Cell::new(None),
            crashed: Cell::new(false),
            crash: RefCell::default(),
            signal: RefCell::default(),
            outage: Cell::default(),
            clock_off: Cell::new(0),
            start: Instant::now(),
            idle: Cell::default(),
            loud,
            scenario,
        });
        world.say(|| format!("{:#?}", world.scenario));
        world
    }

    /// The time that has truly passed since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.idle.get() + self.start.elapsed()
    }

    pub(super) fn time_in_runs(&self) -> Duration {
        self.start.elapsed()
    }

    /// Lets time pass while nothing runs.
    pub(super) fn pass(&self, time: Duration) {
        self.say(|| format!("{} s pass", time.as_secs()));
        self.idle.set(self.idle.get() + time);
    }

    /// What a right clock shows after so long.
    pub(super) fn date(elapsed: Duration) -> Timestamp {
        BEGUN + elapsed
    }

    /// What our clock shows.
    pub(super) fn wall(&self) -> Timestamp {
        Self::date(self.elapsed()) + SignedDuration::from_secs(self.clock_off.get())
    }

    /// Whether our clock agrees with the provider's as the guarantee wants it, apart from the ledger's entries.
    pub(super) fn clock_may_be_trusted(&self) -> bool {
        use super::scenario::Dates;
        match self.scenario.dates {
            Dates::Missing => true,
            Dates::Right => self.clock_off.get().abs() <= 300,
            Dates::Off(off) => (off - self.clock_off.get()).abs() <= 300,
        }
    }

    pub(super) fn our_clock_jumps(&self) -> bool {
        self.scenario.our_clock == OurClock::FallsBehind
    }

    pub(super) fn chance(&self, of: f64) -> bool {
        self.rng.borrow_mut().f64() < of
    }

    pub(super) fn below(&self, end: u64) -> u64 {
        self.rng.borrow_mut().u64(..end)
    }

    pub(super) fn millis_below(&self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }

    /// How late a request is processed that nobody waits for any more: within `settle`.
    pub(super) fn latest(&self) -> Duration {
        let most = (self.scenario.limits.settle / 2).as_millis();
        self.millis_below(u64::try_from(most).unwrap_or_default())
    }

    /// A step at which the process may be killed or told to stop. `true` once it is dead: nothing it does counts.
    pub(super) fn step(&self) -> bool {
        if due(&self.signal_in) {
            self.signal.borrow().notify_one();
        }
        if due(&self.crash_in) {
            self.say(|| "killed".to_owned());
            self.crashed.set(true);
            self.crash.borrow().notify_one();
        }
        self.crashed.get()
    }

    /// Tells a step, if this history is to be told.
    pub(super) fn say<T: Display>(&self, what: impl FnOnce() -> T) {
        if self.loud {
            println!("{:>14.3} {}", self.elapsed().as_secs_f64(), what());
        }
    }
}

/// Counts down; `true` once.
fn due(left: &Cell<Option<u32>>) -> bool {
    let Some(steps) = left.get() else { return false };
    left.set(steps.checked_sub(1));
    steps == 0
}

/// Our wall clock.
pub(super) struct SimulatedClock(pub(super) Rc<World>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.wall()
    }
}

/// What a dead process waits for.
pub(super) async fn forever<T>() -> T {
    std::future::pending().await
}
