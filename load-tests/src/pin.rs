//! Which core a program runs on.
//!
//! A child inherits the cores of the thread that starts it, so the thread is pinned for as long as that takes.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::LoadError;

/// The core of what is measured, and the core of what it talks to: another one, as long as there are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pins {
    pub(crate) program: Option<usize>,
    pub(crate) server: Option<usize>,
}

impl Pins {
    /// Nothing is pinned.
    pub(crate) const NONE: Self = Self {
        program: None,
        server: None,
    };

    /// The first two cores that this process may use; none if there is one only.
    pub(crate) fn of_this_machine() -> Result<Self, LoadError> {
        let allowed = sched_getaffinity(None).map_err(|error| LoadError::Pin(error.into()))?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let (first, second) = (cores.next(), cores.next());
        Ok(match (first, second) {
            (Some(_), Some(_)) => Self {
                program: first,
                server: second,
            },
            _ => Self::NONE,
        })
    }
}

/// Runs `start` on a core, and puts the thread back where it was.
pub(crate) fn pinned<T>(core: Option<usize>, start: impl FnOnce() -> T) -> Result<T, LoadError> {
    let Some(core) = core else { return Ok(start()) };
    let failed = |error: rustix::io::Errno| LoadError::Pin(error.into());
    let before = sched_getaffinity(None).map_err(failed)?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).map_err(failed)?;
    let started = start();
    sched_setaffinity(None, &before).map_err(failed)?;
    Ok(started)
}
