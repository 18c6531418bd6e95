//! What is known of numbers before a run: suppression files, and what the ledger says of all campaigns and of this one.

use std::path::Path;

use volley_intake::{Normalizer, NumberBook};
use volley_ledger::{BatchId, CampaignId, Ledger, LedgerError, MessageId, OpenDoubt, Reader, StoredMembers};
use volley_model::{BatchState, Msisdn};

use super::RunError;
use super::company::Suppressed;
use crate::config::{Campaign, InputRules};
use crate::number_file;

/// What loading found, besides the numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// Batches of the campaign in doubt.
    pub(crate) batches_in_doubt: u64,
    /// Those among them with a number that must not be contacted any more.
    pub(crate) suppressed_doubts: Vec<BatchId>,
}

/// When a number that was refused may be sent to again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    /// The message as it is now; `None` for one that was never sent.
    pub(crate) message: Option<MessageId>,
    /// `--retry-refused`.
    pub(crate) refused: bool,
}

/// Loads the standing of a campaign's numbers from a ledger that is open for writing. What is suppressed is loaded by then.
pub(super) fn load(
    ledger: &Ledger,
    campaign: CampaignId,
    retry: Retry,
    book: &mut NumberBook,
) -> Result<Loaded, LedgerError> {
    let mut loaded = Loaded::default();
    ledger.standing(campaign, &mut |batch| mark(book, &mut loaded, retry, batch))?;
    Ok(loaded)
}

/// The same from a ledger that somebody else may be writing; one that is missing knows nothing.
pub(crate) fn load_existing(
    path: &Path,
    campaign: &Campaign,
    retry_refused: bool,
    book: &mut NumberBook,
) -> Result<Loaded, LedgerError> {
    let reader = match Reader::open(path) {
        Ok(reader) => reader,
        Err(LedgerError::Missing { .. }) => return Ok(Loaded::default()),
        Err(error) => return Err(error),
    };
    let mut loaded = Loaded::default();
    reader.suppressed(&mut |number, _| book.suppress(number))?;
    if let Some(id) = reader.campaign(&campaign.name)? {
        let message = reader.message(id, &campaign.content.parts())?;
        let retry = Retry {
            message,
            refused: retry_refused,
        };
        reader.standing(id, &mut |batch| mark(book, &mut loaded, retry, batch))?;
    }
    Ok(loaded)
}

/// The guarantee's "Standing of a number": reached, in doubt, refused or free, by the state of its batch.
fn mark(book: &mut NumberBook, loaded: &mut Loaded, retry: Retry, batch: StoredMembers<'_>) {
    match batch.state {
        BatchState::Accepted | BatchState::Unticketed | BatchState::DeclaredSent | BatchState::Abandoned => {
            batch.members.iter().for_each(|number| book.reach(*number));
        }
        BatchState::Intended | BatchState::InDoubt => {
            loaded.batches_in_doubt += 1;
            if batch.members.iter().any(|number| is_suppressed(book, *number)) {
                loaded.suppressed_doubts.push(batch.batch);
            }
            let id = batch.batch.0.unsigned_abs();
            batch.members.iter().for_each(|number| book.doubt(*number, id));
        }
        BatchState::Refused if !retry.refused && retry.message == Some(batch.message) => {
            batch.members.iter().for_each(|number| book.refuse(*number));
        }
        // A number that the provider named is final, whatever the message.
        BatchState::Split => batch.named.into_iter().for_each(|number| book.refuse(number)),
        BatchState::Refused
        | BatchState::Released
        | BatchState::Simulated
        | BatchState::DeclaredNotSent
        | BatchState::Withdrawn => {}
    }
}

/// Whether the number must not be contacted, as it was written or as it is dialled.
fn is_suppressed(book: &NumberBook, number: Msisdn) -> bool {
    let dialled = || Normalizer::reading(number).is_some_and(|dialled| book.is_suppressed(dialled));
    book.is_suppressed(number) || dialled()
}

/// What is known of a campaign's doubts that are this run's to ask about, where others may send it, too.
pub(super) fn of_doubts(
    ledger: &Ledger,
    doubts: &[OpenDoubt],
    suppressed: &Suppressed,
) -> Result<Loaded, LedgerError> {
    let mut loaded = Loaded {
        batches_in_doubt: doubts.len() as u64,
        suppressed_doubts: Vec::new(),
    };
    for doubt in doubts {
        if suppressed.has_one_of(&ledger.members(doubt.batch)?) {
            loaded.suppressed_doubts.push(doubt.batch);
        }
    }
    Ok(loaded)
}

/// Tells the numbers in the suppression files that the campaign names.
pub(crate) fn suppress(rules: &InputRules, each: &mut dyn FnMut(Msisdn)) -> Result<(), RunError> {
    // Whether a number may be contacted does not matter for one that must not be.
    let normalizer = Normalizer::new(rules.default_region, rules.numbers, None);
    for path in &rules.suppress {
        let text = std::fs::read_to_string(path).map_err(|source| RunError::File {
            key: "input.suppress",
            path: path.clone(),
            source,
        })?;
        number_file::read(path, &text, &normalizer, each).map_err(RunError::Suppression)?;
    }
    Ok(())
}
