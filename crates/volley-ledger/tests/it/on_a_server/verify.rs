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

/// Makes each change, one after another, and expects one finding more for each.
fn expect_found(stage: &Stage, changes: &[(&str, &str)]) {
    let mut expected = Vec::new();
    for (change, found) in changes {
        stage.carry_out(change);
        expected.push(format!("schema of {found}"));
        let findings = verify(&stage.path).unwrap().findings;
        let mut told = told(&findings);
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{change}");
        assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
    }
}

const REFUSE_NOTHING: &str =
    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
const CLAIM_ALL: &str = "CREATE OR REPLACE FUNCTION claimable(held_batch bigint, number bigint, message bigint, retry boolean, parent bigint) \
     RETURNS boolean LANGUAGE sql STABLE RETURN true";

#[tokio::test]
async fn rules_that_were_dropped_disabled_or_changed_are_found() {
    let Some(stage) = written().await else { return };
    expect_found(
        &stage,
        &[
            // What keeps a number from being claimed again, in each way that it can be lifted.
            (CLAIM_ALL, "function claimable: it is not as Volley made it"),
            (
                "CREATE OR REPLACE FUNCTION is_free(held_batch bigint, number bigint) RETURNS boolean LANGUAGE sql STABLE \
                 RETURN true",
                "function is_free: it is not as Volley made it",
            ),
            (
                "ALTER TABLE claim DROP CONSTRAINT claim_pkey",
                "constraint claim_pkey: it is gone",
            ),
            (
                "ALTER TABLE claim DISABLE TRIGGER claim_moves",
                "trigger claim_moves: it is disabled",
            ),
            (
                "DROP TRIGGER claim_stays ON claim; CREATE TRIGGER claim_stays BEFORE UPDATE ON claim \
                 FOR EACH ROW WHEN (false) EXECUTE FUNCTION refuse('never')",
                "trigger claim_stays: it is not as Volley made it",
            ),
            (
                "ALTER TABLE claim SET UNLOGGED",
                "table claim: it is not as Volley made it",
            ),
            (
                "DROP TRIGGER batch_ends ON batch",
                "trigger batch_ends: it is gone",
            ),
            (REFUSE_NOTHING, "function refuse: it is not as Volley made it"),
            (
                "ALTER TABLE batch DROP CONSTRAINT batch_doubt_has_reason",
                "constraint batch_doubt_has_reason: it is gone",
            ),
            (
                "ALTER TABLE batch DROP CONSTRAINT batch_state; ALTER TABLE batch ADD CONSTRAINT batch_state \
                 CHECK (state IN ('intended', 'accepted') OR true)",
                "constraint batch_state: it is not as Volley made it",
            ),
            (
                "ALTER TABLE batch DROP CONSTRAINT batch_run_fkey; ALTER TABLE batch ADD CONSTRAINT batch_run_fkey \
                 FOREIGN KEY (run) REFERENCES run NOT VALID",
                "constraint batch_run_fkey: it is not as Volley made it",
            ),
            ("DROP INDEX batch_open", "index batch_open: it is gone"),
            (
                "DROP INDEX batch_of_campaign; CREATE INDEX batch_of_campaign ON batch (run)",
                "index batch_of_campaign: it is not as Volley made it",
            ),
            (
                "ALTER TABLE batch ALTER COLUMN request_key DROP NOT NULL",
                "column batch.request_key: it is not as Volley made it",
            ),
            (
                "CREATE OR REPLACE VIEW suppressions AS SELECT '' AS number, rfc3339(since) AS since FROM suppressed WHERE false",
                "view suppressions: it is not as Volley made it",
            ),
        ],
    );
    // A foreign key's own triggers are PostgreSQL's: only a superuser lifts them.
    stage.administer("ALTER TABLE members DISABLE TRIGGER ALL");
    let found = told(&verify(&stage.path).unwrap().findings);
    assert!(
        found.contains(&"schema of constraint members_batch_fkey: it is disabled".to_owned()),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_is_not_volley_s_is_found() {
    let Some(stage) = written().await else { return };
    expect_found(
        &stage,
        &[
            (
                "CREATE TABLE theirs (x int PRIMARY KEY)",
                "table theirs: it is not Volley's",
            ),
            ("CREATE VIEW looks AS SELECT 1", "view looks: it is not Volley's"),
            // It answers in the place of the one that Volley made.
            (
                "CREATE FUNCTION is_free(bigint, integer) RETURNS boolean LANGUAGE sql RETURN true",
                "function is_free(bigint, integer): it is not Volley's",
            ),
            (
                "CREATE RULE quiet AS ON DELETE TO body DO INSTEAD NOTHING",
                "rule quiet: it is not Volley's",
            ),
            (
                "CREATE UNIQUE INDEX one_a_run ON batch (run, id)",
                "index one_a_run: it is not Volley's",
            ),
        ],
    );
}

#[tokio::test]
async fn a_lost_table_is_told_once_and_without_a_view_nothing_more_is_asked() {
    let Some(stage) = written().await else { return };
    expect_found(&stage, &[("DROP TABLE adoption", "table adoption: it is gone")]);
    let Some(stage) = written().await else { return };
    stage.change("UPDATE batch SET cost = '0.01' WHERE id = 1");
    expect_found(
        &stage,
        &[("DROP VIEW conservation", "view conservation: it is gone")],
    );
}

/// A backup's definitions are written by PostgreSQL, and read by it again.
#[tokio::test]
async fn a_ledger_that_was_dumped_and_restored_is_sound_and_so_is_one_that_was_tuned() {
    let Some(stage) = written().await else { return };
    let dump = std::process::Command::new("pg_dump")
        .args(["--schema=volley", "--dbname"])
        .arg(&stage.path)
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let restored = test_postgres::shared().database();
    restored.psql(&String::from_utf8(dump.stdout).unwrap());
    let restored = Stage::in_database(restored);
    restored.carry_out(
        "ALTER TABLE batch SET (autovacuum_vacuum_scale_factor = 0.01); ALTER INDEX batch_open SET (fillfactor = 70)",
    );
    assert_eq!(verify(&restored.path).unwrap().findings, []);
    expect_found(
        &restored,
        &[(CLAIM_ALL, "function claimable: it is not as Volley made it")],
    );
}

/// Who may not make a second schema is told what was not compared, and finds what can be found without.
#[tokio::test]
async fn a_role_that_only_reads_is_told_what_it_cannot_compare() {
    let Some(stage) = written().await else { return };
    assert_eq!(verify(&stage.path).unwrap().uncompared, None);
    stage.administer(
        "CREATE ROLE verifier LOGIN PASSWORD 'pw'; GRANT USAGE ON SCHEMA volley TO verifier; \
         GRANT SELECT ON ALL TABLES IN SCHEMA volley TO verifier",
    );
    let url = stage.database().url().replace("volley:pw@", "verifier:pw@");
    let look = || verify(url.as_ref()).unwrap();
    let sound = look();
    assert_eq!(sound.findings, []);
    let why = sound.uncompared.unwrap();
    assert!(why.contains("permission denied"), "{why}");
    stage.carry_out(REFUSE_NOTHING);
    stage.carry_out("DROP TRIGGER batch_ends ON batch");
    stage.carry_out(CLAIM_ALL);
    assert_eq!(
        told(&look().findings),
        [
            "schema of function refuse: it is not as Volley made it",
            "schema of trigger batch_ends: it is gone"
        ]
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
