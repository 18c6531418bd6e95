//! The check of a whole ledger on a server: silent on a sound one, and each kind of damage found where it is.

use volley_ledger::{Finding, verify};

use super::server_stage;
use crate::stage::Durably as _;
use crate::stage::{Stage, accepted, child, doubt, intent, refused, released, split};

/// Accepted, in doubt, refused, split with a child, intended: numbers of every kind.
async fn written() -> Option<Stage> {
    let stage = server_stage()?;
    let run = stage.run();
    run.sent(intent(&[1, 2], 0), accepted("t1", Some("0.1"))).await;
    run.sent(intent(&[3, 4], 0), doubt()).await;
    run.sent(intent(&[5], 0), refused()).await;
    let parent = run.sent(intent(&[6, 7, 8], 0), split(7)).await;
    run.sent(child(parent, &[6], 0), accepted("t5", None)).await;
    run.sent(intent(&[9], 0), released()).await;
    run.writer.intended(intent(&[9, 10], 0)).await.unwrap();
    run.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    Some(stage)
}

fn told(findings: &[Finding]) -> Vec<String> {
    let told = findings
        .iter()
        .map(|finding| format!("{}: {}", finding.place, finding.fault));
    told.collect()
}

#[tokio::test]
async fn a_sound_ledger_is_counted_and_has_no_findings_while_it_is_written() {
    let Some(stage) = written().await else { return };
    let run = stage.run();
    run.writer.intended(intent(&[11], 0)).await.unwrap();
    let checked = verify(&stage.path).unwrap();
    assert_eq!(checked.findings, []);
    assert_eq!((checked.batches, checked.recipients), (8, 13));
    assert!(
        !checked.path.display().to_string().contains("pw"),
        "{}",
        checked.path.display()
    );
    run.close();
}

#[tokio::test]
async fn numbers_that_their_batches_do_not_hold_are_found() {
    let unheld = |batch: u64| {
        format!("batch {batch}: it has numbers that it does not hold: they could be sent to again")
    };
    let strange = |batch: u64| format!("batch {batch}: it holds numbers that it does not have");
    for (change, expected) in [
        ("DELETE FROM claim WHERE number = 1", vec![unheld(1)]),
        ("DELETE FROM claim WHERE number = 4", vec![unheld(2)]),
        // The number that was named, and its sibling's, which a child has.
        ("DELETE FROM claim WHERE number = 7", vec![unheld(4)]),
        ("DELETE FROM claim WHERE number = 6", vec![unheld(5)]),
        ("DELETE FROM claim WHERE number = 9", vec![unheld(7)]),
        // Free, all of them: nobody needs the claim.
        ("DELETE FROM claim WHERE number IN (5, 8)", vec![]),
        (
            "UPDATE claim SET batch = 3 WHERE number = 1",
            vec![unheld(1), strange(3)],
        ),
        ("UPDATE claim SET batch = 3 WHERE number = 8", vec![strange(3)]),
        ("INSERT INTO claim VALUES (1, 99, 3)", vec![strange(3)]),
    ] {
        let Some(stage) = written().await else { return };
        stage.change(change);
        assert_eq!(told(&verify(&stage.path).unwrap().findings), expected, "{change}");
    }
    let Some(stage) = written().await else { return };
    stage.change("UPDATE claim SET batch = 99 WHERE number = 8");
    let found = told(&verify(&stage.path).unwrap().findings);
    assert_eq!(
        found,
        [
            "batch 99: it holds numbers of another campaign".to_owned(),
            strange(99)
        ]
    );
}

#[tokio::test]
async fn rules_that_were_dropped_disabled_or_changed_are_found() {
    let Some(stage) = written().await else { return };
    let gone = "it is gone";
    for (change, found) in [
        (
            "DROP TRIGGER batch_ends ON batch",
            format!("schema of trigger batch_ends: {gone}"),
        ),
        (
            "DROP INDEX batch_open",
            format!("schema of index batch_open: {gone}"),
        ),
        (
            "ALTER TABLE claim DISABLE TRIGGER claim_moves",
            "schema of trigger claim_moves: it is disabled".to_owned(),
        ),
        (
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "schema of function refuse: it is not as Volley made it".to_owned(),
        ),
        (
            "CREATE TABLE theirs (x int)",
            "schema of table theirs: it is not Volley's".to_owned(),
        ),
        (
            "CREATE VIEW looks AS SELECT 1",
            "schema of view looks: it is not Volley's".to_owned(),
        ),
    ] {
        stage.carry_out(change);
        let findings = verify(&stage.path).unwrap().findings;
        assert!(told(&findings).contains(&found), "{change}: {findings:?}");
        assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
    }
    // Without a view nothing more is asked.
    stage.carry_out("DROP VIEW conservation");
    let found = told(&verify(&stage.path).unwrap().findings);
    assert!(
        found.contains(&format!("schema of view conservation: {gone}")),
        "{found:?}"
    );
}

#[tokio::test]
async fn lost_and_changed_bodies_of_open_batches_are_found() {
    for (change, expected) in [
        (
            "DELETE FROM body WHERE batch = 2",
            vec![
                "batch 2: it is open, and its body is gone",
                "batch 2: its body is lost, so that it cannot be probed",
            ],
        ),
        (
            "UPDATE body SET bytes = x'00' WHERE batch = 7",
            vec!["batch 7: its body is lost, so that it cannot be probed"],
        ),
        (
            "UPDATE body SET batch = 1 WHERE batch = 7",
            vec![
                "batch 7: it is open, and its body is gone",
                "batch 1: its outcome is known, and its body is still there",
                "batch 7: its body is lost, so that it cannot be probed",
            ],
        ),
    ] {
        let Some(stage) = written().await else { return };
        stage.change(change);
        assert_eq!(told(&verify(&stage.path).unwrap().findings), expected, "{change}");
    }
}

#[tokio::test]
async fn a_changed_row_is_found_and_how_to_mend_it_speaks_of_a_database() {
    let Some(stage) = written().await else { return };
    stage.change("UPDATE batch SET cost = '0.01' WHERE id = 1");
    let findings = verify(&stage.path).unwrap().findings;
    assert_eq!(told(&findings), ["batch 1: it fails its checksum"]);
    assert!(findings[0].remedy.contains("database"), "{findings:?}");
}
