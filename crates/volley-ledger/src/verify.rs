//! Checks everything of a ledger that can be checked, without changing anything and beside whoever writes it.
//!
//! Output: what was looked at, and a list of findings, each with its place, the fault and the remedy.
//! Not here: whether the provider agrees.

mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::database::{self};
use crate::database::{Connection, Row};
use volley_model::BatchState;

use crate::checksum;
use crate::ledger::{kept_body, marks, misfit};
use crate::place::{self, Place};
use crate::postgres::Address;
use crate::rows::{BatchRow, COLUMN_COUNT, COLUMNS, RowError};
use crate::schema::Format;
use crate::{
    BatchId, LedgerError, campaign, filesystem, list_campaigns, lock, lookup, members, pricing, queries,
    report, schedule, schema, split, suppress, upgrade, word,
};

/// Faults in the structure that are told one by one; a file that has more is lost anyway.
const FAULTS_MAX: usize = 100;

const STEP: &str = "checking the ledger";

const RESTORE: &str = "keep all its files, and put back the newest sound copy";

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The ledger, symbolic links resolved; the address of one on a server, without its password.
    pub path: PathBuf,
    /// Batches that were read and checked.
    pub batches: u64,
    /// Their numbers.
    pub recipients: u64,
    /// What is wrong; empty in a sound ledger.
    pub findings: Vec<Finding>,
    /// Of one on a server: why its schema's definitions could not be compared, if they could not.
    pub uncompared: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: a file, a batch, a run.
    pub place: String,
    /// What.
    pub fault: String,
    /// What to do.
    pub remedy: String,
}

/// Checks the ledger at that path, or at that address.
///
/// # Errors
/// It cannot be looked at: [`Missing`](LedgerError::Missing), [`Foreign`](LedgerError::Foreign),
/// [`Newer`](LedgerError::Newer), [`NetworkFileSystem`](LedgerError::NetworkFileSystem),
/// [`Storage`](LedgerError::Storage).
pub fn verify(path: &Path) -> Result<Verification, LedgerError> {
    if Address::is_one(path) {
        return server::verify(path);
    }
    let place = Place::at(path)?;
    if !place.has_ledger()? {
        return Err(place.missing());
    }
    filesystem::refuse_network(&place)?;
    schema::check_marks(&place)?;
    let mut found = Verification::of(&place);
    found.modes(&place)?;
    // Read before the database: a writer notes a commit behind it, so that what it notes is never ahead.
    let remembered = lock::recall(&place);
    let connection = match open(&place.ledger) {
        Ok(connection) => connection,
        // So broken that nothing more can be asked of it.
        Err(error) => {
            found.note(Err(error))?;
            return Ok(found);
        }
    };
    let mut check = Check {
        connection,
        place,
        found,
    };
    check.all(remembered)?;
    Ok(check.found)
}

/// One moment for all questions, beside whoever writes.
fn open(path: &Path) -> Result<Connection, LedgerError> {
    let connection = schema::connect_to_read(path)?;
    connection
        .execute_batch("BEGIN")
        .map_err(|error| LedgerError::database(path, STEP, error))?;
    Ok(connection)
}

impl Verification {
    /// Nothing is found yet.
    fn of(place: &Place) -> Self {
        Self {
            path: place.ledger.clone(),
            batches: 0,
            recipients: 0,
            findings: Vec::new(),
            uncompared: None,
        }
    }

    fn find(&mut self, place: impl Into<String>, fault: impl Into<String>, remedy: impl Into<String>) {
        self.findings.push(Finding {
            place: place.into(),
            fault: fault.into(),
            remedy: remedy.into(),
        });
    }

    /// Takes damage that ended a step for a finding; all else is in the way of looking at all.
    fn note(&mut self, done: Result<(), LedgerError>) -> Result<(), LedgerError> {
        match done {
            Ok(()) => {}
            Err(LedgerError::Damaged { path, detail } | LedgerError::Foreign { path, detail }) => {
                self.find(path.display().to_string(), detail, RESTORE);
            }
            Err(LedgerError::Displaced { path, detail }) => {
                let shown = path.display().to_string();
                let remedy = format!(
                    "put the right files back, or, if this is meant, say so with `volley ledger adopt --ledger {shown} \
                     --reason TEXT`"
                );
                self.find(shown, detail, remedy);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Nobody else may read the numbers.
    fn modes(&mut self, place: &Place) -> Result<(), LedgerError> {
        for path in [&place.ledger, &place.lock, &place.bodies, &place.log] {
            let mode = match fs::metadata(path) {
                Ok(metadata) => metadata.permissions().mode() & 0o777,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(LedgerError::file(path, "looking at the file", error)),
            };
            if mode != place::MODE {
                let shown = path.display().to_string();
                let remedy = format!("chmod 600 {shown}");
                self.find(shown, format!("its mode is {mode:o}, and should be 600"), remedy);
            }
        }
        Ok(())
    }
}

struct Check {
    connection: Connection,
    place: Place,
    found: Verification,
}

/// One of the things that are checked.
type Step = fn(&mut Check) -> Result<(), LedgerError>;

impl Check {
    /// Every step of a file.
    fn all(&mut self, remembered: Result<Option<lock::Memory>, LedgerError>) -> Result<(), LedgerError> {
        let agrees = remembered.and_then(|memory| self.lock(memory.as_ref()));
        self.found.note(agrees)?;
        let steps: [Step; 14] = [
            Self::structure,
            Self::schema,
            Self::references,
            Self::campaigns,
            Self::batches,
            Self::splits,
            Self::words,
            Self::schedules,
            Self::lookups,
            Self::prices,
            Self::list_campaigns,
            Self::suppressions,
            Self::conservation,
            Self::bodies,
        ];
        self.take(&steps)
    }

    /// Takes steps; one that damage ends does not keep the others from being taken.
    fn take(&mut self, steps: &[Step]) -> Result<(), LedgerError> {
        for step in steps {
            let done = step(self);
            self.found.note(done)?;
        }
        Ok(())
    }

    fn failed(&self, error: database::Error) -> LedgerError {
        LedgerError::database(&self.place.ledger, STEP, error)
    }

    fn is_first(&self) -> Result<bool, LedgerError> {
        Ok(schema::format(&self.connection, &self.place.ledger)? == Format::First)
    }

    /// Whether it is the ledger that the lock file remembers.
    fn lock(&self, memory: Option<&lock::Memory>) -> Result<(), LedgerError> {
        let marks = marks(&self.connection, &self.place.ledger)?;
        match misfit(memory, &marks, self.place.inode()?) {
            None => Ok(()),
            Some(detail) => Err(LedgerError::displaced(&self.place.ledger, detail)),
        }
    }

    fn structure(&mut self) -> Result<(), LedgerError> {
        let faults = self.texts(&format!("PRAGMA integrity_check({FAULTS_MAX})"))?;
        for fault in faults.into_iter().filter(|fault| fault != "ok") {
            self.found
                .find(self.place.ledger.display().to_string(), fault, RESTORE);
        }
        Ok(())
    }

    /// Tables, triggers and views as they were made: a rule that was dropped holds nothing.
    fn schema(&mut self) -> Result<(), LedgerError> {
        let failed = |error| self.failed(error);
        let made = schema::in_memory().and_then(|made| schema::objects(&made));
        let made = made.map_err(failed)?;
        let mut found = schema::objects(&self.connection).map_err(failed)?;
        let older = upgrade::hash_of(schema::format(&self.connection, &self.place.ledger)?);
        // Of an older format it is not known which of its texts differs.
        if older.is_some_and(|hash| !upgrade::is_older(hash, &found, &made)) {
            self.found.find("schema", "it is not as Volley made it", RESTORE);
        }
        for (name, expected) in made {
            let fault = match found.remove(&name) {
                _ if older.is_some() => continue,
                Some(sql) if sql == expected => continue,
                Some(_) => "it is not as Volley made it",
                None => "it is gone",
            };
            self.found.find(format!("schema of {name}"), fault, RESTORE);
        }
        for name in found.into_keys() {
            let remedy = "take it out again; a ledger is Volley's alone";
            self.found
                .find(format!("schema of {name}"), "it is not Volley's", remedy);
        }
        Ok(())
    }

    fn references(&mut self) -> Result<(), LedgerError> {
        let query = "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' refers to a missing ' || parent \
            FROM pragma_foreign_key_check";
        for fault in self.texts(query)? {
            self.found
                .find(self.place.ledger.display().to_string(), fault, RESTORE);
        }
        Ok(())
    }

    /// Every campaign and every wording.
    fn campaigns(&mut self) -> Result<(), LedgerError> {
        campaign::check_rows(&self.connection, &self.place.ledger)
    }

    /// Every batch's row and numbers.
    fn batches(&mut self) -> Result<(), LedgerError> {
        let query = format!(
            "SELECT {COLUMNS}, (SELECT numbers FROM members WHERE members.batch = batch.id), \
             (SELECT closed_at FROM campaign WHERE campaign.id = batch.campaign) IS NOT NULL FROM batch ORDER BY id"
        );
        let (mut faults, mut recipients, mut batches) = (Vec::new(), 0, 0);
        {
            let mut statement = self
                .connection
                .prepare(&query)
                .map_err(|error| self.failed(error))?;
            let mut rows = statement.query([]).map_err(|error| self.failed(error))?;
            while let Some(row) = rows.next().map_err(|error| self.failed(error))? {
                match check_batch(&row) {
                    Ok(members) => recipients += members,
                    Err(fault) => faults.push((row.get(0).unwrap_or(BatchId(0)), fault)),
                }
                batches += 1;
            }
        }
        self.found.batches = batches;
        self.found.recipients = recipients;
        for (batch, fault) in faults {
            self.found.find(format!("batch {batch}"), fault, RESTORE);
        }
        Ok(())
    }

    /// Every child's numbers against its parent's.
    fn splits(&mut self) -> Result<(), LedgerError> {
        // A batch that cannot be read was found above.
        let strangers = match split::strangers(&self.connection, &self.place.ledger) {
            Err(LedgerError::Damaged { .. }) => return Ok(()),
            strangers => strangers?,
        };
        for batch in strangers {
            self.found.find(
                format!("batch {batch}"),
                "its parent has not left it all of its numbers",
                RESTORE,
            );
        }
        Ok(())
    }

    /// Every word of an operator's.
    fn words(&mut self) -> Result<(), LedgerError> {
        let query = format!("SELECT id, {} FROM resolution ORDER BY id", word::SUMMED);
        let changed: Vec<i64> =
            checksum::unfit(&self.connection, &query).map_err(|error| self.failed(error))?;
        for id in changed {
            self.found
                .find(format!("resolution {id}"), "it fails its checksum", RESTORE);
        }
        Ok(())
    }

    /// When each run goes out.
    fn schedules(&mut self) -> Result<(), LedgerError> {
        if self.is_first()? {
            return Ok(());
        }
        for run in schedule::changed_rows(&self.connection, &self.place.ledger)? {
            self.found.find(
                format!("run {run}"),
                "the time it goes out fails its checksum",
                RESTORE,
            );
        }
        Ok(())
    }

    /// Every listing that lacked a batch.
    fn lookups(&mut self) -> Result<(), LedgerError> {
        if self.is_first()? {
            return Ok(());
        }
        for batch in lookup::changed_rows(&self.connection, &self.place.ledger)? {
            self.found.find(
                format!("batch {batch}"),
                "a lookup of it fails its checksum",
                RESTORE,
            );
        }
        Ok(())
    }

    /// Every price that came later.
    fn prices(&mut self) -> Result<(), LedgerError> {
        if self.is_first()? {
            return Ok(());
        }
        for batch in pricing::changed_rows(&self.connection, &self.place.ledger)? {
            self.found
                .find(format!("batch {batch}"), "its price fails its checksum", RESTORE);
        }
        Ok(())
    }

    /// Every campaign on a list or a tag, with its message and its events.
    fn list_campaigns(&mut self) -> Result<(), LedgerError> {
        if self.is_first()? {
            return Ok(());
        }
        for (place, fault) in list_campaigns::faults(&self.connection, &self.place.ledger)? {
            self.found.find(place, fault, RESTORE);
        }
        Ok(())
    }

    /// The suppression list and every change of it.
    fn suppressions(&mut self) -> Result<(), LedgerError> {
        if schema::format(&self.connection, &self.place.ledger)? < Format::Current {
            return Ok(());
        }
        for id in suppress::changed_rows(&self.connection, &self.place.ledger)? {
            let place = format!("change {id} of the suppression list");
            self.found.find(place, "it fails its checksum", RESTORE);
        }
        suppress::all(&self.connection, &self.place.ledger, &mut |_, _| ())
    }

    fn conservation(&mut self) -> Result<(), LedgerError> {
        for (place, fault) in report::faults(&self.connection, &self.place.ledger)? {
            self.found.find(place, fault, RESTORE);
        }
        Ok(())
    }

    /// Whether each open batch could be sent again as it was.
    fn bodies(&mut self) -> Result<(), LedgerError> {
        let mut lost = Vec::new();
        let path = self.place.ledger.clone();
        let mut open = Vec::new();
        // A row that cannot be read was found above.
        let listed = queries::each_open(&self.connection, &path, &mut |batch| open.push(batch));
        if listed.is_err() {
            return Ok(());
        }
        for batch in open.into_iter().filter(|batch| !batch.simulated) {
            if kept_body(&self.connection, &self.place, &batch)?.is_none() {
                lost.push(batch.id);
            }
        }
        // A writer may have settled them since, and used their slots again: asked once more, of this moment.
        self.connection
            .execute_batch("COMMIT")
            .map_err(|error| self.failed(error))?;
        for batch in lost {
            if queries::batch(&self.connection, &path, batch)?.is_some_and(|batch| batch.is_open()) {
                self.found.find(
                    format!("batch {batch}"),
                    "its body is lost, so that it cannot be probed",
                    format!("find out at the provider, then say so with `volley doubt resolve {batch}`"),
                );
            }
        }
        Ok(())
    }

    fn texts(&self, query: &str) -> Result<Vec<String>, LedgerError> {
        let read = |query| {
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<database::Result<Vec<String>>>()
        };
        read(query).map_err(|error| self.failed(error))
    }
}

/// How many numbers a batch has, or what is wrong with it.
fn check_batch(row: &Row<'_>) -> Result<u64, String> {
    let batch = BatchRow::read(row).map_err(|error| match error {
        RowError::Checksum(_) => "it fails its checksum".to_owned(),
        RowError::Unreadable(error) => format!("it cannot be read: {error}"),
    })?;
    let readable = |error: database::Error| format!("its numbers cannot be read: {error}");
    let erased: bool = row.get(COLUMN_COUNT + 1).map_err(readable)?;
    let blob = row.get_ref(COLUMN_COUNT).map_err(readable)?.as_blob_or_null();
    let blob = blob.map_err(|error| format!("its numbers cannot be read: {error}"))?;
    let Some(blob) = blob else {
        // The view `conservation` tells of those that are missing.
        return Ok(if erased { batch.member_count } else { 0 });
    };
    let mut numbers = Vec::new();
    members::decode(&batch.request_key, blob, &mut numbers).map_err(|error| error.to_string())?;
    let named = batch.named_number.filter(|_| batch.state == BatchState::Split);
    if numbers.len() as u64 != batch.member_count {
        return Err("its numbers are not as many as they were".to_owned());
    }
    if named.is_some_and(|named| numbers.binary_search(&named).is_err()) {
        return Err("it was split for a number that it does not have".to_owned());
    }
    Ok(batch.member_count)
}
