//! What came of a request that is no batch: a look at the account or at a campaign, a change, a step, an end.
//!
//! What an answer proves is decided by each provider's `judge`, as for a batch; here its verdict is put into the words of such a
//! request, with all that the provider said.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use volley_model::{Answer, AnswerBody, Evidence, Refusal};

use crate::one_line::on_one_line;

/// A request's end.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A success.
    Done(Said),
    /// Refused: nothing was changed.
    Refused(Refusal),
    /// Credentials, credit or the account: nothing was changed.
    Account(Refusal),
    /// Not processed now: nothing was changed, and the same request may come again.
    Later {
        /// What happened.
        reason: String,
    },
    /// Nothing left us.
    Unsent {
        /// What happened.
        reason: String,
    },
    /// Whether anything was changed is not known.
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// The members of an answer's JSON object, as the provider names them, each on one line. Empty where there is none.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Said(BTreeMap<String, Box<RawValue>>);

impl Said {
    /// What an answer says.
    pub(crate) fn of(evidence: &Evidence) -> Self {
        let Evidence::Answered(Answer {
            body: AnswerBody::Whole(body),
            ..
        }) = evidence
        else {
            return Self::default();
        };
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).unwrap_or_default();
        let on_one_line = |raw: &RawValue| RawValue::from_string(on_one_line(raw.get())).ok();
        Self(
            members
                .into_iter()
                .filter_map(|(name, raw)| Some((name, on_one_line(raw)?)))
                .collect(),
        )
    }

    /// Both together; of two members of one name the other's.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Those whose names are not told apart so.
    #[must_use]
    pub fn without(mut self, is_left_out: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|name, _| !is_left_out(name));
        self
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, by name, each with its JSON.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, raw)| (name.as_str(), raw.get()))
    }

    /// A member's JSON.
    pub fn json(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|raw| raw.get())
    }

    /// A member's text; `None` where it is none.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.json(name)?).ok()
    }
}
