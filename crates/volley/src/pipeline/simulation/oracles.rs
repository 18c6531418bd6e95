//! What must hold at the end of a run, and of a history.

use volley_ledger::BatchId;
use volley_model::{Amount, BatchState, LineCounts};
use volley_provider::Provider;

use super::super::stop::{Stage, StopReason};
use super::books::{Row, Standing};
use super::history::Simulated;
use super::input::Planned;
use super::world::World;

/// Once faults have stopped: nothing is left that could be settled or sent. Returns how many doubts are the operator's.
pub(super) fn check_converged(world: &World, lines: &[u64]) -> u64 {
    let books = world.books.borrow();
    let now = world.wall();
    let can_be_settled = |row: &&Row| match world.scenario.provider() {
        Provider::Octopush => !row.is_beyond_us(now) && world.clock_may_be_trusted(),
        Provider::Exotel => true,
    };
    let left = books.rows.iter().filter(|row| row.is_open()).find(can_be_settled);
    let key = left.map(|row| &row.key);
    assert_eq!(key, None, "invariant 12, convergence: it is still in doubt");
    if world.scenario.limits.max_cost.is_none() && world.scenario.credit.is_none() {
        let others = world.others.borrow();
        let is_free =
            |number: &&u64| books.standing(**number) == Standing::Free && others.holding(**number).is_none();
        assert_eq!(
            lines.iter().find(is_free),
            None,
            "invariant 2, none lost: a number was never sent to"
        );
    }
    books.doubts().len() as u64
}

/// Once the listing has caught up, whatever stands in it is in doubt no more.
pub(super) fn check_found(world: &World) {
    let provider = world.provider.borrow();
    for doubt in world.books.borrow().doubts() {
        assert!(
            !provider.has_or_will(&doubt.request_key.0),
            "lookups: {} is in the listing, and still in doubt",
            doubt.request_key
        );
    }
}

/// A run that may ask about its doubts ends with all of them asked about: by a probe, or by a pass through the listing that
/// began after them.
pub(super) fn check_asked(world: &World, dispatch: &Simulated) {
    let clock_is_known = world.clock_may_be_trusted() && !world.our_clock_jumps();
    let has_keys = world.scenario.provider() == Provider::Octopush;
    if dispatch.stop.has_reached(Stage::Stopping) || has_keys && !clock_is_known {
        return;
    }
    let watch = world.watch.borrow();
    for row in world.books.borrow().rows.iter().filter(|row| row.is_open()) {
        let asked = if has_keys {
            watch.was_asked_about(&row.key) || row.is_beyond_us(world.wall())
        } else {
            watch.passes.began_at() >= watch.doubted_at(&row.key)
        };
        assert!(asked, "settling: {} was not asked about", row.key);
    }
}

/// Of several campaigns of one name that a lookup found one is left, or the user hears of the others.
pub(super) fn check_twins(world: &World, reasons: &[StopReason]) {
    let (books, watch, provider) = (
        world.books.borrow(),
        world.watch.borrow(),
        world.provider.borrow(),
    );
    for (name, ids) in watch.passes.twins() {
        let Some(row) = books.find(name).filter(|row| row.state == BatchState::Accepted) else {
            continue;
        };
        let ticket = row.ticket.as_deref().unwrap_or_default();
        let campaign = |id: &str| provider.campaigns().find(id).expect("it was listed");
        let goes_on = |id: &&String| *id != ticket && campaign(id).is_live();
        for id in ids.iter().filter(goes_on) {
            let told = |reason: &StopReason| matches!(reason, StopReason::Twins(what) if what.contains(id));
            assert!(
                reasons.iter().any(told),
                "twins: {id} of {name} goes on beside {ticket}, and nobody hears of it"
            );
        }
        let any_live = ids.iter().any(|id| campaign(id).is_live());
        assert!(
            campaign(ticket).is_live() || !any_live,
            "twins: {ticket} of {name} calls nobody, and another does"
        );
    }
}

/// Invariant 2: what the run says of itself is what its ledger says, and both add up.
pub(super) fn check_account(world: &World, dispatch: &Simulated, planned: &Planned) {
    let books = world.books.borrow();
    let account = dispatch.account.borrow();
    let own = || books.rows.iter().filter(|row| row.run == books.run);
    let members = |states: &[BatchState]| -> u64 {
        own()
            .filter(|row| states.contains(&row.state))
            .map(|row| row.numbers.len() as u64)
            .sum()
    };
    let sent = [
        BatchState::Accepted,
        BatchState::Unticketed,
        BatchState::Simulated,
    ];
    let splits = own().filter(|row| row.state == BatchState::Split).count() as u64;
    let ledger = (
        members(&sent),
        members(&[BatchState::Refused]) + splits,
        members(&[BatchState::InDoubt]),
    );
    let told = (account.accepted, account.refused, account.in_doubt);
    assert_eq!(
        told, ledger,
        "invariant 2, none lost: accepted, refused, in doubt"
    );
    assert_eq!(
        members(&[BatchState::Intended]),
        0,
        "invariant 2, none lost: an intent without an outcome"
    );
    let landed = told.0 + told.1 + told.2;
    let ours = planned.totals.planned - planned.theirs.get();
    assert!(
        landed + members(&[BatchState::Released]) <= ours,
        "invariant 2, none lost: pending"
    );
    if dispatch.stop.reasons().is_empty() {
        assert_eq!(landed, ours, "invariant 2, none lost: pending without a reason");
    }
    let mut lines = LineCounts::default();
    own().for_each(|row| lines += row.lines);
    assert_eq!(
        *dispatch.booked.borrow(),
        lines,
        "invariant 2, none lost: lines booked"
    );
    let sorted = |ids: &[BatchId]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    assert_eq!(
        sorted(&account.settled),
        sorted(&books.settled),
        "invariant 2, none lost: settled"
    );
    assert_eq!(account.in_flight, 0, "nothing is in flight at the end");
    if world.scenario.limits.unit_price.is_some() {
        let (settled, reserved) = books.spending();
        assert_eq!(
            dispatch.budget.spent(),
            settled + reserved,
            "invariant 8, budget: memory and ledger"
        );
    }
    let of_this_run = |at: &usize| {
        let row = &books.rows[*at];
        row.run == books.run
            || books
                .settled
                .contains(&BatchId(i64::try_from(*at).unwrap_or_default()))
    };
    let rows = (0..books.rows.len())
        .filter(of_this_run)
        .map(|at| &books.rows[at]);
    let confirmed: Amount = rows
        .filter(|row| row.ticket.is_some())
        .filter_map(|row| row.cost)
        .sum();
    assert_eq!(
        account.cost_confirmed, confirmed,
        "invariant 5, costs: the run's sum"
    );
}
