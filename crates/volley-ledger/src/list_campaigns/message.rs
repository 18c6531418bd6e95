//! What the recipients of a campaign on a list or tag get, and whether the same was ordered before without an answer.

use std::path::Path;

use rusqlite::Connection;
use volley_model::Audience;

use super::{Draft, ListCampaign, check, rows};
use crate::{LedgerError, ListCampaignId, campaign};

/// The parts of its message: key and value; empty where it was made elsewhere.
pub(crate) fn parts(
    connection: &Connection,
    path: &Path,
    id: ListCampaignId,
) -> Result<Vec<(String, String)>, LedgerError> {
    check::parts(connection, id)
        .map_err(|error| LedgerError::sqlite(path, "reading a list campaign's message", error))
}

/// A campaign of the same message to the same audience whose order may have been followed.
pub(crate) fn doubtful_like(
    connection: &Connection,
    path: &Path,
    draft: &Draft,
) -> Result<Option<ListCampaign>, LedgerError> {
    let condition = "provider = ?1 AND account = ?2 AND audience_kind IS ?3 AND audience_name IS ?4 \
        AND state IN ('sending', 'in_doubt')";
    let audience = draft.audience.as_ref();
    let values = (
        &draft.provider,
        &draft.account,
        audience.map(Audience::kind),
        audience.map(Audience::name),
    );
    let hash = campaign::hash(&draft.message);
    let found = rows::select(connection, path, condition, values)?;
    let like = found.into_iter().find(|stored| stored.message_hash == hash);
    Ok(like.map(|stored| stored.campaign))
}
