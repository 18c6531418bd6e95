//! Ledgers that are missing, held, foreign, garbled, moved, copied or rolled back: each refused, each with its remedy.

use std::fs;

use volley_ledger::{Changes, Ledger, LedgerError, Opening, Reader};

use crate::stage::Durably as _;
use crate::stage::{Stage, accepted, at, conclusion, identity, intent, signed};

/// Fifty batches of a hundred, accepted.
fn written() -> Stage {
    let stage = Stage::in_a_file();
    let run = stage.run();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut calls = tokio::task::JoinSet::new();
        for number in 1..=50 {
            let numbers: Vec<u64> = (0..100)
                .map(|more| 33_600_000_000 + number * 1000 + more)
                .collect();
            let writer = run.writer.clone();
            calls.spawn(async move {
                let batch = writer.intended(intent(&numbers, 0)).await.unwrap();
                let outcome = accepted(&format!("t{number}"), Some("1.5"));
                writer.conclude(batch, conclusion(outcome)).await.unwrap();
            });
        }
        calls.join_all().await;
    });
    run.close();
    stage
}

fn refusal(stage: &Stage) -> LedgerError {
    stage.open().unwrap_err()
}

#[test]
fn a_missing_ledger_is_made_only_where_that_is_wanted() {
    let stage = Stage::in_a_file();
    let missing = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap_err();
    assert!(matches!(missing, LedgerError::Missing { .. }), "{missing:?}");
    assert!(missing.to_string().contains("volley ledger init"), "{missing}");
    assert!(matches!(
        Reader::open(&stage.path),
        Err(LedgerError::Missing { .. })
    ));
    assert_eq!(
        fs::read_dir(stage.folder()).unwrap().count(),
        0,
        "nothing was made"
    );
    assert!(stage.open().unwrap().made());
}

#[test]
fn what_stands_where_a_ledger_is_to_be_made_is_named_with_the_remedy() {
    let check = |stage: &Stage, said: &str, remedy: &str| {
        let refused = Ledger::init(&stage.path, at(0)).unwrap_err().to_string();
        assert!(refused.contains(said) && refused.contains(remedy), "{refused}");
    };
    let stage = Stage::in_a_file();
    Ledger::init(&stage.path, at(0)).unwrap();
    check(&stage, "is a ledger already", "go on with it");
    let stage = Stage::in_a_file();
    fs::write(&stage.path, "a letter").unwrap();
    check(&stage, "is no ledger of Volley", "name another file");
    assert_eq!(fs::read(&stage.path).unwrap(), b"a letter");
    let mut stage = Stage::in_a_file();
    stage.path = stage.folder().join("nowhere").join("volley.db");
    check(&stage, "nowhere does not exist", "make it");
}

#[test]
fn a_second_opener_is_told_who_holds_it_and_a_reader_is_not_kept_out() {
    let stage = Stage::in_a_file();
    let held = stage.run();
    let locked = refusal(&stage);
    let own = std::process::id();
    assert!(
        matches!(locked, LedgerError::Locked { pid: Some(pid), .. } if pid == own),
        "{locked:?}"
    );
    assert_eq!(stage.reader().campaigns().unwrap(), ["spring"]);
    held.close();
    drop(stage.open().unwrap());
}

#[test]
fn a_symbolic_link_does_not_lead_around_the_lock() {
    let stage = Stage::in_a_file();
    let held = stage.run();
    let other = tempfile::tempdir().unwrap();
    let link = other.path().join("other.db");
    std::os::unix::fs::symlink(&stage.path, &link).unwrap();
    let locked = Ledger::open(&link, Opening::MustExist, at(0)).unwrap_err();
    assert!(matches!(locked, LedgerError::Locked { .. }), "{locked:?}");
    held.close();
}

#[test]
fn a_link_to_a_ledger_that_is_gone_is_never_replaced_by_a_new_one() {
    let stage = Stage::in_a_file();
    let link = stage.path.with_file_name("link.db");
    std::os::unix::fs::symlink("/nowhere/volley.db", &link).unwrap();
    let opened = Ledger::open(&link, Opening::MakeIfMissing, at(0));
    assert!(
        matches!(opened, Err(LedgerError::Displaced { .. })),
        "{:?}",
        opened.err()
    );
    assert!(matches!(
        Ledger::init(&link, at(0)),
        Err(LedgerError::Displaced { .. })
    ));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn files_that_are_no_ledger_are_refused_and_left_alone() {
    for content in [
        &b""[..],
        b"hello",
        &[0xff; 5000],
        b"SQLite format 3\0 and then nothing of the kind",
    ] {
        let stage = Stage::in_a_file();
        fs::write(&stage.path, content).unwrap();
        assert!(
            matches!(refusal(&stage), LedgerError::Foreign { .. }),
            "{content:?}"
        );
        assert!(matches!(
            Reader::open(&stage.path),
            Err(LedgerError::Foreign { .. })
        ));
        assert_eq!(fs::read(&stage.path).unwrap(), content);
        assert!(!stage.beside("-lock").exists());
    }
    let stage = Stage::in_a_file();
    stage.tool().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(refusal(&stage), LedgerError::Foreign { .. }));
}

#[test]
fn what_was_a_ledger_is_damaged_and_no_remedy_names_another_file() {
    let check = |stage: &Stage, content: &[u8]| {
        fs::write(&stage.path, content).unwrap();
        let reader = Reader::open(&stage.path).unwrap_err();
        for damaged in [refusal(stage), reader] {
            assert!(matches!(damaged, LedgerError::Damaged { .. }), "{damaged:?}");
            let said = damaged.to_string();
            assert!(said.contains("put back the newest sound copy"), "{said}");
            assert!(!said.contains("another file"), "{said}");
        }
    };
    for forget in ["-bodies", "-lock"] {
        let stage = written();
        fs::remove_file(stage.beside(forget)).unwrap();
        let whole = fs::read(&stage.path).unwrap();
        let mut garbled = whole.clone();
        garbled[3] ^= 1;
        for content in [&b""[..], &whole[..50], &garbled] {
            check(&stage, content);
        }
    }
    // Files of those names that are no ledger's remember nothing.
    let stage = Stage::in_a_file();
    for suffix in ["", "-lock", "-bodies"] {
        fs::write(stage.beside(suffix), "hello").unwrap();
    }
    assert!(matches!(refusal(&stage), LedgerError::Foreign { .. }));
}

#[test]
fn a_newer_ledger_is_refused() {
    let stage = written();
    stage.tool().execute_batch("PRAGMA user_version = 99").unwrap();
    let newer = refusal(&stage);
    assert!(
        matches!(
            newer,
            LedgerError::Newer {
                found: 99,
                known: 4,
                ..
            }
        ),
        "{newer:?}"
    );
}

#[test]
fn a_ledger_without_its_lock_file_or_the_other_way_round_is_refused() {
    let stage = written();
    fs::remove_file(stage.beside("-lock")).unwrap();
    let displaced = refusal(&stage);
    assert!(
        matches!(displaced, LedgerError::Displaced { .. }),
        "{displaced:?}"
    );
    assert!(
        displaced.to_string().contains("volley ledger adopt"),
        "{displaced}"
    );

    let stage = written();
    fs::remove_file(&stage.path).unwrap();
    assert!(matches!(refusal(&stage), LedgerError::Displaced { .. }));
    assert!(!stage.path.exists(), "no new one was made");
    fs::remove_file(stage.beside("-lock")).unwrap();
    assert!(
        matches!(refusal(&stage), LedgerError::Displaced { .. }),
        "its bodies are still there"
    );
}

#[test]
fn a_lock_file_left_empty_by_a_crash_while_making_is_no_fault_but_a_garbled_one_is() {
    let stage = Stage::in_a_file();
    fs::write(stage.beside("-lock"), "").unwrap();
    drop(stage.open().unwrap());
    fs::write(stage.beside("-lock"), "").unwrap();
    drop(stage.open().unwrap());
    fs::write(stage.beside("-lock"), "volley ledger lock 1\n").unwrap();
    assert!(matches!(refusal(&stage), LedgerError::Displaced { .. }));

    let stage = written();
    fs::write(stage.beside("-lock"), "").unwrap();
    assert!(
        matches!(refusal(&stage), LedgerError::Displaced { .. }),
        "it had commits"
    );
}

#[test]
fn a_copy_and_a_ledger_of_another_place_are_refused() {
    let stage = written();
    stage.reader().is_as_left().unwrap();
    let copy = stage.beside("-copy");
    fs::copy(&stage.path, &copy).unwrap();
    fs::rename(&copy, &stage.path).unwrap();
    assert!(matches!(refusal(&stage), LedgerError::Displaced { .. }));

    let (stage, other) = (written(), written());
    fs::write(&stage.path, fs::read(&other.path).unwrap()).unwrap();
    let displaced = refusal(&stage);
    assert!(displaced.to_string().contains("another ledger"), "{displaced}");
    let looked = stage.reader().is_as_left().unwrap_err();
    assert_eq!(
        looked.to_string(),
        displaced.to_string(),
        "one that only looks is told the same"
    );
}

#[test]
fn an_older_state_put_back_in_place_is_refused() {
    let stage = written();
    let older = fs::read(&stage.path).unwrap();
    stage.run().close();
    fs::write(&stage.path, older).unwrap();
    let displaced = refusal(&stage);
    assert!(displaced.to_string().contains("rolled back"), "{displaced}");
    let looked = stage.reader().is_as_left().unwrap_err();
    assert_eq!(looked.to_string(), displaced.to_string());
}

#[test]
fn a_log_lost_after_a_kill_is_noticed() {
    let stage = Stage::in_a_file();
    stage.run().close();
    let run = stage.run();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run.writer.intended(intent(&[1], 0))).unwrap();
    let main = fs::read(&stage.path).unwrap();
    let lock = fs::read(stage.beside("-lock")).unwrap();
    run.close();
    // As a kill would have left it, but for the log.
    fs::write(&stage.path, main).unwrap();
    fs::write(stage.beside("-lock"), lock).unwrap();
    let displaced = refusal(&stage);
    assert!(displaced.to_string().contains("rolled back"), "{displaced}");
}

#[test]
fn the_operator_adopts_a_ledger_and_that_is_recorded() {
    let stage = written();
    let copy = stage.beside("-copy");
    fs::copy(&stage.path, &copy).unwrap();
    stage.run().close();
    fs::rename(&copy, &stage.path).unwrap();
    assert!(matches!(refusal(&stage), LedgerError::Displaced { .. }));
    Ledger::adopt(&stage.path, &signed("restored from the backup of Monday")).unwrap();
    assert_eq!(use_all(&stage).unwrap(), 5000);
    // The lock file gone, too; and then a rolled-back one is still noticed.
    fs::remove_file(stage.beside("-lock")).unwrap();
    Ledger::adopt(&stage.path, &signed("moved to another machine")).unwrap();
    let older = fs::read(&stage.path).unwrap();
    stage.run().close();
    fs::write(&stage.path, older).unwrap();
    assert!(matches!(refusal(&stage), LedgerError::Displaced { .. }));
    let query = "SELECT group_concat(who || ': ' || reason || ': ' || detail, '; ') FROM adoption";
    let recorded: String = stage.tool().query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(
        recorded,
        "anna@desk: restored from the backup of Monday: it is a copy of the ledger that was here before; \
         anna@desk: moved to another machine: its lock file is empty"
    );
    let missing = Ledger::adopt(&stage.beside("-nothing"), &signed("no reason"));
    assert!(matches!(missing, Err(LedgerError::Missing { .. })), "{missing:?}");
}

/// Opens, enters and reads everything, as a run does before it sends.
fn use_all(stage: &Stage) -> Result<u64, LedgerError> {
    let mut ledger = stage.open()?;
    let entry = ledger.enter(&identity(), Changes::Refuse, at(9))?;
    let mut numbers = 0;
    ledger.standing(entry.campaign, &mut |batch| numbers += batch.members.len() as u64)?;
    ledger.generations(entry.campaign)?;
    ledger.spending(entry.campaign)?;
    Ok(numbers)
}

#[test]
fn a_truncated_ledger_is_refused() {
    let whole = fs::read(&written().path).unwrap();
    for part in 1..8 {
        let stage = written();
        let file = fs::OpenOptions::new().write(true).open(&stage.path).unwrap();
        file.set_len(whole.len() as u64 * part / 8).unwrap();
        let refused = use_all(&stage).unwrap_err();
        assert!(
            matches!(refused, LedgerError::Damaged { .. }),
            "{part}/8: {refused:?}"
        );
    }
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing_that_was_sent() {
    let stage = written();
    let whole = fs::read(&stage.path).unwrap();
    let lock = fs::read(stage.beside("-lock")).unwrap();
    let mut refused = 0;
    // A prime step: every region of the file, every place within a page.
    for at in (0..whole.len()).step_by(2477) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&stage.path, flipped).unwrap();
        fs::write(stage.beside("-lock"), &lock).unwrap();
        for leftover in ["-wal", "-shm"] {
            drop(fs::remove_file(stage.beside(leftover)));
        }
        match use_all(&stage) {
            Ok(numbers) => assert_eq!(numbers, 5000, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_changed_row_fails_its_checksum() {
    for change in [
        "UPDATE batch SET state = 'released' WHERE id = 7",
        "UPDATE batch SET cost = '0.01' WHERE id = 7",
        "UPDATE batch SET ticket = 't8' WHERE id = 7",
        "UPDATE batch SET member_count = 99 WHERE id = 7",
        "UPDATE batch SET simulated = 1 WHERE id = 7",
        "UPDATE members SET numbers = (SELECT numbers FROM members WHERE batch = 8) WHERE batch = 7",
        "DELETE FROM members WHERE batch = 7",
    ] {
        let stage = written();
        stage.change(change);
        let damaged = use_all(&stage).unwrap_err();
        assert!(
            matches!(damaged, LedgerError::Damaged { .. }),
            "{change}: {damaged:?}"
        );
        assert!(damaged.to_string().contains("batch 7"), "{damaged}");
    }
}

#[test]
fn a_network_file_system_has_a_remedy() {
    let error = LedgerError::NetworkFileSystem {
        path: "/mnt/far".into(),
        kind: "NFS".to_owned(),
    };
    assert!(error.to_string().contains("put it on a local disk"), "{error}");
}
