//! What a settled doubt costs, and the room that it makes in the budget.

use super::{LOST_COMMITTED, LOST_UNCOMMITTED, campaign, expect_settled, hits, prepared};
use crate::books::expect_all_agree;
use crate::support::{End, Kept, Over, Provider, Sandbox, contacts, decimal, for_all, for_both_ledgers};

/// 0.20 is reserved for a batch; Octopush charges 0.18049468, Exotel tells no price. The third answer is lost, once.
fn lose_the_third(over: Over, lost: &str, max_cost: &str) -> (Sandbox, End) {
    let sandbox = prepared(over, "");
    sandbox.faults(&format!(r#"{{"rules":[{{{lost},"request":3}}]}}"#));
    let end = sandbox.send(&["contacts.ndjson", "--max-cost", max_cost]).run();
    assert_eq!(hits(&sandbox), [1], "{end}");
    expect_all_agree(&sandbox, &end);
    (sandbox, end)
}

#[test]
fn a_doubt_settled_cheaper_than_reserved_frees_the_budget_in_the_same_run() {
    for_both_ledgers(settle_cheaper);
}

fn settle_cheaper(kept: Kept) {
    // Two charged and the doubt reserved: 0.56098936; with the doubt charged: 0.54148404. The fourth needs 0.20.
    let (sandbox, end) = lose_the_third(kept.into(), LOST_UNCOMMITTED, "0.75");
    end.expect(9).expect_lines(&[("accepted", 16), ("pending", 4)]);
    assert_eq!(
        decimal(&end.summary()["cost"]["total"]),
        sandbox.mock().stats().together.total_cost
    );
}

#[test]
fn a_doubt_settled_without_a_price_keeps_its_reservation() {
    for_all(|over| {
        let provider = over.provider;
        // Octopush's has no ticket; Exotel's has one, and no batch of Exotel's has a price.
        let estimated = match provider {
            Provider::Octopush => "0.2",
            Provider::Exotel => "0.6",
        };
        let (_, end) = lose_the_third(over, LOST_COMMITTED, "0.75");
        end.expect(9).expect_lines(&[("accepted", 12), ("pending", 8)]);
        assert_eq!(
            decimal(&end.summary()["cost"]["estimated"]),
            decimal(&estimated.into())
        );
    });
}

/// The third answer is lost, in a campaign with this limit; the fault is over.
fn in_doubt_under(over: Over, max_cost: &str) -> Sandbox {
    let sandbox = Sandbox::new().of(over);
    campaign(&sandbox).set("limits.max_cost", max_cost).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox.faults(&format!(
        r#"{{"rules":[{{{LOST_UNCOMMITTED},"number":"+33600000008"}}]}}"#
    ));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6)
        .expect_lines(&[("accepted", 8), ("in_doubt", 4), ("pending", 8)]);
    sandbox.mock().clear_faults();
    sandbox
}

#[test]
fn the_next_run_has_the_room_that_a_settled_doubt_made() {
    for_both_ledgers(settle_in_the_next_run);
}

fn settle_in_the_next_run(kept: Kept) {
    let sandbox = in_doubt_under(kept.into(), "0.75");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    expect_settled(&end, 1);
    end.expect(9)
        .expect_lines(&[("accepted", 4), ("already_sent", 12), ("pending", 4)]);
    expect_all_agree(&sandbox, &end);
    let seen = sandbox.mock().stats().together.total_cost;
    assert!(seen <= decimal(&"0.75".into()), "{seen}\n{end}");
    // What is settled counts once over all runs: nothing more fits.
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(9)
        .expect_lines(&[("already_sent", 16), ("pending", 4)]);
    assert_eq!(sandbox.mock().stats().together.total_cost, seen);
}

#[test]
fn what_the_operator_frees_leaves_its_room_to_the_batch_that_takes_its_place() {
    for_both_ledgers(free_by_word);
}

fn free_by_word(kept: Kept) {
    let sandbox = in_doubt_under(Provider::Exotel.over(kept), "0.79");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6)
        .expect_lines(&[("already_sent", 8), ("in_doubt", 4), ("pending", 8)]);
    sandbox.free_the_absent(4);
    // 0.40 that has no price, and 0.20 more; the fourth would pass the limit.
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(9)
        .expect_lines(&[("accepted", 4), ("already_sent", 8), ("pending", 8)]);
    expect_all_agree(&sandbox, &end);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(9)
        .expect_lines(&[("already_sent", 12), ("pending", 8)]);
    assert_eq!(sandbox.mock().stats().together.accepted_requests, 3);
}
