//! One run of a history: what is fed to the dispatcher, what ends it, and what must hold behind it.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::super::super::stop::StopReason;
use super::super::input::{self, Planned};
use super::super::oracles::{check_account, check_asked, check_twins};
use super::super::world::{World, forever};
use super::History;
use super::feed::feed;
use super::parts::{Simulated, prepare};
use crate::exit::Exit;

/// No run lasts longer, whatever fails.
const RUN_MAX: Duration = Duration::from_hours(12);

impl History {
    pub(super) async fn run(&mut self, lines: &[u64], simulated: bool, retry: bool) {
        let world = Rc::clone(&self.world);
        world.say(|| format!("run: {} lines, simulated {simulated}, retry {retry}", lines.len()));
        world.crashed.set(false);
        world.storage_failed.set(false);
        *world.crash.borrow_mut() = Rc::default();
        *world.signal.borrow_mut() = Rc::default();
        let dispatch = prepare(&world, simulated);
        let planned = input::plan(&world, lines, simulated, retry);
        assert_eq!(
            planned.totals.read(),
            lines.len() as u64,
            "invariant 2, none lost: in the test's own intake"
        );
        let before = world.watch.borrow().hits.requests;
        let ended = play(&world, &dispatch, &planned, simulated).await;
        let reasons = dispatch.stop.reasons();
        self.count(&reasons, ended);
        world.say(|| format!("the run {}: {reasons:?}", if ended { "ends" } else { "is gone" }));
        if ended {
            let handed_over = world.watch.borrow().hits.requests - before;
            assert_eq!(
                dispatch.account.borrow().requests_sent,
                handed_over,
                "the account: requests sent"
            );
            check_end(&world, &dispatch, &planned, &reasons);
        }
        world.books.borrow_mut().unended |= !ended || world.storage_failed.get();
        drop(dispatch);
        world.provider.borrow_mut().catch_up(world.elapsed());
        world.books.borrow().check_tickets(&world.provider.borrow());
    }

    fn count(&mut self, reasons: &[StopReason], ended: bool) {
        let world = &*self.world;
        let hits = &mut self.hits;
        let stopped = |is: fn(&StopReason) -> bool| u64::from(reasons.iter().any(is));
        hits.runs += 1;
        hits.crashes += u64::from(!ended);
        hits.storage_failures += u64::from(world.storage_failed.get());
        hits.signals += stopped(|reason| matches!(reason, StopReason::Signal(_)));
        hits.budgets_used_up += stopped(|reason| matches!(reason, StopReason::MaxCost(_)));
        hits.credits_too_low += stopped(|reason| matches!(reason, StopReason::MinCredit(_)));
        hits.settled += world.books.borrow().settled.len() as u64;
    }
}

/// Whether the run came to its end; else the process is gone.
async fn play(world: &World, dispatch: &Simulated, planned: &Planned, simulated: bool) -> bool {
    let (crash, signal) = (
        Rc::clone(&world.crash.borrow()),
        Rc::clone(&world.signal.borrow()),
    );
    let (send, mut receive) = mpsc::channel(16);
    tokio::select! {
        biased;
        () = crash.notified() => false,
        () = signalled(world, dispatch, &signal) => false,
        () = feed(world, &dispatch.sealer, planned, simulated, send) => false,
        () = tokio::time::sleep(RUN_MAX) => panic!("liveness: the run does not end"),
        () = dispatch.run(&mut receive, |_| {}) => true,
    }
}

fn check_end(world: &World, dispatch: &Simulated, planned: &Planned, reasons: &[StopReason]) {
    if world.storage_failed.get() {
        record_late(world, dispatch);
    } else {
        check_account(world, dispatch, planned);
        check_asked(world, dispatch);
        check_twins(world, reasons);
    }
    let gave_up = |reason: &StopReason| matches!(reason, StopReason::Unreachable { hopeless: false, .. });
    if reasons.iter().any(gave_up) {
        world.watch.borrow().check_given_up();
    }
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
