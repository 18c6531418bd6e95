//! The bytes of a body, in buffers that are used again.
//!
//! A body of 60 KB in fresh memory costs a page fault for each 4 KB of it, since the allocator gives the memory of the body
//! before back to the system. So a buffer goes back to where it came from once nobody holds its bytes any more.
//! Bounds: a pool keeps [`SPARE_MAX`] buffers; there are as many more as bodies are in use.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers that wait to be used again: about as many as batches wait for the dispatcher and are in flight.
const SPARE_MAX: usize = 32;

/// Where buffers come from and go back to.
#[derive(Clone, Default)]
pub struct BodyPool(Arc<Mutex<Vec<Vec<u8>>>>);

/// A body that is being written.
#[derive(Default)]
pub struct BodyBuffer {
    bytes: Vec<u8>,
    pool: Option<BodyPool>,
}

impl BodyPool {
    /// An empty buffer; one that was used before has room already.
    pub fn take(&self) -> BodyBuffer {
        let mut bytes = self.spare().pop().unwrap_or_default();
        bytes.clear();
        BodyBuffer {
            bytes,
            pool: Some(self.clone()),
        }
    }

    fn give_back(&self, bytes: Vec<u8>) {
        let mut spare = self.spare();
        if spare.len() < SPARE_MAX {
            spare.push(bytes);
        }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyBuffer {
    /// The body as it stands, not copied. Its buffer goes back to its pool with the last that holds these bytes.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Drop for BodyBuffer {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

impl Deref for BodyBuffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for BodyBuffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for BodyBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Vec<u8>> for BodyBuffer {
    /// Bytes of no pool.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, pool: None }
    }
}

impl Clone for BodyBuffer {
    /// A copy, of no pool.
    fn clone(&self) -> Self {
        Self::from(self.bytes.clone())
    }
}

impl PartialEq for BodyBuffer {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for BodyBuffer {}

// Bodies are full of numbers and names.

impl fmt::Debug for BodyBuffer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BodyBuffer({} bytes)", self.bytes.len())
    }
}

impl fmt::Debug for BodyPool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BodyPool({} spare)", self.spare().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_goes_back_with_the_last_that_holds_its_bytes() {
        let pool = BodyPool::default();
        let mut buffer = pool.take();
        buffer.extend_from_slice(b"somebody's number");
        let place = buffer.as_ptr();
        let bytes = buffer.into_bytes();
        assert_eq!(bytes.as_ptr(), place, "not copied");
        let part = bytes.slice(..8);
        drop(bytes);
        assert_eq!(part, "somebody");
        assert_eq!(pool.take().capacity(), 0, "still held");
        drop(part);
        let again = pool.take();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), place);
    }

    #[test]
    fn a_pool_keeps_no_more_than_its_bound_and_copies_are_none_of_its() {
        let pool = BodyPool::default();
        let buffers: Vec<_> = (0..SPARE_MAX + 5).map(|_| pool.take()).collect();
        drop(buffers[0].clone());
        assert_eq!(pool.spare().len(), 0);
        drop(buffers);
        assert_eq!(pool.spare().len(), SPARE_MAX);
    }
}
