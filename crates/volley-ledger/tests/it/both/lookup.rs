//! Listings that lacked a batch in doubt, and the operator's word on all that they lacked for long enough.

use std::time::Duration;

use volley_ledger::{BatchId, CampaignIdentity, Ledger, LedgerError, OpenDoubt, Word, WordError, verify};
use volley_model::BatchState;

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{Run, Stage, accepted, amount, at, conclusion, doubt, identity, intent, released, signed};

fn voice(name: &str) -> CampaignIdentity {
    CampaignIdentity {
        name: name.to_owned(),
        provider: "exotel".to_owned(),
        ..identity()
    }
}

/// Batches of one number each, all in doubt, of a campaign of the provider that has a listing.
async fn doubtful(stage: &Stage, name: &str, numbers: impl Iterator<Item = u64>) -> (Run, Vec<BatchId>) {
    let run = stage.run_as(&voice(name));
    let mut batches = Vec::new();
    for number in numbers {
        batches.push(run.sent(intent(&[number], 0), doubt()).await);
    }
    (run, batches)
}

fn absent(doubt: &OpenDoubt) -> (u64, Option<jiff::Timestamp>, Option<jiff::Timestamp>) {
    (doubt.absent, doubt.first_absent_at, doubt.last_absent_at)
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_doubt_tells_how_many_listings_lacked_it_and_since_when() {
    let stage = new_stage();
    let (run, batches) = doubtful(&stage, "spring", 1..=2).await;
    run.writer.absent(batches.clone(), at(10)).await.unwrap();
    // A listing lacks a batch once, however often it is named.
    run.writer.absent(vec![batches[0]; 2], at(70)).await.unwrap();
    run.writer.absent(Vec::new(), at(80)).await.unwrap();
    let doubts = stage.reader().doubts(None).unwrap();
    assert_eq!(absent(&doubts[0]), (2, Some(at(10)), Some(at(70))));
    assert_eq!(absent(&doubts[1]), (1, Some(at(10)), Some(at(10))));
    run.close();
    // A later run counts on.
    let run = stage.run_as(&voice("spring"));
    run.writer.absent(batches.clone(), at(200)).await.unwrap();
    let campaign = run.entry.campaign;
    run.close();
    let ledger = stage.open().unwrap();
    let doubts = ledger.doubts(campaign).unwrap();
    assert_eq!(absent(&doubts[0]), (3, Some(at(10)), Some(at(200))));
    assert_eq!(
        absent(&ledger.doubt(batches[1]).unwrap().unwrap()),
        (2, Some(at(10)), Some(at(200)))
    );
    if stage.is_a_file() {
        assert_eq!(ledger.last_at().unwrap(), at(200));
    } else {
        // They are by the server's clock there, and runs hold their own against this.
        assert!(ledger.last_at().unwrap() < at(10));
    }
    let query = "SELECT string_agg(batch || ': ' || absent || ', ' || first_absent || ', ' || last_absent, '; ' ORDER BY batch) \
        FROM doubts";
    let shown = stage.row(query);
    assert_eq!(
        shown,
        "1: 3, 2027-01-15T08:00:10.000Z, 2027-01-15T08:03:20.000Z; \
         2: 2, 2027-01-15T08:00:10.000Z, 2027-01-15T08:03:20.000Z"
    );
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn only_batches_in_doubt_are_looked_for_and_one_that_is_not_leaves_nothing_of_the_others() {
    let stage = new_stage();
    let (run, batches) = doubtful(&stage, "spring", 1..=1).await;
    let mut others = vec![
        run.sent(intent(&[2], 0), accepted("t2", None)).await,
        run.sent(intent(&[3], 0), released()).await,
        run.writer.intended(intent(&[4], 0)).await.unwrap(),
        BatchId(99),
    ];
    let mut simulated = intent(&[5], 0);
    simulated.simulated = true;
    others.push(run.sent(simulated, doubt()).await);
    for other in others {
        let refused = run.writer.absent(vec![batches[0], other], at(10)).await;
        assert!(
            matches!(refused, Err(LedgerError::Refused { .. })),
            "{other}: {refused:?}"
        );
    }
    run.writer.absent(batches.clone(), at(10)).await.unwrap();
    let found = stage.reader().doubts(None).unwrap().remove(0);
    assert_eq!(found.absent, 1);
    // What was lacking and is found after all is accepted, and not looked for again.
    run.writer
        .conclude(batches[0], conclusion(accepted("late", None)))
        .await
        .unwrap();
    let refused = run.writer.absent(batches, at(20)).await;
    assert!(matches!(refused, Err(LedgerError::Refused { .. })), "{refused:?}");
    run.close();
    for statement in [
        "UPDATE lookup SET at = 0",
        "DELETE FROM lookup",
        "INSERT INTO lookup SELECT batch, number + 1, run, at, sum FROM lookup",
    ] {
        stage.refuses(statement);
    }
    stage.sound();
}

fn ids(doubts: &[OpenDoubt]) -> Vec<BatchId> {
    doubts.iter().map(|doubt| doubt.batch).collect()
}

/// The batches that would be freed and those that are, which must be the same.
fn freed(stage: &Stage, ledger: &mut Ledger, campaign: Option<&str>, absent_for: Duration) -> Vec<i64> {
    let told = ledger.absentees(campaign, absent_for).unwrap();
    assert_eq!(stage.reader().absentees(campaign, absent_for).unwrap(), told);
    let word = signed("they have none of it");
    let resolved = ledger
        .resolve_absent(campaign, absent_for, &Word::NotSent, &word)
        .unwrap();
    let done: Vec<BatchId> = resolved.iter().map(|(batch, _)| *batch).collect();
    assert_eq!(ids(&told), done);
    for (_, resolved) in &resolved {
        assert_eq!(
            (resolved.was, resolved.state, resolved.recipients),
            (BatchState::InDoubt, BatchState::DeclaredNotSent, 1)
        );
    }
    stage.sound();
    done.into_iter().map(|batch| batch.0).collect()
}

#[tokio::test]
async fn the_word_frees_in_one_commit_all_that_a_late_listing_still_lacked_and_no_other() {
    let stage = new_stage();
    let (run, batches) = doubtful(&stage, "spring", 1..=5).await;
    let [long, short, once, never, found] = batches[..] else {
        panic!("five were sent")
    };
    run.writer
        .absent(vec![long, short, once, found], at(10))
        .await
        .unwrap();
    run.writer.absent(vec![short], at(69)).await.unwrap();
    run.writer.absent(vec![long, found], at(70)).await.unwrap();
    run.writer
        .conclude(found, conclusion(accepted("late", None)))
        .await
        .unwrap();
    run.close();
    let (run, other) = doubtful(&stage, "summer", 11..=11).await;
    run.writer.absent(other.clone(), at(10)).await.unwrap();
    run.writer.absent(other.clone(), at(500)).await.unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    let before = stage.commits();
    assert_eq!(freed(&stage, &mut ledger, Some("spring"), MINUTE), [long.0]);
    if stage.is_a_file() {
        // A server counts those of runs alone.
        assert_eq!(stage.commits(), before + 1, "one commit");
    }
    assert_eq!(
        freed(&stage, &mut ledger, Some("spring"), MINUTE),
        [0_i64; 0],
        "once"
    );
    let longer = Duration::from_millis(490_001);
    assert_eq!(freed(&stage, &mut ledger, None, longer), [0_i64; 0]);
    assert_eq!(freed(&stage, &mut ledger, None, Duration::MAX), [0_i64; 0]);
    // One listing is never enough; how far apart two have to be is the operator's to say.
    assert_eq!(
        freed(&stage, &mut ledger, None, Duration::ZERO),
        [short.0, other[0].0]
    );
    assert_eq!(ids(&stage.reader().doubts(None).unwrap()), [once, never]);
    ledger.close().unwrap();
    let query = "SELECT string_agg(batch || ' ' || who || ' ' || was || ' ' || becomes, ', ' ORDER BY id) FROM resolution";
    let recorded = stage.row(query);
    let of = |batch: BatchId| format!("{batch} anna@desk in_doubt declared_not_sent");
    assert_eq!(
        recorded,
        [of(long), of(short), of(other[0])].join(", "),
        "each has its own record"
    );
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    let campaign = stage.reader().campaign("spring").unwrap().unwrap();
    let spending = stage.reader().spending(campaign).unwrap();
    assert_eq!(spending.reserved, amount("1.5"), "of two doubts and one unpriced");
}

#[tokio::test]
async fn a_clock_that_went_back_between_two_listings_frees_nobody() {
    let stage = new_stage();
    let (run, batches) = doubtful(&stage, "spring", 1..=1).await;
    run.writer.absent(batches.clone(), at(500)).await.unwrap();
    run.writer.absent(batches, at(10)).await.unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    assert_eq!(freed(&stage, &mut ledger, None, Duration::ZERO), [0_i64; 0]);
}

#[tokio::test]
async fn only_the_provider_with_a_listing_is_meant() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), doubt()).await;
    for seconds in [10, 500] {
        run.writer.absent(vec![batch], at(seconds)).await.unwrap();
    }
    run.close();
    let mut ledger = stage.open().unwrap();
    assert_eq!(freed(&stage, &mut ledger, None, MINUTE), [0_i64; 0]);
    assert_eq!(ledger.doubt(batch).unwrap().unwrap().absent, 2);
}

#[tokio::test]
async fn other_words_blank_reasons_and_unknown_campaigns_are_refused_and_change_nothing() {
    let stage = new_stage();
    let (run, batches) = doubtful(&stage, "spring", 1..=1).await;
    for seconds in [10, 500] {
        run.writer.absent(batches.clone(), at(seconds)).await.unwrap();
    }
    run.close();
    let mut ledger = stage.open().unwrap();
    for word in [Word::Sent(None), Word::Abandon, Word::Withdrawn] {
        let refused = ledger.resolve_absent(None, MINUTE, &word, &signed("no"));
        assert!(
            matches!(refused, Err(WordError::NotOfAbsent)),
            "{word}: {refused:?}"
        );
    }
    let blank = ledger.resolve_absent(None, MINUTE, &Word::NotSent, &signed(" "));
    assert!(matches!(blank, Err(WordError::NoReason)), "{blank:?}");
    let unknown = ledger
        .resolve_absent(Some("winter"), MINUTE, &Word::NotSent, &signed("no"))
        .unwrap_err();
    assert!(unknown.to_string().contains("it has spring"), "{unknown}");
    assert_eq!(ledger.absentees(Some("winter"), MINUTE).unwrap(), []);
    assert_eq!(ids(&ledger.absentees(None, MINUTE).unwrap()), batches);
    assert_eq!(freed(&stage, &mut ledger, None, MINUTE), [1]);
}

#[tokio::test]
async fn a_damaged_lookup_frees_nobody() {
    for change in [
        "UPDATE lookup SET at = at - 3600000000 WHERE number = 1",
        "UPDATE lookup SET batch = 2 WHERE number = 1",
        "UPDATE lookup SET run = 2 WHERE number = 2",
        "UPDATE lookup SET sum = x'' WHERE number = 2",
        "UPDATE lookup SET number = 7 WHERE number = 2",
    ] {
        let stage = new_stage();
        let (run, batches) = doubtful(&stage, "spring", 1..=2).await;
        for seconds in [10, 20] {
            run.writer.absent(vec![batches[0]], at(seconds)).await.unwrap();
        }
        run.close();
        stage.run_as(&voice("summer")).close();
        stage.change(change);
        let mut ledger = stage.open().unwrap();
        let word = signed("they have none of it");
        let refused = ledger.resolve_absent(None, MINUTE, &Word::NotSent, &word);
        assert!(
            matches!(refused, Err(WordError::Ledger(LedgerError::Damaged { .. }))),
            "{change}: {refused:?}"
        );
        ledger
            .doubts(stage.reader().campaign("spring").unwrap().unwrap())
            .unwrap_err();
        let found = verify(&stage.path).unwrap().findings;
        assert!(
            found[0].fault.contains("a lookup of it fails"),
            "{change}: {found:?}"
        );
    }
    let stage = new_stage();
    let (run, batches) = doubtful(&stage, "spring", 1..=1).await;
    for seconds in [10, 80] {
        run.writer.absent(batches.clone(), at(seconds)).await.unwrap();
    }
    run.close();
    stage.change("DELETE FROM lookup WHERE number = 1");
    let mut ledger = stage.open().unwrap();
    assert_eq!(ledger.absentees(None, MINUTE).unwrap(), []);
    let word = signed("they have none of it");
    let freed = ledger
        .resolve_absent(None, MINUTE, &Word::NotSent, &word)
        .unwrap();
    assert_eq!(freed, []);
    let found = verify(&stage.path).unwrap().findings;
    assert_eq!(found[0].fault, "lookups of it are missing");
}
