//! A history: runs with faults, then runs without until all is quiet; and what happens between them.

mod feed;
mod hits;
mod parts;
mod run;

use std::rc::Rc;
use std::time::Duration;

use volley_model::BatchState;

use super::books::{Row, Word};
use super::input;
use super::oracles::{check_converged, check_found};
use super::scenario::{OurClock, Theme};
use super::world::{HOUR, World};
pub(super) use hits::Hits;
pub(super) use parts::Simulated;

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
        history.hits.take(&history.world);
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

    /// Once faults stop, a few runs settle all that can be settled, and the next one has nothing to do.
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
        if let Some(habits) = world.scenario.exotel() {
            self.settle_by_listing(&lines, habits.lag_max, habits.absent_for())
                .await;
        } else {
            for _ in 0..2 {
                world.pass(world.scenario.limits.settle);
                self.run(&lines, false, false).await;
            }
        }
        self.hits.left_in_doubt += check_converged(&world, &lines);
        let before = world.watch.borrow().hits.requests;
        self.run(&lines, false, false).await;
        // Of the credit a run hears with its first batch only. And how batches are cut depends on what is asked of the numbers
        // that another worker holds: where little money is left, one cut otherwise may fit.
        let may_fit = world.scenario.shared && world.scenario.limits.max_cost.is_some();
        assert!(
            world.watch.borrow().hits.requests == before || world.scenario.credit.is_some() || may_fit,
            "invariant 12, convergence: a further run sends"
        );
    }

    /// Once the listing has caught up, it has whatever was accepted; what it lacks is the operator's to free, and goes again.
    async fn settle_by_listing(&mut self, lines: &[u64], lag_max: Duration, absent_for: Duration) {
        let world = Rc::clone(&self.world);
        world.pass(world.scenario.limits.settle + lag_max);
        self.run(lines, false, false).await;
        check_found(&world);
        // A listing that shifts tells no absence, and may do so while a run still sends.
        for _ in 0..2 {
            if !world.books.borrow().doubts().is_empty() {
                world.pass(absent_for);
                self.run(lines, false, false).await;
            }
            self.free_absent(absent_for);
        }
        // By a clock that is off no absence is told, so that the operator has to look for each.
        let left = world.books.borrow().doubts();
        assert!(
            left.is_empty() || !world.clock_may_be_trusted(),
            "invariant 12, convergence: absent, and not to be freed: {left:?}"
        );
        self.hits.left_in_doubt += left.len() as u64;
        for doubt in left {
            let provider = &world.provider.borrow();
            world.books.borrow_mut().free(doubt.batch, provider);
        }
        self.run(lines, false, false).await;
    }

    /// The operator's word on all that the listings lacked for long enough.
    fn free_absent(&self, absent_for: Duration) {
        let world = &*self.world;
        world.say(|| "the operator frees what is absent");
        let provider = &mut *world.provider.borrow_mut();
        provider.catch_up(world.elapsed());
        world.books.borrow_mut().free_absent(absent_for, provider);
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
        if let Some(habits) = world.scenario.exotel() {
            if world.chance(0.5) {
                self.free_absent(habits.absent_for());
            }
            if world.chance(0.2) {
                world.say(|| "calls are priced");
                world.books.borrow_mut().price(&world.provider.borrow());
            }
        }
        self.settle_one_by_hand();
    }

    /// Something happens to one doubt, perhaps: its body is lost, or the operator believes to know better.
    fn settle_one_by_hand(&self) {
        let world = &*self.world;
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
                let provider = &mut world.provider.borrow_mut();
                world.books.borrow_mut().declare(doubt.batch, said, provider);
            }
            _ => {}
        }
    }

    fn gap(&self) -> Duration {
        let world = &*self.world;
        if let Some(habits) = world.scenario.exotel()
            && world.chance(0.4)
        {
            let most = habits.absent_for() * 2;
            return world.millis_below(u64::try_from(most.as_millis()).unwrap_or_default());
        }
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
}
