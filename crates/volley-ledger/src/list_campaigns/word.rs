//! The operator's word on a campaign on a list or a tag of which nobody knows whether it was sent.

use std::path::Path;

use crate::database::Connection;
use volley_model::ListCampaignState;

use super::rows::{self, Stored};
use super::steps::{self, Change};
use super::{ListCampaign, hold};
use crate::{Ledger, LedgerError, Receipt, Signature, Word, WordError};

/// What a word did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListResolved {
    /// Its state before.
    pub was: ListCampaignState,
    /// The campaign as it stands now.
    pub campaign: ListCampaign,
}

const STEP: &str = "recording the operator's word";

impl Ledger {
    /// Takes the operator's word on the campaign with that ticket, which is in doubt, or was found open while it was being
    /// sent: it was sent (a receipt's cost is booked, and its ticket is the campaign's); it was not, and is a draft again;
    /// or it is given up, and counts as sent.
    ///
    /// # Errors
    /// [`WordError`]; nothing was changed then.
    pub fn resolve_list_campaign(
        &mut self,
        ticket: &str,
        word: &Word,
        signature: &Signature,
    ) -> Result<ListResolved, WordError> {
        signature.check()?;
        self.transact(STEP, signature.at, |connection, place| {
            hold::refuse_while_held(connection, &place.ledger)?;
            resolve(connection, &place.ledger, ticket, word, signature)
        })
    }
}

fn resolve(
    connection: &Connection,
    path: &Path,
    ticket: &str,
    word: &Word,
    signature: &Signature,
) -> Result<ListResolved, WordError> {
    let failed = |error| LedgerError::database(path, STEP, error);
    let mut stored = find(connection, path, ticket)?;
    let was = stored.campaign.state;
    match was {
        ListCampaignState::InDoubt => {}
        ListCampaignState::Sending => {
            // A command that was killed left it: nothing has found it open yet, so the operator does.
            let found = Change {
                becomes: ListCampaignState::InDoubt,
                reason: Some("found open by the operator"),
                why: Some("found open by the operator"),
                who: None,
                at: signature.at,
            };
            steps::enter(connection, &mut stored, &found).map_err(failed)?;
        }
        state => {
            let ticket = ticket.to_owned();
            return Err(WordError::ListCampaignSettled { ticket, state });
        }
    }
    book(&mut stored, word)?;
    let doubt = stored.campaign.reason.clone();
    let (becomes, reason) = match word {
        // Why it was in doubt; why the operator says so stands in the event.
        Word::Sent(_) => (ListCampaignState::DeclaredSent, doubt.as_deref()),
        Word::Abandon => (ListCampaignState::Abandoned, doubt.as_deref()),
        Word::NotSent => (ListCampaignState::Draft, Some(signature.why.as_str())),
        Word::Withdrawn => {
            let ticket = ticket.to_owned();
            return Err(WordError::ListCampaignWithdrawn { ticket });
        }
    };
    let said = Change {
        becomes,
        reason,
        why: Some(&signature.why),
        who: Some(&signature.who),
        at: signature.at,
    };
    steps::enter(connection, &mut stored, &said).map_err(failed)?;
    let campaign = steps::reread(connection, path, stored.campaign.id)?;
    Ok(ListResolved { was, campaign })
}

/// The one campaign with that ticket.
fn find(connection: &Connection, path: &Path, ticket: &str) -> Result<Stored, WordError> {
    let mut found = rows::select(connection, path, "ticket = ?1", [ticket])?;
    if found.len() > 1 {
        return Err(WordError::TicketOfSeveral {
            ticket: ticket.to_owned(),
            accounts: found.len() as u64,
        });
    }
    found.pop().ok_or_else(|| WordError::NoListCampaign {
        path: path.to_owned(),
        ticket: ticket.to_owned(),
    })
}

/// Takes the cost from a receipt, if that is one of this campaign.
fn book(stored: &mut Stored, word: &Word) -> Result<(), WordError> {
    let Word::Sent(Some(Receipt { ticket, cost })) = word else {
        return Ok(());
    };
    let campaign = &mut stored.campaign;
    if *ticket != campaign.ticket {
        return Err(WordError::ForeignReceipt {
            ticket: campaign.ticket.clone(),
            given: ticket.clone(),
        });
    }
    campaign.cost = cost.or(campaign.cost);
    Ok(())
}
