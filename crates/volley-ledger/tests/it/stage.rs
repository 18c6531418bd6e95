//! A ledger of its own for a test, in a file or on a server, and short names for what the tests do with it.

mod place;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;
use rusqlite::Connection;
use volley_ledger::{
    Attempt, BatchId, CampaignIdentity, Changes, Company, Conclusion, Entry, Intent, Ledger, LedgerError,
    Opening, Outcome, Reader, RunLimits, Signature, Terms, Writer, WriterThread,
};
use volley_model::{Amount, BodyHash, Currency, LineCounts, Msisdn, RequestKey, SealedBatch};

use test_postgres::Database;

use place::Place;
pub(crate) use place::{hex, lift_rules};

pub(crate) struct Stage {
    place: Place,
    pub(crate) path: PathBuf,
    /// Its database is of the server that all share, and goes with it: there are many, of eight megabytes each.
    is_lent: bool,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.is_lent {
            // Where it fails it goes with the server.
            let _ = test_postgres::shared().forget(self.database());
        }
    }
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) entry: Entry,
    pub(crate) writer: Writer,
    pub(crate) thread: WriterThread,
    /// Of one that has joined others on a server.
    pub(crate) company: Option<Company>,
}

impl Stage {
    pub(crate) fn in_a_file() -> Self {
        Self::at(Place::File(tempfile::tempdir().unwrap()))
    }

    /// An empty ledger, a copy of one that is made once: that is quicker. Where PostgreSQL is missing, the test says that it
    /// is skipped, and has a file instead, which harms nothing.
    pub(crate) fn on_a_server() -> Self {
        static EMPTY: OnceLock<Database> = OnceLock::new();
        if !test_postgres::is_there() {
            return Self::in_a_file();
        }
        let server = test_postgres::shared();
        let empty = EMPTY.get_or_init(|| {
            let database = server.database();
            Ledger::init(database.url().as_ref(), at(0)).unwrap();
            database
        });
        let mut stage = Self::at(Place::Server(server.copy_of(empty)));
        stage.is_lent = true;
        stage
    }

    fn at(place: Place) -> Self {
        let path = place.path();
        Self {
            place,
            path,
            is_lent: false,
        }
    }

    /// Whether it is in a file, where some things are counted that a server does not count.
    pub(crate) fn is_a_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// Opens it for the next process, the ones before being dead: of a file the lock tells so.
    pub(crate) fn open(&self) -> Result<Ledger, LedgerError> {
        self.fence();
        Ledger::open(&self.path, Opening::MakeIfMissing, at(0))
    }

    /// What others do on a server once a run has been silent for long enough.
    fn fence(&self) {
        if let Place::Server(database) = &self.place {
            let fence = "DO $$ BEGIN IF to_regclass('volley.run') IS NOT NULL THEN \
                UPDATE volley.run SET fenced_at = 1 WHERE ended_at IS NULL AND fenced_at IS NULL; END IF; END $$";
            database.psql(fence);
        }
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
            company: None,
        }
    }

    /// A run that joins those that are under way, on these terms.
    pub(crate) fn joined(&self, identity: &CampaignIdentity, terms: Terms) -> Run {
        let mut ledger = Ledger::open(&self.path, Opening::MakeIfMissing, at(0)).unwrap();
        let limits = RunLimits {
            requests_per_second: 100.0,
            burst: 10,
            recipients_per_second: None,
            max_in_flight: 10,
        };
        ledger.agree_on(limits, terms);
        let entry = ledger.enter(identity, Changes::Refuse, at(1)).unwrap();
        let company = ledger.join(&entry, &limits, at(1)).unwrap();
        let (writer, thread) = ledger.start(entry.run);
        Run {
            entry,
            writer,
            thread,
            company,
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.path).unwrap()
    }

    /// What a query finds that both databases understand: a text for each row, its columns apart by `|`, a blob in hex,
    /// nothing for null.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        self.place.rows(query)
    }

    /// The one row that it finds.
    pub(crate) fn row(&self, query: &str) -> String {
        let [row] = <[String; 1]>::try_from(self.rows(query)).unwrap();
        row
    }

    /// Runs a statement as any tool may, within the rules.
    pub(crate) fn carry_out(&self, statement: &str) {
        if let Err(refusal) = self.place.attempt(statement) {
            panic!("{statement}: {}", refusal.said);
        }
    }

    /// What the rules say against a statement.
    pub(crate) fn refuses(&self, statement: &str) -> String {
        let Err(refusal) = self.place.attempt(statement) else {
            panic!("{statement} went through")
        };
        assert!(refusal.by_rule, "{statement}: {}", refusal.said);
        refusal.said
    }

    /// Changes rows against the rules.
    pub(crate) fn change(&self, change: &str) {
        assert!(self.place.force(change) > 0, "{change}");
    }

    /// How often it was written; on a server, by runs.
    pub(crate) fn commits(&self) -> u64 {
        let query = match &self.place {
            Place::File(_) => "SELECT commit_number FROM ledger",
            Place::Server(_) => "SELECT coalesce(sum(commit_number), 0) FROM run",
        };
        self.row(query).parse().unwrap()
    }

    /// The bodies of open batches are gone.
    pub(crate) fn lose_bodies(&self) {
        match &self.place {
            Place::File(_) => std::fs::remove_file(self.beside("-bodies")).unwrap(),
            Place::Server(_) => self.carry_out("DELETE FROM body"),
        }
    }

    /// Whether these bytes are in any of its files, or, as text or blob, in a row of any of its tables.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        match &self.place {
            Place::File(folder) => std::fs::read_dir(folder.path()).unwrap().any(|entry| {
                let content = std::fs::read(entry.unwrap().path()).unwrap();
                content.windows(bytes.len()).any(|window| window == bytes)
            }),
            Place::Server(database) => {
                let dump = database
                    .psql("SET xmlbinary = hex; SELECT lower(schema_to_xml('volley', true, true, '')::text)");
                let text = std::str::from_utf8(bytes).is_ok_and(|text| dump.contains(text));
                text || dump.contains(&hex(bytes))
            }
        }
    }

    pub(crate) fn sound(&self) {
        assert_eq!(self.reader().conservation().unwrap(), Vec::<String>::new());
    }
}

/// What only a server has.
impl Stage {
    /// In a database of a server that the test has for itself.
    pub(crate) fn in_database(database: Database) -> Self {
        Self::at(Place::Server(database))
    }

    /// The database.
    pub(crate) fn database(&self) -> &Database {
        let Place::Server(database) = &self.place else {
            panic!("a file has no server")
        };
        database
    }

    /// Runs a statement as the server's superuser.
    pub(crate) fn administer(&self, statement: &str) -> String {
        let statement = format!("SET search_path = volley; {statement}");
        self.database().psql_as("postgres", &statement).unwrap()
    }

    /// Cuts all connections of Volley's to it, and waits until they are gone.
    pub(crate) fn cut(&self) {
        self.administer(
            "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'volley'",
        );
    }
}

/// What only a file has.
impl Stage {
    /// Another SQLite tool on the same file.
    pub(crate) fn tool(&self) -> Connection {
        self.place.tool()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap()
    }

    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        PathBuf::from(format!("{}{suffix}", self.path.display()))
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
        Ok(intended.durable().expect("nobody else is in the way"))
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
