//! What a settled doubt costs, and the room that it makes in the budget.

use super::{LOST_COMMITTED, LOST_UNCOMMITTED, campaign, expect_settled, hits, prepared};
use crate::books::expect_all_agree;
use crate::support::{Sandbox, contacts, decimal};

/// 0.20 is reserved for a batch, 0.18049468 charged. The third answer is lost, once.
fn lose_the_third(lost: &str, max_cost: &str) -> (Sandbox, crate::support::End) {
    let sandbox = prepared("");
    sandbox.faults(&format!(r#"{{"rules":[{{{lost},"request":3}}]}}"#));
    let end = sandbox.send(&["contacts.ndjson", "--max-cost", max_cost]).run();
    assert_eq!(hits(&sandbox), [1], "{end}");
    expect_all_agree(&sandbox, &end);
    (sandbox, end)
}

#[test]
fn a_doubt_settled_cheaper_than_reserved_frees_the_budget_in_the_same_run() {
    // Two charged and the doubt reserved: 0.56098936; with the doubt charged: 0.54148404. The fourth needs 0.20.
    let (sandbox, end) = lose_the_third(LOST_UNCOMMITTED, "0.75");
    end.expect(9).expect_lines(&[("accepted", 16), ("pending", 4)]);
    assert_eq!(
        decimal(&end.summary()["cost"]["total"]),
        sandbox.mock().stats().together.total_cost
    );
}

#[test]
fn a_doubt_settled_without_a_ticket_keeps_its_reservation() {
    let (_, end) = lose_the_third(LOST_COMMITTED, "0.75");
    end.expect(9).expect_lines(&[("accepted", 12), ("pending", 8)]);
    assert_eq!(
        decimal(&end.summary()["cost"]["estimated"]),
        decimal(&"0.2".into())
    );
}

#[test]
fn the_next_run_has_the_room_that_a_settled_doubt_made() {
    let sandbox = Sandbox::new();
    campaign(&sandbox).set("limits.max_cost", "0.75").write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox.faults(&format!(
        r#"{{"rules":[{{{LOST_UNCOMMITTED},"number":"+33600000008"}}]}}"#
    ));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6)
        .expect_lines(&[("accepted", 8), ("in_doubt", 4), ("pending", 8)]);
    sandbox.mock().clear_faults();
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
