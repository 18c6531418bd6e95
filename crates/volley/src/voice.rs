//! What a run tells on stderr, by a thread of its own: neither a terminal that is held nor a pipe that nobody reads may hold
//! the sending, or keep a signal from being heard.
//!
//! Bounds: [`WAITING_MAX`] lines wait; what comes while there is no room is dropped, and how much that was is told once there
//! is. Of the snapshots for the display the latest waits. At the end of a run what still waits has [`PATIENCE`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::pipeline::Snapshot;
use crate::print;
use crate::progress::Display;

/// More than a run tells while a terminal draws; a reader that is this far behind reads no more.
const WAITING_MAX: usize = 1024;
/// As long a run waits, once it is over, for somebody who reads slowly.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lines that found no room.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Whether something was said that must not be lost.
static URGENT: AtomicBool = AtomicBool::new(false);
/// Where lines go while a run goes on.
static MOUTH: Mutex<Option<SyncSender<Said>>> = Mutex::new(None);

enum Said {
    Line(String),
    /// There is a new snapshot.
    Moved,
}

/// The thread, from the beginning of a run to its end.
pub(crate) struct Voice {
    mouth: SyncSender<Said>,
    latest: Arc<Mutex<Option<Snapshot>>>,
    silent: Receiver<()>,
}

impl Voice {
    /// Starts it; `None` if there is no thread to be had: then lines are written where they are said, and nothing is shown.
    pub(crate) fn start(display: Display) -> Option<Self> {
        let (mouth, said) = mpsc::sync_channel(WAITING_MAX);
        let (done, silent) = mpsc::sync_channel(1);
        let latest = Arc::new(Mutex::new(None));
        let shown = Arc::clone(&latest);
        let speaking = move || {
            speak(&said, display, &shown);
            // Nobody may wait for it any more.
            let _ = done.send(());
        };
        thread::Builder::new()
            .name("voice".to_owned())
            .spawn(speaking)
            .ok()?;
        *lock(&MOUTH) = Some(mouth.clone());
        Some(Self {
            mouth,
            latest,
            silent,
        })
    }

    /// Shows where the run is, once the one before is shown.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        let waited = lock(&self.latest).replace(snapshot.clone());
        if waited.is_none() {
            // Where there is no room, what waits is newer than what is shown, and is shown with the next one.
            if let Err(TrySendError::Full(_)) = self.mouth.try_send(Said::Moved) {
                lock(&self.latest).take();
            }
        }
    }

    /// Ends it, when all is said, or nobody has listened for a while.
    pub(crate) fn end(self) {
        *lock(&MOUTH) = None;
        drop(self.mouth);
        // Both fail once all is said, which is as good.
        if URGENT.load(Ordering::Relaxed) {
            let _ = self.silent.recv();
        } else {
            let _ = self.silent.recv_timeout(PATIENCE);
        }
    }
}

/// Says a line, without its end; `false` where no run is told of, and whoever says it has to write it.
pub(crate) fn say(line: &str) -> bool {
    let mouth = lock(&MOUTH);
    let Some(mouth) = &*mouth else { return false };
    if mouth.try_send(Said::Line(line.to_owned())).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
    true
}

/// Says a line that must not be lost, and waits for room. The end of the run waits for it too.
pub(crate) fn say_surely(line: &str) -> bool {
    let Some(mouth) = lock(&MOUTH).clone() else {
        return false;
    };
    URGENT.store(true, Ordering::Relaxed);
    mouth.send(Said::Line(line.to_owned())).is_ok()
}

/// Until nobody can say anything any more.
fn speak(said: &Receiver<Said>, mut display: Display, latest: &Mutex<Option<Snapshot>>) {
    display.load();
    for said in said {
        match said {
            Said::Line(line) => display.above(&line),
            Said::Moved => {
                let snapshot = lock(latest).take();
                if let Some(snapshot) = snapshot {
                    display.show(&snapshot);
                }
            }
        }
        match DROPPED.swap(0, Ordering::Relaxed) {
            0 => {}
            lines => display.above(&print::shaped(&format!(
                "volley: warning: stderr was not read: {lines} lines are not told"
            ))),
        }
    }
    display.clear();
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
