//! Erasing a campaign's numbers: gone from every file, totals kept, name closed, other campaigns untouched.

use volley_ledger::{CampaignIdentity, Changes, Forgotten, LedgerError, Word, WordError};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{Run, Stage, accepted, amount, at, doubt, identity, intent, signed};

/// 33 612 345 678 and its neighbours, which are stored as one of them and distances.
pub(crate) const FIRST: u64 = 33_612_345_678;

fn summer() -> CampaignIdentity {
    CampaignIdentity {
        name: "summer".to_owned(),
        ..identity()
    }
}

/// The first number of a batch as its members' row has it: LEB128.
pub(crate) fn stored(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes
}

/// A hundred accepted batches of fifty in `spring`.
pub(crate) async fn spring(stage: &Stage) -> Run {
    let run = stage.run();
    for batch in 0..100 {
        let numbers: Vec<u64> = (0..50).map(|more| FIRST + batch * 50 + more).collect();
        let mut intent = intent(&numbers, 0);
        // The stage's keys have the numbers in them; real ones are hashes.
        intent.batch.key = volley_model::RequestKey(format!("key of {batch}"));
        run.sent(intent, accepted(&format!("t{batch}"), Some("0.5")))
            .await;
    }
    run
}

#[tokio::test]
async fn forgotten_numbers_are_in_no_file_any_more_and_the_totals_stay() {
    let stage = new_stage();
    spring(&stage).await.close();
    let run = stage.run_as(&summer());
    let open = run.sent(intent(&[44_700_900_123], 7), doubt()).await;
    run.sent(intent(&[44_700_900_456], 7), accepted("s1", None)).await;
    run.close();
    let last = FIRST + 50 * 100 - 1;
    for number in [FIRST, FIRST + 50 * 99] {
        assert!(stage.holds(&stored(number)), "it was there");
    }
    assert!(
        stage.holds(last.to_string().as_bytes()),
        "in a body that nobody has overwritten, or in a claim"
    );
    let before = stage.reader().report(Some("spring")).unwrap().remove(0);

    let mut ledger = stage.open().unwrap();
    let forgotten = ledger.forget("spring", &signed("the contract ended")).unwrap();
    let expected = Forgotten {
        batches: 100,
        recipients: 5000,
        again: false,
    };
    assert_eq!(forgotten, expected);
    // While it is open, too: the log is empty.
    for batch in 0..100 {
        let number = FIRST + batch * 50;
        assert!(!stage.holds(&stored(number)), "{number}");
        assert!(!stage.holds(number.to_string().as_bytes()), "{number} as text");
    }
    assert!(!stage.holds(last.to_string().as_bytes()));
    ledger.close().unwrap();

    let mut after = stage.reader().report(Some("spring")).unwrap().remove(0);
    assert!(after.closed);
    after.closed = false;
    assert_eq!(after, before, "totals, tickets, costs and runs stay");
    assert_eq!(after.cost.total, Some(amount("50")));
    assert!(stage.holds(&stored(44_700_900_123)), "the other campaign's stay");
    let run = stage.run_as(&summer());
    let body = run.writer.body(open).await.unwrap();
    assert!(body.is_some(), "and the body of its doubt");
    run.close();
    stage.sound();
    assert_eq!(volley_ledger::verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn a_forgotten_campaign_is_closed_for_good_and_may_be_forgotten_again() {
    let stage = new_stage();
    spring(&stage).await.close();
    let mut ledger = stage.open().unwrap();
    ledger.forget("spring", &signed("once")).unwrap();
    assert!(ledger.forget("spring", &signed("to be sure")).unwrap().again);
    let closed = ledger.enter(&identity(), Changes::Accept, at(99));
    assert!(
        matches!(closed, Err(LedgerError::CampaignClosed { .. })),
        "{closed:?}"
    );
    drop(ledger);
    for statement in [
        "UPDATE campaign SET closed_at = NULL",
        "UPDATE campaign SET name = 'other'",
        "INSERT INTO batch SELECT * FROM batch WHERE id = 1",
        "UPDATE erasure SET why = 'other'",
        "DELETE FROM erasure",
    ] {
        stage.refuses(statement);
    }
    let query = "SELECT string_agg(who || ': ' || why, '; ' ORDER BY id) FROM erasure";
    let recorded = stage.row(query);
    assert_eq!(recorded, "anna@desk: once; anna@desk: to be sure");
    // Another campaign goes on.
    stage.run_as(&summer()).close();
}

#[tokio::test]
async fn a_campaign_with_doubts_is_not_forgotten_before_they_are_settled() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[FIRST], 0), doubt()).await;
    run.writer.intended(intent(&[FIRST + 1], 0)).await.unwrap();
    let mut simulated = intent(&[FIRST + 2], 0);
    simulated.simulated = true;
    run.writer.intended(simulated).await.unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    let doubtful = ledger.forget("spring", &signed("no")).unwrap_err();
    assert!(
        matches!(doubtful, WordError::Doubtful { batches: 2, .. }),
        "{doubtful:?}"
    );
    assert!(stage.holds(&stored(FIRST)), "nothing was erased");
    let unknown = ledger.forget("winter", &signed("no")).unwrap_err();
    assert!(unknown.to_string().contains("it has spring"), "{unknown}");
    // Not by hand either.
    stage.refuses("UPDATE campaign SET closed_at = 1");
    ledger.resolve(batch, &Word::Abandon, &signed("yes")).unwrap();
    ledger
        .resolve(volley_ledger::BatchId(2), &Word::Abandon, &signed("yes"))
        .unwrap();
    // What is left of a killed simulation is in nobody's way.
    ledger.forget("spring", &signed("yes")).unwrap();
    drop(ledger);
    assert!(!stage.holds(&stored(FIRST)));
    stage.sound();
}
