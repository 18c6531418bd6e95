//! The check of a whole ledger: silent on a sound one, and each kind of damage found where it is.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

use volley_ledger::{Finding, LedgerError, Word, verify};

use crate::stage::{Stage, accepted, doubt, intent, lift_rules, refused, signed};

/// Forty batches of a hundred: accepted, refused, in doubt, one declared.
async fn written() -> Stage {
    let stage = Stage::in_a_file();
    let run = stage.run();
    for batch in 1..=40 {
        let numbers: Vec<u64> = (0..100)
            .map(|more| 33_600_000_000 + batch * 1000 + more)
            .collect();
        let outcome = match batch % 4 {
            0 => doubt(),
            1 => refused(),
            _ => accepted(&format!("t{batch}"), Some("1.5")),
        };
        run.sent(intent(&numbers, 0), outcome).await;
    }
    run.close();
    let mut ledger = stage.open().unwrap();
    let batch = volley_ledger::BatchId(4);
    ledger
        .resolve(batch, &Word::Abandon, &signed("nobody knows"))
        .unwrap();
    ledger.close().unwrap();
    stage
}

/// Another tool, without the rules that keep it from doing what the tests do to a ledger.
fn without_rules(stage: &Stage) -> rusqlite::Connection {
    let tool = stage.tool();
    lift_rules(&tool);
    tool
}

/// What is found, but for the rules that a test took out itself.
fn findings(stage: &Stage) -> Vec<Finding> {
    let mut findings = verify(&stage.path).unwrap().findings;
    findings.retain(|finding| !finding.place.starts_with("schema of trigger"));
    findings
}

#[track_caller]
fn expect(found: &[Finding], place: &str, fault: &str) {
    let hit = found
        .iter()
        .any(|finding| finding.place.contains(place) && finding.fault.contains(fault));
    assert!(hit, "{place}: {fault} is not among {found:#?}");
    assert!(found.iter().all(|finding| !finding.remedy.is_empty()));
}

#[tokio::test]
async fn a_sound_ledger_has_no_findings_also_while_it_is_written() {
    let stage = written().await;
    let checked = verify(&stage.path).unwrap();
    assert_eq!((checked.batches, checked.recipients), (40, 4000));
    assert_eq!(checked.findings, []);
    let run = stage.run();
    run.sent(intent(&[5], 0), doubt()).await;
    assert_eq!(verify(&stage.path).unwrap().findings, []);
    run.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn changed_rows_are_found() {
    let of_7 = [
        ("UPDATE batch SET state = 'released' WHERE id = 7", "checksum"),
        ("UPDATE batch SET cost = '0.01' WHERE id = 7", "checksum"),
        ("UPDATE batch SET member_count = 99 WHERE id = 7", "checksum"),
        (
            "UPDATE batch SET reserved = 'much' WHERE id = 7",
            "cannot be read",
        ),
        (
            "UPDATE members SET numbers = (SELECT numbers FROM members WHERE batch = 8) WHERE batch = 7",
            "the numbers fail their checksum",
        ),
        ("DELETE FROM members WHERE batch = 7", "its members are gone"),
    ];
    for (change, fault) in of_7 {
        let stage = written().await;
        assert_eq!(without_rules(&stage).execute(change, []).unwrap(), 1);
        expect(&findings(&stage), "batch 7", fault);
    }
    for (change, place, fault) in [
        (
            "UPDATE resolution SET why = 'because'",
            "resolution 1",
            "checksum",
        ),
        ("DELETE FROM resolution", "batch 4", "nobody declared"),
        ("UPDATE ledger SET latest_run = 7", "ledger", "latest run"),
        (
            "UPDATE campaign SET host = 'api.example.com'",
            "volley.db",
            "campaign 1: its checksum fails",
        ),
        (
            "UPDATE message_part SET value = 'Bye' WHERE key = 'text'",
            "volley.db",
            "message 1: its hash does not fit",
        ),
        (
            "UPDATE attempt SET batch = 99 WHERE batch = 7",
            "volley.db",
            "missing batch",
        ),
    ] {
        let stage = written().await;
        let tool = without_rules(&stage);
        tool.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        assert_eq!(tool.execute(change, []).unwrap(), 1);
        drop(tool);
        expect(&findings(&stage), place, fault);
    }
}

#[tokio::test]
async fn rules_that_were_dropped_or_changed_are_found() {
    let stage = written().await;
    stage
        .tool()
        .execute_batch(
            "DROP TRIGGER batch_transition; DROP VIEW tickets; CREATE VIEW tickets AS SELECT 1;
             CREATE TABLE theirs (x);",
        )
        .unwrap();
    let found = verify(&stage.path).unwrap().findings;
    expect(&found, "trigger batch_transition", "gone");
    expect(&found, "view tickets", "not as Volley made it");
    expect(&found, "table theirs", "not Volley's");
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn flipped_bits_in_members_and_rows_are_found() {
    let stage = written().await;
    let whole = fs::read(&stage.path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&stage.path).unwrap();
    // A stored blob of numbers, and a stored key: both are under a checksum.
    let tool = stage.tool();
    let blob: Vec<u8> = tool
        .query_row("SELECT numbers FROM members WHERE batch = 9", [], |row| {
            row.get(0)
        })
        .unwrap();
    drop(tool);
    for needle in [&blob[10..40], &b"key0[33600009000"[..]] {
        // Pages that were rearranged have stale copies in their unused parts.
        for at in (0..whole.len()).filter(|at| whole[*at..].starts_with(needle)) {
            file.write_all_at(&[whole[at] ^ 4], at as u64).unwrap();
        }
        let found = findings(&stage);
        expect(&found, "batch 9", "checksum");
        file.write_all_at(&whole, 0).unwrap();
        assert_eq!(findings(&stage), []);
    }
}

#[tokio::test]
async fn a_broken_structure_is_a_finding_and_not_a_panic() {
    let whole = fs::read(&written().await.path).unwrap();
    for cut in [whole.len() / 2, whole.len() - 4096] {
        let stage = written().await;
        let file = fs::OpenOptions::new().write(true).open(&stage.path).unwrap();
        file.set_len(cut as u64).unwrap();
        assert!(!findings(&stage).is_empty(), "cut at {cut}");
    }
    let stage = written().await;
    let file = fs::OpenOptions::new().write(true).open(&stage.path).unwrap();
    // Any page but the first, whose header is what a ledger is known by.
    for page in 1..whole.len() / 4096 {
        file.write_all_at(&[0xa5; 4096], page as u64 * 4096).unwrap();
        assert!(!findings(&stage).is_empty(), "page {page}");
        file.write_all_at(&whole, 0).unwrap();
    }
}

#[tokio::test]
async fn a_lost_or_torn_body_of_a_doubt_is_found_and_that_of_a_settled_batch_is_not_missed() {
    let stage = written().await;
    let bodies = fs::OpenOptions::new()
        .write(true)
        .open(stage.beside("-bodies"))
        .unwrap();
    let slot: u64 = stage
        .tool()
        .query_row("SELECT slot FROM batch WHERE id = 8", [], |row| row.get(0))
        .unwrap();
    bodies.write_all_at(b"?", slot * 64 * 1024 + 100).unwrap();
    let found = findings(&stage);
    expect(&found, "batch 8", "its body is lost");
    assert_eq!(found.len(), 1);
    assert!(found[0].remedy.contains("volley doubt resolve 8"), "{found:?}");
    fs::remove_file(stage.beside("-bodies")).unwrap();
    assert_eq!(findings(&stage).len(), 9, "one for each doubt");
}

#[tokio::test]
async fn files_that_others_can_read_are_found() {
    for suffix in ["", "-lock", "-bodies"] {
        let stage = written().await;
        let path = stage.beside(suffix);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let found = findings(&stage);
        expect(&found, &path.display().to_string(), "its mode is 640");
        assert_eq!(found[0].remedy, format!("chmod 600 {}", path.display()));
    }
}

#[tokio::test]
async fn a_lock_file_that_does_not_fit_is_found() {
    let stage = written().await;
    let lock = fs::read_to_string(stage.beside("-lock")).unwrap();
    let ahead = lock.replace("commit 00000000000000000", "commit 00000000000000009");
    for (content, fault) in [
        (Some(ahead.as_str()), "rolled back"),
        (Some("nonsense"), "garbled"),
        (Some(""), "empty"),
        (None, "its lock file is gone"),
    ] {
        match content {
            Some(content) => fs::write(stage.beside("-lock"), content).unwrap(),
            None => fs::remove_file(stage.beside("-lock")).unwrap(),
        }
        let found = findings(&stage);
        expect(&found, "volley.db", fault);
        assert_eq!(found.len(), 1);
        assert!(found[0].remedy.contains("volley ledger adopt"), "{found:?}");
    }
}

#[test]
fn what_is_no_ledger_cannot_be_checked() {
    let stage = Stage::in_a_file();
    assert!(matches!(verify(&stage.path), Err(LedgerError::Missing { .. })));
    fs::write(&stage.path, "something else").unwrap();
    assert!(matches!(verify(&stage.path), Err(LedgerError::Foreign { .. })));
}
