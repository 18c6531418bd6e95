//! A batch and what goes again of it: where a provider refuses a whole request for one number, the others go as a child.
//!
//! ```text
//!  batch ─► refused for one number ─► its other numbers: line-1 ─► … ─► line-50 ─► two halves, each a line of its own
//! ```
//! A line bounds what bad numbers cost: [`SPLITS_MAX`] requests, then two that share what is left.
//! Source: docs/guarantee.md, "Settling doubts" (Exotel). Not here: that a split is durable before its child's intent.

use std::num::NonZeroU32;

use volley_ledger::{BatchId, Held};
use volley_model::{Msisdn, Place, RequestKey, SealedBatch};
use volley_provider::Sealer;

use super::neighbours::WayBack;
use super::reading::Queued;

/// Splits in one line before the rest goes as two children.
const SPLITS_MAX: u32 = 50;

/// A batch on its way, with its place in its line.
pub(super) struct Leg {
    pub(super) batch: SealedBatch,
    /// Where its members' lines stand, in their order; empty where nobody wants to know.
    places: Vec<Place>,
    /// Until its intent is durable, where others may hold numbers of it. A child has none: its numbers are ours.
    way_back: Option<WayBack>,
    /// The batch whose other numbers these are.
    pub(super) parent: Option<BatchId>,
    /// The key of the batch that the line began with.
    line: RequestKey,
    /// How many children the line has had.
    children: u32,
}

impl Leg {
    /// The beginning of a line.
    pub(super) fn first(queued: Queued) -> Self {
        let Queued {
            batch,
            places,
            way_back,
        } = queued;
        Self {
            line: batch.key.clone(),
            batch,
            places,
            way_back,
            parent: None,
            children: 0,
        }
    }

    /// Its intent is durable: it does not go back any more.
    pub(super) fn settle(&mut self) {
        self.way_back = None;
    }

    /// Gives the batch back to the intake, since others hold these numbers. `false` if there is no way back, or no reason.
    pub(super) fn give_back(self, held: &[Held]) -> bool {
        let queued = Queued {
            batch: self.batch,
            places: self.places,
            way_back: self.way_back,
        };
        queued.give_back(held)
    }

    /// The members, or the one that is `named`, each with where its line stands.
    pub(super) fn places(&self, named: Option<Msisdn>) -> impl Iterator<Item = (&Msisdn, &Place)> {
        let all = self.batch.members.iter().zip(&self.places);
        all.filter(move |(member, _)| named.is_none_or(|named| named == **member))
    }

    /// What goes again, now that `parent`, this leg, was refused for `named`: nothing, one child, or two.
    pub(super) fn children(self, parent: BatchId, named: Msisdn, sealer: &Sealer) -> Vec<Self> {
        let counted = self.batch.units > 0;
        let (mut members, mut places) = (self.batch.members, self.places);
        if let Some(at) = members.iter().position(|member| *member == named) {
            members.remove(at);
            if at < places.len() {
                places.remove(at);
            }
        }
        if members.is_empty() {
            return Vec::new();
        }
        let seal = |n: u32, members, places| {
            let n = NonZeroU32::MIN.saturating_add(n - 1);
            let batch = sealer.child(&self.line, n, members, counted)?;
            Some(Self {
                parent: Some(parent),
                ..Self::first(Queued {
                    batch,
                    places,
                    way_back: None,
                })
            })
        };
        let splits = self.children + 1;
        if splits < SPLITS_MAX || members.len() == 1 {
            let child = seal(splits, members, places).map(|child| Self {
                line: self.line.clone(),
                children: splits,
                ..child
            });
            return child.into_iter().collect();
        }
        let half = members.len() / 2;
        let second = (members.split_off(half), places.split_off(half.min(places.len())));
        [(splits, members, places), (splits + 1, second.0, second.1)]
            .into_iter()
            .filter_map(|(n, members, places)| seal(n, members, places))
            .collect()
    }
}
