//! How Exotel writes an instant: in Indian time, to the second.
//!
//! *Sources*: the samples of "create campaign" (`2024-01-14T16:30:00+05:30`) and of "call details (v1)"
//! (`2017-03-03 10:48:33`, Indian time, which is *assumed*).

use jiff::Timestamp;
use jiff::tz::Offset;

/// Seconds that India is ahead of UTC.
const INDIA_SECONDS: i32 = 5 * 3600 + 1800;

fn india() -> Offset {
    Offset::from_seconds(INDIA_SECONDS).unwrap_or(Offset::UTC)
}

/// `2024-01-14T16:30:00+05:30`
pub(super) fn rfc3339(at: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    second.display_with_offset(india()).to_string()
}

/// `2017-03-03 10:48:33`
pub(super) fn spaced(at: Timestamp) -> String {
    india().to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_indian_time_to_the_second() {
        let at: Timestamp = "2024-01-14T11:00:00.987Z".parse().expect("an instant");
        assert_eq!(rfc3339(at), "2024-01-14T16:30:00+05:30");
        assert_eq!(spaced(at), "2024-01-14 16:30:00");
    }
}
