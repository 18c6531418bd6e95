//! The one place that reads the wall clock.

use jiff::Timestamp;

/// Now, by the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
