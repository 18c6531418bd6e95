//! A folder whose files are memory: flushing them costs nothing, so that no test needs a server with `fsync = off`.
//!
//! What is made in it goes as from any other folder; what the machine's end leaves goes with the memory.

use std::path::PathBuf;

/// Linux has it, of half the machine's memory; a container's own is often small.
const MEMORY: &str = "/dev/shm";
/// A server of the ledger's tests took 0.3 GB of it, one whose databases all stay 2.8 GB; several run at a time.
const BYTES_MIN: u64 = 2 << 30;

/// Where there is no such room, the usual folder for temporary files.
pub(crate) fn folder() -> PathBuf {
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |found| found.f_bavail * found.f_frsize);
    if free >= BYTES_MIN {
        PathBuf::from(MEMORY)
    } else {
        std::env::temp_dir()
    }
}
