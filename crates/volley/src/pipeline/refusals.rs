//! Lines whose number the provider refuses in this run, written to the rejects with the provider's own words.
//!
//! The rejects are the intake's too: both write whole blocks of lines, one after the other.
//! Not here: numbers that an earlier run's provider refused; the intake meets those.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use volley_intake::{Rejection, Rejects, Skipped};
use volley_model::{Msisdn, Place, Reason};

use crate::inputs::Input;

/// Where such lines go.
pub(super) struct Refusals {
    rejects: RefCell<Rejects>,
    /// The inputs' names, in their order.
    inputs: Vec<String>,
}

impl Refusals {
    /// Nowhere.
    pub(super) fn none() -> Self {
        Self::to(Rejects::none(), Vec::new())
    }

    fn to(rejects: Rejects, inputs: Vec<String>) -> Self {
        Self {
            rejects: RefCell::new(rejects),
            inputs,
        }
    }

    /// Writes the lines of these numbers, at once: refusals are few.
    pub(super) fn write<'a>(
        &self,
        refused: impl Iterator<Item = (&'a Msisdn, &'a Place)>,
        why: &str,
    ) -> io::Result<()> {
        let mut rejects = self.rejects.borrow_mut();
        for (number, place) in refused {
            let input = usize::try_from(place.input).ok();
            rejects.add(&Rejection {
                line: place.line,
                input: input
                    .and_then(|nth| self.inputs.get(nth))
                    .map_or("", String::as_str),
                reason: Reason::RefusedByProvider,
                detail: why,
                value: number.e164().as_bytes(),
            })?;
        }
        rejects.flush()
    }
}

/// Where rejected lines go, by whoever rejects them.
pub(super) struct BothRejects {
    pub(super) intake: Rejects,
    pub(super) refusals: Refusals,
}

/// Empties the rejects file, and gives it to both who write to it.
pub(super) fn rejects(file: Option<File>, include_skipped: bool, inputs: &[Input]) -> BothRejects {
    let Some(file) = file else {
        return BothRejects {
            intake: Rejects::none(),
            refusals: Refusals::none(),
        };
    };
    let skipped = if include_skipped {
        Skipped::Included
    } else {
        Skipped::Left
    };
    // A pipe or a device has no length to cut; whatever else fails shows with the first line written.
    let _ = file.set_len(0);
    let shared = Shared::new(file);
    let names = inputs.iter().map(|input| input.name.clone()).collect();
    BothRejects {
        intake: shared.rejects(skipped),
        refusals: Refusals::to(shared.rejects(skipped), names),
    }
}

/// One file for several writers, each block of which stays whole.
#[derive(Clone)]
struct Shared(Arc<Mutex<File>>);

impl Shared {
    fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(file)))
    }

    /// Rejects of one of the writers.
    fn rejects(&self, skipped: Skipped) -> Rejects {
        Rejects::to(Box::new(self.clone()), skipped)
    }
}

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
