//! Where batches go, and where from some come back: other runs of the campaign may hold some of their numbers.

use std::ops::ControlFlow;

use volley_model::{LineCounts, Msisdn, Part, PlannedBatch};

use crate::Standing;

/// The way out of an intake.
pub trait Outlet {
    /// Takes a batch that was cut. `Break`: it wants no more; this one counts as given out. A batch that is not to go as it is comes back
    /// at once.
    fn take(&mut self, batch: PlannedBatch) -> ControlFlow<(), Option<Returned>>;

    /// A batch that was taken and comes back after all, if there is one. Asked at each cut.
    fn returned(&mut self) -> Option<Returned> {
        None
    }
}

/// A way out by which nothing comes back.
pub(crate) struct OneWay<'s>(pub(crate) &'s mut dyn FnMut(PlannedBatch) -> ControlFlow<()>);

impl Outlet for OneWay<'_> {
    fn take(&mut self, batch: PlannedBatch) -> ControlFlow<(), Option<Returned>> {
        (self.0)(batch).map_continue(|()| None)
    }
}

/// A batch that comes back, since somebody else holds some of its numbers. Nothing of it was written or sent.
pub struct Returned {
    /// Its recipients.
    pub members: Vec<Msisdn>,
    /// Its body, sealed or not.
    pub body: Box<dyn AsRef<[u8]> + Send>,
    /// Its [parts](PlannedBatch::parts).
    pub parts: Vec<Part>,
    /// Its lines.
    pub lines: LineCounts,
    /// What somebody else made of its numbers. Those not named here go again.
    pub held: Vec<(Msisdn, Standing)>,
}

impl Returned {
    /// A batch that was not sealed.
    pub fn of(batch: PlannedBatch, held: Vec<(Msisdn, Standing)>) -> Self {
        Self {
            members: batch.members,
            body: Box::new(batch.body),
            parts: batch.parts,
            lines: batch.lines,
            held,
        }
    }
}

impl std::fmt::Debug for Returned {
    /// Without its numbers.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (members, held) = (self.members.len(), self.held.len());
        write!(out, "Returned({members} members, {held} held)")
    }
}
