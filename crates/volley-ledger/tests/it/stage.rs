//! A ledger in a folder of its own, and short names for what the tests do with it.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use volley_ledger::{
    Attempt, BatchId, CampaignIdentity, Changes, Conclusion, Entry, Intent, Ledger, LedgerError, Opening,
    Outcome, Reader, Signature, Writer, WriterThread,
};
use volley_model::{Amount, BodyHash, Currency, LineCounts, Msisdn, RequestKey, SealedBatch};

pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) entry: Entry,
    pub(crate) writer: Writer,
    pub(crate) thread: WriterThread,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = if std::env::var_os("HACK").is_some() {
            let database = test_postgres::shared().database();
            PathBuf::from(database.url())
        } else {
            folder.path().join("volley.db")
        };
        Self { folder, path }
    }

    pub(crate) fn open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.path, Opening::MakeIfMissing, at(0))
    }

    pub(crate) fn run(&self) -> Run {
        self.run_as(&identity())
    }

    pub(crate) fn run_as(&self, identity: &CampaignIdentity) -> Run {
        let mut ledger = self.open().unwrap();
        let entry = ledger.enter(identity, Changes::Refuse, at(1)).unwrap();
        let (writer, thread) = ledger.start(entry.run);
        Run {
            entry,
            writer,
            thread,
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.path).unwrap()
    }

    /// Another SQLite tool on the same file.
    pub(crate) fn tool(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        PathBuf::from(format!("{}{suffix}", self.path.display()))
    }

    /// Changes rows against the rules: whoever does so has to lift them first, and may well put them back.
    pub(crate) fn change(&self, change: &str) {
        let tool = self.tool();
        let rules = lift_rules(&tool);
        assert!(tool.execute(change, []).unwrap() > 0, "{change}");
        for sql in rules {
            tool.execute_batch(&sql).unwrap();
        }
    }

    pub(crate) fn sound(&self) {
        assert_eq!(self.reader().conservation().unwrap(), Vec::<String>::new());
    }
}

/// Intents that nobody else can be in the way of.
pub(crate) trait Durably {
    /// The batch that an intent becomes.
    async fn intended(&self, intent: Intent) -> Result<BatchId, LedgerError>;
}

impl Durably for Writer {
    async fn intended(&self, intent: Intent) -> Result<BatchId, LedgerError> {
        let intended = self.intend(intent).await?;
        Ok(intended.durable().expect("whoever has the lock is alone"))
    }
}

impl Run {
    pub(crate) async fn sent(&self, intent: Intent, outcome: Outcome) -> BatchId {
        let batch = self.writer.intended(intent).await.unwrap();
        self.writer.conclude(batch, conclusion(outcome)).await.unwrap();
        batch
    }

    pub(crate) fn close(self) {
        let Self { writer, thread, .. } = self;
        drop(writer);
        thread.join().unwrap();
    }
}

/// Drops the triggers, which keep other tools from doing what the tests do to a ledger, and returns them.
pub(crate) fn lift_rules(tool: &Connection) -> Vec<String> {
    let query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
    let rules: Vec<(String, String)> = tool
        .prepare(query)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (name, _) in &rules {
        tool.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    rules.into_iter().map(|(_, sql)| sql).collect()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn identity() -> CampaignIdentity {
    CampaignIdentity {
        name: "spring".to_owned(),
        provider: "octopush".to_owned(),
        account: "login".to_owned(),
        host: "api.octopush.com".to_owned(),
        message: parts(&[("text", "Hello"), ("sender", "Acme")]),
        simulated: false,
        send_at: None,
    }
}

pub(crate) fn parts(parts: &[(&str, &str)]) -> Vec<(String, String)> {
    parts
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn amount(token: &str) -> Amount {
    token.parse().unwrap()
}

/// A batch of these numbers; its body follows from them, its key from body and generation.
pub(crate) fn intent(numbers: &[u64], generation: u32) -> Intent {
    let bare = format!("{numbers:?}");
    let key = format!("key{generation}{bare}");
    Intent {
        batch: SealedBatch {
            members: numbers
                .iter()
                .map(|number| Msisdn::new(*number).unwrap())
                .collect(),
            body: format!("{bare}{key}").into(),
            body_hash: BodyHash::of(bare.as_bytes()),
            sealed_hash: BodyHash::of(format!("{bare}{key}").as_bytes()),
            key: RequestKey(key),
            generation,
            units: numbers.len() as u64,
            lines: LineCounts {
                invalid: 1,
                planned: numbers.len() as u64,
                ..LineCounts::default()
            },
        },
        parent: None,
        simulated: false,
        reserved: Some(amount("0.5")),
        currency: Currency::EUR,
        at: at(2),
    }
}

pub(crate) fn accepted(ticket: &str, cost: Option<&str>) -> Outcome {
    Outcome::Accepted {
        ticket: ticket.to_owned(),
        contacts: Some(1),
        units: None,
        cost: cost.map(amount),
        currency: Currency::EUR,
        residual_credit: Some(amount("99.5")),
    }
}

pub(crate) fn doubt() -> Outcome {
    Outcome::InDoubt {
        reason: "lost: no answer in time".to_owned(),
    }
}

pub(crate) fn released() -> Outcome {
    Outcome::Released {
        reason: "no credit".to_owned(),
    }
}

pub(crate) fn refused() -> Outcome {
    Outcome::Refused {
        code: Some(100),
        message: "bad text".to_owned(),
        status: 400,
    }
}

pub(crate) fn split(named: u64) -> Outcome {
    Outcome::Split {
        named: Msisdn::new(named).unwrap(),
        code: Some(1005),
        message: format!("invalid number {named}"),
        status: 400,
    }
}

/// A child of these numbers: the intent of a batch without lines.
pub(crate) fn child(parent: BatchId, numbers: &[u64], generation: u32) -> Intent {
    let mut child = intent(numbers, generation);
    child.parent = Some(parent);
    child.batch.lines = LineCounts::default();
    child
}

pub(crate) fn conclusion(outcome: Outcome) -> Conclusion {
    let attempt = Attempt {
        handed_over_at: Some(at(3)),
        ended_at: at(4),
        evidence: "answered 200".to_owned(),
    };
    Conclusion {
        outcome,
        attempts: vec![attempt],
        at: at(5),
    }
}

pub(crate) fn signed(why: &str) -> Signature {
    Signature {
        who: "anna@desk".to_owned(),
        why: why.to_owned(),
        at: at(50),
    }
}
