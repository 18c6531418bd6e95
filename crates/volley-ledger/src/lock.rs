//! The lock file beside a ledger: one process at a time, and a memory of which ledger it was and how far it had come.
//!
//! The memory is what shows a ledger that was lost, copied or rolled back: none of them contradicts itself. It is written
//! after each COMMIT and not synced: a process that is killed leaves it exact, and a machine that loses power leaves it
//! behind the ledger at worst, which is no fault.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use rustix::fs::FlockOperation;

use crate::LedgerError;
use crate::place::{self, Place};

const HEADING: &str = "volley ledger lock 1";
const GONE: &str = "its lock file is gone";
/// Longer than any lock file: each line has a fixed width.
const BYTES_MAX: usize = 256;

/// The lock, held as long as this lives.
#[derive(Debug)]
pub(crate) struct LockFile {
    file: File,
    place: Place,
    /// Where the commit number stands in the file.
    commit_at: u64,
}

/// What a lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) ledger_id: String,
    pub(crate) inode: u64,
    pub(crate) commit_number: u64,
    pub(crate) pid: u32,
}

impl LockFile {
    /// Takes the lock, at once or not at all.
    pub(crate) fn take(place: &Place, make: bool) -> Result<Self, LedgerError> {
        let failed = |error| LedgerError::file(&place.lock, "opening the lock file", error);
        let file = match place::open_private(&place.lock, make) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LedgerError::displaced(&place.ledger, GONE));
            }
            Err(error) => return Err(failed(error)),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let holder = read(&file).ok().and_then(|text| Memory::parse(&text));
                return Err(LedgerError::Locked {
                    path: place.ledger.clone(),
                    pid: holder.map(|memory| memory.pid),
                });
            }
            Err(error) => {
                return Err(LedgerError::file(
                    &place.lock,
                    "locking the lock file",
                    error.into(),
                ));
            }
        }
        let same = std::fs::metadata(&place.lock).is_ok_and(|named| {
            file.metadata()
                .is_ok_and(|held| (held.dev(), held.ino()) == (named.dev(), named.ino()))
        });
        if !same {
            return Err(LedgerError::displaced(
                &place.ledger,
                "its lock file was exchanged",
            ));
        }
        Ok(Self {
            file,
            place: place.clone(),
            commit_at: 0,
        })
    }

    /// What the file says; `None` while it is empty: its ledger was never finished.
    pub(crate) fn memory(&self) -> Result<Option<Memory>, LedgerError> {
        let text = read(&self.file)
            .map_err(|error| LedgerError::file(&self.place.lock, "reading the lock file", error))?;
        understand(&self.place, &text)
    }

    /// Writes all of it, durably.
    pub(crate) fn remember(&mut self, memory: &Memory) -> Result<(), LedgerError> {
        let (text, commit_at) = memory.print();
        self.commit_at = commit_at;
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.set_len(text.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| LedgerError::file(&self.place.lock, "writing the lock file", error))
    }

    /// Writes the number of the commit that was just made.
    pub(crate) fn note_commit(&self, number: u64) -> Result<(), LedgerError> {
        self.file
            .write_all_at(format!("{number:020}").as_bytes(), self.commit_at)
            .map_err(|error| LedgerError::file(&self.place.lock, "writing the lock file", error))
    }
}

impl Memory {
    /// The text, and where in it the commit number stands.
    fn print(&self) -> (String, u64) {
        let before = format!(
            "{HEADING}\nledger {}\ninode {:020}\ncommit ",
            self.ledger_id, self.inode
        );
        let text = format!("{before}{:020}\npid {:010}\n", self.commit_number, self.pid);
        (text, before.len() as u64)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != HEADING {
            return None;
        }
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let memory = Self {
            ledger_id: value("ledger")?.to_owned(),
            inode: value("inode")?.parse().ok()?,
            commit_number: value("commit")?.parse().ok()?,
            pid: value("pid")?.parse().ok()?,
        };
        (memory.print().0 == text).then_some(memory)
    }
}

/// What the lock file says, without taking the lock; `None` while it is empty.
pub(crate) fn recall(place: &Place) -> Result<Option<Memory>, LedgerError> {
    let failed = |error| LedgerError::file(&place.lock, "reading the lock file", error);
    let text = match File::open(&place.lock) {
        Ok(file) => read(&file).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LedgerError::displaced(&place.ledger, GONE));
        }
        Err(error) => return Err(failed(error)),
    };
    understand(place, &text)
}

fn understand(place: &Place, text: &str) -> Result<Option<Memory>, LedgerError> {
    if text.is_empty() {
        return Ok(None);
    }
    Memory::parse(text)
        .map(Some)
        .ok_or_else(|| LedgerError::displaced(&place.ledger, "its lock file is garbled"))
}

fn read(file: &File) -> io::Result<String> {
    let mut bytes = [0; BYTES_MAX];
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], length as u64)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_and_anything_else_is_not() {
        let memory = Memory {
            ledger_id: "0123456789abcdef0123456789abcdef".to_owned(),
            inode: 77,
            commit_number: 12,
            pid: 4242,
        };
        let (text, commit_at) = memory.print();
        assert_eq!(Memory::parse(&text), Some(memory));
        let at = usize::try_from(commit_at).unwrap();
        assert_eq!(&text[at..at + 20], "00000000000000000012");
        assert!(text.len() < BYTES_MAX);
        for end in 0..text.len() {
            assert_eq!(Memory::parse(&text[..end]), None, "{end}");
        }
        assert_eq!(Memory::parse(&format!("{text}x")), None);
    }
}
