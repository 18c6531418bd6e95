//! The gate: what an outage costs. At Octopush a due probe is the gate's business; Exotel's listing is read past it, and what
//! an outage never let through stays in doubt until the operator frees it.

use std::ops::RangeInclusive;

use rustix::process::Signal;
use volley_model::BatchState;

use super::{hits, wait_for_accepted, wait_for_hits};
use crate::books::{Books, HandOver, expect_all_agree};
use crate::support::{Converged, End, Holding, Over, Provider, Sandbox, contacts, for_all};

const MAX_IN_FLIGHT: u64 = 4;

/// Forty batches of five, four in flight, over one connection.
fn forty_batches(over: Over, requests_per_second: f64) -> Sandbox {
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 10\n").of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 4)
        .set("limits.requests_per_second", requests_per_second)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..200));
    sandbox
}

#[test]
fn a_doubt_closes_the_gate_until_a_free_get_and_its_probe_are_answered() {
    for_all(|over| {
        let provider = over.provider;
        let sent = close_the_gate(over, "0s", 2);
        match provider {
            Provider::Octopush => {
                assert_eq!(sent[1].batch, sent[0].batch, "a due probe is the trial: {sent:?}");
            }
            Provider::Exotel => assert_ne!(sent[1].batch, sent[0].batch, "a new batch is: {sent:?}"),
        }
    });
}

#[test]
fn a_doubt_that_is_not_due_lets_a_new_batch_be_the_trial() {
    for_all(|over| {
        let provider = over.provider;
        let sent = close_the_gate(over, "2s", 0);
        assert_ne!(sent[1].batch, sent[0].batch, "{sent:?}");
        let probe = sent[1..].iter().find(|one| one.batch == sent[0].batch);
        assert_eq!(
            u64::from(probe.is_some()),
            provider.probes(),
            "asked about: {sent:?}"
        );
        if let Some(probe) = probe {
            assert!(
                probe.at - sent[0].ended_at >= 2_000_000,
                "{probe:?} came before `settle` had passed"
            );
        }
    });
}

/// Loses the first answer. The free GET is refused so often, and then answered late; so is the trial behind it.
fn close_the_gate(over: Over, settle: &str, refusals: u64) -> Vec<HandOver> {
    let provider = over.provider;
    let sandbox = forty_batches(over, 2000.0);
    let (free_get, sends) = (provider.free_get(), provider.sends());
    sandbox.faults(&format!(
        r#"{{"rules":[
            {{"at":"after_commit","do":"status","status":502,"request":1}},
            {{"at":"before_read","do":"status","status":503,{free_get},"times":{refusals}}},
            {{"at":"before_read","do":"delay","ms":200,{free_get}}},
            {{"at":"after_commit","do":"delay","ms":200,{sends},"times":1}}
        ]}}"#
    ));
    let setting = format!("limits.settle={settle}");
    let end = sandbox.send(&["contacts.ndjson", "--set", &setting]).run();
    let hit = hits(&sandbox);
    assert_eq!((hit[0], hit[1], hit[3]), (1, refusals, 1), "{hit:?}\n{end}");
    assert!(hit[2] >= 1, "{hit:?}\n{end}");
    end.expect(0).expect_lines(&[("accepted", 200)]);
    let sent = Books::open(&sandbox).hand_overs();
    assert_eq!(
        sent.len() as u64,
        40 + provider.probes(),
        "of forty one may go twice: {sent:?}"
    );
    assert!(
        sent[1].at - sent[0].ended_at >= 200_000,
        "the trial waited for the free GET: {sent:?}"
    );
    assert!(sent[2].at >= sent[1].ended_at, "the trial went alone: {sent:?}");
    expect_all_agree(&sandbox, &end);
    sent
}

#[test]
fn a_doubt_holds_back_what_already_waits_for_its_token() {
    for_all(|over| {
        let provider = over.provider;
        // Tokens come every 50 ms: somebody has passed the open gate and waits for one when the doubt closes it.
        let sandbox = forty_batches(over, 20.0);
        sandbox.write("contacts.ndjson", contacts(0..60));
        let free_get = provider.free_get();
        sandbox.faults(&format!(
            r#"{{"rules":[
                {{"at":"after_commit","do":"status","status":502,"request":6}},
                {{"at":"before_read","do":"delay","ms":300,{free_get}}}
            ]}}"#
        ));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        let hit = hits(&sandbox);
        assert!(hit[0] == 1 && hit[1] >= 1, "{hit:?}\n{end}");
        end.expect(0).expect_lines(&[("accepted", 60)]);
        let handed_over = Books::open(&sandbox).hand_overs();
        let doubt = handed_over[5];
        let next = handed_over.iter().find(|one| one.at > doubt.ended_at);
        let next = next.expect("the rest was sent");
        assert!(
            next.at - doubt.ended_at >= 300_000,
            "{next:?} did not wait for the free GET behind {doubt:?}"
        );
        assert_eq!(
            next.batch == doubt.batch,
            provider.probes() > 0,
            "a probe goes before a batch that waited"
        );
        expect_all_agree(&sandbox, &end);
    });
}

#[test]
fn an_outage_that_lasts_costs_at_most_what_was_in_flight_and_ten_trials() {
    for_all(|over| {
        let sandbox = forty_batches(over, 100.0);
        let mut send = sandbox.send(&["contacts.ndjson"]).start();
        wait_for_accepted(&sandbox, 8);
        lose_all_sends(&sandbox);
        assert!(!send.has_ended(), "the outage came in the middle");
        let end = send.wait();
        expect_ten_trials(&sandbox, &end, 11..=MAX_IN_FLIGHT + 10);
    });
}

#[test]
fn an_outage_of_sending_from_the_start_costs_ten_trials() {
    for_all(|over| {
        let sandbox = forty_batches(over, 2000.0);
        lose_all_sends(&sandbox);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert_eq!(end.lines("accepted"), 0, "{end}");
        expect_ten_trials(&sandbox, &end, 10..=10);
    });
}

fn lose_all_sends(sandbox: &Sandbox) {
    let send = sandbox.provider().sends();
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_read","do":"status","status":502,{send}}}]}}"#
    ));
}

/// A run that an outage stopped after so many requests, batches and probes together, and the runs after the outage.
#[track_caller]
fn expect_ten_trials(sandbox: &Sandbox, end: &End, requests: RangeInclusive<u64>) {
    end.expect(6);
    let summary = end.summary();
    assert!(
        summary["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("ten trials")),
        "{end}"
    );
    let lost = hits(sandbox)[0];
    assert!(requests.contains(&lost), "{lost} requests met the outage\n{end}");
    let in_doubt = summary["batches"]["in_doubt"].as_u64().expect("a count");
    let probes = summary["requests"]["retried"].as_u64().expect("a count");
    assert_eq!(in_doubt + probes, lost, "each cost one request\n{end}");
    let provider = sandbox.provider();
    assert!(probes <= in_doubt * provider.probes(), "one probe a batch\n{end}");
    assert_eq!(end.lines("in_doubt"), 5 * in_doubt, "{end}");
    assert!(end.lines("pending") > 0, "the rest was not tried\n{end}");
    expect_all_agree(sandbox, end);

    sandbox.mock().clear_faults();
    let accepted = end.lines("accepted");
    let Converged { end, freed } = sandbox.converge(&["contacts.ndjson"]);
    let settles = provider.settles(Holding::LacksIt);
    assert_eq!(freed, if settles { 0 } else { 5 * in_doubt }, "{end}");
    if settles {
        assert_eq!(end.summary()["settled"]["batches"], in_doubt, "{end}");
        let already = accepted + 5 * in_doubt;
        end.expect_lines(&[("already_sent", already), ("accepted", 200 - already)]);
    }
    end.expect(0);
    assert_eq!(end.lines("accepted") + end.lines("already_sent"), 200, "{end}");
    expect_all_agree(sandbox, &end);
}

#[test]
fn an_outage_of_everything_from_the_start_costs_one_batch() {
    for_all(|over| {
        let provider = over.provider;
        for deed in [
            r#""do":"status","status":502"#,
            r#""do":"drop""#,
            r#""do":"reset""#,
        ] {
            let sandbox = forty_batches(over, 2000.0);
            // The batch, and free GETs after it. At Exotel a comparison of clocks asks beside the gate, and what cuts the
            // connection meets both; a third one without an answer would end the run.
            let times = match provider {
                Provider::Octopush => 3,
                Provider::Exotel => 2,
            };
            sandbox.faults(&format!(
                r#"{{"rules":[{{"at":"after_read",{deed},"times":{times}}}]}}"#
            ));
            let end = sandbox.send(&["contacts.ndjson"]).run();
            assert_eq!(hits(&sandbox), [times], "{end}");
            let (tickets, handed_over) = match provider {
                // The probe brought its own.
                Provider::Octopush => {
                    end.expect(0).expect_lines(&[("accepted", 200)]);
                    (40, 41)
                }
                Provider::Exotel => {
                    end.expect(6).expect_lines(&[("accepted", 195), ("in_doubt", 5)]);
                    (39, 40)
                }
            };
            assert_eq!(end.summary()["tickets"], tickets, "{end}");
            let sent = Books::open(&sandbox).hand_overs();
            assert_eq!(
                sent.len(),
                handed_over,
                "one batch, and its probe, met the outage\n{end}"
            );
            assert_eq!(sent[1].batch == sent[0].batch, provider.probes() > 0, "{sent:?}");
            expect_all_agree(&sandbox, &end);
            let Converged { end, .. } = sandbox.converge(&["contacts.ndjson"]);
            end.expect(0);
            expect_all_agree(&sandbox, &end);
        }
    });
}

#[test]
fn a_stop_while_the_gate_is_closed_is_heard() {
    for_all(|over| {
        let sandbox = forty_batches(over, 2000.0);
        sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":502}]}"#);
        let send = sandbox.send(&["contacts.ndjson"]).start();
        wait_for_hits(&sandbox, 0, 2);
        send.signal(Signal::TERM);
        let end = send.wait();
        // It may have come before the whole file was read.
        let read = end.expect(6).lines("read");
        end.expect_lines(&[("in_doubt", 5), ("pending", read - 5)]);
        expect_all_agree(&sandbox, &end);
    });
}

#[test]
fn refused_credentials_stop_the_run_at_the_free_get_too() {
    for_all(|over| {
        let provider = over.provider;
        let sandbox = forty_batches(over, 2000.0);
        let free_get = provider.free_get();
        sandbox.faults(&format!(
            r#"{{"rules":[
                {{"at":"after_read","do":"drop","request":1}},
                {{"at":"before_read","do":"status","status":401,{free_get}}}
            ]}}"#
        ));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert!(hits(&sandbox)[1] >= 1, "{end}");
        // The doubt outranks the account in the exit code. The stop may have come before the whole file was read.
        let read = end.expect(6).lines("read");
        end.expect_lines(&[("in_doubt", 5), ("pending", read - 5)]);
        expect_all_agree(&sandbox, &end);
    });
}

#[test]
fn a_provider_that_is_not_there_costs_nothing() {
    for_all(|over| {
        let sandbox = Sandbox::without_mock().of(over);
        sandbox.prepare(20, 5);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(8).expect_lines(&[("pending", 20)]);
        assert_eq!(end.summary()["requests"]["sent"], 0, "{end}");
        assert!(
            end.stderr.contains("127.0.0.1") || end.stdout.contains("127.0.0.1"),
            "it names the host\n{end}"
        );
        let states = Books::open(&sandbox).expect_sound().states();
        assert!(
            states.keys().all(|state| *state == BatchState::Released),
            "{states:?}"
        );
    });
}
