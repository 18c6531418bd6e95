//! When a number is called again.
//!
//! *Sources*: "update campaign details" for the fields and their values; that `number_of_retries` counts the calls beside
//! the first, that `Exponential` doubles, and what stands for an absent `mechanism` and `on_status`, is *assumed* after the
//! guides ("campaign retry logic").

use serde_json::{Value, json};

use super::config::ExotelStrict;
use super::outcome::Outcome;
use super::refusal::Refusal;
use super::request::{Fields, count, given, text, texts};

/// Most retries ("update campaign details").
const RETRIES_MAX: u64 = 3;
/// A year: no page names a most, and the sum of three doublings must stay far from the end of time.
const INTERVAL_MINUTES_MAX: u64 = 525_600;

/// The retries of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retries {
    pub(super) number: u8,
    interval_minutes: u32,
    mechanism: Mechanism,
    on_status: Vec<Outcome>,
}

/// How the intervals grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Linear,
    Exponential,
}

impl Retries {
    /// Reads `retries`, with `on_status` in it or beside it. Beside it and alone it changes those there are.
    pub(super) fn read(
        strict: &[ExotelStrict],
        fields: &Fields,
        before: Option<&Self>,
    ) -> Result<Option<Self>, Refusal> {
        let beside = on_status(fields)?;
        if beside.is_some() && strict.contains(&ExotelStrict::OnStatusInRetries) {
            return Err(Refusal::invalid("on_status belongs into retries"));
        }
        let Some(value) = given(fields, "retries") else {
            let Some(on_status) = beside else { return Ok(None) };
            let before = before.cloned();
            return Ok(before.map(|before| Self { on_status, ..before }));
        };
        let Value::Object(members) = value else {
            return Err(Refusal::wrong_type("retries", value, "retries"));
        };
        let inside = on_status(members)?;
        if inside.is_some() && strict.contains(&ExotelStrict::OnStatusBeside) {
            return Err(Refusal::invalid("on_status belongs beside retries"));
        }
        let all = || Outcome::UNSUCCESSFUL.to_vec();
        let on_status = inside.or(beside).unwrap_or_else(all);
        Self::members(members, on_status)
    }

    fn members(members: &Fields, on_status: Vec<Outcome>) -> Result<Option<Self>, Refusal> {
        let number = count(members, "number_of_retries")?;
        let number = u8::try_from(number.unwrap_or(0).min(RETRIES_MAX + 1)).unwrap_or(u8::MAX);
        if u64::from(number) > RETRIES_MAX {
            return Err(Refusal::invalid("number_of_retries must be from 0 to 3"));
        }
        let interval = match count(members, "interval_mins")? {
            Some(minutes) if (1..=INTERVAL_MINUTES_MAX).contains(&minutes) => {
                u32::try_from(minutes).unwrap_or(1)
            }
            Some(_) => return Err(Refusal::invalid("interval_mins must be at least 1")),
            None if given(members, "number_of_retries").is_some() => {
                return Err(Refusal::mandatory("Interval_mins"));
            }
            None => 1,
        };
        let mechanism = match text(members, "mechanism")? {
            None | Some("Linear") => Mechanism::Linear,
            Some("Exponential") => Mechanism::Exponential,
            Some(_) => return Err(Refusal::invalid("mechanism must be Linear or Exponential")),
        };
        Ok(Some(Self {
            number,
            interval_minutes: interval,
            mechanism,
            on_status,
        }))
    }

    /// Minutes from the end of a call to the next, if there is to be one; `attempt` counts from 0.
    pub(super) fn interval(&self, attempt: u8, outcome: Outcome) -> Option<i64> {
        if attempt >= self.number || !self.on_status.contains(&outcome) {
            return None;
        }
        let interval = i64::from(self.interval_minutes);
        Some(match self.mechanism {
            Mechanism::Linear => interval,
            Mechanism::Exponential => interval << attempt,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let mechanism = match self.mechanism {
            Mechanism::Linear => "Linear",
            Mechanism::Exponential => "Exponential",
        };
        let on_status: Vec<&str> = self.on_status.iter().map(|outcome| outcome.name()).collect();
        json!({
            "number_of_retries": self.number,
            "interval_mins": self.interval_minutes,
            "mechanism": mechanism,
            "on_status": on_status,
        })
    }
}

fn on_status(fields: &Fields) -> Result<Option<Vec<Outcome>>, Refusal> {
    let Some(names) = texts(fields, "on_status")? else {
        return Ok(None);
    };
    let read = |name: &str| {
        let known = Outcome::UNSUCCESSFUL
            .iter()
            .find(|outcome| outcome.name() == name);
        let wrong = || Refusal::invalid("on_status may hold busy, no-answer and failed");
        known.copied().ok_or_else(wrong)
    };
    names.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(strict: &[ExotelStrict], json: &str) -> Result<Option<Retries>, u32> {
        let fields: Fields = serde_json::from_str(json).expect("json");
        Retries::read(strict, &fields, None).map_err(|refusal| refusal.code())
    }

    #[test]
    fn on_status_stands_in_retries_or_beside_them() {
        let check = |strict: &[ExotelStrict], json: &str, expected: Result<&[&str], u32>| {
            let expected = expected.map(|names| Some(json!(names)));
            let outcome = read(strict, json)
                .map(|retries| retries.map(|retries| retries.to_json()["on_status"].clone()));
            assert_eq!(outcome, expected, "{strict:?}: {json}");
        };
        let inside = r#"{"retries":{"number_of_retries":1,"interval_mins":1,"on_status":["busy"]}}"#;
        let beside = r#"{"retries":{"number_of_retries":1,"interval_mins":1},"on_status":["busy"]}"#;
        let neither = r#"{"retries":{"number_of_retries":1,"interval_mins":1}}"#;
        check(&[], inside, Ok(&["busy"]));
        check(&[], beside, Ok(&["busy"]));
        check(&[], neither, Ok(&["busy", "no-answer", "failed"]));
        check(&[ExotelStrict::OnStatusInRetries], inside, Ok(&["busy"]));
        check(&[ExotelStrict::OnStatusInRetries], beside, Err(1002));
        check(&[ExotelStrict::OnStatusBeside], inside, Err(1002));
        check(&[ExotelStrict::OnStatusBeside], beside, Ok(&["busy"]));
        check(&[], &inside.replace("busy", "failure"), Err(1002));
        check(&[], &inside.replace("busy", "completed"), Err(1002));
        check(&[], &inside.replace(r#"["busy"]"#, r#""busy""#), Err(1007));
    }

    #[test]
    fn on_status_alone_changes_the_retries_there_are() {
        let before = read(&[], r#"{"retries":{"number_of_retries":1,"interval_mins":7}}"#).expect("retries");
        let fields: Fields = serde_json::from_str(r#"{"on_status":["failed"]}"#).expect("json");
        let after = Retries::read(&[], &fields, before.as_ref())
            .expect("retries")
            .expect("some");
        assert_eq!(after.interval(0, Outcome::Failed), Some(7));
        assert_eq!(after.interval(0, Outcome::Busy), None);
        assert_eq!(Retries::read(&[], &fields, None), Ok(None));
    }

    #[test]
    fn retries_are_0_to_3_with_an_interval_and_a_mechanism() {
        let check = |members: &str, expected: Option<u32>| {
            let json = format!(r#"{{"retries":{{{members}}}}}"#);
            assert_eq!(read(&[], &json).err(), expected, "{members}");
        };
        check(r#""number_of_retries":0,"interval_mins":1"#, None);
        check(r#""number_of_retries":3,"interval_mins":1"#, None);
        check(r#""number_of_retries":4,"interval_mins":1"#, Some(1002));
        check(r#""number_of_retries":-1,"interval_mins":1"#, Some(1002));
        check(r#""number_of_retries":"3","interval_mins":1"#, Some(1007));
        check(r#""number_of_retries":1,"interval_mins":0"#, Some(1002));
        check(r#""number_of_retries":1"#, Some(1001));
        check("", None);
        check(
            r#""number_of_retries":1,"interval_mins":1,"mechanism":"Linear""#,
            None,
        );
        check(
            r#""number_of_retries":1,"interval_mins":1,"mechanism":"Exponential""#,
            None,
        );
        check(
            r#""number_of_retries":1,"interval_mins":1,"mechanism":"linear""#,
            Some(1002),
        );
        assert_eq!(read(&[], r#"{"retries":[]}"#), Err(1007));
        assert_eq!(read(&[], r#"{"retries":null}"#), Ok(None));
    }

    #[test]
    fn intervals_are_equal_or_double_and_end_with_the_retries() {
        let intervals = |mechanism: &str| -> Vec<Option<i64>> {
            let json = format!(
                r#"{{"retries":{{"number_of_retries":3,"interval_mins":5,"mechanism":"{mechanism}","on_status":["busy"]}}}}"#
            );
            let retries = read(&[], &json).expect("retries").expect("some");
            (0..4)
                .map(|attempt| retries.interval(attempt, Outcome::Busy))
                .collect()
        };
        assert_eq!(intervals("Linear"), [Some(5), Some(5), Some(5), None]);
        assert_eq!(intervals("Exponential"), [Some(5), Some(10), Some(20), None]);
    }
}
