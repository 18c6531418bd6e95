//! What the recipients of a campaign on a list or tag get, and whether the same was ordered before without an answer.

use std::path::Path;

use crate::database::{Connection, params};
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
        .map_err(|error| LedgerError::database(path, "reading a list campaign's message", error))
}

/// A campaign of the same message to the same audience whose order may have been followed.
pub(crate) fn doubtful_like(
    connection: &Connection,
    path: &Path,
    draft: &Draft,
) -> Result<Option<ListCampaign>, LedgerError> {
    let condition = "provider = ?1 AND account = ?2 AND audience_kind IS NOT DISTINCT FROM ?3 \
        AND audience_name IS NOT DISTINCT FROM ?4 \
        AND state IN ('sending', 'in_doubt')";
    let audience = draft.audience.as_ref();
    let values = params![
        draft.provider,
        draft.account,
        audience.map(Audience::kind),
        audience.map(Audience::name),
    ];
    let hash = campaign::hash(&draft.message);
    let found = rows::select(connection, path, condition, values)?;
    let like = found.into_iter().find(|stored| stored.message_hash == hash);
    Ok(like.map(|stored| stored.campaign))
}
