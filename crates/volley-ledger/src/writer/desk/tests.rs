//! Groups of orders as they come together, which the writer's channel leaves to chance.

use std::path::{Path, PathBuf};

use crate::database::Connection;
use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::types::Value;
use tokio::sync::oneshot::{self, Receiver};
use volley_model::{BodyHash, Currency, LineCounts, Msisdn, RequestKey, SealedBatch};

use super::super::Reply;
use super::*;
use crate::{CampaignIdentity, Changes, Conclusion, Intended, Intent, Opening, Outcome};

/// A ledger in a folder of its own, with a desk.
struct Bench {
    folder: tempfile::TempDir,
    desk: Desk,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&path_in(&folder), Opening::MakeIfMissing, at(0)).unwrap();
        let identity = CampaignIdentity {
            name: "spring".to_owned(),
            provider: "octopush".to_owned(),
            account: "account".to_owned(),
            host: "localhost".to_owned(),
            message: vec![("text".to_owned(), "Hello".to_owned())],
            simulated: false,
            send_at: None,
        };
        let run = ledger.enter(&identity, Changes::Refuse, at(1)).unwrap().run;
        let desk = Desk::new(ledger, run).unwrap();
        Self { folder, desk }
    }

    /// Commits these intents as one group; which of them were written.
    fn intend(&mut self, keys: &[&str]) -> Vec<Result<BatchId, LedgerError>> {
        let (mut group, heard): (Vec<_>, Vec<_>) = keys
            .iter()
            .map(|key| order(|reply| Order::Intend(Box::new(intent(key)), reply)))
            .unzip();
        self.desk.commit(&mut group);
        heard
            .into_iter()
            .map(|heard| said(heard).map(|intended| intended.durable().unwrap()))
            .collect()
    }

    /// What a group writes, row by row, without the batches' slots and the checksums that these are part of.
    fn written(&self) -> Vec<String> {
        let batch = "SELECT id, campaign, run, sequence, parent, generation, request_key, body_hash, member_count, \
            lines_duplicate, lines_planned, lines_read, intended_at, state, outcome_sum FROM batch";
        let (members, commits) = (
            "SELECT * FROM members",
            "SELECT commit_number, last_at FROM ledger",
        );
        let tool = Connection::open(path_in(&self.folder)).unwrap();
        [batch, members, commits]
            .iter()
            .flat_map(|query| rows(&tool, query))
            .collect()
    }

    fn sound(&self) {
        let tool = Connection::open(path_in(&self.folder)).unwrap();
        assert_eq!(
            rows(&tool, "SELECT * FROM conservation"),
            <Vec<String>>::new(),
            "conservation"
        );
    }
}

fn path_in(folder: &tempfile::TempDir) -> PathBuf {
    Path::new(folder.path()).join("volley.db")
}

fn rows(tool: &Connection, query: &str) -> Vec<String> {
    let mut statement = tool.prepare(query).unwrap();
    let row = statement.query_map([], |row| {
        (0..row.column_count())
            .map(|column| row.get::<_, Value>(column).map(|value| format!("{value:?} ")))
            .collect()
    });
    row.unwrap().map(Result::unwrap).collect()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn order<T>(order: impl FnOnce(Reply<T>) -> Order) -> (Order, Receiver<Result<T, LedgerError>>) {
    let (waiting, heard) = oneshot::channel();
    let reply = Reply {
        waiting,
        result: None,
    };
    (order(reply), heard)
}

fn said<T>(mut heard: Receiver<Result<T, LedgerError>>) -> Result<T, LedgerError> {
    heard.try_recv().unwrap()
}

fn intent(key: &str) -> Intent {
    let body = Bytes::from(format!("body of {key}"));
    let hash = BodyHash::of(&body);
    let batch = SealedBatch {
        members: vec![
            Msisdn::new(33_600_000_000).unwrap(),
            Msisdn::new(33_600_000_001).unwrap(),
        ],
        sealed_hash: hash,
        body_hash: hash,
        body,
        key: RequestKey(key.to_owned()),
        generation: 0,
        units: 2,
        lines: LineCounts {
            planned: 2,
            duplicate: 3,
            ..LineCounts::default()
        },
    };
    Intent {
        batch,
        parent: None,
        simulated: false,
        reserved: None,
        currency: Currency::EUR,
        at: at(2),
    }
}

fn released() -> Conclusion {
    Conclusion {
        outcome: Outcome::Released {
            reason: "unsent".to_owned(),
        },
        attempts: vec![crate::Attempt {
            handed_over_at: None,
            ended_at: at(3),
            evidence: "nothing left".to_owned(),
        }],
        at: at(3),
    }
}

fn is_refused<T>(result: &Result<T, LedgerError>) -> bool {
    matches!(result, Err(LedgerError::Refused { .. }))
}

#[test]
fn a_refused_order_takes_no_other_with_it_and_leaves_nothing_behind() {
    // Wherever in the group it stands.
    for keys in [["a", "a", "b", "c"], ["a", "b", "c", "a"], ["a", "b", "b", "c"]] {
        let mut bench = Bench::new();
        let heard = bench.intend(&keys);
        let refused = heard.iter().filter(|heard| is_refused(heard)).count();
        let written: Vec<i64> = heard.iter().flatten().map(|batch| batch.0).collect();
        assert_eq!((refused, &written[..]), (1, &[1, 2, 3][..]), "{keys:?}");
        bench.sound();

        let mut without = Bench::new();
        let heard = without.intend(&["a", "b", "c"]);
        assert!(heard.iter().all(Result::is_ok));
        // But for the slots, all is as if the refused one had never been.
        assert_eq!(bench.written(), without.written(), "{keys:?}");
    }
}

#[test]
fn a_group_without_a_refusal_is_written_at_once_and_one_with_it_at_the_second_try() {
    let mut bench = Bench::new();
    let before = bench.desk.commit_number;
    assert!(bench.intend(&["a", "b"]).iter().all(Result::is_ok));
    assert_eq!((bench.desk.commit_number, bench.desk.sequence), (before + 1, 2));
    let heard = bench.intend(&["b"]);
    assert!(is_refused(&heard[0]), "{heard:?}");
    assert_eq!((bench.desk.commit_number, bench.desk.sequence), (before + 2, 2));
    assert_eq!(bench.desk.lines_read, 10);
    // The slot that it never came to use is free again.
    assert!(bench.intend(&["c"])[0].is_ok());
    let tool = Connection::open(path_in(&bench.folder)).unwrap();
    assert_eq!(
        rows(&tool, "SELECT sequence, slot FROM batch"),
        [
            "Integer(1) Integer(0) ",
            "Integer(2) Integer(1) ",
            "Integer(3) Integer(2) "
        ]
    );
    bench.sound();
}

#[test]
fn orders_of_every_kind_go_through_a_second_try_once() {
    let mut bench = Bench::new();
    let first = bench.intend(&["a", "b"]).remove(0).unwrap();
    let (conclude, concluded) = order(|reply| Order::Conclude(first, Box::new(released()), reply));
    let (read, body) = order(|reply| Order::ReadBody(BatchId(2), reply));
    let (intend, intended) = order(|reply| Order::Intend(Box::new(intent("c")), reply));
    // That batch is not in doubt.
    let (absent, missed) = order(|reply| Order::Absent(vec![BatchId(2)], at(4), reply));
    let (again, twice) = order(|reply| Order::Conclude(first, Box::new(released()), reply));
    let behind = LineCounts {
        duplicate: 1,
        ..LineCounts::default()
    };
    let (book, booked) = order(|reply| Order::BookLines(behind, reply));
    bench
        .desk
        .commit(&mut vec![conclude, read, intend, absent, again, book]);
    said(concluded).unwrap();
    assert_eq!(said(body).unwrap().unwrap(), "body of b");
    assert_eq!(said(intended).unwrap(), Intended::Durable(BatchId(3)));
    assert!(is_refused(&said(missed)));
    assert!(is_refused(&said(twice)));
    said(booked).unwrap();
    assert_eq!((bench.desk.sequence, bench.desk.lines_read), (4, 16));
    assert_eq!(bench.desk.open.len(), 2);
    let tool = Connection::open(path_in(&bench.folder)).unwrap();
    assert_eq!(
        rows(
            &tool,
            "SELECT state, (SELECT count(*) FROM attempt WHERE batch = id) FROM batch"
        ),
        [
            "Text(\"released\") Integer(1) ",
            "Text(\"intended\") Integer(0) ",
            "Text(\"intended\") Integer(0) "
        ]
    );
    bench.sound();
}

#[test]
fn a_batch_is_on_its_way_until_something_is_known_of_it() {
    let mut bench = Bench::new();
    let batches = bench.intend(&["a", "b", "c"]);
    assert!(bench.desk.has_on_their_way(3));
    assert!(!bench.desk.has_on_their_way(4));
    let doubt = Conclusion {
        outcome: Outcome::InDoubt {
            reason: "silence".to_owned(),
        },
        ..released()
    };
    let mut left = 3;
    for (batch, conclusion) in batches.into_iter().zip([doubt, released()]) {
        let (conclude, heard) = order(|reply| Order::Conclude(batch.unwrap(), Box::new(conclusion), reply));
        bench.desk.commit(&mut vec![conclude]);
        said(heard).unwrap();
        assert!(!bench.desk.has_on_their_way(left));
        left -= 1;
        assert!(bench.desk.has_on_their_way(left));
    }
}
