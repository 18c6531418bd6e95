//! A server with `fsync = off`: what it acknowledges can be lost with its machine. Nothing is written to it, by whoever begins and by
//! whoever is at work and connects again; looking is free.

use test_postgres::{Server, is_there};
use volley_ledger::{Ledger, LedgerError, Opening, Reader, verify};

use crate::stage::Durably as _;
use crate::stage::{Stage, accepted, at, intent};

/// A ledger on a server of its own, which is to be changed.
fn own() -> Option<(Server, Stage)> {
    if !is_there() {
        return None;
    }
    let server = Server::start_fast();
    let stage = Stage::in_database(server.database());
    Some((server, stage))
}

/// All that anybody has written.
fn written(stage: &Stage) -> Vec<String> {
    stage.rows("SELECT id, commit_number, fenced_at FROM run ORDER BY id")
}

#[tokio::test]
async fn a_ledger_is_neither_made_nor_opened_on_a_server_that_does_not_flush_but_read() {
    let Some((server, stage)) = own() else { return };
    server.change_setting("fsync", "off");
    let refused = Ledger::init(&stage.path, at(0)).unwrap_err();
    assert!(matches!(refused, LedgerError::Unflushed { .. }), "{refused:?}");
    assert_eq!(
        stage.row("SELECT to_regnamespace('volley') IS NULL"),
        "t",
        "a ledger was made"
    );

    server.change_setting("fsync", "on");
    let run = stage.run();
    run.sent(intent(&[1], 0), accepted("t1", Some("0.1"))).await;
    run.close();
    let before = written(&stage);
    server.change_setting("fsync", "off");
    for opening in [Opening::MustExist, Opening::MakeIfMissing] {
        let refused = Ledger::open(&stage.path, opening, at(10)).unwrap_err();
        let told = refused.to_string();
        assert!(matches!(refused, LedgerError::Unflushed { .. }), "{told}");
        assert!(
            told.contains("fsync = on") && !told.contains("pw@"),
            "no remedy, or a password: {told}"
        );
    }
    assert_eq!(written(&stage), before);
    let reader = Reader::open(&stage.path).unwrap();
    assert_eq!(reader.conservation().unwrap(), Vec::<String>::new());
    assert_eq!(verify(&stage.path).unwrap().findings, []);

    server.change_setting("fsync", "on");
    stage.run().close();
    assert_ne!(written(&stage), before);
}

#[tokio::test]
async fn a_run_that_connects_again_to_a_server_that_no_longer_flushes_writes_nothing_more() {
    let Some((server, stage)) = own() else { return };
    let run = stage.run();
    run.writer.intended(intent(&[1], 0)).await.unwrap();
    let before = written(&stage);
    server.change_setting("fsync", "off");
    stage.cut();
    let refused = run.writer.intend(intent(&[2], 0)).await;
    assert!(
        matches!(refused, Err(LedgerError::Unflushed { .. })),
        "{refused:?}"
    );
    drop(run.writer);
    assert!(matches!(run.thread.join(), Err(LedgerError::Unflushed { .. })));
    assert_eq!(written(&stage), before);
    assert_eq!(stage.row("SELECT count(*) FROM batch"), "1");
}
