//! What the database itself refuses, whoever asks it.

use std::collections::BTreeMap;

use volley_model::ListCampaignState;

use super::{in_state, new_stage};

#[test]
fn no_tool_changes_what_has_happened_nor_adds_what_nobody_said() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    let ids: BTreeMap<&str, i64> = ListCampaignState::ALL
        .iter()
        .map(|state| (state.name(), in_state(&mut ledger, *state).id.0))
        .collect();
    ledger.close().unwrap();
    let refuses = |statement: &str| {
        stage.refuses(statement);
    };
    for statement in [
        "DELETE FROM list_campaign",
        "DELETE FROM list_campaign_part",
        "DELETE FROM list_campaign_event",
        "UPDATE list_campaign_part SET value = 'other'",
        "UPDATE list_campaign_event SET why = 'other'",
        "UPDATE list_campaign SET ticket = 'other'",
        "UPDATE list_campaign SET audience_name = 'others'",
        "UPDATE list_campaign SET sending_date = 'now'",
        "UPDATE list_campaign SET intended_at = 7 WHERE state = 'sending'",
        "UPDATE list_campaign SET provider_id = 'other' WHERE state = 'sent'",
        "UPDATE list_campaign SET provider_id = 'other' WHERE state = 'draft'",
        "INSERT INTO list_campaign SELECT 99, provider, account, host, 't99', audience_kind, audience_name, message_hash, \
         currency, created_at, state, reason, contacts, cost, sending_date, provider_id, intended_at, doubt_since, changed_at, sum \
         FROM list_campaign WHERE state = 'sent'",
    ] {
        refuses(statement);
    }
    let next =
        "(SELECT max(number) + 1 FROM list_campaign_event AS e WHERE e.list_campaign = list_campaign.id)";
    for (from, id) in &ids {
        for to in ids.keys().filter(|to| *to != from) {
            // A state that no event tells of.
            refuses(&format!(
                "UPDATE list_campaign SET state = '{to}', intended_at = 1 WHERE id = {id}"
            ));
        }
        // An event that does not begin where the campaign stands, or that leaves a number out.
        for (was, number) in [("'nowhere'", next), ("NULL", next), ("state", "99")] {
            refuses(&format!(
                "INSERT INTO list_campaign_event SELECT id, {number}, 1, 'anna', {was}, 'failed', 'why', x'00' \
                 FROM list_campaign WHERE id = {id}"
            ));
        }
    }
    // What is the operator's to say, said by nobody.
    for to in ["declared_sent", "abandoned", "draft"] {
        refuses(&format!(
            "INSERT INTO list_campaign_event SELECT id, {next}, 1, NULL, state, '{to}', 'why', x'00' \
             FROM list_campaign WHERE state = 'in_doubt'"
        ));
    }
}
