//! What the evidence of one attempt means for its batch: docs/guarantee.md, "What the wire proves", for Exotel.
//!
//! One total function over facts, whose names and order are those of Octopush's. What is Exotel's own:
//! - an answer with 2xx may hold a failure: with exactly one item, that item's `code` is judged as the status. The same goes
//!   for 400, 409 and 422, and for the older API's exception, which in a 2xx counts only if it says 429;
//! - a 2xx without a campaign's id proves nothing and is never unticketed: the listing of campaigns tells, by name;
//! - an answer that contradicts itself (an id beside an error, a success within a refusal) proves nothing;
//! - a refusal may be for one number that it names.
//!
//! Kept elsewhere: once an attempt was in doubt, only the listing or the operator ends that doubt; how often something that
//! was put off is tried again, and when a run stops.

use volley_model::{Acceptance, Answer, Evidence, Msisdn, Refusal, Unsent, Verdict};

use super::codes::{Class, known};
use super::currency_open;
use super::named::named_member;
use super::wire::{Envelope, Statement};
use crate::presentable;

/// What must be known beside the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JudgeContext<'a> {
    /// The batch's numbers, one of which a refusal may name; none for a request that is no batch.
    pub members: &'a [Msisdn],
}

/// Judges one attempt.
pub fn judge(evidence: &Evidence, context: &JudgeContext<'_>) -> Verdict {
    let reason = || presentable(&evidence.summary());
    match evidence {
        Evidence::Unsent(cause) => Verdict::Unsent {
            reason: reason(),
            hopeless: matches!(
                cause,
                Unsent::Tls {
                    certificate: true,
                    ..
                }
            ),
        },
        Evidence::NotProcessed(_) => Verdict::NotProcessed {
            reason: reason(),
            after: None,
            cools_all: false,
        },
        Evidence::Answered(answer) => Answered::of(answer, reason()).judge(context),
        Evidence::Lost(_) => in_doubt(reason()),
    }
}

/// Whether an answer is a success by all that it says of itself.
pub(super) fn succeeded(answer: &Answer) -> bool {
    is_success(answer.status) && is_success(status_within(answer))
}

/// The status that counts: the answer's own, or that of the one thing it speaks of.
pub(super) fn status_within(answer: &Answer) -> u16 {
    Answered::of(answer, String::new()).status
}

/// An answer, and what counts of it.
struct Answered<'a> {
    answer: &'a Answer,
    statement: Statement,
    /// The answer's own, or that of the one thing it speaks of.
    status: u16,
    /// The answer in short: its status, whether its body came whole, and the status within.
    reason: String,
}

impl<'a> Answered<'a> {
    fn of(answer: &'a Answer, reason: String) -> Self {
        let statement = Envelope::of(answer).statement();
        let within = match (answer.status, statement.status) {
            (200..=299, Some(status)) if statement.exception && status != 429 => None,
            (200..=299 | 400 | 409 | 422, within) => within,
            _ => None,
        };
        let within = within.filter(|status| *status != answer.status);
        Self {
            answer,
            statement,
            status: within.unwrap_or(answer.status),
            reason: within
                .map(|status| format!("{reason}, within it {status}"))
                .unwrap_or(reason),
        }
    }

    fn judge(self, context: &JudgeContext<'_>) -> Verdict {
        // In an answer in which the body counts, an id and a refusal contradict each other.
        let refuses = self.statement.fault.is_some() || !is_success(self.status);
        let body_counts = matches!(self.answer.status, 200..=299 | 400 | 409 | 422);
        if body_counts && refuses && self.statement.ticket.is_some() {
            return in_doubt(self.with_saying() + ", and yet there is a campaign's id");
        }
        match self.status {
            200..=299 => self.judge_success(),
            300..=399 => Verdict::InDoubt {
                reason: format!(
                    "{}: a redirect, and none is followed; check base_url",
                    self.reason
                ),
                stops: true,
            },
            400 | 409 | 422 => self.judge_error(context),
            401..=403 => Verdict::Account(self.refusal()),
            404 | 405 | 413 | 415 => Verdict::Refused(self.refusal()),
            429 => self.too_many_requests(),
            // 408 and 5xx whatever they carry, and everything that the table does not name.
            _ => in_doubt(self.with_saying()),
        }
    }

    /// A campaign's id, or none. A success within a refusal is none.
    fn judge_success(self) -> Verdict {
        if !is_success(self.answer.status) {
            return in_doubt(self.with_saying());
        }
        if let Some(ticket) = self.statement.ticket {
            return Verdict::Accepted(acceptance(ticket));
        }
        let items = match self.statement.items {
            0 | 1 => String::new(),
            items => format!(", with {items} items for one campaign"),
        };
        in_doubt(format!("{}{items}, without a campaign's id", self.with_saying()))
    }

    /// The statuses in which the body's error counts, and outranks the status.
    fn judge_error(self, context: &JudgeContext<'_>) -> Verdict {
        let Some(fault) = &self.statement.fault else {
            return in_doubt(self.with_saying() + ", without a readable error");
        };
        match fault.code.and_then(known).map(|known| known.class) {
            Some(Class::Account) => Verdict::Account(self.refusal()),
            // Of this name there is one already: the attempt's own campaign, or that of another ledger.
            Some(Class::Done | Class::Doubt) => in_doubt(self.with_saying()),
            Some(Class::Request) => Verdict::Refused(self.refusal()),
            // Which code a refused number has is *assumed*, so that one which is not known may have named it too.
            Some(Class::Parameter) | None => match named_member(&fault.text, context.members) {
                Some(number) => Verdict::RefusedFor {
                    number,
                    refusal: self.refusal(),
                },
                None => Verdict::Refused(self.refusal()),
            },
        }
    }

    fn too_many_requests(&self) -> Verdict {
        Verdict::NotProcessed {
            reason: format!("{}: too many requests", self.reason),
            after: self.answer.retry_after,
            cools_all: true,
        }
    }

    fn refusal(&self) -> Refusal {
        self.statement.refusal(self.status, self.answer)
    }

    /// The reason with what the provider said, as far as it said something: `answered 500, code 1100: Internal error`.
    fn with_saying(&self) -> String {
        let refusal = self.refusal();
        let code = refusal
            .code
            .map(|code| format!(", code {code}"))
            .unwrap_or_default();
        let meaning = refusal.code.and_then(known).map_or("", |known| known.meaning);
        match (refusal.message.as_str(), meaning) {
            ("", "") => format!("{}{code}", self.reason),
            ("", saying) | (saying, _) => format!("{}{code}: {saying}", self.reason),
        }
    }
}

fn is_success(status: u16) -> bool {
    (200..=299).contains(&status)
}

/// The answer says neither how many numbers Exotel took nor what they will cost: calls are priced one by one, later.
fn acceptance(ticket: String) -> Acceptance {
    Acceptance {
        ticket,
        contacts: None,
        cost: None,
        currency: currency_open(),
        units: None,
        residual_credit: None,
    }
}

fn in_doubt(reason: String) -> Verdict {
    Verdict::InDoubt { reason, stops: false }
}
