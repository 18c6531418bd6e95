//! What a batch costs in the ledger: its intent and its outcome, each durable, with so many in flight.

use divan::counter::ItemsCount;
use futures::future::try_join_all;
use jiff::Timestamp;
use tempfile::TempDir;
use volley_ledger::{
    Attempt, CampaignIdentity, Changes, Conclusion, Intent, Ledger, Opening, Outcome, Writer,
};
use volley_model::{BodyHash, Currency, RequestKey, SealedBatch};

use crate::support;

/// Batches a measured round.
const BATCHES: usize = 16;

#[divan::bench(args = [1, 16], sample_count = 20)]
fn commit(bencher: divan::Bencher<'_, '_>, in_flight: usize) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("volley.db");
    let mut ledger = Ledger::open(&path, Opening::MakeIfMissing, at(0)).expect("a ledger");
    let entry = ledger.enter(&identity(), Changes::Refuse, at(1)).expect("a run");
    let (writer, thread) = ledger.start(entry.run);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let batch = support::sealed();
    let mut made = 0;
    bencher
        .counter(ItemsCount::new(BATCHES * batch.members.len()))
        .bench_local(|| {
            let mut left = BATCHES;
            while left > 0 {
                let round = left.min(in_flight);
                let sent = (0..round).map(|_| {
                    made += 1;
                    send(&writer, another(&batch, made))
                });
                runtime
                    .block_on(try_join_all(sent.collect::<Vec<_>>()))
                    .expect("commits");
                left -= round;
            }
        });
    drop(writer);
    thread.join().expect("the ledger's thread");
}

async fn send(writer: &Writer, batch: SealedBatch) -> Result<(), volley_ledger::LedgerError> {
    let ticket = batch.key.to_string();
    let intent = Intent {
        batch,
        parent: None,
        simulated: false,
        reserved: None,
        currency: Currency::EUR,
        at: at(2),
    };
    let intended = writer.intend(intent).await?;
    let id = intended.durable().expect("nobody else writes");
    let outcome = Outcome::Accepted {
        ticket,
        contacts: None,
        units: None,
        cost: None,
        currency: Currency::EUR,
        residual_credit: None,
    };
    let attempt = Attempt {
        handed_over_at: Some(at(3)),
        ended_at: at(4),
        evidence: "answered 201".to_owned(),
    };
    let conclusion = Conclusion {
        outcome,
        attempts: vec![attempt],
        at: at(5),
    };
    writer.conclude(id, conclusion).await
}

/// The same recipients under another key, and another hash: to the ledger another batch.
fn another(batch: &SealedBatch, nth: u64) -> SealedBatch {
    SealedBatch {
        key: RequestKey(format!("key{nth}")),
        body_hash: BodyHash::of(&nth.to_le_bytes()),
        members: batch
            .members
            .iter()
            .filter_map(|number| volley_model::Msisdn::new(number.get() + nth * 1_000).ok())
            .collect(),
        ..batch.clone()
    }
}

fn identity() -> CampaignIdentity {
    CampaignIdentity {
        name: "spring".to_owned(),
        provider: "octopush".to_owned(),
        account: "login".to_owned(),
        host: "api.octopush.com".to_owned(),
        message: vec![("text".to_owned(), "Hello".to_owned())],
        simulated: false,
        send_at: None,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
}
