//! What only a ledger in a file has: slots, its lock file, files beside it, and a disk of its own.

use std::os::unix::fs::PermissionsExt as _;

use volley_ledger::{Ledger, LedgerError, ListStep, Opening, Signature, Word, WordError};
use volley_model::LineCounts;

use crate::in_a_file::forget::{FIRST, spring, stored};
use crate::in_a_file::list_campaigns::draft;
use crate::stage::Durably as _;
use crate::stage::{Stage, accepted, at, conclusion, doubt, identity, intent, signed};

fn new_stage() -> Stage {
    Stage::in_a_file()
}

#[tokio::test]
async fn a_slot_is_used_again_after_a_definite_outcome_and_not_while_in_doubt() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), doubt()).await;
    run.writer.conclude(batch, conclusion(doubt())).await.unwrap();
    run.sent(intent(&[2], 0), doubt()).await;
    run.writer
        .conclude(batch, conclusion(accepted("t", None)))
        .await
        .unwrap();
    run.sent(intent(&[3], 0), doubt()).await;
    run.close();
    let query = "SELECT string_agg(slot, ' ' ORDER BY id) FROM batch";
    let slots = stage.row(query);
    assert_eq!(slots, "0 1 0");
}

#[tokio::test]
async fn a_run_that_was_overtaken_writes_no_more() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.writer.intended(intent(&[1], 0)).await.unwrap();
    stage.carry_out("UPDATE ledger SET latest_run = 9");
    let fenced = run.writer.conclude(batch, conclusion(doubt())).await;
    assert!(matches!(fenced, Err(LedgerError::Fenced { .. })), "{fenced:?}");
    stage.carry_out("UPDATE ledger SET latest_run = 1");
    let later = run.writer.intended(intent(&[2], 0)).await;
    assert!(
        matches!(later, Err(LedgerError::Fenced { .. })),
        "the first failure stays: {later:?}"
    );
    drop(run.writer);
    assert!(matches!(run.thread.join(), Err(LedgerError::Fenced { .. })));
}

#[test]
fn a_ledger_and_all_beside_it_are_their_owners_alone() {
    let stage = new_stage();
    Ledger::init(&stage.path, at(0)).unwrap();
    let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
    assert!(!ledger.made());
    let entry = ledger
        .enter(&identity(), volley_ledger::Changes::Refuse, at(1))
        .unwrap();
    let (writer, thread) = ledger.start(entry.run);
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(writer.intended(intent(&[1], 0)))
        .unwrap();
    for entry in std::fs::read_dir(stage.folder()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{entry:?}"
        );
    }
    drop(writer);
    thread.join().unwrap();
}

#[tokio::test]
async fn after_the_first_failed_write_nothing_is_written_any_more() {
    let stage = new_stage();
    stage.run().close();
    std::fs::remove_file(stage.beside("-bodies")).unwrap();
    // Takes no byte, and says so as a full disk does.
    std::os::unix::fs::symlink("/dev/full", stage.beside("-bodies")).unwrap();
    let run = stage.run();
    let before = stage.commits();
    let full = run.writer.intended(intent(&[1], 0)).await;
    assert!(
        matches!(
            full,
            Err(LedgerError::Storage {
                step: "writing a body",
                ..
            })
        ),
        "{full:?}"
    );
    // This one touches no body; it is refused all the same.
    let later = run.writer.book_lines(LineCounts::default()).await;
    assert!(matches!(later, Err(LedgerError::Storage { .. })), "{later:?}");
    assert_eq!(stage.commits(), before);
    drop(run.writer);
    assert!(matches!(run.thread.join(), Err(LedgerError::Storage { .. })));
}

#[test]
fn a_step_is_one_commit_that_the_lock_file_remembers() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    let campaign = ledger.record_draft(&draft("c1")).unwrap();
    ledger.close().unwrap();
    let older = std::fs::read(&stage.path).unwrap();
    let mut ledger = stage.open().unwrap();
    ledger.step(campaign.id, &ListStep::Intended, at(60)).unwrap();
    assert_eq!(ledger.last_at().unwrap(), at(60));
    ledger.close().unwrap();
    std::fs::write(&stage.path, older).unwrap();
    let rolled_back = stage.open().unwrap_err();
    assert!(rolled_back.to_string().contains("rolled back"), "{rolled_back}");
}

#[tokio::test]
async fn a_withdrawal_is_one_commit_that_the_lock_file_remembers() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), accepted("t1", None)).await;
    run.close();
    let older = std::fs::read(&stage.path).unwrap();
    let mut ledger = stage.open().unwrap();
    ledger
        .withdraw(batch, "cancelled at the provider", at(60))
        .unwrap();
    assert_eq!(ledger.last_at().unwrap(), at(60));
    ledger.close().unwrap();
    std::fs::write(&stage.path, older).unwrap();
    let rolled_back = stage.open().unwrap_err();
    assert!(rolled_back.to_string().contains("rolled back"), "{rolled_back}");
}

#[tokio::test]
async fn a_word_is_one_commit_that_the_lock_file_remembers() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), doubt()).await;
    run.close();
    let older = std::fs::read(&stage.path).unwrap();
    let mut ledger = stage.open().unwrap();
    let late = Signature {
        at: at(1000),
        ..signed("no answer")
    };
    ledger.resolve(batch, &Word::Abandon, &late).unwrap();
    assert_eq!(ledger.last_at().unwrap(), at(1000));
    ledger.close().unwrap();
    std::fs::write(&stage.path, older).unwrap();
    let rolled_back = stage.open().unwrap_err();
    assert!(rolled_back.to_string().contains("rolled back"), "{rolled_back}");
}

#[tokio::test]
async fn a_reader_that_keeps_the_log_alive_is_told_of() {
    let stage = new_stage();
    spring(&stage).await.close();
    let mut ledger = stage.open().unwrap();
    let reader = stage.tool();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM members;")
        .unwrap();
    let busy = ledger.forget("spring", &signed("now")).unwrap_err();
    assert!(matches!(busy, WordError::Busy { .. }), "{busy:?}");
    reader.execute_batch("COMMIT").unwrap();
    assert!(ledger.forget("spring", &signed("now")).unwrap().again);
    assert!(!stage.holds(&stored(FIRST)));
}
