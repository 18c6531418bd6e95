//! What must hold at the end of a run, and of a history.

use volley_ledger::BatchId;
use volley_model::{Amount, BatchState, LineCounts};

use super::super::stop::Stage;
use super::books::Row;
use super::history::Simulated;
use super::input::Planned;
use super::world::World;

/// Once faults have stopped: nothing is left that could be settled or sent. Returns how many doubts are the operator's.
pub(super) fn check_converged(world: &World, lines: &[u64]) -> u64 {
    let books = world.books.borrow();
    let now = world.wall();
    let can_be_settled = |row: &&Row| !row.is_beyond_us(now) && world.clock_may_be_trusted();
    let left = books.rows.iter().filter(|row| row.is_open()).find(can_be_settled);
    let key = left.map(|row| &row.key);
    assert_eq!(key, None, "invariant 12, convergence: it is still in doubt");
    if world.scenario.limits.max_cost.is_none() && world.scenario.credit.is_none() {
        let free = lines.iter().find(|number| books.standing(**number).is_none());
        assert_eq!(free, None, "invariant 2, none lost: a number was never sent to");
    }
    books.doubts().len() as u64
}

/// A run that may ask about its doubts ends with all of them asked about.
pub(super) fn check_asked(world: &World, dispatch: &Simulated) {
    let clock_is_known = world.clock_may_be_trusted() && !world.our_clock_jumps();
    if dispatch.stop.has_reached(Stage::Stopping) || !clock_is_known {
        return;
    }
    for row in world.books.borrow().rows.iter().filter(|row| row.is_open()) {
        let asked = world.watch.borrow().was_asked_about(&row.key);
        assert!(
            asked || row.is_beyond_us(world.wall()),
            "settling: {} was not asked about",
            row.key
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
    let ledger = (
        members(&sent),
        members(&[BatchState::Refused]),
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
    assert!(
        landed + members(&[BatchState::Released]) <= planned.totals.planned,
        "invariant 2, none lost: pending"
    );
    if dispatch.stop.reasons().is_empty() {
        assert_eq!(
            landed, planned.totals.planned,
            "invariant 2, none lost: pending without a reason"
        );
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
