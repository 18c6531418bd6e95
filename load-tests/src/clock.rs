//! The one place that reads wall time.

/// Now, as RFC 3339 in UTC, in whole seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the only clock of this binary: results say when they were measured"
)]
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .unwrap_or_default()
        .to_string()
}
