//! How large the claims become, and what their index makes of the log once it is larger than what is written between two
//! checkpoints.
//!
//! After a checkpoint the first change of a page puts the whole page into the log. Numbers in no order hit pages of the index at
//! random: of few pages each is hit many times between two checkpoints, of many each once.
//! Source: PostgreSQL 15's manual, "Reliability and the Write-Ahead Log" (`full_page_writes`), "Database Page Layout".

use crate::error::LoadError;
use crate::results::Results;

use super::costs::Measured;

const PAGE: f64 = 8192.0;
/// An entry of an index of two bigint: a header of 8 bytes, the key, and its line pointer.
const ENTRY: f64 = 28.0;

/// What was measured of claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage {
    /// Bytes for a number: the table's rows, the index, and what each batch has besides.
    pub(super) heap: f64,
    pub(super) index: f64,
    pub(super) batches: f64,
    /// Bytes of log for a number, without whole pages.
    pub(super) log: f64,
    /// Of `VACUUM (FREEZE)`, seconds for a number.
    pub(super) vacuum: f64,
    /// Of `volley ledger forget`, the same.
    pub(super) forget: f64,
    /// Pages of the index before, numbers that came, and how many whole pages they made.
    pages: f64,
    came: f64,
    images: f64,
}

impl Storage {
    /// # Errors
    /// The results lack a case.
    pub(super) fn of(results: &Results) -> Result<Self, LoadError> {
        let one = Measured::of(results, "postgres-1")?;
        let large = Measured::of(results, "large-table")?;
        // Of an index that grew from nothing by numbers in no order, as they will.
        let index = one.get("claim_pkey_mb_per_million");
        let came = large.get("recipients");
        let all = large.get("claimed") + came;
        let storage = Self {
            heap: one.get("claim_mb_per_million") - index,
            index,
            batches: ["batch", "members", "attempt", "body"]
                .map(|table| one.get(&format!("{table}_mb_per_million")))
                .iter()
                .sum(),
            log: 0.0,
            vacuum: large.get("vacuum_s") / all,
            forget: large.get("forget_s") / all,
            pages: large.get("index_pages_before"),
            came,
            images: large.get("wal_images"),
        };
        let log =
            one.get("wal_mb_per_million") - one.get("wal_images") * storage.image() / one.get("recipients");
        Ok(Self { log, ..storage })
    }

    /// Numbers of a page of the index.
    fn entries(&self) -> f64 {
        PAGE / self.index
    }

    /// Bytes of a page in the log: what is free in it is left out.
    fn image(&self) -> f64 {
        ENTRY * self.entries()
    }

    /// Whole pages in the log, by the measured case and by this.
    pub(super) fn images_checked(&self) -> (f64, f64) {
        (self.images, hit(self.pages, self.came))
    }

    /// Bytes of log for a number that comes, at random, into an index of so many, where a checkpoint comes whenever so many bytes
    /// were logged.
    pub(super) fn log_at(&self, numbers: f64, checkpoint_every: f64) -> f64 {
        let (mut low, mut high) = (self.log, self.log + self.image());
        for _ in 0..60 {
            let guess = f64::midpoint(low, high);
            let between = checkpoint_every / guess;
            let comes_to = self.log + hit(numbers / self.entries(), between) * self.image() / between;
            if comes_to > guess {
                low = guess;
            } else {
                high = guess;
            }
        }
        low
    }
}

/// How many of so many pages are hit by so many numbers at random.
fn hit(pages: f64, numbers: f64) -> f64 {
    pages * (1.0 - (-numbers / pages).exp())
}
