//! The bodies of open batches, so that a doubt can be settled without the input.
//!
//! Shape: the file is a row of 64 KiB units; a body takes as many neighbouring ones as it needs, and a batch's `slot` is
//! the first of them. A slot is: mark, length, blake3 of request key and of the body's hash, body.
//! Written before the intent, not synced: a slot that power loss tore, or that was never a batch's own, shows in its
//! hash, and the batch then stays in doubt. (Bodies as database rows cost twenty times as much.)
//! Bounds: as many units as bodies were ever open at once.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use bytes::Bytes;
use volley_model::BodyHash;

use crate::place::{self, Place};
use crate::{LedgerError, checksum};

const UNIT: u64 = 64 * 1024;
/// Bodies with another mark are not read: their batches stay in doubt.
const MARK: [u8; 8] = *b"VBODY 2\n";
const HEADER: usize = MARK.len() + 8 + 32;

/// The file, and which of its units are taken.
#[derive(Debug)]
pub(crate) struct BodySlots {
    file: File,
    path: PathBuf,
    taken: Vec<bool>,
}

impl BodySlots {
    /// Opens the file, or makes it, and takes the slots of the open batches: pairs of slot and body length.
    pub(crate) fn open(
        place: &Place,
        open: impl IntoIterator<Item = (u64, u64)>,
    ) -> Result<Self, LedgerError> {
        let path = place.bodies.clone();
        let file = place::open_private(&path, true)
            .map_err(|error| LedgerError::file(&path, "opening the bodies", error))?;
        let mut slots = Self {
            file,
            path,
            taken: Vec::new(),
        };
        for (slot, body_bytes) in open {
            slots.mark(slot, body_bytes, true);
        }
        Ok(slots)
    }

    /// Writes a body, whose hash that is, into a free slot.
    pub(crate) fn write(&mut self, key: &str, body: &[u8], hash: BodyHash) -> Result<u64, LedgerError> {
        let body_bytes = body.len() as u64;
        let slot = self.find(units(body_bytes));
        let header = header(key, body_bytes, hash);
        let at = slot * UNIT;
        write_both(&self.file, &header, body, at)
            .map_err(|error| LedgerError::file(&self.path, "writing a body", error))?;
        self.mark(slot, body_bytes, true);
        Ok(slot)
    }

    /// Gives a slot back.
    pub(crate) fn release(&mut self, slot: u64, body_bytes: u64) {
        self.mark(slot, body_bytes, false);
    }

    /// The first place where so many neighbouring units are free, at the end if nowhere else.
    fn find(&self, wanted: usize) -> u64 {
        let mut start = 0;
        for (unit, taken) in self.taken.iter().enumerate() {
            if *taken {
                start = unit + 1;
            } else if unit + 1 - start == wanted {
                break;
            }
        }
        start as u64
    }

    fn mark(&mut self, slot: u64, body_bytes: u64, taken: bool) {
        let Ok(first) = usize::try_from(slot) else { return };
        let behind = first + units(body_bytes);
        if self.taken.len() < behind {
            self.taken.resize(behind, false);
        }
        self.taken[first..behind].fill(taken);
    }
}

/// Reads the body of a batch back; `None` if it is missing, torn, or another's.
pub(crate) fn read(
    place: &Place,
    slot: u64,
    key: &str,
    body_bytes: u64,
) -> Result<Option<Bytes>, LedgerError> {
    let failed = |error| LedgerError::file(&place.bodies, "reading a body", error);
    let file = match File::open(&place.bodies) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let within = file.metadata().map_err(failed)?.len();
    let length = (HEADER as u64).saturating_add(body_bytes);
    let at = slot.saturating_mul(UNIT);
    // Asked first, so that a senseless length never becomes an allocation.
    if at.saturating_add(length) > within {
        return Ok(None);
    }
    let Ok(length) = usize::try_from(length) else {
        return Ok(None);
    };
    let mut slot = vec![0; length];
    file.read_exact_at(&mut slot, at).map_err(failed)?;
    let mut found = Bytes::from(slot);
    let body = found.split_off(HEADER);
    Ok((found[..] == header(key, body_bytes, BodyHash::of(&body))).then_some(body))
}

/// Whether the file is there and begins as ours do, of whatever version.
pub(crate) fn has_mark(place: &Place) -> bool {
    let mut mark = [0; MARK.len()];
    let read = File::open(&place.bodies).is_ok_and(|file| file.read_exact_at(&mut mark, 0).is_ok());
    read && mark.starts_with(b"VBODY ")
}

/// Overwrites all that does not belong to these open batches, and cuts off what is behind the last of them, durably.
pub(crate) fn wipe_all_but(place: &Place, mut open: Vec<(u64, u64)>) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::file(&place.bodies, "erasing bodies", error);
    let file = match place::open_private(&place.bodies, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let end = file.metadata().map_err(failed)?.len();
    open.sort_unstable();
    let mut kept_to = 0;
    for (slot, body_bytes) in open {
        let start = slot.saturating_mul(UNIT);
        overwrite(&file, kept_to, start.min(end)).map_err(failed)?;
        kept_to = start.saturating_add(HEADER as u64).saturating_add(body_bytes);
    }
    overwrite(&file, kept_to, end).map_err(failed)?;
    file.set_len(end.min(kept_to))
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

fn overwrite(file: &File, from: u64, to: u64) -> io::Result<()> {
    let zeros = [0; 4096];
    let mut at = from;
    while at < to {
        let bytes = usize::try_from(to - at).map_or(zeros.len(), |bytes| bytes.min(zeros.len()));
        file.write_all_at(&zeros[..bytes], at)?;
        at += bytes as u64;
    }
    Ok(())
}

/// Writes one behind the other, by one call to the system unless it takes less than all.
fn write_both(file: &File, header: &[u8], body: &[u8], at: u64) -> io::Result<()> {
    let written = match rustix::io::pwritev(file, &[IoSlice::new(header), IoSlice::new(body)], at) {
        Ok(written) => written,
        Err(rustix::io::Errno::INTR) => 0,
        Err(error) => return Err(error.into()),
    };
    let (in_header, in_body) = (written.min(header.len()), written.saturating_sub(header.len()));
    file.write_all_at(&header[in_header..], at + in_header as u64)?;
    file.write_all_at(&body[in_body..], at + (header.len() + in_body) as u64)
}

fn header(key: &str, body_bytes: u64, hash: BodyHash) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MARK);
    header[8..16].copy_from_slice(&body_bytes.to_le_bytes());
    header[16..].copy_from_slice(&checksum::of_body(key, hash));
    header
}

fn units(body_bytes: u64) -> usize {
    usize::try_from((HEADER as u64).saturating_add(body_bytes).div_ceil(UNIT)).unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &tempfile::TempDir) -> Place {
        Place::at(&folder.path().join("volley.db")).unwrap()
    }

    fn body(bytes: u64, fill: u8) -> Vec<u8> {
        vec![fill; usize::try_from(bytes).unwrap()]
    }

    fn write(slots: &mut BodySlots, key: &str, body: &[u8]) -> u64 {
        slots.write(key, body, BodyHash::of(body)).unwrap()
    }

    #[test]
    fn a_body_is_read_back_by_its_own_batch_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(&folder);
        let mut slots = BodySlots::open(&place, []).unwrap();
        let (small, large) = (body(10, 1), body(3 * UNIT, 2));
        let first = slots.write("a", &small, BodyHash::of(&small)).unwrap();
        let second = slots.write("b", &large, BodyHash::of(&large)).unwrap();
        assert_eq!((first, second), (0, 1));
        assert_eq!(read(&place, first, "a", 10).unwrap().unwrap(), small);
        assert_eq!(read(&place, second, "b", 3 * UNIT).unwrap().unwrap(), large);
        assert_eq!(read(&place, first, "b", 10).unwrap(), None, "another key");
        assert_eq!(read(&place, first, "a", 9).unwrap(), None, "another length");
        assert_eq!(read(&place, 99, "a", 10).unwrap(), None, "behind the end");
        assert_eq!(read(&place, u64::MAX, "a", u64::MAX).unwrap(), None, "nonsense");
    }

    #[test]
    fn a_torn_body_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(&folder);
        let mut slots = BodySlots::open(&place, []).unwrap();
        let slot = write(&mut slots, "a", &body(9000, 1));
        slots.file.write_all_at(&[0], 4096).unwrap();
        assert_eq!(read(&place, slot, "a", 9000).unwrap(), None);
        std::fs::remove_file(&place.bodies).unwrap();
        assert_eq!(read(&place, slot, "a", 9000).unwrap(), None);
    }

    #[test]
    fn wiping_leaves_open_bodies_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(&folder);
        let mut slots = BodySlots::open(&place, []).unwrap();
        for (key, fill) in [("a", b'A'), ("b", b'B'), ("c", b'C')] {
            write(&mut slots, key, &body(9000, fill));
        }
        // A shorter body in a slot that a longer one had leaves the longer one's tail.
        slots.release(1, 9000);
        write(&mut slots, "d", &body(10, b'D'));
        wipe_all_but(&place, vec![(1, 10)]).unwrap();
        assert_eq!(read(&place, 1, "d", 10).unwrap().unwrap(), body(10, b'D'));
        let left = std::fs::read(&place.bodies).unwrap();
        for gone in [b"AA", b"BB", b"CC"] {
            assert!(!left.windows(2).any(|pair| pair == gone));
        }
        wipe_all_but(&place, Vec::new()).unwrap();
        assert_eq!(std::fs::read(&place.bodies).unwrap(), b"");
        std::fs::remove_file(&place.bodies).unwrap();
        wipe_all_but(&place, Vec::new()).unwrap();
        assert!(!place.bodies.exists());
    }

    #[test]
    fn slots_are_used_again_and_open_ones_never() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(&folder);
        // Units 0 and 2 belong to batches of an earlier run.
        let mut slots = BodySlots::open(&place, [(0, 10), (2, 10)]).unwrap();
        assert_eq!(write(&mut slots, "two units", &body(UNIT, 1)), 3);
        assert_eq!(write(&mut slots, "one unit", &body(UNIT - HEADER as u64, 1)), 1);
        assert_eq!(write(&mut slots, "at the end", &body(0, 1)), 5);
        slots.release(2, 10);
        slots.release(3, UNIT);
        assert_eq!(write(&mut slots, "three units", &body(2 * UNIT, 1)), 2);
    }
}
