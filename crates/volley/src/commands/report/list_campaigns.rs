//! Campaigns on lists and tags in the report: each with its ticket, what became of it and what it cost.

use std::fmt::Write as _;

use serde_json::{Value, json};
use volley_ledger::ListCampaign;
use volley_model::ListCampaignState;

use super::money;
use crate::commands::list_campaign::is_exotel;
use crate::summary::{counted, counted_as};

pub(super) fn as_json(campaign: &ListCampaign) -> Value {
    json!({
        "ticket": campaign.ticket, "provider_id": campaign.provider_id, "provider": campaign.provider, "host": campaign.host,
        "audience": audience_json(campaign),
        "state": campaign.state.name(), "reason": campaign.reason, "contacts": campaign.contacts,
        "cost": campaign.cost.map(|cost| cost.to_string()), "currency": campaign.currency.code(),
        "sending_date": campaign.sending_date, "created": campaign.created_at.to_string(),
        "intended": campaign.intended_at.map(|at| at.to_string()),
        "doubt_since": campaign.doubt_since.map(|at| at.to_string()), "changed": campaign.changed_at.to_string(),
    })
}

/// Whom it goes to; null where it was made elsewhere.
pub(in crate::commands) fn audience_json(campaign: &ListCampaign) -> Value {
    campaign.audience.as_ref().map_or(
        Value::Null,
        |audience| json!({"kind": audience.kind(), "name": audience.name()}),
    )
}

/// All of them; `None` where there are none.
pub(super) fn as_text(campaigns: &[ListCampaign]) -> Option<String> {
    if campaigns.is_empty() {
        return None;
    }
    let count = counted_as(campaigns.len() as u64, "campaign", "campaigns");
    let mut out = format!("{count} on lists and tags\n");
    for campaign in campaigns {
        let audience = match &campaign.audience {
            Some(audience) => format!("{} {}", audience.kind(), audience.name()),
            None if is_exotel(campaign) => "numbers that were typed".to_owned(),
            None => "made elsewhere".to_owned(),
        };
        let _ = write!(
            out,
            "  {} {} ({audience})",
            campaign.ticket,
            campaign.state.name()
        );
        if let Some(id) = &campaign.provider_id {
            let _ = write!(out, ", as {id}");
        }
        if let Some(contacts) = campaign.contacts {
            let _ = write!(out, ", {}", counted(contacts, "contact"));
        }
        if let Some(cost) = campaign.cost {
            let _ = write!(out, ", {}", money(cost, Some(campaign.currency)));
        }
        if let (ListCampaignState::Sent, Some(date)) = (campaign.state, &campaign.sending_date) {
            let _ = write!(out, ", sent for {date}");
        }
        if campaign.state == ListCampaignState::InDoubt {
            out.push_str("; see `volley doubt list`");
        }
        out.push('\n');
    }
    Some(out)
}
