//! Invariant 8 under faults: settled and reserved together never pass `max_cost`, over all runs.

use volley_model::BatchState;

use super::hits;
use crate::books::{Books, expect_all_agree};
use crate::support::{End, Over, Provider, Sandbox, contacts, for_all};

/// Five batches of four, 0.20 reserved for each. Octopush charges 0.18049468, Exotel tells no price. The third answer is lost
/// for good: at Octopush each time that it is asked for, and Exotel lacks the batch.
fn lose_the_third(over: Over, max_cost: &str) -> (Sandbox, End) {
    let provider = over.provider;
    let sandbox = Sandbox::new().of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 4)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.unit_price", "0.05")
        .set("limits.max_cost", max_cost)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    let at = match provider {
        Provider::Octopush => "after_commit",
        Provider::Exotel => "after_read",
    };
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"{at}","do":"drop","number":"+33600000008"}}]}}"#
    ));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert!(hits(&sandbox)[0] >= 1, "{end}");
    expect_all_agree(&sandbox, &end);
    (sandbox, end)
}

#[test]
fn a_doubt_keeps_its_reservation_in_this_run_and_the_next() {
    for_all(|over| {
        let provider = over.provider;
        // 0.36098936 settled, or 0.40 that has no price, and 0.20 reserved for the doubt: the fourth may not be sent.
        let max_cost = match provider {
            Provider::Octopush => "0.76",
            Provider::Exotel => "0.79",
        };
        let (sandbox, end) = lose_the_third(over, max_cost);
        end.expect(6)
            .expect_lines(&[("accepted", 8), ("in_doubt", 4), ("pending", 8)]);
        let seen = sandbox.mock().stats().together.accepted_requests;
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert_eq!(
            (end.lines("accepted"), end.lines("pending")),
            (0, 8),
            "no room in a second run either\n{end}"
        );
        assert_eq!(sandbox.mock().stats().together.accepted_requests, seen);
        expect_all_agree(&sandbox, &end);
    });
}

#[test]
fn a_batch_that_just_fits_behind_a_doubt_is_sent() {
    for_all(|over| {
        let provider = over.provider;
        // The nearest neighbour: one hundredth more, and the fourth fits; the fifth does not.
        let max_cost = match provider {
            Provider::Octopush => "0.77",
            Provider::Exotel => "0.80",
        };
        let (sandbox, end) = lose_the_third(over, max_cost);
        end.expect(6)
            .expect_lines(&[("accepted", 12), ("in_doubt", 4), ("pending", 4)]);
        assert_eq!(Books::open(&sandbox).batches(BatchState::Accepted), 3);
    });
}
