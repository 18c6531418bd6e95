//! The account of a run, as JSON (one line, the last on stdout) and as text for people.
//!
//! `lines` counts the lines of this run's inputs, each once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use volley_model::{Amount, Currency};
use volley_provider::octopush::Message;

use crate::exit::Exit;

/// The summary's version: changes of meaning raise it.
pub const SCHEMA: u32 = 1;

/// The account of a run.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Summary {
    pub schema: u32,
    pub campaign: String,
    pub provider: &'static str,
    pub outcome: &'static str,
    pub exit_code: Exit,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    pub lines: Lines,
    /// Invalid lines by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Messages of more than eight segments, where segments are counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub over_long: u64,
    pub batches: Batches,
    pub settled: Settled,
    pub tickets: u64,
    pub contacts: u64,
    pub dropped: u64,
    pub cost: Cost,
    /// The account's credit as last heard; null while unknown.
    pub residual_credit: Option<String>,
    pub requests: Requests,
    pub limited_by: &'static str,
    pub seconds: f64,
    pub recipients_per_second: f64,
}

/// What happened to this run's lines; `read` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, Serialize, PartialEq, Eq)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Lines {
    pub read: u64,
    pub accepted: u64,
    pub invalid: u64,
    pub duplicate: u64,
    pub suppressed: u64,
    pub already_sent: u64,
    pub refused: u64,
    pub in_doubt: u64,
    pub pending: u64,
}

impl Lines {
    /// The account for people, one count a line; `names` are what `accepted` and `pending` are called.
    pub(crate) fn write(&self, out: &mut String, names: &[&str; 2], rejected: &BTreeMap<&'static str, u64>) {
        let [accepted, pending] = names;
        let _ = writeln!(
            out,
            "{:>12} {} read",
            grouped(self.read),
            if self.read == 1 { "line" } else { "lines" }
        );
        let parts = [
            (self.accepted, *accepted),
            (self.already_sent, "already sent"),
            (self.duplicate, "duplicate"),
            (self.invalid, "invalid"),
            (self.suppressed, "suppressed"),
            (self.refused, "refused"),
            (self.in_doubt, "in doubt"),
            (self.pending, *pending),
        ];
        for (count, name) in parts.into_iter().filter(|(count, _)| *count > 0) {
            let _ = writeln!(out, "{:>12} {name}", grouped(count));
            if name == "invalid" {
                for (reason, count) in rejected {
                    let _ = writeln!(out, "{:>14} {reason}", grouped(*count));
                }
            }
        }
    }
}

/// Batches of this run; `in_doubt` is the campaign's at the end.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Batches {
    pub accepted: u64,
    pub refused: u64,
    pub in_doubt: u64,
}

/// What this run cleared of earlier runs' doubts.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Settled {
    pub batches: u64,
    pub recipients: u64,
}

/// Money, as exact decimal strings; null while nothing is known.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Cost {
    pub total: Option<String>,
    pub estimated: String,
    pub currency: Option<String>,
    pub unpriced_batches: u64,
}

/// Requests that carried batches.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Requests {
    pub sent: u64,
    pub retried: u64,
    pub throttled: u64,
}

impl Cost {
    /// A known cost.
    pub fn known(total: Amount, estimated: Amount, currency: Currency, unpriced_batches: u64) -> Self {
        Self {
            total: Some(total.to_string()),
            estimated: estimated.to_string(),
            currency: code_of(currency),
            unpriced_batches,
        }
    }

    /// Nothing is known.
    pub fn unknown(unpriced_batches: u64) -> Self {
        Self {
            estimated: "0".to_owned(),
            unpriced_batches,
            ..Self::default()
        }
    }
}

impl Summary {
    /// The summary of a run that failed before it began; the names are empty where nobody knows them.
    pub fn failed(campaign: &str, provider: &'static str, exit: Exit, error: String) -> Self {
        Self {
            schema: SCHEMA,
            campaign: campaign.to_owned(),
            provider,
            outcome: exit.outcome(0),
            exit_code: exit,
            reason: (exit.outcome(0) == "stopped").then(|| error.clone()),
            error: Some(error),
            simulated: false,
            lines: Lines::default(),
            rejected: BTreeMap::new(),
            over_long: 0,
            batches: Batches::default(),
            settled: Settled::default(),
            tickets: 0,
            contacts: 0,
            dropped: 0,
            cost: Cost::unknown(0),
            residual_credit: None,
            requests: Requests::default(),
            limited_by: "input",
            seconds: 0.0,
            recipients_per_second: 0.0,
        }
    }

    /// The account for people: what happened to every line, what it cost, and what to do next.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "campaign {} ({}): {}",
            self.campaign, self.provider, self.outcome
        );
        self.lines
            .write(&mut out, &["accepted", "pending"], &self.rejected);
        let _ = writeln!(
            out,
            "{} for {}{}",
            counted(self.tickets, "ticket"),
            counted(self.contacts, "contact"),
            if self.dropped > 0 {
                format!(", {} dropped by the provider", grouped(self.dropped))
            } else {
                String::new()
            }
        );
        self.write_cost(&mut out);
        if self.over_long > 0 {
            let _ = writeln!(
                out,
                "{} more than {} segments, and each is charged",
                counted_as(self.over_long, "message takes", "messages take"),
                Message::SEGMENTS_MAX
            );
        }
        if let Some(left) = &self.residual_credit {
            let _ = writeln!(out, "credit left {left} {}", Currency::EUR.code());
        }
        let _ = writeln!(
            out,
            "{} ({} retried, {} throttled) in {:.2} s: {:.0} recipients/s, limited by {}",
            counted(self.requests.sent, "request"),
            grouped(self.requests.retried),
            grouped(self.requests.throttled),
            self.seconds,
            self.recipients_per_second,
            self.limited_by
        );
        if self.batches.in_doubt > 0 {
            let _ = writeln!(
                out,
                "{} in doubt: whether it was sent is not known, and nothing of it is sent again; run this again later, or see `volley doubt list {}`",
                counted_as(self.batches.in_doubt, "batch", "batches"),
                self.campaign
            );
        }
        if let Some(reason) = &self.reason {
            let _ = writeln!(out, "{reason}");
        }
        out
    }

    fn write_cost(&self, out: &mut String) {
        if self.simulated {
            let _ = writeln!(out, "simulated: nobody was reached, nothing is owed");
            return;
        }
        let Some(total) = &self.cost.total else {
            return;
        };
        let _ = write!(
            out,
            "cost {total} {}",
            currency_told(self.cost.currency.as_deref())
        );
        if self.cost.unpriced_batches > 0 {
            let _ = write!(
                out,
                ", of which {} estimated for {} that the provider has not priced",
                self.cost.estimated,
                counted_as(self.cost.unpriced_batches, "batch", "batches")
            );
        }
        out.push('\n');
    }
}

/// A currency's code; `None` while nobody knows which it is (XXX).
pub(crate) fn code_of(currency: Currency) -> Option<String> {
    (currency != Currency::NONE).then(|| currency.code().to_owned())
}

/// The same for people, behind an amount.
pub(crate) fn currency_told(code: Option<&str>) -> &str {
    code.unwrap_or("of the account's currency")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A count of things: `1 ticket`, `2,000 tickets`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    counted_as(count, thing, &format!("{thing}s"))
}

/// The same where the plural is not regular.
pub(crate) fn counted_as(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { several })
}

/// A count with its thousands apart.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }
}
