//! Campaigns from one ledger into another, on a server: for those whose campaigns outgrow a file, or move to another server.
//!
//! All that belongs to them goes with them, under ids of its own there: wordings, runs, batches with their numbers, words and
//! prices, the bodies of open batches; numbers are claimed as they stand. Each row's checksum is checked before it goes and
//! made anew there, since it covers ids. States are reached by the ways that docs/guarantee.md draws, no rule being switched off.
//! The source is held meanwhile, and says from then on where a campaign went, so that nothing is sent from it again.
//! Bounds: all of it or nothing, in one transaction of the target; in memory an id for each batch, and one batch's numbers.

mod batches;
mod campaign_rows;
mod list_campaigns;
mod table;

use std::path::Path;

use jiff::Timestamp;
use volley_model::Msisdn;

use crate::database::{self, Connection};
use crate::place::Place;
use crate::postgres::{Address, workers};
use crate::{
    BatchId, Ledger, LedgerError, Opening, Signature, Suppressed, WordError, campaign, moved, suppress,
};

/// What stands as the reason where a copy is recorded.
const REASON: &str = "volley ledger copy";

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The campaigns, oldest first.
    pub campaigns: Vec<CopiedCampaign>,
    /// Those that the target has from an earlier copy of this ledger.
    pub before: Vec<String>,
    /// Numbers that were added to the target's suppression list, and how many it has now.
    pub suppressed: Suppressed,
    /// How many campaigns on lists and tags; `None` where not all campaigns were asked for.
    pub list_campaigns: Option<u64>,
}

/// A campaign that was copied. What it adds up to, the target's own report tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedCampaign {
    /// Its name.
    pub name: String,
    /// Its runs.
    pub runs: u64,
    /// Its batches.
    pub batches: u64,
    /// Open batches, by their ids in the target, whose bodies were lost in the source already: nobody can ask the provider about
    /// them.
    pub bodies_lost: Vec<BatchId>,
}

/// Copies the campaigns of these names, or all; the suppression list; and with all campaigns those on lists and tags.
///
/// # Errors
/// [`WordError::NoCampaign`], [`WordError::NameTaken`], [`WordError::ListCampaignTaken`] and [`WordError::CopyIntoFile`], and
/// then nothing was written; [`LedgerError::Locked`] and [`LedgerError::Running`] while a campaign is being sent; everything
/// that opening either ledger tells.
pub fn copy(from: &Path, to: &Path, names: &[String], signature: &Signature) -> Result<Copied, WordError> {
    if !Address::is_one(to) {
        return Err(WordError::CopyIntoFile { path: to.to_owned() });
    }
    let target = Ledger::open(to, Opening::MustExist, signature.at)?;
    let mut source = Ledger::open(from, Opening::MustExist, signature.at)?;
    let transaction = target
        .connection
        .transaction()
        .map_err(|error| LedgerError::database(&target.place.ledger, table::WRITING, error))?;
    let signature = Signature {
        why: REASON.to_owned(),
        ..signature.clone()
    };
    // The source commits first: if the target's commit fails, nothing is sent from either, and the copy is made again. The
    // other way round a crash in between would leave two ledgers that both send.
    let copied = source.transact("copying", signature.at, |connection, place| {
        Way {
            from: connection,
            from_place: place,
            to: &transaction,
            to_place: &target.place,
            now: signature.at,
        }
        .all(names, &signature)
    })?;
    transaction
        .commit()
        .map_err(|error| LedgerError::database(&target.place.ledger, table::WRITING, error))?;
    source.close()?;
    Ok(copied)
}

/// From where, and where to; each in its transaction.
struct Way<'a> {
    from: &'a Connection,
    from_place: &'a Place,
    to: &'a Connection,
    to_place: &'a Place,
    now: Timestamp,
}

impl Way<'_> {
    fn all(&self, names: &[String], signature: &Signature) -> Result<Copied, WordError> {
        // Before any campaign: whoever begins a run takes them in this order.
        suppress::alone(self.to).map_err(|error| self.unwritten(error))?;
        let numbers = self.suppressed()?;
        let (wanted, before) = self.choose(names)?;
        let all = names.is_empty();
        // First of all, so that no campaign is ever there without them.
        let suppressed = self.suppress(&numbers, signature)?;
        let mut campaigns = Vec::with_capacity(wanted.len());
        for name in &wanted {
            campaigns.push(self.campaign(name)?);
            self.note(&moved::campaign(name), signature)?;
        }
        Ok(Copied {
            campaigns,
            before,
            suppressed,
            list_campaigns: all.then(|| self.list_campaigns(signature)).transpose()?,
        })
    }

    /// The campaigns that are to be copied, and those that were before. Nothing is written.
    fn choose(&self, names: &[String]) -> Result<(Vec<String>, Vec<String>), WordError> {
        let path = &self.from_place.ledger;
        let known = campaign::names(self.from).map_err(|error| self.unread(error))?;
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            return Err(campaign::unknown(self.from, path, unknown)?);
        }
        let (mut wanted, mut before) = (Vec::new(), Vec::new());
        for name in known {
            if !names.is_empty() && !names.contains(&name) {
                continue;
            }
            // Nobody begins it there meanwhile.
            workers::enter_alone(self.to, &name).map_err(|error| self.unwritten(error))?;
            let taken = campaign::find(self.to, &name).map_err(|error| self.unwritten(error))?;
            if taken.is_none() {
                if let Some(id) = campaign::find(self.from, &name).map_err(|error| self.unread(error))? {
                    workers::refuse_living(self.from, path, id, self.now)?;
                }
                wanted.push(name);
            } else if names.is_empty() && self.went_there(&moved::campaign(&name))? {
                before.push(name);
            } else {
                return Err(WordError::NameTaken {
                    path: self.to_place.ledger.clone(),
                    name,
                });
            }
        }
        Ok((wanted, before))
    }

    /// Records on both sides that it was copied.
    fn note(&self, what: &str, signature: &Signature) -> Result<(), LedgerError> {
        moved::note(
            self.from,
            self.to_place,
            self.to,
            self.from_place,
            what,
            signature,
        )
        .map_err(|error| self.unread(error))
    }

    /// Whether the source says that it was copied to this very target.
    fn went_there(&self, what: &str) -> Result<bool, LedgerError> {
        let to = moved::to(self.from, what).map_err(|error| self.unread(error))?;
        Ok(to.is_some_and(|to| Path::new(&to) == self.to_place.ledger))
    }

    /// The source's list of numbers that are never contacted.
    fn suppressed(&self) -> Result<Vec<(Msisdn, Timestamp)>, LedgerError> {
        let mut numbers = Vec::new();
        suppress::all_kept(self.from, &self.from_place.ledger, &mut |number, since| {
            numbers.push((number, since));
        })?;
        Ok(numbers)
    }

    /// Adds it to the target's.
    fn suppress(
        &self,
        numbers: &[(Msisdn, Timestamp)],
        signature: &Signature,
    ) -> Result<Suppressed, LedgerError> {
        let signature = Signature {
            why: format!("copied from {}", self.from_place.ledger.display()),
            ..signature.clone()
        };
        suppress::merge(self.to, &self.to_place.ledger, numbers, &signature)
    }

    fn unread(&self, error: database::Error) -> LedgerError {
        LedgerError::database(&self.from_place.ledger, table::READING, error)
    }

    fn unwritten(&self, error: database::Error) -> LedgerError {
        LedgerError::database(&self.to_place.ledger, table::WRITING, error)
    }
}
