//! A batch and what goes again of it: where a provider refuses a whole request for one number, the others go as a child.
//!
//! ```text
//!  batch ─► refused for one number ─► its other numbers: line-1 ─► … ─► line-50 ─► two halves, each a line of its own
//! ```
//! A line bounds what bad numbers cost: [`SPLITS_MAX`] requests, then two that share what is left.
//! Source: docs/guarantee.md, "Settling doubts" (Exotel). Not here: that a split is durable before its child's intent.

use std::num::NonZeroU32;

use volley_ledger::BatchId;
use volley_model::{Msisdn, RequestKey, SealedBatch};
use volley_provider::Sealer;

/// Splits in one line before the rest goes as two children.
const SPLITS_MAX: u32 = 50;

/// A batch on its way, with its place in its line.
pub(super) struct Leg {
    pub(super) batch: SealedBatch,
    /// The batch whose other numbers these are.
    pub(super) parent: Option<BatchId>,
    /// The key of the batch that the line began with.
    line: RequestKey,
    /// How many children the line has had.
    children: u32,
}

impl Leg {
    /// The beginning of a line.
    pub(super) fn first(batch: SealedBatch) -> Self {
        Self {
            line: batch.key.clone(),
            batch,
            parent: None,
            children: 0,
        }
    }

    /// What goes again, now that `parent`, this leg, was refused for `named`: nothing, one child, or two.
    pub(super) fn children(self, parent: BatchId, named: Msisdn, sealer: &Sealer) -> Vec<Self> {
        let counted = self.batch.units > 0;
        let mut members = self.batch.members;
        members.retain(|member| *member != named);
        if members.is_empty() {
            return Vec::new();
        }
        let seal = |n: u32, members| {
            let n = NonZeroU32::MIN.saturating_add(n - 1);
            sealer.child(&self.line, n, members, counted)
        };
        let splits = self.children + 1;
        if splits < SPLITS_MAX || members.len() == 1 {
            let child = seal(splits, members).map(|batch| Self {
                batch,
                parent: Some(parent),
                line: self.line.clone(),
                children: splits,
            });
            return child.into_iter().collect();
        }
        let second = members.split_off(members.len() / 2);
        [(splits, members), (splits + 1, second)]
            .into_iter()
            .filter_map(|(n, members)| seal(n, members))
            .map(|batch| Self {
                parent: Some(parent),
                ..Self::first(batch)
            })
            .collect()
    }
}
