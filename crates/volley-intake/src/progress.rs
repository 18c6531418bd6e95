//! How far the intake is, for a display on another thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use volley_model::{LineCounts, Reason};

use crate::ReasonCounts;
use crate::tally::REASONS;

/// Counts published at each read of at most 256 KiB and at each batch, and not at each line, but for those in doubt. They lag
/// a little, and each is right by itself: the exact account is in the batches and in [`Finished`](crate::Finished).
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names are the summary's")]
pub struct Progress {
    pub lines: AtomicU64,
    /// Bytes read from the inputs, compressed as they are: to be set against the files' sizes.
    pub bytes: AtomicU64,
    pub planned: AtomicU64,
    pub invalid: AtomicU64,
    pub duplicate: AtomicU64,
    pub suppressed: AtomicU64,
    pub already_sent: AtomicU64,
    pub refused: AtomicU64,
    pub in_doubt: AtomicU64,
    reasons: [AtomicU64; REASONS.len()],
    doubt_lines: Mutex<HashMap<u64, u64>>,
}

impl Progress {
    /// Every reason for which a line is invalid, with the lines that have it.
    pub fn invalid_by_reason(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counted = REASONS.into_iter().zip(&self.reasons);
        counted
            .filter(|(reason, _)| reason.is_invalid())
            .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
    }

    /// Lines so far whose numbers are in these batches of an earlier run's doubt.
    pub fn lines_of_doubts(&self, batches: impl IntoIterator<Item = u64>) -> u64 {
        let lines = self.doubt_lines.lock().unwrap_or_else(PoisonError::into_inner);
        batches.into_iter().filter_map(|batch| lines.get(&batch)).sum()
    }

    /// Doubts are rare: their lines are told one by one.
    pub(crate) fn publish_doubtful(&self, batch: u64) {
        let mut lines = self.doubt_lines.lock().unwrap_or_else(PoisonError::into_inner);
        *lines.entry(batch).or_default() += 1;
    }

    pub(crate) fn publish_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn publish(&self, counts: &LineCounts, reasons: &ReasonCounts) {
        for (shown, reason) in self.reasons.iter().zip(REASONS) {
            shown.store(reasons.get(reason), Ordering::Relaxed);
        }
        for (shown, count) in [
            (&self.lines, counts.read()),
            (&self.planned, counts.planned),
            (&self.invalid, counts.invalid),
            (&self.duplicate, counts.duplicate),
            (&self.suppressed, counts.suppressed),
            (&self.already_sent, counts.already_sent),
            (&self.refused, counts.refused),
            (&self.in_doubt, counts.in_doubt),
        ] {
            shown.store(count, Ordering::Relaxed);
        }
    }
}
