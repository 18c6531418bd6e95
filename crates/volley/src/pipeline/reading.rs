//! The intake thread: inputs in, sealed batches out, through one bounded channel.
//!
//! Back-pressure: the channel is full while the provider is slow, and then nobody reads the file.
//! Bounds: [`BATCHES_AHEAD_MAX`] sealed batches wait, and one is being filled.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use volley_intake::{Finished, Intake, IntakeError, Progress, ReadEnd, TooManyInvalid};
use volley_model::{Place, PlannedBatch, SealedBatch};
use volley_provider::Sealer;

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
}

impl Reading {
    /// Starts to read.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(
        inputs: Vec<Input>,
        intake: Intake,
        sealer: Arc<Sealer>,
        progress: Arc<Progress>,
    ) -> std::io::Result<Self> {
        let (send, batches) = mpsc::channel(BATCHES_AHEAD_MAX);
        let thread = std::thread::Builder::new()
            .name("intake".to_owned())
            .spawn(move || read_all(inputs, intake, &progress, &mut Sealing { sealer, send }))?;
        Ok(Self { batches, thread })
    }

    /// Waits for the thread's end. The channel must be closed, or read to its end.
    ///
    /// # Errors
    /// The thread panicked: a bug.
    pub(crate) fn join(self) -> Result<Read, StopReason> {
        drop(self.batches);
        self.thread
            .join()
            .map_err(|_| StopReason::Bug("the intake thread panicked".to_owned()))
    }
}

/// The way out of the intake thread.
struct Sealing {
    sealer: Arc<Sealer>,
    send: mpsc::Sender<Queued>,
}

impl Sealing {
    fn take(&mut self, mut batch: PlannedBatch) -> ControlFlow<()> {
        let places = std::mem::take(&mut batch.places);
        // A closed channel means that the run stops. The batch's lines are in the intake's account as planned, and
        // what is planned and never lands is pending.
        let batch = self.sealer.seal(batch);
        match self.send.blocking_send(Queued { batch, places }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

fn read_all(inputs: Vec<Input>, mut intake: Intake, progress: &Progress, sealing: &mut Sealing) -> Read {
    let mut early = None;
    for mut input in inputs {
        match intake.read(
            &input.name,
            &mut input.bytes,
            &mut |batch| sealing.take(batch),
            progress,
        ) {
            Ok(ReadEnd::Ended) => continue,
            Ok(ReadEnd::Stopped) => {}
            Ok(ReadEnd::RecipientsMax) => early = Some(StopReason::MaxRecipients),
            Ok(ReadEnd::TooManyInvalid(counts)) => early = Some(counts.into()),
            Err(IntakeError::Io { source, .. }) if Stopped::is_why(&source) => {}
            Err(error) => early = Some(error.into()),
        }
        break;
    }
    let finished = intake.finish(&mut |batch| sealing.take(batch));
    let unwritten = intake.flush_rejects().err().map(StopReason::from);
    let early = early
        .or(finished.too_many_invalid.map(StopReason::from))
        .or(unwritten);
    Read { finished, early }
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
