//! `PUT /v2/accounts/<sid>/campaigns/<id>`: everything before the start, afterwards `action` and the three callbacks.
//!
//! A request is carried out as a whole or not at all. New numbers take the place of the old ones in the record.
//! *Sources*: "update campaign details" for what may change when; "update campaign" for the actions and the states that
//! allow them. That a body names its fields' new values and leaves out what stays, that `action` goes along with other
//! fields, comes after them, and how a refusal looks, is *assumed*.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;

use super::admission::admit;
use super::audience::Audience;
use super::campaign::{Campaign, Reach, Stage};
use super::config::{ExotelConfig, IllegalAction};
use super::dial;
use super::envelope::{Reply, answer};
use super::refusal::Refusal;
use super::request::{self, Fields, given, text};
use super::settings::{Callbacks, Settings};
use super::show::find;
use super::{Exotel, create};
use crate::mock::{Mock, State as MockState};

/// The field that may change at any time beside the callbacks.
const ACTION: &str = "action";

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
    let at = now.as_microsecond();
    campaign.touch(at);
    let before = campaign.stage;
    match draft.action {
        None => {}
        Some(Action::Pause) => campaign.stage = Stage::Paused,
        Some(Action::Resume) if campaign.has_started(now) => {
            campaign.stage = Stage::InProgress;
            campaign.dialling.wait_until(at);
            if campaign.dialling.tried() == 0 {
                // Its time came while it was paused: it starts now.
                exotel.outbox.campaign_changed(campaign);
            }
            dial::finish(campaign, at, &mut exotel.outbox);
        }
        Some(Action::Resume) => campaign.stage = Stage::Created,
        Some(Action::Complete) => campaign.end(Stage::Completed, at),
        Some(Action::Archive) => campaign.stage = Stage::Archived,
    }
    if before == Stage::Paused && campaign.stage == Stage::Completed && draft.action == Some(Action::Complete)
    {
        exotel.outbox.campaign_changed(campaign);
    }
    Ok(())
}

/// What a campaign can be told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Pause,
    Resume,
    Complete,
    Archive,
}

impl Action {
    fn read(fields: &Fields) -> Result<Option<Self>, Refusal> {
        match text(fields, ACTION)? {
            None => Ok(None),
            Some("pause") => Ok(Some(Self::Pause)),
            Some("resume") => Ok(Some(Self::Resume)),
            Some("complete") => Ok(Some(Self::Complete)),
            Some("archive") => Ok(Some(Self::Archive)),
            Some(_) => Err(Refusal::invalid(
                "action must be pause, resume, complete or archive",
            )),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Complete => "complete",
            Self::Archive => "archive",
        }
    }

    fn check(self, config: &ExotelConfig, stage: Stage) -> Result<(), Refusal> {
        let allowed = match self {
            Self::Pause => matches!(stage, Stage::Created | Stage::InProgress),
            Self::Resume | Self::Complete => stage == Stage::Paused,
            Self::Archive => stage == Stage::Completed,
        };
        if allowed {
            return Ok(());
        }
        let (action, now) = (self.name(), stage.name());
        let refusal = Refusal::invalid(format!(
            "action {action} is not allowed for a campaign that is {now}"
        ));
        Err(match config.illegal_action {
            IllegalAction::BadRequest => refusal,
            IllegalAction::ItemConflict => refusal.into_item_conflict(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_its_states() {
        const ALL: [Stage; 8] = [
            Stage::Created,
            Stage::InProgress,
            Stage::Paused,
            Stage::Completed,
            Stage::Failed,
            Stage::Canceled,
            Stage::Archived,
            Stage::Deleted,
        ];
        let check = |action: Action, expected: &[Stage]| {
            let allowed: Vec<Stage> = ALL
                .into_iter()
                .filter(|stage| action.check(&ExotelConfig::default(), *stage).is_ok())
                .collect();
            assert_eq!(allowed, expected, "{action:?}");
        };
        check(Action::Pause, &[Stage::Created, Stage::InProgress]);
        check(Action::Resume, &[Stage::Paused]);
        check(Action::Complete, &[Stage::Paused]);
        check(Action::Archive, &[Stage::Completed]);
    }

    #[test]
    fn an_action_has_one_of_four_names() {
        let check = |json: &str, expected: Result<Option<Action>, u32>| {
            let fields: Fields = serde_json::from_str(json).expect("json");
            let action = Action::read(&fields).map_err(|refusal| refusal.code());
            assert_eq!(action, expected, "{json}");
        };
        check(r#"{"action":"pause"}"#, Ok(Some(Action::Pause)));
        check(r#"{"action":"Pause"}"#, Err(1002));
        check(r#"{"action":"stop"}"#, Err(1002));
        check(r#"{"action":1}"#, Err(1007));
        check(r#"{"action":null}"#, Ok(None));
        check("{}", Ok(None));
    }

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
