//! When a campaign starts and ends.
//!
//! *Sources*: "update campaign details" and "create campaign". That `send_at` must be ahead, and what either must look like
//! but for RFC 3339 with an offset, is *assumed*, as is the end after 30 days ("campaigns": the default duration).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::config::ExotelStrict;
use super::refusal::Refusal;
use super::request::{Fields, given, text};

/// How long a campaign lasts that says nothing of it.
pub(super) const DURATION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// As far as it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) send_at: Option<Written>,
    pub(super) end_at: Option<Written>,
}

/// A date as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) at: Timestamp,
}

impl Schedule {
    /// Reads `schedule`, in the readings that are taken.
    pub(super) fn read(
        strict: &[ExotelStrict],
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Option<Self>, Refusal> {
        let Some(value) = given(fields, "schedule") else {
            return Ok(None);
        };
        let members = match value {
            Value::Object(members) if !strict.contains(&ExotelStrict::ScheduleArray) => members,
            Value::Array(items) if !strict.contains(&ExotelStrict::ScheduleObject) => {
                match items.as_slice() {
                    [Value::Object(members)] => members,
                    _ => return Err(Refusal::invalid("schedule must hold one object")),
                }
            }
            _ => return Err(Refusal::wrong_type("schedule", value, "schedule")),
        };
        let send_at = date(members, "send_at")?;
        let end_at = date(members, "end_at")?;
        if send_at.as_ref().is_some_and(|send_at| send_at.at <= now) {
            return Err(Refusal::invalid("send_at must be in the future"));
        }
        let start = send_at.as_ref().map_or(now, |send_at| send_at.at);
        if end_at.as_ref().is_some_and(|end_at| end_at.at <= start) {
            return Err(Refusal::invalid("end_at must be after send_at"));
        }
        Ok(Some(Self { send_at, end_at }))
    }
}

fn date(members: &Fields, name: &str) -> Result<Option<Written>, Refusal> {
    let Some(text) = text(members, name)? else {
        return Ok(None);
    };
    match rfc3339(text) {
        Some(at) => Ok(Some(Written {
            text: text.to_owned(),
            at,
        })),
        None => Err(Refusal::invalid(format!(
            "{name} must be a date-time of RFC 3339"
        ))),
    }
}

/// A date with seconds and an offset of hours and minutes; jiff takes more than that.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let separated = matches!(bytes.get(10), Some(b'T' | b't')) && bytes.get(16) == Some(&b':');
    let offset = matches!(bytes, [.., b'Z' | b'z'] | [.., b'+' | b'-', _, _, b':', _, _]);
    if separated && offset {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(strict: &[ExotelStrict], json: &str) -> Option<u32> {
        let fields: Fields = serde_json::from_str(json).expect("json");
        let now = "2018-11-08T08:00:00Z".parse().expect("an instant");
        let outcome = Schedule::read(strict, &fields, now);
        outcome.err().map(|refusal| refusal.code())
    }

    #[test]
    fn a_schedule_is_an_object_or_an_array_of_one() {
        let check = |strict: &[ExotelStrict], json: &str, expected: Option<u32>| {
            assert_eq!(outcome(strict, json), expected, "{strict:?}: {json}");
        };
        let object = r#"{"schedule":{"send_at":"2018-11-08T14:20:00+05:30"}}"#;
        let array = r#"{"schedule":[{"send_at":"2018-11-08T14:20:00+05:30"}]}"#;
        check(&[], object, None);
        check(&[], array, None);
        check(&[ExotelStrict::ScheduleObject], object, None);
        check(&[ExotelStrict::ScheduleObject], array, Some(1007));
        check(&[ExotelStrict::ScheduleArray], object, Some(1007));
        check(&[ExotelStrict::ScheduleArray], array, None);
        check(&[], r#"{"schedule":[]}"#, Some(1002));
        check(&[], r#"{"schedule":[{},{}]}"#, Some(1002));
        check(&[], r#"{"schedule":"2018-11-08T14:20:00+05:30"}"#, Some(1007));
    }

    #[test]
    fn dates_are_rfc_3339_with_an_offset() {
        let check = |text: &str, good: bool| assert_eq!(rfc3339(text).is_some(), good, "{text}");
        check("2018-11-08T14:20:00+05:30", true);
        check("2018-11-08T08:50:00Z", true);
        check("2018-11-08T08:50:00.125-08:00", true);
        check("2018-11-08T14:20:00", false);
        check("2018-11-08T14:20:00+0530", false);
        check("2018-11-08 14:20:00+05:30", false);
        check("2018-11-08T14:20:00+05:30[Asia/Kolkata]", false);
        check("2018-11-31T14:20:00+05:30", false);
        check("20181108T142000Z", false);
        check("tomorrow", false);
    }

    #[test]
    fn it_starts_ahead_and_ends_after_that() {
        let check = |send_at: &str, end_at: &str, expected: Option<u32>| {
            let json = format!(r#"{{"schedule":{{"send_at":{send_at},"end_at":{end_at}}}}}"#);
            assert_eq!(outcome(&[], &json), expected, "{json}");
        };
        check(r#""2018-11-08T08:00:01Z""#, "null", None);
        check(r#""2018-11-08T08:00:00Z""#, "null", Some(1002));
        check(
            r#""2018-11-08T08:00:01Z""#,
            r#""2018-11-08T13:30:02+05:30""#,
            None,
        );
        check(
            r#""2018-11-08T08:00:01Z""#,
            r#""2018-11-08T13:30:01+05:30""#,
            Some(1002),
        );
        check("null", r#""2018-11-08T08:00:01Z""#, None);
        check("null", r#""2018-11-08T08:00:00Z""#, Some(1002));
        check("null", "null", None);
    }
}
