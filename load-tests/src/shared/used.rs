//! What processes use while a case runs, thread by thread: looked at again and again, for at the end they are gone.
//!
//! Sources: proc(5); the kernel's documentation of `schedstat`, whose first field is nanoseconds on a core.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// So much may be missed of a process at its end.
const LOOK: Duration = Duration::from_millis(20);

/// Seconds on a core, by process and by the names of its threads.
pub(super) type Used = BTreeMap<u32, BTreeMap<String, f64>>;

/// Looks until it is asked what it saw.
pub(super) struct Watch {
    done: Sender<()>,
    looking: JoinHandle<Used>,
}

impl Watch {
    /// The children of these processes, those that begin later too.
    pub(super) fn children_of(parents: Vec<u32>) -> Self {
        let (done, told) = channel();
        let looking = thread::spawn(move || {
            let mut used = Used::new();
            loop {
                look(&parents, &mut used);
                if told.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
                    look(&parents, &mut used);
                    return used;
                }
            }
        });
        Self { done, looking }
    }

    pub(super) fn end(self) -> Used {
        drop(self.done);
        self.looking.join().unwrap_or_default()
    }
}

/// The seconds of all of a process' threads.
pub(super) fn of_process(used: &Used, process: u32) -> f64 {
    used.get(&process).map_or(0.0, |threads| threads.values().sum())
}

fn look(parents: &[u32], used: &mut Used) {
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let found = process.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(id) = found
            && parent(&process.path()).is_some_and(|parent| parents.contains(&parent))
        {
            look_at(&process.path(), used.entry(id).or_default());
        }
    }
}

/// One that ends meanwhile keeps what was seen of it before.
fn look_at(process: &Path, threads: &mut BTreeMap<String, f64>) {
    let Ok(tasks) = fs::read_dir(process.join("task")) else {
        return;
    };
    let mut seen: BTreeMap<String, f64> = BTreeMap::new();
    for task in tasks.flatten() {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).ok();
        let (Some(name), Some(ran)) = (read("comm"), read("schedstat")) else {
            continue;
        };
        let nanoseconds = ran.split(' ').next().and_then(|ran| ran.parse::<f64>().ok());
        *seen.entry(name.trim().to_owned()).or_default() += nanoseconds.unwrap_or_default() / 1e9;
    }
    for (name, seconds) in seen {
        let most = threads.entry(name).or_default();
        *most = most.max(seconds);
    }
}

fn parent(process: &Path) -> Option<u32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // Behind the program's name, which may have spaces and brackets itself: the state, then the parent.
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(1)?.parse().ok()
}
