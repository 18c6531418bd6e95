//! A campaign on a list or tag as it is typed: a small TOML file, flags, or both; a flag wins.
//!
//! ```toml
//! list = "customers"                 # or tag = "vip"
//! text = "Hello {first_name}, 20% off this week. STOP au 30101"
//! type = "sms_premium"               # or "sms_low_cost", "sms_vocal"
//! purpose = "wholesale"              # marketing; or "alert": transactional only
//! sender = "Acme"
//! send_at = "2026-12-01T09:00:00+01:00"   # optional
//! with_replies = false               # these three are optional, with the campaign file's defaults
//! auto_optimize_text = true
//! auto_remove_blacklisted_numbers = false
//! ```

use std::path::Path;

use serde::Deserialize;
use volley_model::Audience;
use volley_provider::octopush::{Kind, ListCampaignDraft, ListCampaignError, ListKind};

use super::content::sms;
use super::file::OctopushSection;
use super::{ConfigError, Wrong};

/// What is typed; nothing is required here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    pub(crate) list: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) text: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) sender: Option<String>,
    pub(crate) send_at: Option<String>,
    pub(crate) with_replies: Option<bool>,
    pub(crate) auto_optimize_text: Option<bool>,
    pub(crate) auto_remove_blacklisted_numbers: Option<bool>,
}

impl Typed {
    /// Reads a file.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        super::read("campaign settings", path, &[])
    }

    /// This, and where it says nothing, the other.
    pub(crate) fn or(self, other: Self) -> Self {
        // Whoever names a list means it in place of the file's tag.
        let (list, tag) = if self.list.is_some() || self.tag.is_some() {
            (self.list, self.tag)
        } else {
            (other.list, other.tag)
        };
        Self {
            list,
            tag,
            text: self.text.or(other.text),
            kind: self.kind.or(other.kind),
            purpose: self.purpose.or(other.purpose),
            sender: self.sender.or(other.sender),
            send_at: self.send_at.or(other.send_at),
            with_replies: self.with_replies.or(other.with_replies),
            auto_optimize_text: self.auto_optimize_text.or(other.auto_optimize_text),
            auto_remove_blacklisted_numbers: self
                .auto_remove_blacklisted_numbers
                .or(other.auto_remove_blacklisted_numbers),
        }
    }

    /// The draft, checked.
    pub(crate) fn draft(self) -> Result<ListCampaignDraft, ConfigError> {
        let audience = match (&self.list, &self.tag) {
            (Some(list), None) => Audience::List(list.clone()),
            (None, Some(tag)) => Audience::Tag(tag.clone()),
            (None, None) => return Err(missing("list", "name a list, or a tag with --tag")),
            (Some(_), Some(_)) => {
                return Err(flag("list", "a campaign goes to a list or to a tag, not to both"));
            }
        };
        let text = required(self.text, "text")?;
        let kind = required(self.kind, "type")?;
        let kind = ListKind::named(&kind).ok_or_else(|| {
            let why = format!("{kind:?} is none of \"sms_premium\", \"sms_low_cost\" and \"sms_vocal\"");
            flag("type", why)
        })?;
        let section = OctopushSection {
            base_url: None,
            text: text.clone(),
            // The message's own kind is that of an SMS; a voice campaign's is the draft's.
            kind: match kind {
                ListKind::Sms(kind) => kind.name(),
                ListKind::Vocal => Kind::SmsPremium.name(),
            }
            .to_owned(),
            purpose: required(self.purpose, "purpose")?,
            sender: required(self.sender, "sender")?,
            send_at: self.send_at,
            with_replies: self.with_replies.unwrap_or_default(),
            simulation_mode: false,
            auto_remove_blacklisted_numbers: self.auto_remove_blacklisted_numbers.unwrap_or_default(),
            auto_optimize_text: self.auto_optimize_text,
            duplicate_codes: None,
        };
        let message = sms(section).map_err(|Wrong { key, why }| {
            let (_, key) = key.split_once('.').unwrap_or(("", key));
            flag(key, why)
        })?;
        let draft = ListCampaignDraft {
            audience,
            kind,
            message,
        };
        draft
            .check(&text)
            .map_err(|error| flag(flag_of(&error), error.to_string()))?;
        Ok(draft)
    }
}

/// The flag that an error is about.
fn flag_of(error: &ListCampaignError) -> &'static str {
    match error {
        ListCampaignError::Message(_) | ListCampaignError::Default => "text",
        ListCampaignError::NoAudience => "list",
        ListCampaignError::VocalSender => "sender",
    }
}

fn required(value: Option<String>, key: &'static str) -> Result<String, ConfigError> {
    value.ok_or_else(|| missing(key, "give it, or a --file that has it"))
}

fn missing(key: &str, why: &str) -> ConfigError {
    ConfigError::Missing {
        key: format!("--{}", key.replace('_', "-")),
        why: why.to_owned(),
    }
}

/// A flag's name stands for the file's key too: they are the same word.
fn flag(key: &str, why: impl Into<String>) -> ConfigError {
    ConfigError::Flag {
        key: format!("--{}", key.replace('_', "-")),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn typed(toml: &str) -> Typed {
        file::parse(toml, &[]).unwrap()
    }

    const GOOD: &str =
        "list = 'customers'\ntext = 'Hello'\ntype = 'sms_premium'\npurpose = 'alert'\nsender = 'Acme'";

    #[test]
    fn a_flag_wins_over_the_file_and_a_list_over_its_tag() {
        let flags = typed("tag = 'vip'\nsender = 'Other'\nwith_replies = true");
        let draft = flags.or(typed(GOOD)).draft().unwrap();
        assert_eq!(draft.audience, Audience::Tag("vip".to_owned()));
        assert_eq!(draft.message.sender.as_str(), "Other");
        assert!(draft.message.with_replies && draft.message.auto_optimize_text);
    }

    #[test]
    fn whatever_is_missing_or_wrong_is_named_by_its_flag() {
        let check = |toml: &str, expected: &str| {
            let error = typed(toml).draft().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        assert!(typed(GOOD).draft().is_ok());
        check("", "go on without --list: ");
        check(&format!("{GOOD}\ntag = 'vip'"), "use --list: ");
        check(&GOOD.replace("sender = 'Acme'", ""), "go on without --sender: ");
        check(&GOOD.replace("Acme", "A!"), "use --sender: ");
        check(&GOOD.replace("sms_premium", "sms"), "use --type: ");
        check(&GOOD.replace("alert", "fun"), "use --purpose: ");
        check(&format!("{GOOD}\nsend_at = 'soon'"), "use --send-at: ");
        check(&GOOD.replace("Hello", "{first_name|you}"), "use --text: ");
        check(
            &GOOD.replace("sms_premium", "sms_vocal"),
            "use --sender: the sender of a voice",
        );
        assert!(
            typed(&GOOD.replace("sms_premium", "sms_vocal").replace("Acme", "12345"))
                .draft()
                .is_ok()
        );
    }

    #[test]
    fn the_file_in_the_header_is_one() {
        let header = include_str!("list_campaign.rs");
        let lines = header
            .lines()
            .skip_while(|line| !line.contains("```toml"))
            .skip(1);
        let toml: Vec<&str> = lines
            .take_while(|line| !line.contains("```"))
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        assert!(typed(&toml.join("\n")).draft().is_ok());
    }
}
