//! Who holds a number: asked for many at once before they are put into a batch, and settled when its intent is written.
//!
//! A claim points from a number to the batch that has it; what that makes of the number follows from the batch's state, by
//! the same rule as in a file (`volley/src/pipeline/standing.rs`), of which the schema's function `claimable` is the half
//! that decides.
//! Not here: the transaction.

use std::collections::HashMap;
use std::path::Path;

use volley_model::{BatchState, Msisdn};

use super::{Address, Patience, Session, Use};
use crate::database::{self, Connection};
use crate::{BatchId, CampaignId, Held, Holding, LedgerError, MessageId};

/// For whom numbers are claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claimant {
    pub(crate) campaign: CampaignId,
    /// What its recipients get: a number that was refused with another message is free.
    pub(crate) message: MessageId,
    /// Whether numbers that were refused with this message are free, too.
    pub(crate) retry_refused: bool,
}

/// Numbers that batches want, the lowest first: everybody takes their locks in the same order, so that no two wait for each
/// other.
#[derive(Debug, Default)]
pub(crate) struct Wanted(Vec<(i64, i64)>);

impl Wanted {
    pub(crate) fn of(batches: impl IntoIterator<Item = (BatchId, Vec<Msisdn>)>) -> Self {
        let mut wanted: Vec<(i64, i64)> = batches
            .into_iter()
            .flat_map(|(batch, numbers)| {
                numbers
                    .into_iter()
                    .map(move |number| (number.get().cast_signed(), batch.0))
            })
            .collect();
        wanted.sort_unstable();
        Self(wanted)
    }
}

impl Claimant {
    /// Claims numbers for their batches, inside the caller's transaction: which of them somebody else holds. If there are any,
    /// the transaction must be given up.
    pub(crate) fn claim(
        &self,
        session: &Session,
        wanted: &Wanted,
    ) -> database::Result<Vec<(Msisdn, BatchId)>> {
        if wanted.0.is_empty() {
            return Ok(Vec::new());
        }
        let (numbers, batches): (Vec<i64>, Vec<i64>) = wanted.0.iter().copied().unzip();
        let claimed = session.column(
            "INSERT INTO claim AS held (campaign, number, batch) \
             SELECT $1, wanted.number, wanted.batch FROM unnest($2::bigint[], $3::bigint[]) AS wanted (number, batch) \
             ON CONFLICT (campaign, number) DO UPDATE SET batch = excluded.batch \
             WHERE claimable(held.batch, held.number, $4, $5, NULL) RETURNING number",
            &[
                &self.campaign.0,
                &numbers,
                &batches,
                &self.message.0,
                &self.retry_refused,
            ],
        )?;
        if claimed.len() == wanted.0.len() {
            return Ok(Vec::new());
        }
        let mut lacking: HashMap<i64, i64> = wanted.0.iter().copied().collect();
        for number in claimed {
            lacking.remove(&number);
        }
        let lacking = lacking.into_iter();
        Ok(lacking
            .filter_map(|(number, batch)| Some((msisdn(number)?, BatchId(batch))))
            .collect())
    }

    /// Points the claims of a split batch's numbers to the child in which they go again; `false` if they are not all its
    /// parent's.
    pub(crate) fn hand_on(
        &self,
        session: &Session,
        parent: BatchId,
        child: BatchId,
        numbers: &[Msisdn],
    ) -> database::Result<bool> {
        let numbers = integers(numbers);
        let moved = session.change(
            "UPDATE claim SET batch = $3 WHERE campaign = $1 AND batch = $2 AND number = ANY($4) \
             AND claimable(batch, number, $5, $6, $2)",
            &[
                &self.campaign.0,
                &parent.0,
                &child.0,
                &numbers,
                &self.message.0,
                &self.retry_refused,
            ],
        )?;
        Ok(moved == numbers.len() as u64)
    }

    /// Which of these numbers others hold, and how. A number that is not among them is free, as far as is known.
    pub(crate) fn held(&self, session: &Session, numbers: &[Msisdn]) -> database::Result<Vec<Held>> {
        let found = session.rows(
            // Each number is looked up by itself, so that the planner has no choice: of a table that grew from nothing within a
            // minute it knows nothing, and would read all of a campaign's claims. What a batch makes of its numbers is asked
            // once a batch: no number is 0, and the one that a batch was split for is seen to behind it.
            "WITH mine AS MATERIALIZED (SELECT wanted.number, \
               (SELECT batch FROM claim WHERE campaign = $1 AND claim.number = wanted.number) AS batch \
               FROM unnest($2::bigint[]) AS wanted (number)), \
             its AS MATERIALIZED (SELECT id, state, named_number, claimable(id, 0, $3, $4, NULL) AS free \
               FROM batch WHERE id IN (SELECT batch FROM mine)) \
             SELECT mine.number, mine.batch, its.state, its.named_number FROM mine JOIN its ON its.id = mine.batch \
             WHERE NOT its.free OR its.named_number IS NOT DISTINCT FROM mine.number",
            &[
                &self.campaign.0,
                &integers(numbers),
                &self.message.0,
                &self.retry_refused,
            ],
        )?;
        let held = found.iter().filter_map(|row| {
            let (number, batch): (i64, i64) = (row.get(0), row.get(1));
            let (state, named): (&str, Option<i64>) = (row.get(2), row.get(3));
            Some(Held {
                number: msisdn(number)?,
                holding: holding(BatchId(batch), BatchState::named(state)?, named == Some(number)),
            })
        });
        Ok(held.collect())
    }
}

/// What a batch makes of a number of its that may not be claimed.
fn holding(batch: BatchId, state: BatchState, is_named: bool) -> Holding {
    match state {
        BatchState::Accepted | BatchState::Unticketed | BatchState::DeclaredSent | BatchState::Abandoned => {
            Holding::Reached
        }
        BatchState::Refused => Holding::Refused,
        BatchState::Split if is_named => Holding::Refused,
        BatchState::InDoubt => Holding::InDoubt(batch),
        // Of a split one that its run is about to send again. The last ones are free by now: whoever asks again hears so.
        BatchState::Intended
        | BatchState::Split
        | BatchState::Released
        | BatchState::Simulated
        | BatchState::DeclaredNotSent
        | BatchState::Withdrawn => Holding::Open(batch),
    }
}

/// Asks, in a thread of its own, which numbers others hold.
#[derive(Debug)]
pub struct Neighbours {
    connection: Connection,
    address: Address,
    claimant: Claimant,
    patience: Patience,
    path: std::path::PathBuf,
}

impl Neighbours {
    /// Connects.
    pub(crate) fn connect(
        address: &Address,
        claimant: Claimant,
        patience: Patience,
        path: &Path,
    ) -> Result<Self, LedgerError> {
        // It only reads, but of the primary: a standby may lag, and would call numbers free that others hold by now.
        let session = Session::connect(address, Use::Write, patience.clone());
        let session = session.map_err(|error| LedgerError::database(path, "connecting", error.into()))?;
        Ok(Self {
            connection: Connection::Postgres(session),
            address: address.clone(),
            claimant,
            patience,
            path: path.to_owned(),
        })
    }

    /// Which of these numbers others hold, and how. Where the server is away, none, as far as is known: the intent's own
    /// transaction asks once more.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn held(&mut self, numbers: &[Msisdn]) -> Result<Vec<Held>, LedgerError> {
        match self.ask(numbers) {
            Err(failure) if failure.is_passing() => {
                if let Ok(session) = Session::connect(&self.address, Use::Write, self.patience.clone()) {
                    self.connection = Connection::Postgres(session);
                }
                Ok(Vec::new())
            }
            asked => asked,
        }
    }

    fn ask(&self, numbers: &[Msisdn]) -> Result<Vec<Held>, LedgerError> {
        let Some(session) = self.connection.postgres() else {
            return Ok(Vec::new());
        };
        let held = self.claimant.held(session, numbers);
        held.map_err(|error| LedgerError::database(&self.path, "looking numbers up", error))
    }
}

fn integers(numbers: &[Msisdn]) -> Vec<i64> {
    numbers.iter().map(|number| number.get().cast_signed()).collect()
}

/// A number that the ledger's own columns hold.
fn msisdn(number: i64) -> Option<Msisdn> {
    Msisdn::new(number.cast_unsigned()).ok()
}
