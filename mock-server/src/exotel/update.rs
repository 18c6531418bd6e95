//! `PUT /v2/accounts/<sid>/campaigns/<id>`: everything before the start, afterwards `action` and the three callbacks.
//!
//! A request is carried out as a whole or not at all. New numbers take the place of the old ones in the record.
//! *Sources*: "update campaign details" for what may change when; "update campaign" for the wrapper. That a body names its
//! fields' new values and leaves out what stays, that `action` goes along with other fields and comes after them, and how a
//! refusal looks, is *assumed*.

mod action;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;

use super::admission::admit;
use super::audience::Audience;
use super::campaign::{Campaign, Reach};
use super::config::ExotelConfig;
use super::envelope::{Reply, answer};
use super::refusal::Refusal;
use super::request::{self, Fields, given};
use super::settings::{Callbacks, Settings};
use super::show::find;
use super::{Exotel, create};
use crate::mock::{Mock, State as MockState};
use action::{ACTION, Action};

/// Answers an update with the campaign as it is then.
pub(super) async fn update(
    State(mock): State<Arc<Mock>>,
    Path((sid, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let outcome = change(&mock, &sid, &id, &headers, &body);
    answer(&mock, &Method::PUT, outcome)
}

fn change(mock: &Mock, sid: &str, id: &str, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Refusal> {
    admit(mock, sid, headers)?;
    let config = &mock.config.exotel;
    let mut campaigns = request::campaigns(&config.strict, headers, body)?;
    let (Some(fields), true) = (campaigns.pop(), campaigns.is_empty()) else {
        return Err(Refusal::invalid("campaigns must hold one campaign"));
    };
    let now = mock.clock.wall();
    let mut state = mock.state();
    state.exotel.catch_up(mock);
    let campaign = find(mock, &state.exotel, sid, id)?;
    let draft = Draft::new(&mock.exotel, config, campaign, &fields, now)?;
    if let Some(reach) = &draft.reach {
        let more = reach.members.len().saturating_sub(campaign.reach.members.len());
        create::check_credit(config, &state.exotel, sid, more)?;
    }
    apply(mock, &mut state, (sid, id), draft, now)?;
    mock.exotel.wake();
    Ok(Reply::one(state.exotel.account(sid)?.campaign(id)?.to_json(sid)))
}

/// What an update makes of a campaign.
struct Draft {
    settings: Settings,
    /// If whom it calls changes.
    reach: Option<Reach>,
    /// Whether start and end change.
    reschedules: bool,
    action: Option<Action>,
}

impl Draft {
    /// Checks everything before anything is changed.
    fn new(
        exotel: &Exotel,
        config: &ExotelConfig,
        campaign: &Campaign,
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut settings = campaign.settings.clone();
        let action = Action::read(fields)?;
        let mut reach = None;
        if campaign.has_started(now) || campaign.stage.is_over() {
            refuse_late(fields)?;
            settings.callbacks.change(fields)?;
        } else {
            settings.change(config, fields, now)?;
            let audience = Audience::read(exotel, config, fields, settings.dynamic)?;
            let other_way = settings.call_duplicate_numbers != campaign.settings.call_duplicate_numbers;
            reach = match audience {
                Some(audience) => Some(Reach::new(audience, &settings)),
                None if other_way => Some(Reach::new(campaign.reach.audience.clone(), &settings)),
                None => None,
            };
        }
        if let Some(action) = action {
            action.check(config, campaign.stage)?;
        }
        Ok(Self {
            reschedules: settings.schedule != campaign.settings.schedule,
            settings,
            reach,
            action,
        })
    }
}

/// Names the first field that may not change any more.
fn refuse_late(fields: &Fields) -> Result<(), Refusal> {
    let free = |name: &str| name == ACTION || Callbacks::FIELDS.contains(&name);
    let late = fields
        .keys()
        .find(|name| !free(name) && given(fields, name).is_some());
    match late {
        Some(name) => Err(Refusal::invalid(format!(
            "{name} cannot be updated once the campaign has started"
        ))),
        None => Ok(()),
    }
}

fn apply(
    mock: &Mock,
    state: &mut MockState,
    (sid, id): (&str, &str),
    draft: Draft,
    now: Timestamp,
) -> Result<(), Refusal> {
    let MockState { record, exotel, .. } = state;
    let account = exotel.by_sid.get_mut(sid).ok_or_else(super::account::unknown)?;
    let campaign = account.campaign_mut(id)?;
    exotel.outbox.expect(&draft.settings.callbacks);
    campaign.settings = draft.settings;
    if let Some(reach) = draft.reach {
        record
            .exotel
            .exchange(id, &campaign.reach.members, &reach.members);
        campaign.reach = reach;
    }
    if draft.reschedules {
        campaign.set_times(now, mock.config.exotel.start_lag_ms);
    }
    campaign.touch(now.as_microsecond());
    if let Some(action) = draft.action {
        action.carry_out(campaign, now, &mut exotel.outbox);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_only_the_action_and_the_callbacks_may_change() {
        let check = |json: &str, late: Option<&str>| {
            let fields: Fields = serde_json::from_str(json).expect("json");
            let refusal = refuse_late(&fields).err();
            let named = refusal.map(|refusal| refusal.description.split(' ').next().unwrap_or("").to_owned());
            assert_eq!(named.as_deref(), late, "{json}");
        };
        check(
            r#"{"action":"pause","status_callback":"x","call_status_callback":"x","call_schedule_callback":"x"}"#,
            None,
        );
        check(r#"{"action":"pause","name":"other"}"#, Some("name"));
        check(r#"{"schedule":{}}"#, Some("schedule"));
        check(r#"{"colour":"red"}"#, Some("colour"));
        check(r#"{"name":null}"#, None);
    }
}
