//! What can be done to a campaign that exists, and from which states.
//!
//! Source: "update campaign" (the page on actions). What Exotel answers to an action that the state does not allow is not
//! documented.

use bytes::Bytes;

use super::super::listing::CampaignState;
use super::wrapped;

/// An action on a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Call nobody more for now; calls under way end.
    Pause,
    /// Go on.
    Resume,
    /// End a paused campaign: who was not called is not called.
    Complete,
    /// Put a completed campaign away.
    Archive,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::Complete, Self::Archive];

    /// The name on the wire and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Complete => "complete",
            Self::Archive => "archive",
        }
    }

    /// The action of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// The states it is allowed from.
    pub fn from(self) -> &'static [CampaignState] {
        match self {
            Self::Pause => &[CampaignState::Created, CampaignState::InProgress],
            Self::Resume | Self::Complete => &[CampaignState::Paused],
            Self::Archive => &[CampaignState::Completed],
        }
    }

    /// Whether it is allowed from that state; one that no page names is left to the provider.
    pub fn is_allowed_from(self, state: &CampaignState) -> bool {
        matches!(state, CampaignState::Other(_)) || self.from().contains(state)
    }

    /// The body of the request.
    pub fn body(self) -> Bytes {
        wrapped(format!(r#","action":"{}""#, self.name()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_allowed_from_its_states_and_no_others() {
        use CampaignState::{Archived, Canceled, Completed, Created, Deleted, Failed, InProgress, Paused};
        let allowed = |action: Action| {
            [
                Created, InProgress, Paused, Completed, Failed, Canceled, Deleted, Archived,
            ]
            .into_iter()
            .filter(|state| action.is_allowed_from(state))
            .collect::<Vec<_>>()
        };
        assert_eq!(allowed(Action::Pause), [Created, InProgress]);
        assert_eq!(allowed(Action::Resume), [Paused]);
        assert_eq!(allowed(Action::Complete), [Paused]);
        assert_eq!(allowed(Action::Archive), [Completed]);
        assert!(Action::Pause.is_allowed_from(&CampaignState::Other("queued".to_owned())));
    }

    #[test]
    fn an_action_s_body_is_wrapped() {
        assert_eq!(Action::Pause.body(), r#"{"campaigns":[{"action":"pause"}]}"#);
        for action in Action::ALL {
            assert_eq!(Action::named(action.name()), Some(action));
        }
        assert_eq!(Action::named("delete"), None);
    }
}
