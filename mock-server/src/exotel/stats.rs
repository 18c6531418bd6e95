//! The figures of a campaign: `stats`, which add up to its numbers, and `summary`.
//!
//! *Sources*: the keys: "get campaign details" in its older form. What each counts is *assumed*.

use serde_json::{Value, json};

use super::campaign::Campaign;
use super::date::rfc3339;

/// Each number once, by how far it has come.
pub(super) fn stats(campaign: &Campaign) -> Value {
    let dialling = &campaign.dialling;
    let untried = campaign.untried();
    let (created, given_up) = if campaign.stage.is_over() {
        (0, untried)
    } else {
        (untried, 0)
    };
    json!({
        "created": created,
        "in-progress": dialling.in_progress(),
        "retrying": dialling.retrying(),
        "completed": dialling.completed(),
        "failed": dialling.failed(),
        "failed-no-attempt": given_up,
        "failed-dnd": 0,
        "invalid": 0,
    })
}

/// Calls, not numbers.
pub(super) fn summary(campaign: &Campaign) -> Value {
    let dialling = &campaign.dialling;
    json!({
        "campaign_sid": campaign.id,
        "call_scheduled": campaign.reach.members.len(),
        "call_initialized": dialling.calls().len(),
        "call_completed": dialling.completed(),
        "call_failed": dialling.ended() - u64::from(dialling.completed()),
        "call_inprogress": dialling.in_progress(),
        "DateCreated": rfc3339(campaign.created),
    })
}
