//! Seeded files of contacts, of any size, together with the truth about them.
//!
//! Input: the command line of the `load-tests` binary.
//! Output: NDJSON to a file or standard output, and the account that a correct run must come to.
//! Bounds: memory does not grow with the number of recipients.

pub mod generate;
