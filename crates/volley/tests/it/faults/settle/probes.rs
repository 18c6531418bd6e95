//! The question itself, a probe or the listing: once a batch and run, and what its answer ends or leaves. A probe has the same key
//! and the same bytes.

use volley_model::BatchState;

use super::{
    BATCH, LISTING_LAGS, LOST_COMMITTED, LOST_UNCOMMITTED, RECIPIENTS, THIRD, campaign, doubtful,
    expect_settled, fault_at, handed_over_since, hits, holding, mend, prepared,
};
use crate::books::{Books, expect_all_agree};
use crate::support::{Converged, Kept, Over, Provider, Sandbox, contacts, for_all, for_both_ledgers};

const FIRST: &str = "+33600000000";
const FIFTH: &str = "+33600000016";

/// Three of five batches met a fault; it goes on for each one's probe, as does the listing's lag.
fn three_doubtful(over: Over, deed: &str) -> Sandbox {
    let sandbox = prepared(over, LISTING_LAGS);
    let rules = [FIRST, THIRD, FIFTH].map(|number| format!(r#"{{{deed},"number":"{number}"}}"#));
    sandbox.faults(&format!(r#"{{"rules":[{}]}}"#, rules.join(",")));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6)
        .expect_lines(&[("accepted", 2 * BATCH), ("in_doubt", 3 * BATCH)]);
    assert_eq!(questions(&sandbox), [1, 1, 1], "one for each\n{end}");
    sandbox
}

/// How often each of the three was asked about.
fn questions(sandbox: &Sandbox) -> Vec<u64> {
    match sandbox.provider() {
        // The batch itself met the fault too.
        Provider::Octopush => hits(sandbox).iter().map(|times| times - 1).collect(),
        Provider::Exotel => [1, 3, 5].iter().map(|batch| absences(sandbox, *batch)).collect(),
    }
}

fn absences(sandbox: &Sandbox, batch: i64) -> u64 {
    Books::open(sandbox).absences(batch).len() as u64
}

#[test]
fn each_doubt_is_asked_about_once_a_run() {
    for_all(|over| {
        let provider = over.provider;
        for deed in [LOST_UNCOMMITTED, LOST_COMMITTED] {
            let sandbox = three_doubtful(over, deed);
            for run in 2..=3 {
                let end = sandbox.send(&["contacts.ndjson"]).run();
                end.expect(6)
                    .expect_lines(&[("already_sent", 2 * BATCH), ("in_doubt", 3 * BATCH)]);
                expect_settled(&end, 0);
                assert_eq!(questions(&sandbox), [run, run, run], "{deed}\n{end}");
                assert_eq!(end.summary()["batches"]["in_doubt"], 3, "{end}");
            }
            mend(&sandbox);
            let Converged { end, freed } = sandbox.converge(&["contacts.ndjson"]);
            end.expect(0);
            if provider.settles(holding(deed)) {
                end.expect_lines(&[("already_sent", RECIPIENTS)]);
                expect_settled(&end, 3);
                assert_eq!(end.summary()["requests"]["sent"], 3 * provider.probes(), "{end}");
            } else {
                assert_eq!(freed, 3 * BATCH, "{end}");
                end.expect_lines(&[("accepted", freed), ("already_sent", 2 * BATCH)]);
            }
            expect_all_agree(&sandbox, &end);
        }
    });
}

/// What is heard when an earlier run's doubt is asked about: a fault without number, path or times.
struct Heard {
    fault: &'static str,
    /// How often the question meets it.
    times: u64,
    /// Whether it stops the run before all new contacts are sent to.
    stops: bool,
}

/// Whatever it is, the doubt stays, and no absence is told; the next run settles it, as far as it can be.
fn check_left(over: Over, heard: &Heard) {
    let provider = over.provider;
    let Heard { fault, times, .. } = heard;
    for lost in [LOST_UNCOMMITTED, LOST_COMMITTED] {
        let sandbox = doubtful(over, lost);
        let told = absences(&sandbox, 3);
        sandbox.write("new.ndjson", contacts(100..108));
        let question = provider.question(THIRD);
        sandbox.faults(&format!(r#"{{"rules":[{{{fault},{question}}}]}}"#));
        let end = sandbox.send(&["new.ndjson"]).run();
        assert_eq!(hits(&sandbox), [*times], "{fault}\n{end}");
        // The doubt outranks an account (11).
        end.expect(6);
        let accepted = end.lines("accepted");
        match (heard.stops, provider) {
            (false, _) => assert_eq!(accepted, 8, "{fault}\n{end}"),
            (true, Provider::Octopush) => assert_eq!(accepted, 0, "{fault}\n{end}"),
            // The listing is read beside the sending.
            (true, Provider::Exotel) => assert!(end.summary()["reason"].is_string(), "{fault}\n{end}"),
        }
        assert_eq!(end.lines("refused"), 0, "{fault}\n{end}");
        expect_settled(&end, 0);
        assert_eq!(end.summary()["batches"]["in_doubt"], 1, "{fault}\n{end}");
        assert_eq!(Books::open(&sandbox).state_of(3), BatchState::InDoubt, "{fault}");
        assert_eq!(absences(&sandbox, 3), told, "{fault}\n{end}");
        expect_all_agree(&sandbox, &end);

        sandbox.mock().clear_faults();
        let Converged { end, freed } = sandbox.converge(&["contacts.ndjson", "new.ndjson"]);
        end.expect(0);
        let settles = provider.settles(holding(lost));
        assert_eq!(freed, if settles { 0 } else { BATCH }, "{fault}\n{end}");
        expect_settled(&end, u64::from(settles));
        let known = end.lines("accepted") + end.lines("already_sent");
        assert_eq!(known, RECIPIENTS + 8, "{fault}\n{end}");
        expect_all_agree(&sandbox, &end);
    }
}

#[test]
fn an_answer_that_settles_nothing_leaves_the_doubt() {
    for_all(|over| {
        let provider = over.provider;
        let mut faults = vec![
            r#""at":"after_read","do":"status","status":400,"code":121"#,
            r#""at":"after_read","do":"status","status":400"#,
            r#""at":"after_read","do":"status","status":404"#,
            r#""at":"after_read","do":"status","status":413"#,
            // A success without a ticket proves nothing of the first try, and one without a page nothing at all.
            r#""at":"after_read","do":"garbage""#,
        ];
        match provider {
            // A probe is sent once; a page is asked for until it comes.
            Provider::Octopush => faults.extend([
                r#""at":"after_read","do":"status","status":503"#,
                r#""at":"after_read","do":"drop""#,
                r#""at":"after_commit","do":"reset""#,
            ]),
            // A campaign that cannot be read may be the one.
            Provider::Exotel => faults.extend([
                r#""at":"after_commit","do":"garbage","body":"{\"response\":[{\"code\":200,\"data\":{\"id\":\"c1\"}}]}""#,
                r#""at":"after_commit","do":"garbage","body":"{\"response\":[],\"http_code\":500}""#,
            ]),
        }
        for fault in over.kept.first(2, &faults) {
            let heard = Heard {
                fault,
                times: 1,
                stops: false,
            };
            check_left(over, &heard);
        }
    });
}

#[test]
fn refused_credentials_and_redirects_stop_the_run() {
    for_all(|over| {
        let provider = over.provider;
        let account = match provider {
            Provider::Octopush => r#""at":"after_read","do":"status","status":400,"code":101"#,
            Provider::Exotel => r#""at":"after_read","do":"status","status":400,"code":1003"#,
        };
        let faults = [
            r#""at":"after_read","do":"status","status":401"#,
            r#""at":"after_read","do":"status","status":302"#,
            r#""at":"after_read","do":"status","status":402"#,
            account,
        ];
        for fault in over.kept.first(2, &faults) {
            let heard = Heard {
                fault,
                times: 1,
                stops: true,
            };
            check_left(over, &heard);
        }
    });
}

#[test]
fn a_question_put_off_five_times_stops_the_run() {
    for_all(|over| {
        let heard = Heard {
            fault: r#""at":"after_read","do":"status","status":429,"retry_after":"0""#,
            times: 5,
            stops: true,
        };
        check_left(over, &heard);
    });
}

#[test]
fn a_question_that_was_put_off_is_asked_again() {
    for_all(|over| {
        let provider = over.provider;
        let its_own = match provider {
            Provider::Octopush => {
                vec![r#""at":"after_read","do":"status","status":400,"code":126,"times":2"#]
            }
            Provider::Exotel => vec![
                r#""at":"after_read","do":"status","status":503,"times":2"#,
                r#""at":"after_read","do":"drop","times":2"#,
                r#""at":"after_commit","do":"truncate","times":2"#,
            ],
        };
        let put_off = [
            r#""at":"after_read","do":"status","status":429,"retry_after":"0","times":3"#,
            r#""at":"after_read","do":"refuse_stream","times":2"#,
        ];
        for fault in put_off.into_iter().chain(its_own) {
            let sandbox = doubtful(over, LOST_COMMITTED);
            let question = provider.question(THIRD);
            sandbox.faults(&format!(r#"{{"rules":[{{{fault},{question}}}]}}"#));
            let end = sandbox.send(&["contacts.ndjson"]).run();
            assert!(hits(&sandbox)[0] >= 2, "{fault}\n{end}");
            end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
            expect_settled(&end, 1);
            expect_all_agree(&sandbox, &end);
        }
    });
}

#[test]
fn refused_questions_count_neither_as_the_first_batch_nor_as_three_in_a_row() {
    for_all(|over| {
        let provider = over.provider;
        let sandbox = three_doubtful(over, LOST_COMMITTED);
        let refused = r#""at":"after_read","do":"status","status":400,"code":121"#;
        let question = |number| format!("{{{refused},{}}}", provider.question(number));
        // One page answers for all.
        let (rules, hit) = match provider {
            Provider::Octopush => ([FIRST, THIRD, FIFTH].map(question).join(","), vec![1, 1, 1]),
            Provider::Exotel => (question(THIRD), vec![1]),
        };
        sandbox.faults(&format!(r#"{{"rules":[{rules}]}}"#));
        sandbox.write("new.ndjson", contacts(100..140));
        let end = sandbox.send(&["new.ndjson"]).run();
        assert_eq!(hits(&sandbox), hit, "{end}");
        end.expect(6).expect_lines(&[("accepted", 40)]);
        assert_eq!(end.summary()["batches"]["refused"], 0, "{end}");
        expect_all_agree(&sandbox, &end);
    });
}

#[test]
fn a_duplicate_is_known_by_the_configured_codes() {
    for_both_ledgers(know_a_duplicate);
}

fn know_a_duplicate(kept: Kept) {
    for (codes, exit, state) in [
        (None, 6, BatchState::InDoubt),
        (Some(vec![120, 133]), 6, BatchState::InDoubt),
        (Some(vec![190]), 0, BatchState::Unticketed),
        (Some(vec![120, 190]), 0, BatchState::Unticketed),
    ] {
        let sandbox = prepared(kept.into(), "[octopush.duplicates]\nstatus = 409\ncode = 190\n");
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
    for_both_ledgers(keep_the_bytes);
}

fn keep_the_bytes(kept: Kept) {
    let sandbox = doubtful(kept.into(), LOST_UNCOMMITTED);
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
    for_both_ledgers(simulate);
}

fn simulate(kept: Kept) {
    for deed in [
        LOST_UNCOMMITTED,
        LOST_COMMITTED,
        r#""at":"after_read","do":"drop""#,
    ] {
        let sandbox = prepared(kept.into(), "");
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
    for_both_ledgers(simulate_beside_doubts);
}

fn simulate_beside_doubts(kept: Kept) {
    let sandbox = doubtful(kept.into(), LOST_UNCOMMITTED);
    let simulate = ["--set", "octopush.simulation_mode=true"];
    let end = sandbox.send(&["contacts.ndjson"]).args(simulate).run();
    end.expect(6)
        .expect_lines(&[("already_sent", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
    expect_settled(&end, 0);
    assert_eq!(handed_over_since(&sandbox), [0_i64; 0], "{end}");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
    expect_settled(&end, 1);
    assert_eq!(Books::open(&sandbox).state_of(3), BatchState::Accepted);
    expect_all_agree(&sandbox, &end);
}
