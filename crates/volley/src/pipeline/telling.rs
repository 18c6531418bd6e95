//! What the log says of a run and of its batches: the spans that name them, and the words on how a batch ended.
//!
//! A span is a batch's, never a recipient's; what it costs is paid once a batch. Spans are errors' so that a line of any level
//! names its run and its batch. Never said: a number, a body, words of the provider that may name a number.

use tracing::Span;
use volley_ledger::{BatchId, Outcome, RunId};

/// All that happens in a run.
pub(crate) fn run_span(run: RunId) -> Span {
    tracing::error_span!("run", run = run.0)
}

/// All that happens to a batch once the ledger knows it.
pub(super) fn batch_span(batch: BatchId) -> Span {
    tracing::error_span!("batch", batch = batch.0)
}

/// How a batch ended, once that is durable.
pub(super) fn concluded(outcome: &Outcome, recipients: u64) {
    match outcome {
        Outcome::Accepted {
            ticket,
            contacts,
            cost,
            ..
        } => tracing::debug!(
            ticket,
            recipients,
            contacts,
            cost = cost.map(tracing::field::display),
            "accepted"
        ),
        Outcome::Simulated { ticket } => tracing::debug!(ticket, recipients, "simulated"),
        Outcome::Unticketed { reason, .. } => {
            tracing::warn!(reason, recipients, "sent, and its ticket is not known");
        }
        Outcome::Refused { code, status, .. } => tracing::info!(status, code, recipients, "refused"),
        Outcome::Split { code, status, .. } => {
            tracing::info!(
                status,
                code,
                recipients,
                "refused for one number; the others go again"
            );
        }
        Outcome::Released { reason } => tracing::info!(reason, recipients, "not sent; its numbers are free"),
        Outcome::InDoubt { reason } => tracing::warn!(reason, recipients, "in doubt"),
    }
}

/// What was heard of a doubt, once that is durable.
pub(super) fn asked_about(outcome: &Outcome, recipients: u64) {
    match outcome {
        Outcome::InDoubt { reason } => tracing::warn!(reason, recipients, "still in doubt"),
        Outcome::Accepted { ticket, .. } => {
            tracing::info!(ticket, recipients, "the doubt is settled: accepted");
        }
        Outcome::Unticketed { reason, .. } => {
            tracing::info!(
                reason,
                recipients,
                "the doubt is settled: sent, and its ticket is not known"
            );
        }
        // Nothing else is ever decided on a doubt.
        _ => {}
    }
}
