//! A campaign's row: by its name it is known who it is with, and a checksum holds that.
//!
//! Not here: whether it may be with somebody else now ([`changes`](super::changes)).

use std::path::Path;

use jiff::Timestamp;

use super::CampaignIdentity;
use crate::checksum::{self, Columns};
use crate::database::{self, Connection, OptionalExtension as _, Row, params};
use crate::{CampaignId, LedgerError};

/// With whom it is, as it stands there.
pub(super) struct Stored {
    pub(super) campaign: CampaignId,
    pub(super) provider: String,
    pub(super) account: String,
    pub(super) host: String,
    pub(super) closed: bool,
}

pub(super) fn stored(connection: &Connection, name: &str) -> database::Result<Option<Stored>> {
    let query = "SELECT id, provider, account, host, closed_at IS NOT NULL FROM campaign WHERE name = ?1";
    connection
        .query_row(query, [name], |row| {
            Ok(Stored {
                campaign: row.get(0)?,
                provider: row.get(1)?,
                account: row.get(2)?,
                host: row.get(3)?,
                closed: row.get(4)?,
            })
        })
        .optional()
}

pub(super) fn write(
    connection: &Connection,
    identity: &CampaignIdentity,
    known: Option<CampaignId>,
    now: Timestamp,
) -> database::Result<CampaignId> {
    let CampaignIdentity {
        name,
        provider,
        account,
        host,
        ..
    } = identity;
    if let Some(campaign) = known {
        // On a server every batch of those who send it now holds its row: it is written only where it changes.
        let update = "UPDATE campaign SET provider = ?2, account = ?3, host = ?4 \
            WHERE id = ?1 AND (provider <> ?2 OR account <> ?3 OR host <> ?4)";
        return match connection.execute(update, params![campaign, provider, account, host])? {
            0 => Ok(campaign),
            _ => seal(connection, campaign),
        };
    }
    let insert =
        "INSERT INTO campaign (name, provider, account, host, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![name, provider, account, host, now.as_microsecond()];
    seal(connection, CampaignId(connection.insert(insert, values)?))
}

/// Writes the row's checksum: a campaign that is no longer found by its name would begin anew.
pub(crate) fn seal(connection: &Connection, campaign: CampaignId) -> database::Result<CampaignId> {
    let query = format!("SELECT {SEALED} FROM campaign WHERE id = ?1");
    let sum = connection.query_row(&query, [campaign], row_sum)?;
    connection.execute(
        "UPDATE campaign SET sum = ?2 WHERE id = ?1",
        params![campaign, sum],
    )?;
    Ok(campaign)
}

/// The columns of a campaign that its checksum covers.
pub(crate) const SEALED: &str = "id, name, provider, account, host, created_at";

fn row_sum(row: &Row<'_>) -> database::Result<[u8; checksum::BYTES]> {
    let mut columns = Columns::default();
    for column in 0..SEALED.split(',').count() {
        columns.push(row.get_ref(column)?);
    }
    Ok(columns.finish())
}

/// Holds every campaign against its checksum.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::database(path, "checking the campaigns", error);
    let query = format!("SELECT {SEALED}, sum FROM campaign NOT INDEXED");
    let mut statement = connection.prepare(&query).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let stored: Vec<u8> = row.get("sum").map_err(failed)?;
        if stored != row_sum(&row).map_err(failed)? {
            let id: i64 = row.get(0).map_err(failed)?;
            return Err(LedgerError::damaged(
                path,
                format!("campaign {id}: its checksum fails"),
            ));
        }
    }
    Ok(())
}
