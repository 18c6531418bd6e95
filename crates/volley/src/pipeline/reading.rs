//! The intake thread: inputs in, sealed batches out, through one bounded channel.
//!
//! Back-pressure: the channel is full while the provider is slow, and then nobody reads the file.
//! Where other runs are at work on the campaign, a batch may come back, and goes again without the numbers that they hold.
//! Then the thread stays until every batch is settled, and the last one, which alone is not full, goes at the very end.
//! Bounds: [`BATCHES_AHEAD_MAX`] sealed batches wait, and one is being filled.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use volley_intake::{
    Finished, Intake, IntakeError, Outlet, Progress, ReadEnd, Rest, Returned, TooManyInvalid,
};
use volley_ledger::{Held, LedgerError};
use volley_model::{Place, PlannedBatch, SealedBatch};
use volley_provider::Sealer;

use super::neighbours::{Ask, Neighbours, Returns, Waker, WayBack, among};
use super::stop::{StopReason, explained};
use crate::inputs::{Input, Stopped};

/// Sealed batches that wait for the dispatcher: enough that neither side waits for the other's hiccups, and at
/// 500 recipients of 80 bytes each less than 1 MB.
const BATCHES_AHEAD_MAX: usize = 16;

/// A batch that waits for the dispatcher.
pub(crate) struct Queued {
    pub(crate) batch: SealedBatch,
    /// Where its members' lines stand, in their order; empty where nobody wants to know.
    pub(crate) places: Vec<Place>,
    /// The way back to the intake, where other runs are at work.
    pub(crate) way_back: Option<WayBack>,
}

impl Queued {
    /// Gives the batch back to the intake, since other runs hold these numbers. `false` if there is no way back, or none of
    /// them is in it.
    pub(crate) fn give_back(self, held: &[Held]) -> bool {
        let Self { batch, way_back, .. } = self;
        way_back.is_some_and(|way_back| way_back.give_back(batch, held))
    }
}

/// How reading ended.
pub(crate) struct Read {
    /// The intake's account of all lines.
    pub(crate) finished: Finished,
    /// Why it ended before the end of the inputs; `None` where it did not, or where the run was stopped.
    pub(crate) early: Option<StopReason>,
}

/// The thread, and the batches that come from it.
pub(crate) struct Reading {
    pub(crate) batches: mpsc::Receiver<Queued>,
    thread: JoinHandle<Read>,
    /// Where the thread may wait for batches that are out.
    waker: Option<Waker>,
}

impl Reading {
    /// Starts to read.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(
        inputs: Vec<Input>,
        intake: Intake,
        neighbours: Option<Neighbours>,
        sealer: Arc<Sealer>,
        progress: Arc<Progress>,
    ) -> std::io::Result<Self> {
        let (send, batches) = mpsc::channel(BATCHES_AHEAD_MAX);
        let mut sealing = Sealing {
            sealer,
            send,
            border: neighbours.map(Border::new),
        };
        let waker = sealing.border.as_ref().map(|border| border.returns.waker());
        let thread = std::thread::Builder::new()
            .name("intake".to_owned())
            .spawn(move || read_all(inputs, intake, &progress, &mut sealing))?;
        Ok(Self {
            batches,
            thread,
            waker,
        })
    }

    /// Waits for the thread's end. The channel must be closed, or read to its end.
    ///
    /// # Errors
    /// The thread panicked: a bug.
    pub(crate) fn join(self) -> Result<Read, StopReason> {
        drop(self.batches);
        if let Some(waker) = self.waker {
            waker.wake();
        }
        self.thread
            .join()
            .map_err(|_| StopReason::Bug("the intake thread panicked".to_owned()))
    }
}

/// The way out of the intake thread.
struct Sealing {
    sealer: Arc<Sealer>,
    send: mpsc::Sender<Queued>,
    border: Option<Border>,
}

/// What the way out has to do with other runs.
struct Border {
    ask: Ask,
    returns: Returns,
    /// Why nothing more can be asked.
    failed: Option<LedgerError>,
}

impl Border {
    fn new(neighbours: Neighbours) -> Self {
        Self {
            ask: neighbours.ask,
            returns: Returns::new(),
            failed: None,
        }
    }
}

impl Sealing {
    fn seal(&mut self, mut batch: PlannedBatch) -> ControlFlow<()> {
        let places = std::mem::take(&mut batch.places);
        let parts = std::mem::take(&mut batch.parts);
        let way_back = self.border.as_mut().map(|border| border.returns.way_back(parts));
        // A closed channel means that the run stops. The batch's lines are in the intake's account as planned, and
        // what is planned and never lands is pending.
        let batch = self.sealer.seal(batch);
        let queued = Queued {
            batch,
            places,
            way_back,
        };
        match self.send.blocking_send(queued) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

impl Outlet for Sealing {
    fn take(&mut self, batch: PlannedBatch) -> ControlFlow<(), Option<Returned>> {
        if let Some(border) = &mut self.border {
            let held = match (border.ask)(&batch.members) {
                Ok(held) => among(&batch.members, &held),
                Err(error) => {
                    border.failed = Some(error);
                    return ControlFlow::Break(());
                }
            };
            if !held.is_empty() {
                return ControlFlow::Continue(Some(Returned::of(batch, held)));
            }
        }
        self.seal(batch).map_continue(|()| None)
    }

    fn returned(&mut self) -> Option<Returned> {
        self.border.as_mut()?.returns.try_next()
    }
}

fn read_all(inputs: Vec<Input>, mut intake: Intake, progress: &Progress, sealing: &mut Sealing) -> Read {
    let mut early = None;
    for mut input in inputs {
        match intake.read_into(&input.name, &mut input.bytes, sealing, progress) {
            Ok(ReadEnd::Ended) => continue,
            Ok(ReadEnd::Stopped) => {}
            Ok(ReadEnd::RecipientsMax) => early = Some(StopReason::MaxRecipients),
            Ok(ReadEnd::TooManyInvalid(counts)) => early = Some(counts.into()),
            Err(IntakeError::Io { source, .. }) if Stopped::is_why(&source) => {}
            Err(error) => early = Some(error.into()),
        }
        break;
    }
    let unsettled = settle(&mut intake, progress, sealing).err().map(StopReason::from);
    let finished = intake.finish(&mut |batch| match sealing.border {
        None => sealing.seal(batch),
        // What could go has gone.
        Some(_) => ControlFlow::Break(()),
    });
    let unwritten = intake.flush_rejects().err().map(StopReason::from);
    let unasked = sealing.border.as_mut().and_then(|border| border.failed.take());
    let early = early
        .or(unasked.map(StopReason::from))
        .or(unsettled)
        .or(finished.too_many_invalid.map(StopReason::from))
        .or(unwritten);
    Read { finished, early }
}

/// Where other runs are at work: gives out what is left and waits, until no batch can come back any more, or the run stops.
fn settle(intake: &mut Intake, progress: &Progress, sealing: &mut Sealing) -> Result<(), IntakeError> {
    while sealing.border.is_some() && !sealing.send.is_closed() {
        if intake.give_out(Rest::Full, sealing, progress)?.is_break() {
            break;
        }
        let is_quiet = |sealing: &Sealing| {
            let border = sealing.border.as_ref();
            border.is_none_or(|border| border.returns.is_quiet())
        };
        // Whatever came back has been cut again: of the last batch, too.
        if is_quiet(sealing)
            && (intake.give_out(Rest::All, sealing, progress)?.is_break() || is_quiet(sealing))
        {
            break;
        }
        if let Some(returned) = sealing.border.as_mut().and_then(|border| border.returns.wait()) {
            intake.take_back(returned, progress)?;
        }
    }
    Ok(())
}

impl From<TooManyInvalid> for StopReason {
    fn from(counts: TooManyInvalid) -> Self {
        Self::MaxInvalid(format!(
            "{} of {}; --rejects names each: mend them, or raise limits.max_invalid",
            counts.invalid, counts.read
        ))
    }
}

impl From<IntakeError> for StopReason {
    fn from(error: IntakeError) -> Self {
        let why = explained(&error);
        match error {
            IntakeError::Rejects { .. } => Self::Rejects(why),
            IntakeError::Io { .. } | IntakeError::Decompress { .. } => Self::Input(why),
        }
    }
}
