//! The seeded corpus that benches, tests and load tests share: contacts as they occur in life, of any number,
//! together with the truth about them.
//!
//! Input: a [`Corpus`], which is a seed, a number of recipients and a few shares.
//! Output: NDJSON lines, and the [`Expected`] account of them, known without writing a line.
//! Bounds: [`RECIPIENTS_MAX`] distinct numbers; memory is one line, whatever the size.
//! Not here: any crate of the product. The corpus holds the product to account, so it shares no code with it.

mod bad_line;
mod corpus;
mod expected;
mod names;
mod numbers;
mod record;
mod spelling;

pub use bad_line::BadLine;
pub use corpus::{Corpus, Lines, RecipientsMaxExceeded, Shape};
pub use expected::Expected;
pub use numbers::{Number, Numbers, RECIPIENTS_MAX, Spread};
pub use spelling::HomeRegion;
