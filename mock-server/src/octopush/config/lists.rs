//! The switches of campaigns on lists and tags: whom a name stands for, and how the pages' open ends are played.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Whom lists and tags stand for. A name that is not here stands for 20 French mobile numbers, always the same.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AudienceConfig {
    /// Numbers by the list's name.
    pub lists: BTreeMap<String, Vec<String>>,
    /// Numbers by the tag's name.
    pub tags: BTreeMap<String, Vec<String>>,
    /// Lists and tags whose campaign ends as failed.
    pub fails: Vec<String>,
}

/// How a campaign on a list or tag goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListConfig {
    /// Milliseconds from its creation until it is ready or has failed, on the mock's clock.
    pub computing_ms: u64,
    /// How its status is answered until then.
    pub computing_answer: ComputingAnswer,
    /// `code` of the refusals until then (the legacy table's 129; 130 is near it).
    pub computing_code: u32,
    /// How its status says that it may be sent.
    pub ready_spelling: ReadySpelling,
    /// How its status is answered once it was sent.
    pub status_after_send: StatusAfterSend,
}

impl Default for ListConfig {
    fn default() -> Self {
        Self {
            computing_ms: 0,
            computing_answer: ComputingAnswer::BadRequest,
            computing_code: 129,
            ready_spelling: ReadySpelling::ReadyToBeSend,
            status_after_send: StatusAfterSend::Sent,
        }
    }
}

/// The answer to the status of a campaign that is being computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComputingAnswer {
    /// 400, "as long as the campaign is not ready" ("status-sms-campaign-list").
    BadRequest,
    /// 200 with this status ("status-sms-campaign-list", in its list of statuses).
    UnderComputation,
    /// 200 with this status ("Send SMS to contacts (on-list/on-tag)").
    Calculating,
}

/// The ways in which the pages write the same status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadySpelling {
    /// The example of "status-sms-campaign-list".
    ReadyToBeSend,
    /// The list of statuses of "status-sms-campaign-list".
    ReadyToBeSent,
    /// "Send SMS to contacts (on-list/on-tag)".
    #[serde(rename = "ready to send")]
    ReadyToSend,
}

impl ReadySpelling {
    /// As it is answered.
    pub(in crate::octopush) fn as_str(self) -> &'static str {
        match self {
            Self::ReadyToBeSend => "ready_to_be_send",
            Self::ReadyToBeSent => "ready_to_be_sent",
            Self::ReadyToSend => "ready to send",
        }
    }
}

/// The answer to the status of a campaign that was sent. No page tells: both are *assumed*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum StatusAfterSend {
    /// 200 with the status `sent`.
    #[serde(rename = "sent")]
    Sent,
    /// 400 with code 132, as a second send.
    #[serde(rename = "bad_request_132")]
    BadRequest132,
}
