//! Batches that were refused for one number, and the children in which their other numbers go again.

use volley_ledger::{BatchId, CampaignIdentity, Finding, LedgerError, Outcome, RunReport, Word, verify};
use volley_model::{BatchState, BodyHash, Msisdn, RequestKey};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{
    Run, Stage, accepted, amount, child, conclusion, doubt, identity, intent, refused, released, signed,
    split,
};

async fn refuse(run: &Run, child: volley_ledger::Intent, why: &str) {
    let refused = run.writer.intended(child).await;
    assert!(
        matches!(refused, Err(LedgerError::Refused { .. })),
        "{why}: {refused:?}"
    );
}

/// Accepted, refused, in doubt and pending lines of the only run, which always add up to those read.
fn account(stage: &Stage) -> [u64; 4] {
    stage.sound();
    let report = stage.reader().report(None).unwrap().remove(0);
    let RunReport { accepted, lines, .. } = report.runs[0].clone();
    let of_states: u64 = report.states.iter().map(|totals| totals.recipients).sum();
    let counts = [accepted, lines.refused, lines.in_doubt, lines.planned];
    assert_eq!(of_states, counts.iter().sum(), "{report:?}");
    counts
}

#[tokio::test]
async fn the_account_adds_up_at_every_commit_from_a_split_to_its_last_grandchild() {
    let stage = new_stage();
    let run = stage.run();
    let parent = run.writer.intended(intent(&[1, 2, 3, 4, 5, 6], 0)).await.unwrap();
    assert_eq!(account(&stage), [0, 0, 6, 0]);
    let conclude = async |batch, outcome| run.writer.conclude(batch, conclusion(outcome)).await.unwrap();
    conclude(parent, split(4)).await;
    assert_eq!(account(&stage), [0, 1, 0, 5]);
    let first = run.writer.intended(child(parent, &[1, 2, 3], 0)).await.unwrap();
    assert_eq!(account(&stage), [0, 1, 3, 2]);
    let second = run.writer.intended(child(parent, &[5, 6], 0)).await.unwrap();
    assert_eq!(account(&stage), [0, 1, 5, 0]);
    conclude(first, split(1)).await;
    assert_eq!(account(&stage), [0, 2, 2, 2]);
    let grandchild = run.writer.intended(child(first, &[2, 3], 0)).await.unwrap();
    assert_eq!(account(&stage), [0, 2, 4, 0]);
    conclude(second, doubt()).await;
    conclude(grandchild, split(3)).await;
    assert_eq!(account(&stage), [0, 3, 2, 1]);
    let last = run.writer.intended(child(grandchild, &[2], 0)).await.unwrap();
    conclude(last, refused()).await;
    assert_eq!(account(&stage), [0, 4, 2, 0]);
    conclude(second, accepted("t2", Some("0.2"))).await;
    assert_eq!(account(&stage), [2, 4, 0, 0]);
    // And the next batch goes on in the sequence.
    run.sent(intent(&[7], 0), released()).await;
    assert_eq!(account(&stage), [2, 4, 0, 1]);
    run.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    let query = "SELECT string_agg(sequence || ' ' || coalesce(CAST(parent AS TEXT), '-') || ' ' || state, ', ' ORDER BY batch) FROM batches";
    let shown = stage.row(query);
    assert_eq!(
        shown,
        "1 - split, 2 1 split, 3 1 accepted, 4 2 split, 5 4 refused, 6 - released"
    );
    let query =
        "SELECT recipients_sent || ' ' || recipients_refused || ' ' || recipients_in_doubt FROM campaigns";
    let shown = stage.row(query);
    assert_eq!(shown, "2 4 0");
}

/// A child that ends so: which of its numbers a later run may send to is told by its state.
async fn ends(outcome: Outcome, becomes: BatchState, account_then: [u64; 4]) {
    let stage = new_stage();
    let run = stage.run();
    let parent = run.sent(intent(&[1, 2, 3], 0), split(2)).await;
    run.sent(child(parent, &[1], 0), outcome).await;
    assert_eq!(account(&stage), account_then, "{becomes:?}");
    let mut standing = Vec::new();
    stage
        .reader()
        .standing(run.entry.campaign, &mut |batch| {
            let named = batch.named.map(Msisdn::get);
            let members: Vec<u64> = batch.members.iter().map(|member| member.get()).collect();
            standing.push((batch.state, named, members));
        })
        .unwrap();
    assert_eq!(
        standing,
        [
            (BatchState::Split, Some(2), vec![1, 2, 3]),
            (becomes, None, vec![1])
        ]
    );
    run.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn a_child_ends_as_any_batch_does() {
    let unticketed = Outcome::Unticketed {
        reason: "cut".to_owned(),
        estimated: None,
    };
    ends(accepted("t", None), BatchState::Accepted, [1, 1, 0, 1]).await;
    ends(unticketed, BatchState::Unticketed, [1, 1, 0, 1]).await;
    ends(refused(), BatchState::Refused, [0, 2, 0, 1]).await;
    ends(released(), BatchState::Released, [0, 1, 0, 2]).await;
    ends(doubt(), BatchState::InDoubt, [0, 1, 1, 1]).await;
}

#[tokio::test]
async fn a_batch_is_split_only_for_one_of_its_numbers_and_only_from_its_intent() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.writer.intended(intent(&[1, 2], 0)).await.unwrap();
    let doubtful = run.sent(intent(&[3, 4], 0), doubt()).await;
    let sent = run.sent(intent(&[5, 6], 0), accepted("t", None)).await;
    let mut simulated = intent(&[7, 8], 0);
    simulated.simulated = true;
    let simulated = run.writer.intended(simulated).await.unwrap();
    for (batch, named) in [
        (batch, 3),
        (doubtful, 3),
        (sent, 5),
        (simulated, 7),
        (BatchId(9), 1),
    ] {
        let undrawn = run.writer.conclude(batch, conclusion(split(named))).await;
        assert!(
            matches!(undrawn, Err(LedgerError::Refused { .. })),
            "{batch} {named}: {undrawn:?}"
        );
    }
    run.writer.conclude(batch, conclusion(split(2))).await.unwrap();
    let again = run.writer.conclude(batch, conclusion(split(1))).await;
    assert!(matches!(again, Err(LedgerError::Refused { .. })), "{again:?}");
    let query = "SELECT reason || ', ' || status || ', ' || code FROM batches WHERE batch = 1";
    let shown = stage.row(query);
    assert_eq!(shown, "invalid number 2, 400, 1005");
    for statement in [
        "UPDATE batch SET state = 'split' WHERE state = 'intended'",
        "UPDATE batch SET state = 'released', named_number = 7 WHERE state = 'intended'",
        "UPDATE batch SET named_number = NULL WHERE state = 'split'",
        "UPDATE batch SET named_number = 1 WHERE state = 'split'",
    ] {
        stage.refuses(statement);
    }
    run.close();
    stage.sound();
}

#[tokio::test]
async fn a_child_has_only_what_its_parent_has_left_it_and_a_refused_one_leaves_nothing_behind() {
    let stage = new_stage();
    let run = stage.run();
    let open = run.writer.intended(intent(&[11, 12], 0)).await.unwrap();
    let parent = run.sent(intent(&[1, 2, 3, 4], 0), split(2)).await;
    refuse(&run, child(parent, &[1, 2], 0), "the named number").await;
    refuse(&run, child(parent, &[1, 5], 0), "a stranger").await;
    refuse(&run, child(parent, &[1, 1], 0), "a number twice").await;
    refuse(&run, child(open, &[11], 0), "a parent that is not split").await;
    refuse(&run, child(BatchId(99), &[1], 0), "no parent").await;
    let mut lines = child(parent, &[1], 0);
    lines.batch.lines.invalid = 1;
    refuse(&run, lines, "lines").await;
    lines = child(parent, &[1], 0);
    lines.batch.lines.planned = 1;
    refuse(&run, lines, "planned lines").await;
    let mut simulated = child(parent, &[1], 0);
    simulated.simulated = true;
    refuse(&run, simulated, "simulated").await;
    let first = run.writer.intended(child(parent, &[1, 3], 0)).await.unwrap();
    refuse(&run, child(parent, &[3, 4], 0), "a sibling's number").await;
    run.writer.conclude(first, conclusion(released())).await.unwrap();
    refuse(&run, child(parent, &[3], 0), "a released sibling's number").await;
    let second = run.writer.intended(child(parent, &[4], 0)).await.unwrap();
    if stage.is_a_file() {
        // A server draws an id for each that is tried.
        assert_eq!(
            [open, parent, first, second],
            [1, 2, 3, 4].map(BatchId),
            "no id is lost"
        );
    }
    run.close();
    stage.sound();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    let query = "SELECT string_agg(CAST(sequence AS TEXT), ' ' ORDER BY id) FROM batch";
    let sequence = stage.row(query);
    assert_eq!(sequence, "1 2 3 4");
    if stage.is_a_file() {
        let query = "SELECT count(DISTINCT slot) FROM batch WHERE state IN ('intended', 'in_doubt')";
        assert_eq!(stage.row(query), "2", "each open batch has its own");
    }
}

#[tokio::test]
async fn a_parent_and_its_child_may_share_a_commit() {
    let stage = new_stage();
    let run = stage.run();
    let parent = run.writer.intended(intent(&[1, 2], 0)).await.unwrap();
    let (split, child) = tokio::join!(
        run.writer.conclude(parent, conclusion(split(1))),
        run.writer.intended(child(parent, &[2], 0)),
    );
    split.unwrap();
    child.unwrap();
    run.close();
    stage.sound();
}

#[tokio::test]
async fn a_later_run_sends_what_no_child_took_as_a_batch_with_lines_and_never_as_a_child() {
    let stage = new_stage();
    let run = stage.run();
    let parent = run.sent(intent(&[1, 2, 3], 0), split(2)).await;
    run.sent(child(parent, &[3], 0), accepted("t1", Some("0.1")))
        .await;
    run.close();
    let run = stage.run();
    assert!(run.entry.begun);
    refuse(&run, child(parent, &[1], 0), "another run's parent").await;
    run.sent(intent(&[1], 0), accepted("t2", Some("0.1"))).await;
    let campaign = run.entry.campaign;
    run.close();
    stage.sound();
    let ledger = stage.open().unwrap();
    assert_eq!(ledger.spending(campaign).unwrap().settled, amount("0.2"));
    ledger.close().unwrap();
    let other = CampaignIdentity {
        name: "summer".to_owned(),
        ..identity()
    };
    let run = stage.run_as(&other);
    refuse(&run, child(parent, &[1], 7), "another campaign's parent").await;
    run.close();
}

#[tokio::test]
async fn a_split_sets_no_money_aside_and_counts_as_a_generation_of_its_body() {
    let stage = new_stage();
    let run = stage.run();
    let parent = run.sent(intent(&[1, 2, 3], 0), split(2)).await;
    let campaign = run.entry.campaign;
    let reserved = |stage: &Stage| stage.reader().spending(campaign).unwrap().reserved;
    assert_eq!(reserved(&stage), amount("0"));
    let first = run.writer.intended(child(parent, &[1], 0)).await.unwrap();
    assert_eq!(reserved(&stage), amount("0.5"));
    run.writer.conclude(first, conclusion(released())).await.unwrap();
    assert_eq!(reserved(&stage), amount("0"));
    run.sent(child(parent, &[3], 0), accepted("t3", Some("0.1")))
        .await;
    run.close();
    let generations = stage.open().unwrap().generations(campaign).unwrap();
    let of = |numbers: &[u64]| {
        let body = BodyHash::of(format!("{numbers:?}").as_bytes());
        generations.get(&body).copied()
    };
    assert_eq!(
        (of(&[1, 2, 3]), of(&[1]), of(&[3])),
        (Some(1), Some(1), None),
        "each by its own body"
    );
    let cost = stage.reader().report(None).unwrap()[0].cost;
    assert_eq!((cost.total, cost.unpriced_batches), (Some(amount("0.1")), 0));
}

#[tokio::test]
async fn a_child_in_doubt_is_a_doubt_with_its_own_body_and_takes_the_operator_s_word() {
    let stage = new_stage();
    let run = stage.run();
    let parent = run.sent(intent(&[1, 2, 3], 0), split(2)).await;
    let batch = run.writer.intended(child(parent, &[1, 3], 0)).await.unwrap();
    run.close();
    let run = stage.run();
    assert_eq!(run.entry.found_open.in_doubt, 1);
    let body = run.writer.body(batch).await.unwrap().unwrap();
    assert_eq!(body, intent(&[1, 3], 0).batch.body);
    assert_eq!(run.writer.body(parent).await.unwrap(), None);
    run.close();
    let [found] = &stage.reader().doubts(None).unwrap()[..] else {
        panic!("one is in doubt")
    };
    assert_eq!((found.batch, found.recipients), (batch, 2));
    assert_eq!(account(&stage), [0, 1, 2, 0]);
    let mut ledger = stage.open().unwrap();
    ledger
        .resolve(batch, &Word::NotSent, &signed("they never had it"))
        .unwrap();
    ledger.close().unwrap();
    assert_eq!(account(&stage), [0, 1, 0, 2]);
}

#[tokio::test]
async fn a_split_that_a_failed_writer_could_not_take_is_written_late_if_it_names_a_member() {
    let stage = new_stage();
    let run = stage.run();
    run.writer.intended(intent(&[1, 2], 0)).await.unwrap();
    run.writer.intended(intent(&[3, 4], 0)).await.unwrap();
    run.close();
    let key = |numbers: &[u64]| -> RequestKey { intent(numbers, 0).batch.key };
    let late = vec![
        (key(&[1, 2]), conclusion(split(1))),
        (key(&[3, 4]), conclusion(split(1))),
    ];
    let mut ledger = stage.open().unwrap();
    let run = volley_ledger::RunId(1);
    for _ in 0..2 {
        let untaken = ledger.record_late(run, late.clone()).unwrap();
        let untaken: Vec<_> = untaken.into_iter().map(|(key, _)| key).collect();
        assert_eq!(untaken, [key(&[3, 4])]);
    }
    ledger.close().unwrap();
    assert_eq!(account(&stage), [0, 1, 2, 1]);
}

#[tokio::test]
async fn forgetting_erases_the_named_numbers_and_what_was_said_of_them() {
    const NAMED: u64 = 33_612_345_678;
    let stage = new_stage();
    let run = stage.run();
    let mut batch = intent(&[NAMED, NAMED + 1], 0);
    batch.batch.key = RequestKey("of the parent".to_owned());
    let parent = run.sent(batch, split(NAMED)).await;
    let mut batch = child(parent, &[NAMED + 1], 0);
    batch.batch.key = RequestKey("of the child".to_owned());
    run.sent(batch, accepted("t1", Some("0.1"))).await;
    run.close();
    // On a server this fences the run that was dropped, which its report tells.
    let mut ledger = stage.open().unwrap();
    let before = stage.reader().report(None).unwrap().remove(0);
    let forgotten = ledger.forget("spring", &signed("asked for")).unwrap();
    assert_eq!((forgotten.batches, forgotten.recipients), (2, 2));
    ledger.close().unwrap();
    assert!(!stage.holds(NAMED.to_string().as_bytes()));
    assert!(!stage.holds(&NAMED.to_be_bytes()[3..]));
    let after = stage.reader().report(None).unwrap().remove(0);
    assert_eq!((after.runs, after.states), (before.runs, before.states));
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    for statement in [
        "UPDATE batch SET state = 'released' WHERE id = 1",
        "UPDATE batch SET named_number = 7 WHERE id = 1",
        "UPDATE batch SET reason = 'other' WHERE id = 1",
        "UPDATE batch SET code = 7 WHERE id = 1",
    ] {
        stage.refuses(statement);
    }
}

#[tokio::test]
async fn damage_to_a_split_or_to_its_children_is_found() {
    let written = async || {
        let stage = new_stage();
        let run = stage.run();
        let parent = run.sent(intent(&[1, 2, 3], 0), split(2)).await;
        run.sent(child(parent, &[1], 0), accepted("t1", None)).await;
        run.sent(child(parent, &[3], 0), doubt()).await;
        run.sent(intent(&[4, 5], 0), refused()).await;
        run.close();
        assert_eq!(verify(&stage.path).unwrap().findings, []);
        stage
    };
    for (change, place, fault) in [
        (
            "UPDATE batch SET named_number = 1 WHERE id = 1",
            "batch 1",
            "it fails its checksum",
        ),
        (
            "UPDATE batch SET named_number = NULL WHERE id = 1",
            "batch 1",
            "it was split for no number",
        ),
        (
            "UPDATE batch SET parent = NULL WHERE id = 2",
            "batch 2",
            "members and planned lines differ",
        ),
        (
            "UPDATE batch SET parent = 4 WHERE id = 2",
            "batch 2",
            "it goes again, and its run has not split it",
        ),
        (
            "UPDATE batch SET state = 'released' WHERE id = 1",
            "batch 3",
            "it goes again, and its run has not split it",
        ),
        (
            "UPDATE batch SET lines_invalid = 1 WHERE id = 2",
            "batch 2",
            "it has lines, and they count already",
        ),
        (
            "UPDATE batch SET member_count = 2 WHERE id = 2",
            "batch 1",
            "more numbers in its children than it was split into",
        ),
    ] {
        let stage = written().await;
        stage.change(change);
        let found = verify(&stage.path).unwrap().findings;
        let hit = found
            .iter()
            .any(|finding| finding.place == place && finding.fault == fault);
        assert!(hit, "{change}: {found:#?}");
    }
}

/// Where children have numbers that are not theirs. On a server the claims tell of them, too.
fn strangers(found: &[Finding]) -> Vec<&str> {
    let fault = "its parent has not left it all of its numbers";
    let strangers = found.iter().filter(|finding| finding.fault == fault);
    strangers.map(|finding| finding.place.as_str()).collect()
}

/// Sound rows that contradict each other: what a fault of ours would leave.
#[tokio::test]
async fn a_child_with_numbers_that_are_not_its_parent_s_or_a_sibling_s_too_is_found() {
    let stage = new_stage();
    let run = stage.run();
    let parent = run.sent(intent(&[1, 2, 3, 4, 5], 0), split(2)).await;
    for (numbers, key) in [(&[1], "first"), (&[3], "second"), (&[4], "third")] {
        let mut intent = child(parent, numbers, 0);
        intent.batch.key = RequestKey(key.to_owned());
        run.sent(intent, doubt()).await;
    }
    run.close();
    // The members' blob of other numbers, made under the same key in another ledger.
    let blob = async |key: &str, number: u64| {
        let other = new_stage();
        let run = other.run();
        let mut intent = intent(&[number], 0);
        intent.batch.key = RequestKey(key.to_owned());
        run.writer.intended(intent).await.unwrap();
        run.close();
        let blob = other.row("SELECT numbers FROM members");
        blob.trim_start_matches("\\x").to_owned()
    };
    for (batch, key, number) in [(2, "first", 2), (3, "second", 9), (4, "third", 1)] {
        stage.change(&format!(
            "UPDATE members SET numbers = x'{}' WHERE batch = {batch}",
            blob(key, number).await
        ));
    }
    let found = verify(&stage.path).unwrap().findings;
    assert_eq!(strangers(&found), ["batch 2", "batch 3"], "{found:#?}");
    stage.change(&format!(
        "UPDATE members SET numbers = x'{}' WHERE batch = 2",
        blob("first", 1).await
    ));
    let found = verify(&stage.path).unwrap().findings;
    assert_eq!(strangers(&found), ["batch 3", "batch 4"], "{found:#?}");
}
