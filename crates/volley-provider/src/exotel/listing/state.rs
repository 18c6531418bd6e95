//! The states of a campaign, in every spelling.
//!
//! Sources: "create campaign" and "bulk campaign details" (`Created`, `InProgress`), "How does the Campaigns API work" (`in-progress`);
//! a campaign that is to start later is `Created` too.

use crate::presentable;

/// How far a campaign is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CampaignState {
    /// Not started.
    Created,
    /// It calls.
    InProgress,
    /// It calls nobody more, until it is resumed.
    Paused,
    /// All were called, or its end came.
    Completed,
    /// Nobody could be called.
    Failed,
    /// It was paused until its end.
    Canceled,
    /// Deleted before it started.
    Deleted,
    /// Put away.
    Archived,
    /// A state that no page names: shown as it is, and taken for none of the others.
    Other(String),
}

impl CampaignState {
    /// The state of that spelling: `InProgress`, `in-progress`, `in_progress`, `inprogress`.
    pub fn spelled(text: &str) -> Self {
        let letters: String = text
            .chars()
            .filter(|character| !matches!(character, '-' | '_' | ' '))
            .collect();
        match letters.to_ascii_lowercase().as_str() {
            "created" => Self::Created,
            "inprogress" => Self::InProgress,
            "paused" => Self::Paused,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            "deleted" => Self::Deleted,
            "archived" => Self::Archived,
            _ => Self::Other(presentable(text)),
        }
    }

    /// Whether a campaign can still be deleted: it has not started ("How does the Campaigns API work").
    pub fn may_be_deleted(&self) -> bool {
        *self == Self::Created
    }

    /// Whether it has called nobody, nor will.
    pub fn calls_nobody(&self) -> bool {
        matches!(self, Self::Deleted | Self::Failed)
    }

    /// Whether it is over, and may have ended before it called anybody: one that was canceled was paused before, and may have
    /// called some.
    pub fn may_have_called_nobody(&self) -> bool {
        self.calls_nobody() || *self == Self::Canceled
    }

    /// The name as Exotel's JSON has it, or the provider's own word.
    pub fn name(&self) -> &str {
        match self {
            Self::Created => "Created",
            Self::InProgress => "InProgress",
            Self::Paused => "Paused",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Deleted => "Deleted",
            Self::Archived => "Archived",
            Self::Other(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_are_read_in_every_spelling() {
        for (spelling, state) in [
            ("Created", CampaignState::Created),
            ("created", CampaignState::Created),
            ("InProgress", CampaignState::InProgress),
            ("in-progress", CampaignState::InProgress),
            ("in_progress", CampaignState::InProgress),
            ("In Progress", CampaignState::InProgress),
            ("cancelled", CampaignState::Canceled),
            ("scheduled", CampaignState::Other("scheduled".to_owned())),
            ("create", CampaignState::Other("create".to_owned())),
            ("", CampaignState::Other(String::new())),
        ] {
            assert_eq!(CampaignState::spelled(spelling), state, "{spelling}");
        }
        for name in [
            "Created",
            "InProgress",
            "Paused",
            "Completed",
            "Failed",
            "Canceled",
            "Deleted",
            "Archived",
        ] {
            assert_eq!(CampaignState::spelled(name).name(), name);
        }
    }
}
