//! One campaign: what it is, whom it calls, how far it has come.
//!
//! ```text
//! Created ─► InProgress ─► Completed ─► Archived
//!    │ ▲        │ ▲    └──► Failed
//!    ▼ │        ▼ │
//!     Paused ◄──┘ └── resumed            Deleted: from before the start
//!        └──► Completed, Canceled
//! ```
//! *Sources*: "campaigns API: how it works" for the states and how they end; "update campaign" for what leads from one to
//! another; "create campaign" for the fields.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::audience::Audience;
use super::config::NumberText;
use super::date::rfc3339;
use super::dial::{Dialling, Micros};
use super::number;
use super::schedule::DURATION;
use super::settings::Settings;
use crate::record::Number;

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Created,
    InProgress,
    Paused,
    Completed,
    Failed,
    Canceled,
    Archived,
    Deleted,
}

impl Stage {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::InProgress => "InProgress",
            Self::Paused => "Paused",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Archived => "Archived",
            Self::Deleted => "Deleted",
        }
    }

    /// Whether there is nothing more to come.
    pub(super) fn is_over(self) -> bool {
        !matches!(self, Self::Created | Self::InProgress | Self::Paused)
    }
}

/// Whom a campaign calls: as it was given, and each as often as it is to be called.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) audience: Audience,
    pub(super) members: Vec<Number>,
}

impl Reach {
    pub(super) fn new(audience: Audience, settings: &Settings) -> Self {
        let members = audience.members(settings.call_duplicate_numbers);
        Self { audience, members }
    }
}

/// A campaign that was committed.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) id: String,
    /// Its number among those of all accounts, from 1.
    pub(super) nth: u64,
    pub(super) settings: Settings,
    pub(super) reach: Reach,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) starts: Timestamp,
    pub(super) ends: Timestamp,
    pub(super) stage: Stage,
    pub(super) dialling: Dialling,
}

impl Campaign {
    pub(super) fn new(
        id: String,
        nth: u64,
        settings: Settings,
        reach: Reach,
        now: Timestamp,
        lag_ms: u64,
    ) -> Self {
        let mut campaign = Self {
            id,
            nth,
            settings,
            reach,
            created: now,
            updated: now,
            starts: now,
            ends: now,
            stage: Stage::Created,
            dialling: Dialling::default(),
        };
        campaign.set_times(now, lag_ms);
        campaign
    }

    /// Takes start and end from the schedule; without one it starts a little after `now`.
    pub(super) fn set_times(&mut self, now: Timestamp, lag_ms: u64) {
        let schedule = &self.settings.schedule;
        let lag = std::time::Duration::from_millis(lag_ms);
        self.starts = match &schedule.send_at {
            Some(send_at) => send_at.at,
            None => now.saturating_add(lag).unwrap_or(now),
        };
        self.ends = match &schedule.end_at {
            Some(end_at) => end_at.at,
            None => self.starts.saturating_add(DURATION).unwrap_or(self.starts),
        };
    }

    /// Whether its time has come: from then on little may change.
    pub(super) fn has_started(&self, now: Timestamp) -> bool {
        now >= self.starts
    }

    /// Whom it has not called yet.
    pub(super) fn untried(&self) -> u64 {
        (self.reach.members.len() as u64).saturating_sub(u64::from(self.dialling.tried()))
    }

    /// Ends it in this stage: what waits is not called any more.
    pub(super) fn end(&mut self, stage: Stage, at: Micros) {
        self.stage = stage;
        self.dialling.give_up();
        self.touch(at);
    }

    /// Ends it because its calls are made, or because its end has come.
    pub(super) fn complete(&mut self, at: Micros) {
        let stage = if self.dialling.all_failed() {
            Stage::Failed
        } else {
            Stage::Completed
        };
        self.end(stage, at);
    }

    pub(super) fn touch(&mut self, at: Micros) {
        self.updated = Timestamp::from_microsecond(at).unwrap_or(self.updated);
    }

    /// The campaign object, without its numbers, which only [`Self::to_json_with_numbers`] has (*assumed*).
    pub(super) fn to_json(&self, sid: &str) -> Value {
        let settings = &self.settings;
        let callbacks = &settings.callbacks;
        let schedule = &settings.schedule;
        let written = |date: Option<&super::schedule::Written>, at: Timestamp| match date {
            Some(date) => date.text.clone(),
            None => rfc3339(at),
        };
        json!({
            "id": self.id,
            "account_sid": sid,
            "uri": format!("/v2/accounts/{sid}/campaigns/{}", self.id),
            "name": settings.name,
            "type": "trans",
            "caller_id": settings.caller_id,
            "url": settings.url,
            "read_via_text": settings.read_via_text,
            "campaign_type": if settings.dynamic { "dynamic" } else { "static" },
            "flow_type": settings.flow_type,
            "repeat_menu_attempts": settings.repeat_menu_attempts,
            "call_duplicate_numbers": settings.call_duplicate_numbers,
            "lists": self.reach.audience.lists,
            "retries": settings.retries.as_ref().map(super::retries::Retries::to_json),
            "schedule": {
                "send_at": written(schedule.send_at.as_ref(), self.starts),
                "end_at": written(schedule.end_at.as_ref(), self.ends),
            },
            "status_callback": callbacks.status,
            "call_status_callback": callbacks.call_status,
            "call_schedule_callback": callbacks.call_schedule,
            "mode": if settings.throttle.is_some() { "custom" } else { "auto" },
            "throttle": settings.throttle,
            "custom_field": settings.custom_field,
            "status": self.stage.name(),
            "date_created": rfc3339(self.created),
            "date_updated": rfc3339(self.updated),
            "date_started": self.dialling.first_call().map(rfc3339),
            "report_url": null,
            "stats": super::stats::stats(self),
        })
    }

    /// The same with `from`, if it was given.
    pub(super) fn to_json_with_numbers(&self, sid: &str, style: NumberText) -> Value {
        let mut object = self.to_json(sid);
        let audience = &self.reach.audience;
        if audience.lists.is_empty() {
            let numbers = audience
                .numbers
                .iter()
                .map(|number| number::write(*number, style));
            object["from"] = numbers.collect();
        }
        object
    }
}
