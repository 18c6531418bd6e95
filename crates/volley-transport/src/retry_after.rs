//! `Retry-After`: seconds, or a date in one of the three forms of RFC 9110, 5.6.7.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// However long a provider asks us to wait, after this we ask again.
const WAIT_MAX: Duration = Duration::from_mins(15);

/// The forms of a date: the preferred one, RFC 850's, and asctime's.
const DATE_FORMS: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// The wait that the header asks for, at most 15 minutes; `None` where it makes no sense.
///
/// `now` is the time that a date is compared with, in seconds since 1970. The pool gives the answer's own `Date`,
/// so that a wrong clock on either side does not matter. A date that has passed is no wait.
pub(crate) fn retry_after(value: &[u8], now: i64) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().ok()?)
    } else {
        Duration::from_secs(u64::try_from(http_date(text)?.saturating_sub(now)).unwrap_or(0))
    };
    Some(wait.min(WAIT_MAX))
}

/// An HTTP date as seconds since 1970.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    let civil: DateTime = DATE_FORMS
        .iter()
        .find_map(|form| strtime::parse(form, text).ok()?.to_datetime().ok())?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the date of the RFC's examples.
    const NOW: i64 = 784_111_777;

    fn check(value: &str, expected_seconds: Option<u64>) {
        assert_eq!(
            retry_after(value.as_bytes(), NOW),
            expected_seconds.map(Duration::from_secs),
            "{value:?}"
        );
    }

    #[test]
    fn seconds() {
        check("0", Some(0));
        check("120", Some(120));
        check(" 7 ", Some(7));
        check("900", Some(900));
        check("901", Some(900));
        check("18446744073709551615", Some(900));
    }

    #[test]
    fn dates_in_all_three_forms() {
        check("Sun, 06 Nov 1994 08:49:47 GMT", Some(10));
        check("Sunday, 06-Nov-94 08:49:47 GMT", Some(10));
        check("Sun Nov  6 08:49:47 1994", Some(10));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(0));
        check("Sun, 06 Nov 1994 07:00:00 GMT", Some(0));
        check("Mon, 07 Nov 1994 08:49:37 GMT", Some(900));
    }

    #[test]
    fn nonsense_is_no_wait_at_all() {
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "1e30",
            "18446744073709551616",
            "99999999999999999999999999",
            "soon",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT; x",
            "12 34",
        ] {
            check(value, None);
        }
        assert_eq!(retry_after(b"\xff\xfe", NOW), None);
    }
}
