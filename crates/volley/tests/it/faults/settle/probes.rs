//! The probe itself: once a batch and run, the same key and the same bytes, and what its answer ends or leaves.

use std::fmt::Write as _;

use volley_model::BatchState;

use super::{
    BATCH, LOST_COMMITTED, LOST_UNCOMMITTED, RECIPIENTS, THIRD, campaign, doubtful, expect_settled, fault_at,
    handed_over_since, hits, prepared,
};
use crate::books::{Books, expect_all_agree};
use crate::support::{Sandbox, contacts};

/// Three of five batches met a fault, each with its probe; the faults go on.
fn three_doubtful(deed: &str) -> Sandbox {
    let sandbox = prepared("");
    let mut rules = Vec::new();
    for number in ["+33600000000", THIRD, "+33600000016"] {
        rules.push(format!(r#"{{{deed},"number":"{number}"}}"#));
    }
    sandbox.faults(&format!(r#"{{"rules":[{}]}}"#, rules.join(",")));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6)
        .expect_lines(&[("accepted", 2 * BATCH), ("in_doubt", 3 * BATCH)]);
    assert_eq!(hits(&sandbox), [2, 2, 2], "each batch and one probe\n{end}");
    sandbox
}

#[test]
fn each_doubt_is_asked_about_once_a_run() {
    for deed in [LOST_UNCOMMITTED, LOST_COMMITTED] {
        let sandbox = three_doubtful(deed);
        for run in 3..=4 {
            let end = sandbox.send(&["contacts.ndjson"]).run();
            end.expect(6)
                .expect_lines(&[("already_sent", 2 * BATCH), ("in_doubt", 3 * BATCH)]);
            expect_settled(&end, 0);
            assert_eq!(hits(&sandbox), [run, run, run], "{deed}\n{end}");
            assert_eq!(end.summary()["batches"]["in_doubt"], 3, "{end}");
        }
        sandbox.mock().clear_faults();
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
        expect_settled(&end, 3);
        assert_eq!(end.summary()["requests"]["sent"], 3, "{end}");
        expect_all_agree(&sandbox, &end);
    }
}

/// What the probe of an earlier run's doubt hears, and how a run with eight new contacts ends then.
struct Heard {
    /// Without times or number.
    fault: &'static str,
    /// How often the fault is met.
    times: u64,
    exit: i32,
    /// New contacts that are accepted beside it.
    accepted: u64,
}

/// Whatever it is, the doubt stays, and the next run settles it.
fn check_left(heard: &Heard) {
    let Heard { fault, times, .. } = heard;
    for lost in [LOST_UNCOMMITTED, LOST_COMMITTED] {
        let sandbox = doubtful(lost);
        sandbox.write("new.ndjson", contacts(100..108));
        fault_at(&sandbox, fault, THIRD);
        let end = sandbox.send(&["new.ndjson"]).run();
        assert_eq!(hits(&sandbox), [*times], "{fault}\n{end}");
        end.expect(heard.exit);
        assert_eq!(end.lines("accepted"), heard.accepted, "{fault}\n{end}");
        assert_eq!(end.lines("refused"), 0, "{fault}\n{end}");
        expect_settled(&end, 0);
        assert_eq!(end.summary()["batches"]["in_doubt"], 1, "{fault}\n{end}");
        assert_eq!(Books::open(&sandbox).state_of(3), BatchState::InDoubt, "{fault}");
        expect_all_agree(&sandbox, &end);

        sandbox.mock().clear_faults();
        let end = sandbox.send(&["contacts.ndjson", "new.ndjson"]).run();
        end.expect(0);
        expect_settled(&end, 1);
        let known = end.lines("accepted") + end.lines("already_sent");
        assert_eq!(known, RECIPIENTS + 8, "{fault}\n{end}");
        expect_all_agree(&sandbox, &end);
    }
}

#[test]
fn an_answer_that_is_neither_a_ticket_nor_a_duplicate_leaves_the_doubt() {
    for fault in [
        r#""at":"after_read","do":"status","status":400,"code":121"#,
        r#""at":"after_read","do":"status","status":400"#,
        r#""at":"after_read","do":"status","status":404"#,
        r#""at":"after_read","do":"status","status":413"#,
        r#""at":"after_read","do":"status","status":503"#,
        r#""at":"after_read","do":"drop""#,
        r#""at":"after_commit","do":"reset""#,
        // A success without a ticket proves nothing of the first try.
        r#""at":"after_read","do":"garbage""#,
    ] {
        check_left(&Heard {
            fault,
            times: 1,
            exit: 6,
            accepted: 8,
        });
    }
}

#[test]
fn refused_credentials_and_redirects_stop_the_run_before_a_new_batch() {
    for fault in [
        r#""at":"after_read","do":"status","status":401"#,
        r#""at":"after_read","do":"status","status":402"#,
        r#""at":"after_read","do":"status","status":400,"code":101"#,
        r#""at":"after_read","do":"status","status":302"#,
    ] {
        // The doubt outranks the account (11).
        check_left(&Heard {
            fault,
            times: 1,
            exit: 6,
            accepted: 0,
        });
    }
}

#[test]
fn a_probe_put_off_five_times_stops_the_run() {
    check_left(&Heard {
        fault: r#""at":"after_read","do":"status","status":429,"retry_after":"0""#,
        times: 5,
        exit: 6,
        accepted: 0,
    });
}

#[test]
fn a_probe_that_was_put_off_is_tried_again() {
    for fault in [
        r#""at":"after_read","do":"status","status":429,"retry_after":"0","times":3"#,
        r#""at":"after_read","do":"status","status":400,"code":126,"times":2"#,
        r#""at":"after_read","do":"refuse_stream","times":2"#,
    ] {
        let sandbox = doubtful(LOST_COMMITTED);
        fault_at(&sandbox, fault, THIRD);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert!(hits(&sandbox)[0] >= 2, "{fault}\n{end}");
        end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
        expect_settled(&end, 1);
        expect_all_agree(&sandbox, &end);
    }
}

#[test]
fn refused_probes_count_neither_as_the_first_batch_nor_as_three_in_a_row() {
    let sandbox = three_doubtful(LOST_COMMITTED);
    let refused = r#""at":"after_read","do":"status","status":400,"code":121"#;
    let mut rules = String::new();
    for number in ["+33600000000", THIRD, "+33600000016"] {
        write!(rules, r#"{{{refused},"number":"{number}"}},"#).expect("memory");
    }
    sandbox.faults(&format!(r#"{{"rules":[{}]}}"#, rules.trim_end_matches(',')));
    sandbox.write("new.ndjson", contacts(100..140));
    let end = sandbox.send(&["new.ndjson"]).run();
    assert_eq!(hits(&sandbox), [1, 1, 1], "{end}");
    end.expect(6).expect_lines(&[("accepted", 40)]);
    assert_eq!(end.summary()["batches"]["refused"], 0, "{end}");
    expect_all_agree(&sandbox, &end);
}

#[test]
fn a_duplicate_is_known_by_the_configured_codes() {
    for (codes, exit, state) in [
        (None, 6, BatchState::InDoubt),
        (Some(vec![120, 133]), 6, BatchState::InDoubt),
        (Some(vec![190]), 0, BatchState::Unticketed),
        (Some(vec![120, 190]), 0, BatchState::Unticketed),
    ] {
        let sandbox = prepared("[octopush.duplicates]\nstatus = 409\ncode = 190\n");
        let with_codes = |campaign: crate::support::Campaign<'_>| match &codes {
            Some(codes) => campaign.set("octopush.duplicate_codes", codes.clone()).write(),
            None => campaign.write(),
        };
        with_codes(campaign(&sandbox));
        sandbox.faults(&format!(r#"{{"rules":[{{{LOST_COMMITTED},"request":3}}]}}"#));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert_eq!(hits(&sandbox), [1], "{end}");
        end.expect(exit);
        assert_eq!(Books::open(&sandbox).state_of(3), state, "{codes:?}\n{end}");
        assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
        expect_all_agree(&sandbox, &end);
    }
}

#[test]
fn a_doubt_keeps_its_old_bytes_when_the_message_has_changed() {
    let sandbox = doubtful(LOST_UNCOMMITTED);
    let long = "octopush.text=".to_owned() + &"Twenty per cent off. ".repeat(10) + "STOP au 30101";
    sandbox.write("new.ndjson", contacts(100..104));
    let end = sandbox
        .send(&["new.ndjson", "--accept-changes", "--set", &long])
        .run();
    end.expect(0).expect_lines(&[("accepted", 4)]);
    expect_settled(&end, 1);
    let mut costs: Vec<_> = sandbox
        .mock()
        .tickets()
        .iter()
        .map(|ticket| ticket.cost)
        .collect();
    costs.sort_unstable();
    // Five of one segment, and the new batch of two.
    assert_eq!(costs[0], costs[4], "{costs:?}");
    assert_eq!(costs[5], costs[0] + costs[0], "{costs:?}");
    expect_all_agree(&sandbox, &end);
}

#[test]
fn a_simulated_run_is_never_in_doubt_and_asks_about_nothing_of_its_own() {
    for deed in [
        LOST_UNCOMMITTED,
        LOST_COMMITTED,
        r#""at":"after_read","do":"drop""#,
    ] {
        let sandbox = prepared("");
        fault_at(&sandbox, deed, THIRD);
        let simulate = ["--set", "octopush.simulation_mode=true"];
        let end = sandbox.send(&["contacts.ndjson"]).args(simulate).run();
        assert_eq!(hits(&sandbox), [1], "no probe: {deed}\n{end}");
        end.expect(0).expect_lines(&[("accepted", RECIPIENTS)]);
        assert_eq!(end.summary()["batches"]["in_doubt"], 0, "{end}");
        let states = Books::open(&sandbox).states();
        assert_eq!(
            states.into_iter().collect::<Vec<_>>(),
            [(BatchState::Simulated, 5)]
        );

        sandbox.mock().clear_faults();
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", RECIPIENTS)]);
        expect_settled(&end, 0);
        expect_all_agree(&sandbox, &end);
    }
}

#[test]
fn a_simulated_run_leaves_a_real_one_s_doubts_alone() {
    let sandbox = doubtful(LOST_UNCOMMITTED);
    let simulate = ["--set", "octopush.simulation_mode=true"];
    let end = sandbox.send(&["contacts.ndjson"]).args(simulate).run();
    end.expect(6)
        .expect_lines(&[("already_sent", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
    expect_settled(&end, 0);
    assert_eq!(handed_over_since(&sandbox, 6), [0_i64; 0], "{end}");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
    expect_settled(&end, 1);
    assert_eq!(Books::open(&sandbox).state_of(3), BatchState::Accepted);
    expect_all_agree(&sandbox, &end);
}
