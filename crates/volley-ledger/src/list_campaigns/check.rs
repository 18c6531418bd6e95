//! Holds every campaign on a list or a tag, its message and its events against their checksums.

use std::path::Path;

use crate::database::Connection;
use crate::database::{self};

use super::rows::{self, COLUMNS, EVENT_COLUMNS};
use crate::{LedgerError, ListCampaignId, campaign, checksum};

const STEP: &str = "checking the list campaigns";

/// Every campaign, at opening: one that is no longer found by its ticket would be recorded anew, and sent again.
pub(crate) fn check_rows(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    match faults(connection, path)?.into_iter().next() {
        None => Ok(()),
        Some((place, fault)) => Err(LedgerError::damaged(path, format!("{place}: {fault}"))),
    }
}

/// What is wrong with them: place and fault.
pub(crate) fn faults(connection: &Connection, path: &Path) -> Result<Vec<(String, String)>, LedgerError> {
    let failed = |error| LedgerError::database(path, STEP, error);
    let mut faults = Vec::new();
    add_of_rows(connection, &mut faults).map_err(failed)?;
    add_of_events(connection, &mut faults).map_err(failed)?;
    Ok(faults)
}

fn add_of_rows(connection: &Connection, faults: &mut Vec<(String, String)>) -> database::Result<()> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM list_campaign NOT INDEXED"))?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, rows::read(row))))?;
    for row in found {
        let (id, stored): (i64, _) = row?;
        let fault = match stored {
            Err(fault) => fault.to_string(),
            Ok(stored) if campaign::hash(&parts(connection, ListCampaignId(id))?) != stored.message_hash => {
                "its message is not the one that was recorded".to_owned()
            }
            Ok(_) => continue,
        };
        faults.push((format!("list campaign {id}"), fault));
    }
    Ok(())
}

pub(super) fn parts(connection: &Connection, id: ListCampaignId) -> database::Result<Vec<(String, String)>> {
    let query = "SELECT key, value FROM list_campaign_part WHERE list_campaign = ?1 ORDER BY key";
    let mut statement = connection.prepare_cached(query)?;
    statement
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn add_of_events(connection: &Connection, faults: &mut Vec<(String, String)>) -> database::Result<()> {
    let mut statement = connection.prepare(&format!("SELECT {EVENT_COLUMNS} FROM list_campaign_event"))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        if !checksum::fits(&row, 0)? {
            let (id, number): (i64, i64) = (row.get(0)?, row.get(1)?);
            faults.push((
                format!("list campaign {id}, event {number}"),
                "it fails its checksum".to_owned(),
            ));
        }
    }
    Ok(())
}
