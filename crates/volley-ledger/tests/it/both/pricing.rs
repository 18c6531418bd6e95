//! Prices that come after the ticket, and amounts whose currency is not known before.

use volley_ledger::{
    BatchId, CampaignIdentity, Intent, Ledger, LedgerError, Outcome, Word, WordError, verify,
};
use volley_model::{BatchState, CostSource, Currency};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{
    Stage, accepted, amount, at, child, conclusion, doubt, identity, intent, refused, released, signed, split,
};

const NONE: Currency = Currency::NONE;

fn rupee() -> Currency {
    "INR".parse().unwrap()
}

/// A batch whose reservation of 0.5 is in no currency that is known yet.
fn open(numbers: &[u64]) -> Intent {
    let mut intent = intent(numbers, 0);
    intent.currency = NONE;
    intent
}

fn voice(name: &str) -> CampaignIdentity {
    CampaignIdentity {
        name: name.to_owned(),
        provider: "exotel".to_owned(),
        ..identity()
    }
}

/// The columns of a batch but for its cost, which a price must leave alone.
fn rest(stage: &Stage, batch: BatchId) -> String {
    stage.row(&format!(
        "SELECT state, reason, status, code, ticket, contacts, billed_units, residual_credit, named_number, doubt_since, \
         concluded_at, concluded_run FROM batch WHERE id = {batch}"
    ))
}

#[tokio::test]
async fn a_price_that_comes_later_is_booked_once_and_changes_nothing_else() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1, 2], 0), accepted("t1", None)).await;
    let doubtful = run.sent(intent(&[3], 0), doubt()).await;
    run.writer
        .conclude(doubtful, conclusion(accepted("t3", None)))
        .await
        .unwrap();
    let campaign = run.entry.campaign;
    run.close();
    let before = [batch, doubtful].map(|batch| rest(&stage, batch));
    let mut ledger = stage.open().unwrap();
    let counted = |ledger: &Ledger| {
        let spending = ledger.spending(campaign).unwrap();
        let cost = stage.reader().report(None).unwrap()[0].cost;
        (
            spending.settled.to_string(),
            spending.reserved.to_string(),
            cost.total.unwrap().to_string(),
            cost.estimated.to_string(),
            cost.unpriced_batches,
        )
    };
    let told = |settled: &str, reserved: &str, total: &str, estimated: &str, unpriced| {
        let [settled, reserved, total, estimated] = [settled, reserved, total, estimated].map(str::to_owned);
        (settled, reserved, total, estimated, unpriced)
    };
    assert_eq!(counted(&ledger), told("0", "1.0", "1.0", "1.0", 2));
    ledger
        .price(batch, amount("0.31"), Currency::EUR, at(900))
        .unwrap();
    assert_eq!(counted(&ledger), told("0.31", "0.5", "0.81", "0.5", 1));
    ledger
        .price(doubtful, amount("0"), Currency::EUR, at(901))
        .unwrap();
    assert_eq!(counted(&ledger), told("0.31", "0", "0.31", "0", 0));
    if stage.is_a_file() {
        // On a server only runs tell the time.
        assert_eq!(ledger.last_at().unwrap(), at(901));
    }
    for batch in [batch, doubtful] {
        let again = ledger
            .price(batch, amount("0.31"), Currency::EUR, at(902))
            .unwrap_err();
        assert!(
            again.to_string().contains("is accepted and has a cost"),
            "{again}"
        );
    }
    ledger.close().unwrap();
    assert_eq!([batch, doubtful].map(|batch| rest(&stage, batch)), before);
    let report = stage.reader().report(None).unwrap().remove(0);
    let ticket = &report.tickets[0];
    assert_eq!(
        (ticket.cost, ticket.cost_source, ticket.at),
        (Some(amount("0.31")), Some(CostSource::Provider), Some(at(5)))
    );
    let query = "SELECT string_agg(batch || ' ' || cost || ' ' || currency || ' ' || at, ', ' ORDER BY batch) FROM pricing";
    let recorded = stage.row(query);
    let [first, second] = [900, 901].map(|seconds| at(seconds).as_microsecond());
    assert_eq!(recorded, format!("1 0.31 EUR {first}, 2 0 EUR {second}"));
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    stage.sound();
}

#[tokio::test]
async fn only_an_accepted_batch_without_a_cost_gets_a_price() {
    let stage = new_stage();
    let run = stage.run();
    let unticketed = Outcome::Unticketed {
        reason: "cut".to_owned(),
        estimated: None,
    };
    let mut simulated = intent(&[8], 0);
    simulated.simulated = true;
    let withdrawn = run.sent(intent(&[9], 0), accepted("t9", None)).await;
    let others = [
        run.sent(intent(&[1], 0), accepted("t1", Some("0.1"))).await,
        run.sent(intent(&[2], 0), unticketed).await,
        run.sent(intent(&[3], 0), refused()).await,
        run.sent(intent(&[4], 0), released()).await,
        run.sent(intent(&[5, 6], 0), split(5)).await,
        run.sent(intent(&[7], 0), doubt()).await,
        run.sent(simulated, accepted("t8", None)).await,
        run.writer.intended(intent(&[10], 0)).await.unwrap(),
        withdrawn,
    ];
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger.withdraw(withdrawn, "cancelled", at(60)).unwrap();
    for batch in others {
        let refused = ledger.price(batch, amount("1"), Currency::EUR, at(61));
        assert!(
            matches!(refused, Err(WordError::NotPriced { batch: of, .. }) if of == batch),
            "{batch}: {refused:?}"
        );
    }
    let unknown = ledger.price(BatchId(99), amount("1"), Currency::EUR, at(61));
    assert!(matches!(unknown, Err(WordError::NoBatch { .. })), "{unknown:?}");
    assert_eq!(ledger.unpriced("octopush", None).unwrap(), []);
    let prices: u64 = stage.row("SELECT count(*) FROM pricing").parse().unwrap();
    assert_eq!(prices, 0);
    stage.sound();
}

#[tokio::test]
async fn what_has_no_price_yet_is_told_by_provider_and_campaign() {
    let stage = new_stage();
    let run = stage.run_as(&voice("spring"));
    let parent = run.sent(open(&[1, 2]), split(1)).await;
    let mut of_split = child(parent, &[2], 0);
    of_split.currency = NONE;
    let of_split = run.sent(of_split, accepted("v1", None)).await;
    let second = run.sent(open(&[3, 4, 5]), accepted("v2", None)).await;
    run.sent(open(&[6]), accepted("v3", Some("1"))).await;
    run.close();
    let run = stage.run_as(&CampaignIdentity {
        send_at: Some(at(5000)),
        ..voice("summer")
    });
    let other = run.sent(open(&[7]), accepted("v4", None)).await;
    run.close();
    let run = stage.run_as(&CampaignIdentity {
        name: "text".to_owned(),
        ..identity()
    });
    run.sent(open(&[8]), accepted("t1", None)).await;
    run.close();
    let ledger = stage.open().unwrap();
    let check = |campaign: Option<&str>, expected: &[(BatchId, &str, u64)]| {
        let found = ledger.unpriced("exotel", campaign).unwrap();
        assert_eq!(stage.reader().unpriced("exotel", campaign).unwrap(), found);
        let found: Vec<_> = found
            .iter()
            .map(|found| (found.batch, found.ticket.as_str(), found.recipients))
            .collect();
        assert_eq!(found, expected, "{campaign:?}");
    };
    check(Some("spring"), &[(of_split, "v1", 1), (second, "v2", 3)]);
    check(None, &[(of_split, "v1", 1), (second, "v2", 3), (other, "v4", 1)]);
    check(Some("winter"), &[]);
    let told = ledger.unpriced("exotel", Some("summer")).unwrap().remove(0);
    assert_eq!(
        (told.campaign.as_str(), told.state, told.send_at),
        ("summer", BatchState::Accepted, Some(at(5000)))
    );
}

#[tokio::test]
async fn amounts_in_no_known_currency_count_in_the_one_that_the_first_price_tells() {
    let stage = new_stage();
    let run = stage.run();
    let first = run.sent(open(&[1]), accepted("t1", None)).await;
    let second = run.sent(open(&[2]), accepted("t2", None)).await;
    let third = run.sent(open(&[3]), accepted("t3", None)).await;
    run.sent(open(&[4]), doubt()).await;
    let campaign = run.entry.campaign;
    run.close();
    let mut ledger = stage.open().unwrap();
    let counted = |ledger: &Ledger| {
        let spending = ledger.spending(campaign).unwrap();
        let cost = stage.reader().report(None).unwrap()[0].cost;
        assert_eq!(spending.currency, cost.currency);
        (
            spending.settled.to_string(),
            spending.reserved.to_string(),
            spending.currency.unwrap(),
        )
    };
    assert_eq!(counted(&ledger), ("0".to_owned(), "2.0".to_owned(), NONE));
    ledger.price(second, amount("0.4"), rupee(), at(900)).unwrap();
    assert_eq!(counted(&ledger), ("0.4".to_owned(), "1.5".to_owned(), rupee()));
    // Two known ones never add up, and what would not is refused before it is booked.
    let refused = ledger
        .price(first, amount("0.4"), Currency::EUR, at(901))
        .unwrap_err();
    assert!(
        matches!(&refused, WordError::OtherCurrency { known, told: Currency::EUR, .. } if known == "INR"),
        "{refused:?}"
    );
    assert_eq!(counted(&ledger), ("0.4".to_owned(), "1.5".to_owned(), rupee()));
    ledger.price(third, amount("0.3"), NONE, at(902)).unwrap();
    ledger.price(first, amount("0.2"), rupee(), at(903)).unwrap();
    assert_eq!(counted(&ledger), ("0.9".to_owned(), "0.5".to_owned(), rupee()));
    ledger.close().unwrap();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn a_price_in_another_currency_than_what_still_counts_is_refused() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), accepted("t1", None)).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    // Reserved in euros.
    let refused = ledger.price(batch, amount("1"), rupee(), at(60));
    assert!(
        matches!(refused, Err(WordError::OtherCurrency { .. })),
        "{refused:?}"
    );
    ledger.close().unwrap();
    // What was set aside for a batch that was not sent counts no more.
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), released()).await;
    let batch = run.sent(open(&[2]), accepted("t1", None)).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger.price(batch, amount("1"), rupee(), at(60)).unwrap();
}

#[tokio::test]
async fn two_known_currencies_in_one_campaign_are_damage_all_the_same() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(open(&[1]), accepted("t1", Some("1"))).await;
    let mut other = accepted("t2", Some("1"));
    if let Outcome::Accepted { currency, .. } = &mut other {
        *currency = rupee();
    }
    run.sent(open(&[2]), other).await;
    let mixed = stage.reader().spending(run.entry.campaign).unwrap_err();
    assert!(matches!(mixed, LedgerError::Damaged { .. }), "{mixed:?}");
    assert!(
        mixed.to_string().contains("batch 2 has another currency"),
        "{mixed}"
    );
    run.close();
}

#[tokio::test]
async fn a_priced_batch_may_be_withdrawn_and_keeps_its_price() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), accepted("t1", None)).await;
    let campaign = run.entry.campaign;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger.price(batch, amount("0.3"), Currency::EUR, at(60)).unwrap();
    ledger
        .resolve(batch, &Word::Withdrawn, &signed("they say so"))
        .unwrap();
    assert_eq!(ledger.spending(campaign).unwrap().settled, amount("0.3"));
    ledger.close().unwrap();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn no_tool_books_or_changes_a_price_by_hand() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), accepted("t1", None)).await;
    run.sent(intent(&[2], 0), accepted("t2", None)).await;
    run.sent(intent(&[3], 0), doubt()).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger.price(batch, amount("0.3"), Currency::EUR, at(60)).unwrap();
    ledger.close().unwrap();
    let by_hand = "UPDATE batch SET cost = '1', cost_currency = 'EUR', cost_source = 'provider'";
    for statement in [
        "UPDATE pricing SET cost = '1'",
        "DELETE FROM pricing",
        "INSERT INTO pricing VALUES (1, 1, '1', 'EUR', x'')",
        "INSERT INTO pricing VALUES (3, 1, '1', 'EUR', x'')",
        &format!("{by_hand} WHERE id = 1"),
        &format!("{by_hand} WHERE id = 2"),
        "UPDATE batch SET cost = NULL, cost_currency = NULL, cost_source = NULL WHERE id = 1",
    ] {
        stage.refuses(statement);
    }
    // Nor anything else of the outcome with it, or another price than the one that was told.
    stage.carry_out("INSERT INTO pricing VALUES (2, 1, '1', 'EUR', x'')");
    for with in [
        "ticket = 't9'",
        "contacts = 9",
        "billed_units = 9",
        "reason = 'other'",
        "status = 9",
        "code = 9",
        "residual_credit = '9'",
        "doubt_since = 9",
        "concluded_at = 9",
        "concluded_run = NULL",
        "cost = '2'",
        "cost_currency = 'INR'",
        "cost_source = 'estimated'",
    ] {
        let kept = ["cost = ", "cost_currency = ", "cost_source = "]
            .iter()
            .zip(["cost = '1'", "cost_currency = 'EUR'", "cost_source = 'provider'"])
            .filter(|(key, _)| !with.starts_with(**key))
            .map(|(_, set)| set)
            .collect::<Vec<_>>()
            .join(", ");
        let statement = format!("UPDATE batch SET {kept}, {with} WHERE id = 2");
        stage.refuses(&statement);
    }
    let found = verify(&stage.path).unwrap().findings;
    let faults: Vec<_> = found.iter().map(|finding| finding.fault.as_str()).collect();
    assert_eq!(
        faults,
        [
            "its price fails its checksum",
            "its cost is not the price that was told"
        ]
    );
}
