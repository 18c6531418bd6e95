//! The table of a campaign's parameters.

use std::fmt;

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// 1 to 5000 numbers in E.164 form.
    Numbers,
    /// 1 to 5 ids of lists; a dynamic campaign has one, which is Exotel's to check.
    Lists,
    /// An `ExoPhone`.
    CallerId,
    /// `http://` or `https://` with a host.
    Url,
    /// More than 3 characters.
    Name,
    /// `trans`.
    Type,
    /// `true` or `false`.
    Flag,
    /// 0 to 3.
    NumberOfRetries,
    /// At least 1.
    Minutes,
    /// `Linear` or `Exponential`.
    Mechanism,
    /// One or more of `busy`, `no-answer`, `failed`.
    OnStatus,
    /// RFC 3339, with an offset.
    Instant,
    /// Any text.
    Text,
    /// `pause`, `resume`, `complete` or `archive`.
    Action,
}

/// Until when a parameter may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As long as `send_at` has not passed.
    BeforeSendAt,
    /// Always.
    Always,
}

/// A parameter of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignField {
    /// Its name; a member of an object behind the object's name and a dot.
    pub name: &'static str,
    /// What it may be.
    pub rule: Rule,
    /// Until when it may change.
    pub when: When,
}

impl CampaignField {
    /// The parameter of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CAMPAIGN_FIELDS.iter().find(|field| field.name == name)
    }
}

impl fmt::Display for CampaignField {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

/// Every parameter of the page, in its order, and `action`.
#[rustfmt::skip] // a table is read by its rows
pub const CAMPAIGN_FIELDS: [CampaignField; 18] = [
    field("from", Rule::Numbers, When::BeforeSendAt),
    field("lists", Rule::Lists, When::BeforeSendAt),
    field("caller_id", Rule::CallerId, When::BeforeSendAt),
    field("url", Rule::Url, When::BeforeSendAt),
    field("name", Rule::Name, When::BeforeSendAt),
    field("type", Rule::Type, When::BeforeSendAt),
    field("call_duplicate_numbers", Rule::Flag, When::BeforeSendAt),
    field("retries.number_of_retries", Rule::NumberOfRetries, When::BeforeSendAt),
    field("retries.interval_mins", Rule::Minutes, When::BeforeSendAt),
    field("retries.mechanism", Rule::Mechanism, When::BeforeSendAt),
    field("retries.on_status", Rule::OnStatus, When::BeforeSendAt),
    field("schedule.send_at", Rule::Instant, When::BeforeSendAt),
    field("schedule.end_at", Rule::Instant, When::BeforeSendAt),
    field("call_status_callback", Rule::Url, When::Always),
    field("call_schedule_callback", Rule::Url, When::Always),
    field("status_callback", Rule::Url, When::Always),
    field("custom_field", Rule::Text, When::BeforeSendAt),
    field("action", Rule::Action, When::Always),
];

const fn field(name: &'static str, rule: Rule, when: When) -> CampaignField {
    CampaignField { name, rule, when }
}
