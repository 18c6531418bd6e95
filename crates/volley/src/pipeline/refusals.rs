//! Lines whose number the provider refuses in this run, written to the rejects with the provider's own words.
//!
//! The rejects are the intake's too: both write whole blocks of lines, one after the other. The dispatcher waits for no disk and
//! no pipe, so that its lines go through a thread of their own.
//! Bounds: [`BLOCKS_MAX`] refusals wait to be written; what cannot be written ends the run.
//! Not here: numbers that an earlier run's provider refused; the intake meets those.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use volley_intake::{Rejection, Rejects, Skipped};
use volley_model::{Msisdn, Place, Reason};

use crate::inputs::Input;

/// Refusals that may wait to be written. Mostly each is one named number's line; a refused batch of 5,000 is under 1 MB, and the
/// third of those in a row ends the run.
const BLOCKS_MAX: usize = 128;

/// Where such lines go.
pub(super) struct Refusals {
    blocks: SyncSender<Vec<u8>>,
    /// The inputs' names, in their order.
    inputs: Vec<String>,
}

/// The thread that writes them; it ends once the [`Refusals`] are dropped.
pub(super) struct RefusalsThread(Option<JoinHandle<io::Result<()>>>);

impl Refusals {
    /// Nowhere.
    pub(super) fn none() -> Self {
        Self {
            blocks: sync_channel(0).0,
            inputs: Vec::new(),
        }
    }

    /// Has the lines of these numbers written.
    ///
    /// # Errors
    /// The output failed before, or does not keep up.
    pub(super) fn write<'a>(
        &self,
        refused: impl Iterator<Item = (&'a Msisdn, &'a Place)>,
        why: &str,
    ) -> io::Result<()> {
        let mut block = Vec::new();
        for (number, place) in refused {
            let input = usize::try_from(place.input).ok();
            let value = number.e164();
            let rejection = Rejection {
                line: place.line,
                input: input
                    .and_then(|nth| self.inputs.get(nth))
                    .map_or("", String::as_str),
                reason: Reason::RefusedByProvider,
                detail: why,
                value: value.as_bytes(),
            };
            rejection.write(&mut block);
        }
        if block.is_empty() {
            return Ok(());
        }
        self.blocks.try_send(block).map_err(|error| match error {
            TrySendError::Full(_) => io::Error::other("their reader does not keep up"),
            TrySendError::Disconnected(_) => io::Error::other("writing them has failed before"),
        })
    }
}

impl RefusalsThread {
    /// Waits until all is written.
    ///
    /// # Errors
    /// The output could not be written.
    pub(super) fn join(self) -> io::Result<()> {
        let ended = self.0.map_or(Ok(Ok(())), JoinHandle::join);
        ended.unwrap_or_else(|_| Err(io::Error::other("the thread that writes them panicked")))
    }
}

/// Where rejected lines go, by whoever rejects them.
pub(super) struct BothRejects {
    pub(super) intake: Rejects,
    pub(super) refusals: Refusals,
    pub(super) thread: RefusalsThread,
}

/// Empties the rejects file, and gives it to both who write to it.
///
/// # Errors
/// The system gives no thread.
pub(super) fn rejects(
    file: Option<File>,
    include_skipped: bool,
    inputs: &[Input],
) -> io::Result<BothRejects> {
    let Some(file) = file else {
        return Ok(BothRejects {
            intake: Rejects::none(),
            refusals: Refusals::none(),
            thread: RefusalsThread(None),
        });
    };
    let skipped = if include_skipped {
        Skipped::Included
    } else {
        Skipped::Left
    };
    // A pipe or a device has no length to cut; whatever else fails shows with the first line written.
    let _ = file.set_len(0);
    let shared = Shared(Arc::new(Mutex::new(file)));
    let mut own = shared.clone();
    let (blocks, received) = sync_channel::<Vec<u8>>(BLOCKS_MAX);
    let thread = std::thread::Builder::new()
        .name("refusals".to_owned())
        .spawn(move || received.iter().try_for_each(|block| own.write_all(&block)))?;
    Ok(BothRejects {
        intake: Rejects::to(Box::new(shared), skipped),
        refusals: Refusals {
            blocks,
            inputs: inputs.iter().map(|input| input.name.clone()).collect(),
        },
        thread: RefusalsThread(Some(thread)),
    })
}

/// One file for two writers, each block of which stays whole.
#[derive(Clone)]
struct Shared(Arc<Mutex<File>>);

impl Write for Shared {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(block)?;
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
