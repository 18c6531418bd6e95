//! Bytes to batches: lines, records, numbers, duplicates, rejections.
//!
//! Input: any number of readers, plain, gzip or zstd, one JSON object a line; and what is known of numbers
//! ([`NumberBook`]). Output: [`PlannedBatch`](volley_model::PlannedBatch)es with their encoded bodies, rejected
//! lines with their reasons, and an account in which every line counts once.
//!
//! Bounds: a line is at most 64 KiB, a longer one is never held; nesting at most 1024; memory does not grow with
//! the input but for the sets of numbers.
//! Not here: opening files, clocks, waiting. Synchronous and pure, so that the same input always makes the same
//! batches, however its bytes arrive.
//!
//! The modules stand in the order in which bytes meet them.

mod config;
mod source;

mod lines;
mod record;

mod normalize;
mod numbers;

mod batcher;
mod outlet;
mod rejection;
mod tally;

mod intake;
mod progress;

pub use config::{IntakeConfig, InvalidLimit};
pub use intake::{Finished, Intake, IntakeError, ReadEnd, Rest, TooManyInvalid};
pub use lines::LINE_BYTES_MAX;
pub use normalize::{Normalizer, NumberFault, NumberRule, Region};
pub use numbers::{NumberBook, Standing};
pub use outlet::{Outlet, Returned};
pub use progress::Progress;
pub use record::{FieldNames, FieldNamesError};
pub use rejection::{Example, Rejection, Rejects, Skipped};
pub use tally::{CountryCount, CountryCounts, ForeignCount, ForeignCounts, ReasonCounts, Tally};
