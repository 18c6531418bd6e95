//! Batches that were refused for one named number, and the children in which their other numbers go again.
//!
//! A split batch stands for the number it was named for, which is refused for good, and for those of its other numbers
//! that no child has taken up: these are free. A child has a key, a slot and a sequence number of its own, and no lines:
//! its parent's count for it.
//! Sources: `schema.sql` holds what SQL can say of a child; that its numbers are its parent's is held here.

use std::collections::BTreeSet;
use std::path::Path;

use crate::database::Connection;
use volley_model::{BatchState, Msisdn};

use crate::rows::BatchRow;
use crate::{BatchId, Intent, LedgerError, queries};

/// Refuses a split for a number that the batch does not have.
pub(crate) fn refuse_stranger(
    connection: &Connection,
    path: &Path,
    batch: BatchId,
    named: Msisdn,
) -> Result<(), LedgerError> {
    let members = match queries::batch(connection, path, batch)? {
        Some(row) => queries::members(connection, path, &row)?,
        None => Vec::new(),
    };
    if members.binary_search(&named).is_ok() {
        return Ok(());
    }
    Err(LedgerError::Refused {
        path: path.to_owned(),
        step: "a split written",
        detail: format!("batch {batch} does not have the number that it was refused for"),
    })
}

/// Refuses a child with a number that its parent has not left to it. An intent without a parent is no child.
pub(crate) fn refuse_misfit(
    connection: &Connection,
    path: &Path,
    intent: &Intent,
) -> Result<(), LedgerError> {
    let Some(parent) = intent.parent else {
        return Ok(());
    };
    let mut left = match queries::batch(connection, path, parent)? {
        Some(row) => left(connection, path, &row)?,
        None => BTreeSet::new(),
    };
    if intent.batch.members.iter().all(|member| left.remove(member)) {
        return Ok(());
    }
    Err(LedgerError::Refused {
        path: path.to_owned(),
        step: "a child's intent written",
        detail: format!("batch {parent} has not left it all of its numbers"),
    })
}

/// The numbers of a split batch that are in no child yet, without the one that it was refused for.
pub(crate) fn left(
    connection: &Connection,
    path: &Path,
    parent: &BatchRow,
) -> Result<BTreeSet<Msisdn>, LedgerError> {
    if parent.state != BatchState::Split {
        return Ok(BTreeSet::new());
    }
    let mut left: BTreeSet<Msisdn> = queries::members(connection, path, parent)?.into_iter().collect();
    if let Some(named) = parent.named_number {
        left.remove(&named);
    }
    for child in children(connection, path, parent.id)? {
        for member in queries::members(connection, path, &child)? {
            left.remove(&member);
        }
    }
    Ok(left)
}

fn children(connection: &Connection, path: &Path, parent: BatchId) -> Result<Vec<BatchRow>, LedgerError> {
    let mut children = Vec::new();
    queries::each_batch(
        connection,
        path,
        "parent = ?1 ORDER BY id",
        [parent],
        &mut |row| {
            children.push(row);
        },
    )?;
    Ok(children)
}

/// The children whose numbers are not their parent's, or are a sibling's too. Those whose numbers were erased, or cannot
/// be read, are left out: that is another fault.
pub(crate) fn strangers(connection: &Connection, path: &Path) -> Result<Vec<BatchId>, LedgerError> {
    let mut parents = Vec::new();
    let condition =
        "state = 'split' AND EXISTS (SELECT 1 FROM members WHERE members.batch = batch.id) ORDER BY id";
    queries::each_batch(connection, path, condition, [], &mut |row| parents.push(row))?;
    let mut strangers = Vec::new();
    for parent in parents {
        let Ok(members) = queries::members(connection, path, &parent) else {
            continue;
        };
        let mut left: BTreeSet<Msisdn> = members.into_iter().collect();
        if let Some(named) = parent.named_number {
            left.remove(&named);
        }
        for child in children(connection, path, parent.id)? {
            let members = queries::members(connection, path, &child).unwrap_or_default();
            let own = members.iter().filter(|member| left.remove(member)).count();
            if own < members.len() {
                strangers.push(child.id);
            }
        }
    }
    Ok(strangers)
}
