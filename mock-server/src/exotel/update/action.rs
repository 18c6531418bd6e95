//! `action`: what a campaign can be told to do, and from which states.
//!
//! *Sources*: "update campaign". That a campaign whose time came while it was paused starts when it is resumed, and how a
//! refusal looks, is *assumed*; the latter is a switch.

use jiff::Timestamp;

use crate::exotel::callbacks::Outbox;
use crate::exotel::campaign::{Campaign, Stage};
use crate::exotel::config::{ExotelConfig, IllegalAction};
use crate::exotel::dial;
use crate::exotel::refusal::Refusal;
use crate::exotel::request::{Fields, text};

/// The field.
pub(super) const ACTION: &str = "action";

/// One of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Pause,
    Resume,
    Complete,
    Archive,
}

impl Action {
    pub(super) fn read(fields: &Fields) -> Result<Option<Self>, Refusal> {
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

    /// Whether a campaign in this stage may be told so.
    pub(super) fn check(self, config: &ExotelConfig, stage: Stage) -> Result<(), Refusal> {
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

    /// Does it to a campaign that was checked.
    pub(super) fn carry_out(self, campaign: &mut Campaign, now: Timestamp, outbox: &mut Outbox) {
        let at = now.as_microsecond();
        match self {
            Self::Pause => campaign.stage = Stage::Paused,
            Self::Resume if campaign.has_started(now) => {
                campaign.stage = Stage::InProgress;
                campaign.dialling.wait_until(at);
                if campaign.dialling.tried() == 0 {
                    outbox.campaign_changed(campaign);
                }
                dial::finish(campaign, at, outbox);
            }
            Self::Resume => campaign.stage = Stage::Created,
            Self::Complete => {
                campaign.end(Stage::Completed, at);
                outbox.campaign_changed(campaign);
            }
            Self::Archive => campaign.stage = Stage::Archived,
        }
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
}
