//! What the evidence of one attempt means for its batch: docs/guarantee.md, "What the wire proves", for Octopush.
//!
//! One total function over facts. Three rules are kept elsewhere:
//! - once an attempt of a key was in doubt, only a ticket, a duplicate or the operator ends that doubt: with `doubted`
//!   a duplicate is the attempt's success, a success without a ticket proves nothing, and after a refusal the pipeline
//!   leaves the doubt standing;
//! - a simulated batch is never in doubt and never unticketed: where simulation leaves nothing proven, the verdict here
//!   is [`Verdict::InDoubt`], and the ledger books `simulated`;
//! - how often something that was put off is tried again, and when a run stops.

use volley_model::{Answer, Evidence, Refusal, Unsent, Verdict};

use super::codes::{Class, known};
use super::wire::{acceptance, refusal};
use crate::provider_text::presentable;

/// The codes that say "this `request_id` was here before": 120 and, in the older numbering, 133 (*assumed* from the
/// published table of codes; the pages on sending name none).
pub const DUPLICATE_CODES_DEFAULT: [u32; 2] = [120, 133];

/// What must be known beside the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgeContext<'a> {
    /// The codes that mean a duplicate `request_id`; see [`DUPLICATE_CODES_DEFAULT`].
    pub duplicate_codes: &'a [u32],
    /// Whether an earlier attempt of this key was in doubt.
    pub doubted: bool,
    /// Whether the request asked for simulation.
    pub simulated: bool,
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
        Evidence::Answered(answer) => judge_answer(answer, context, reason()),
        Evidence::Lost(_) => in_doubt(reason()),
    }
}

/// `reason` is the answer in short: its status, and whether its body came whole.
fn judge_answer(answer: &Answer, context: &JudgeContext<'_>, reason: String) -> Verdict {
    match answer.status {
        200..=299 => judge_success(answer, context, reason),
        300..=399 => Verdict::InDoubt {
            reason: format!("{reason}: a redirect, and none is followed; check base_url"),
            stops: true,
        },
        400 | 409 | 422 => judge_error(answer, context, reason),
        401..=403 => Verdict::Account(refusal(answer)),
        404 | 405 | 413 | 415 => Verdict::Refused(refusal(answer)),
        429 => Verdict::NotProcessed {
            reason: format!("{reason}: too many requests"),
            after: answer.retry_after,
            cools_all: true,
        },
        // 408 and 5xx whatever they carry, and everything that the table does not name.
        _ => in_doubt(with_saying(reason, &refusal(answer))),
    }
}

/// A ticket, or none. Where the key was in doubt before, a success without a ticket proves nothing.
fn judge_success(answer: &Answer, context: &JudgeContext<'_>, reason: String) -> Verdict {
    if let Some(acceptance) = acceptance(answer) {
        return Verdict::Accepted(acceptance);
    }
    let reason = format!(
        "{}, without a readable ticket",
        with_saying(reason, &refusal(answer))
    );
    if context.doubted {
        in_doubt(reason)
    } else {
        sent_without_ticket(context, reason)
    }
}

/// The statuses in which the body's code counts, and outranks the status.
fn judge_error(answer: &Answer, context: &JudgeContext<'_>, reason: String) -> Verdict {
    let refusal = refusal(answer);
    let Some(code) = refusal.code else {
        return in_doubt(format!(
            "{}, without a readable error",
            with_saying(reason, &refusal)
        ));
    };
    let reason = with_saying(reason, &refusal);
    if context.duplicate_codes.contains(&code) {
        return judge_duplicate(context, &reason);
    }
    match known(code).map(|known| known.class) {
        Some(Class::Account) => Verdict::Account(refusal),
        Some(Class::Later) => Verdict::NotProcessed {
            reason,
            after: answer.retry_after,
            cools_all: false,
        },
        Some(Class::Doubt) => in_doubt(reason),
        // An unknown code is a readable error all the same; a code of duplicates that is not configured as one too.
        Some(Class::Request | Class::Recipient | Class::Done) | None => Verdict::Refused(refusal),
    }
}

/// A duplicate of a request whose fate we did not know is that request, accepted (*assumed*: the page says no more
/// than "a validation error"). A duplicate of a request that was never in doubt is somebody else's.
fn judge_duplicate(context: &JudgeContext<'_>, reason: &str) -> Verdict {
    if context.doubted {
        sent_without_ticket(
            context,
            format!("{reason}: the attempt in doubt had been accepted, its ticket is unknown"),
        )
    } else {
        in_doubt(format!(
            "{reason}: no attempt of ours was in doubt, another ledger may have sent it"
        ))
    }
}

/// Sent, and nothing to show for it. A simulated request owes no ticket, hence no estimate either.
fn sent_without_ticket(context: &JudgeContext<'_>, reason: String) -> Verdict {
    if context.simulated {
        in_doubt(reason)
    } else {
        Verdict::Unticketed { reason }
    }
}

fn in_doubt(reason: String) -> Verdict {
    Verdict::InDoubt { reason, stops: false }
}

/// The reason with what the provider said, as far as it said something: `answered 400, code 126: queued`.
fn with_saying(reason: String, refusal: &Refusal) -> String {
    let code = refusal
        .code
        .map(|code| format!(", code {code}"))
        .unwrap_or_default();
    let meaning = refusal.code.and_then(known).map_or("", |known| known.meaning);
    match (refusal.message.as_str(), meaning) {
        ("", "") => reason + &code,
        ("", saying) | (saying, _) => reason + &code + ": " + saying,
    }
}
