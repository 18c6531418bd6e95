//! Withdrawn batches: their numbers are free again, their money is not; and the batches that a ticket names.

use volley_ledger::{
    BatchId, CampaignIdentity, LedgerError, Outcome, Receipt, Resolved, Ticketed, Word, WordError, verify,
};
use volley_model::{BatchState, BodyHash, CostSource};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{accepted, amount, at, doubt, identity, intent, refused, released, signed};

const REASON: &str = "cancelled at the provider";

fn unticketed() -> Outcome {
    Outcome::Unticketed {
        reason: "cut".to_owned(),
        estimated: Some(amount("0.4")),
    }
}

#[tokio::test]
async fn a_withdrawn_batch_frees_its_numbers_and_keeps_its_ticket_and_its_cost() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1, 2], 0), accepted("t1", Some("0.3"))).await;
    let campaign = run.entry.campaign;
    run.close();
    let before = stage.reader().report(None).unwrap().remove(0);
    let mut ledger = stage.open().unwrap();
    let told = ledger.withdraw(batch, REASON, at(60)).unwrap();
    let expected = Resolved {
        campaign: "spring".to_owned(),
        was: BatchState::Accepted,
        state: BatchState::Withdrawn,
        recipients: 2,
    };
    assert_eq!(told, expected);
    ledger
        .standing(campaign, &mut |found| {
            assert_eq!((found.state, found.members.len()), (BatchState::Withdrawn, 2));
        })
        .unwrap();
    let generations = ledger.generations(campaign).unwrap();
    assert_eq!(generations.get(&BodyHash::of(b"[1, 2]")), Some(&1));
    ledger.close().unwrap();

    let after = stage.reader().report(None).unwrap().remove(0);
    assert_eq!(after.cost, before.cost);
    let [ticket] = &after.tickets[..] else {
        panic!("{after:?}")
    };
    assert_eq!(
        (ticket.ticket.as_str(), ticket.state, ticket.contacts, ticket.at),
        ("t1", BatchState::Withdrawn, Some(1), Some(at(60)))
    );
    assert_eq!(
        (ticket.cost, ticket.cost_source),
        (Some(amount("0.3")), Some(CostSource::Provider))
    );
    let lines =
        [&before.runs[0], &after.runs[0]].map(|run| (run.accepted, run.lines.planned, run.lines.invalid));
    assert_eq!(lines, [(2, 0, 1), (0, 2, 1)], "its lines are pending");
    let query = "SELECT reason || ', ' || residual_credit || ', ' || coalesce(CAST(concluded_run AS TEXT), 'no run') FROM batch";
    let row = stage.row(query);
    assert_eq!(row, format!("{REASON}, 99.5, no run"));
    stage.sound();

    // The numbers go again, under another key.
    let run = stage.run();
    assert!(!run.entry.begun, "nobody was reached");
    run.sent(intent(&[1, 2], 1), accepted("t2", Some("0.3"))).await;
    run.close();
    stage.sound();
    let report = stage.reader().report(None).unwrap().remove(0);
    assert_eq!(
        report.cost.total,
        Some(amount("0.6")),
        "paid twice, as far as is known"
    );
}

/// A batch with that reservation and that cost; what the budget counts as settled, as reserved and as unreserved, before
/// it was withdrawn and after; by the provider's confirmation, and by the operator's word.
async fn check(reserved: Option<&str>, cost: Option<&str>, expected: (&str, &str, u64)) {
    for told in [false, true] {
        check_as(told, reserved, cost, expected).await;
    }
}

async fn check_as(told: bool, reserved: Option<&str>, cost: Option<&str>, expected: (&str, &str, u64)) {
    let stage = new_stage();
    let run = stage.run();
    let mut intent = intent(&[1], 0);
    intent.reserved = reserved.map(amount);
    let batch = run.sent(intent, accepted("t1", cost)).await;
    let campaign = run.entry.campaign;
    run.close();
    let totals = stage.reader().report(None).unwrap().remove(0).cost;
    let mut ledger = stage.open().unwrap();
    for withdrawn in [false, true] {
        match (withdrawn, told) {
            (false, _) => {}
            (true, false) => drop(ledger.withdraw(batch, REASON, at(60)).unwrap()),
            (true, true) => drop(
                ledger
                    .resolve(batch, &Word::Withdrawn, &signed("they say so"))
                    .unwrap(),
            ),
        }
        let counted = ledger.spending(campaign).unwrap();
        assert_eq!(
            (counted.settled, counted.reserved, counted.unreserved),
            (amount(expected.0), amount(expected.1), expected.2),
            "{reserved:?} {cost:?} {withdrawn}"
        );
        assert_eq!(stage.reader().report(None).unwrap()[0].cost, totals);
    }
}

#[tokio::test]
async fn the_budget_goes_on_counting_what_a_withdrawn_batch_cost_or_may_cost() {
    check(Some("0.5"), Some("0.3"), ("0.3", "0", 0)).await;
    check(None, Some("0.3"), ("0.3", "0", 0)).await;
    check(Some("0.5"), None, ("0", "0.5", 0)).await;
    check(None, None, ("0", "0", 1)).await;
}

#[tokio::test]
async fn a_withdrawal_that_the_operator_tells_of_is_recorded_and_frees_the_numbers_as_a_confirmed_one_does() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1, 2], 0), accepted("t1", Some("0.3"))).await;
    let priced = run.sent(intent(&[3], 0), unticketed()).await;
    let campaign = run.entry.campaign;
    run.close();
    let mut ledger = stage.open().unwrap();
    let blank = ledger.resolve(batch, &Word::Withdrawn, &signed(" "));
    assert!(matches!(blank, Err(WordError::NoReason)), "{blank:?}");
    let told = ledger
        .resolve(batch, &Word::Withdrawn, &signed("their page shows it"))
        .unwrap();
    let expected = Resolved {
        campaign: "spring".to_owned(),
        was: BatchState::Accepted,
        state: BatchState::Withdrawn,
        recipients: 2,
    };
    assert_eq!(told, expected);
    assert_eq!(Word::Withdrawn.to_string(), "--withdrawn");
    let generations = ledger.generations(campaign).unwrap();
    assert_eq!(generations.get(&BodyHash::of(b"[1, 2]")), Some(&1));
    // A word may follow on a word: its ticket, and then that it was cancelled.
    let receipt = Receipt {
        ticket: "t3".to_owned(),
        cost: Some(amount("0.31")),
    };
    for word in [Word::Sent(Some(receipt)), Word::Withdrawn] {
        ledger.resolve(priced, &word, &signed("they called")).unwrap();
        assert_eq!(stage.reader().conservation().unwrap(), Vec::<String>::new());
    }
    ledger.close().unwrap();
    let report = stage.reader().report(None).unwrap().remove(0);
    assert_eq!(report.cost.total, Some(amount("0.61")));
    assert_eq!((report.runs[0].accepted, report.runs[0].lines.planned), (0, 3));
    let query = "SELECT string_agg(batch || ' ' || who || ': ' || why || ': ' || was || ' ' || becomes, ', ' ORDER BY id) \
        FROM resolution";
    let recorded = stage.row(query);
    assert_eq!(
        recorded,
        "1 anna@desk: their page shows it: accepted withdrawn, 2 anna@desk: they called: unticketed accepted, \
         2 anna@desk: they called: accepted withdrawn"
    );
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    let run = stage.run();
    run.sent(intent(&[1, 2], 1), accepted("t4", Some("0.3"))).await;
    run.close();
    stage.sound();
}

#[tokio::test]
async fn a_batch_that_is_not_what_the_operator_declared_it_to_be_is_found() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), accepted("t1", None)).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger
        .resolve(batch, &Word::Withdrawn, &signed("they say so"))
        .unwrap();
    ledger.close().unwrap();
    stage.change("UPDATE batch SET state = 'accepted'");
    let found = verify(&stage.path).unwrap().findings;
    let faults: Vec<_> = found.iter().map(|finding| finding.fault.as_str()).collect();
    assert_eq!(
        faults,
        [
            "it fails its checksum",
            "it is not what the operator declared it to be"
        ]
    );
}

#[tokio::test]
async fn only_an_accepted_batch_is_withdrawn_and_only_once() {
    let stage = new_stage();
    let run = stage.run();
    let sent = run.sent(intent(&[1], 0), accepted("t1", None)).await;
    let late = run.sent(intent(&[2], 0), unticketed()).await;
    let mut others = vec![
        run.sent(intent(&[3], 0), refused()).await,
        run.sent(intent(&[4], 0), released()).await,
        run.sent(intent(&[5], 0), doubt()).await,
        run.sent(intent(&[6], 0), unticketed()).await,
        run.writer.intended(intent(&[7], 0)).await.unwrap(),
    ];
    let mut simulated = intent(&[8], 0);
    simulated.simulated = true;
    others.push(run.sent(simulated, accepted("t8", None)).await);
    for number in 9..12 {
        others.push(run.sent(intent(&[number], 0), doubt()).await);
    }
    run.close();
    let mut ledger = stage.open().unwrap();
    for (batch, word) in others[6..]
        .iter()
        .zip([Word::Sent(None), Word::NotSent, Word::Abandon])
    {
        ledger.resolve(*batch, &word, &signed("so it is")).unwrap();
    }
    let receipt = Receipt {
        ticket: "t2".to_owned(),
        cost: Some(amount("0.31")),
    };
    ledger
        .resolve(late, &Word::Sent(Some(receipt)), &signed("invoice"))
        .unwrap();
    for reason in ["", " \t"] {
        let blank = ledger.withdraw(sent, reason, at(60));
        assert!(matches!(blank, Err(WordError::NoReason)), "{blank:?}");
    }
    for batch in [sent, late] {
        ledger.withdraw(batch, REASON, at(60)).unwrap();
        others.push(batch);
    }
    for batch in others {
        let told = ledger.resolve(batch, &Word::Withdrawn, &signed("they say so"));
        for refused in [
            ledger.withdraw(batch, REASON, at(61)).unwrap_err(),
            told.unwrap_err(),
        ] {
            assert!(
                matches!(refused, WordError::Settled { batch: of, .. } if of == batch),
                "{batch}: {refused:?}"
            );
        }
    }
    let unknown = ledger.withdraw(BatchId(99), REASON, at(61));
    assert!(matches!(unknown, Err(WordError::NoBatch { .. })), "{unknown:?}");
    let word = ledger.resolve(sent, &Word::NotSent, &signed("no")).unwrap_err();
    assert!(matches!(word, WordError::Settled { .. }), "{word:?}");
    stage.sound();
}

#[tokio::test]
async fn a_ticket_names_its_batches_in_every_campaign_with_the_time_they_go_out() {
    let stage = new_stage();
    let later = CampaignIdentity {
        send_at: Some(at(5000)),
        ..identity()
    };
    let run = stage.run_as(&later);
    let first = run.sent(intent(&[1, 2], 0), accepted("t1", None)).await;
    let mut simulated = intent(&[3], 0);
    simulated.simulated = true;
    run.sent(simulated, accepted("t1", None)).await;
    run.sent(intent(&[4], 0), accepted("t2", None)).await;
    run.close();
    let other = CampaignIdentity {
        name: "summer".to_owned(),
        account: "other".to_owned(),
        ..identity()
    };
    let run = stage.run_as(&other);
    let second = run.sent(intent(&[5], 0), accepted("t1", None)).await;
    run.close();
    let of = |batch, campaign: &str, account: &str, members: &[u64], send_at| Ticketed {
        batch,
        ticket: "t1".to_owned(),
        request_key: intent(members, 0).batch.key,
        campaign: campaign.to_owned(),
        provider: "octopush".to_owned(),
        account: account.to_owned(),
        host: "api.octopush.com".to_owned(),
        state: BatchState::Accepted,
        recipients: members.len() as u64,
        send_at,
    };
    let expected = [
        of(first, "spring", "login", &[1, 2], Some(at(5000))),
        of(second, "summer", "other", &[5], None),
    ];
    assert_eq!(stage.reader().ticketed("t1").unwrap(), expected);
    let ledger = stage.open().unwrap();
    assert_eq!(ledger.ticketed("t1").unwrap(), expected);
    assert_eq!(ledger.ticketed("t3").unwrap(), []);
}

#[tokio::test]
async fn each_run_has_its_own_time_and_keeps_it() {
    let stage = new_stage();
    for send_at in [Some(at(5000)), None, Some(at(6000))] {
        let identity = CampaignIdentity {
            send_at,
            ..identity()
        };
        stage.run_as(&identity).close();
    }
    let runs = stage.reader().report(None).unwrap().remove(0).runs;
    let times: Vec<_> = runs.iter().map(|run| run.send_at).collect();
    assert_eq!(times, [Some(at(5000)), None, Some(at(6000))]);
    let query = "SELECT string_agg(run || ' ' || coalesce(send_at, 'at once'), ', ' ORDER BY run) FROM runs";
    let shown = stage.row(query);
    assert_eq!(
        shown,
        "1 2027-01-15T09:23:20.000Z, 2 at once, 3 2027-01-15T09:40:00.000Z"
    );
    for change in ["UPDATE schedule SET send_at = 0", "DELETE FROM schedule"] {
        let refused = stage.refuses(change);
        assert!(refused.contains("keeps its time"), "{refused}");
    }
}

#[tokio::test]
async fn a_changed_time_is_never_taken_for_the_one_that_was_written() {
    for change in [
        "UPDATE schedule SET send_at = send_at + 1",
        "UPDATE schedule SET run = 1",
        "UPDATE schedule SET sum = x''",
        "UPDATE schedule SET sum = zeroblob(8)",
    ] {
        let stage = new_stage();
        stage.run().close();
        let later = CampaignIdentity {
            send_at: Some(at(5000)),
            ..identity()
        };
        let run = stage.run_as(&later);
        run.sent(intent(&[1], 0), accepted("t1", None)).await;
        run.close();
        assert_eq!(verify(&stage.path).unwrap().findings, []);
        stage.change(change);
        let damaged = [
            stage.reader().report(None).unwrap_err(),
            stage.open().unwrap_err(),
        ];
        for damaged in damaged {
            assert!(damaged.to_string().contains("fails its checksum"), "{damaged}");
        }
        if !change.contains("run") {
            let of_ticket = stage.reader().ticketed("t1").unwrap_err();
            assert!(
                matches!(of_ticket, LedgerError::Damaged { .. }),
                "{change}: {of_ticket:?}"
            );
        }
        let findings = verify(&stage.path).unwrap().findings;
        assert!(
            findings[0].fault.contains("goes out fails its checksum"),
            "{findings:?}"
        );
    }
}

#[tokio::test]
async fn a_ticket_keeps_the_host_that_gave_it_when_its_campaign_moves() {
    let stage = new_stage();
    let moved = |account: &str, host: &str| CampaignIdentity {
        account: account.to_owned(),
        host: host.to_owned(),
        ..identity()
    };
    let places = [
        ("login", "api.octopush.com"),
        ("login", "eu.octopush.com"),
        ("other", "eu.octopush.com"),
        ("login", "api.octopush.com"),
    ];
    for (generation, (account, host)) in (0..).zip(places) {
        let run = stage.run_as(&moved(account, host));
        let sent = intent(&[1], generation);
        let batch = run.sent(sent, accepted(&format!("t{generation}"), None)).await;
        run.close();
        let mut ledger = stage.open().unwrap();
        // Nobody is reached any more, so that the next run may be elsewhere.
        ledger.withdraw(batch, REASON, at(60)).unwrap();
    }
    for (generation, (account, host)) in (0..).zip(places) {
        let found = stage
            .reader()
            .ticketed(&format!("t{generation}"))
            .unwrap()
            .remove(0);
        assert_eq!(
            (
                found.provider.as_str(),
                found.account.as_str(),
                found.host.as_str()
            ),
            ("octopush", account, host),
            "{generation}"
        );
    }
    let other = CampaignIdentity {
        name: "summer".to_owned(),
        ..moved("login", "far.octopush.com")
    };
    stage.run_as(&other).close();
    let first = stage.reader().ticketed("t0").unwrap().remove(0);
    assert_eq!(
        first.host, "api.octopush.com",
        "another campaign's move is no matter"
    );
}
