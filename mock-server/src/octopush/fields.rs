//! The fields of a campaign that mean the same whichever way it names its recipients.
//!
//! *Sources*: "Schedule SMS sending", "Transactional SMS", "Send SMS to contacts (on-list/on-tag)"; the codes are in
//! `refusal`. That a date without an offset is Central European Time comes from the samples of the official SDK.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::config::Strict;
use super::refusal::Refusal;
use super::segments::Measure;
use super::value::{Raw, flag, scalar, string};

/// Characters a text may have, as it is written ("Schedule SMS sending").
const TEXT_CHARS_MAX: usize = 1224;
/// Characters a sender must and may have ("Schedule SMS sending").
const SENDER_CHARS: std::ops::RangeInclusive<usize> = 3..=11;
/// What removing blacklisted numbers costs a request: 0.01 euros ("Schedule SMS sending").
const REMOVAL_CHARGE: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// Central European Time with the summer time of the European Union.
const CENTRAL_EUROPEAN_TIME: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The text, not empty and not too long.
pub(super) fn text(raw: Raw<'_>, gsm7_only: bool) -> Result<Cow<'_, str>, Refusal> {
    let text = raw
        .and_then(string)
        .filter(|text| !text.is_empty())
        .ok_or_else(Refusal::text_missing)?;
    if text.chars().count() > TEXT_CHARS_MAX || (gsm7_only && !Measure::of(&text).is_gsm7()) {
        return Err(Refusal::text_too_long());
    }
    Ok(text)
}

/// An absent purpose is `wholesale` ("Transactional SMS").
pub(super) fn is_marketing(raw: Raw<'_>, required: bool) -> Result<bool, Refusal> {
    let Some(raw) = raw else {
        return if required {
            Err(Refusal::malformed("purpose is missing"))
        } else {
            Ok(true)
        };
    };
    match string(raw).as_deref() {
        Some("wholesale") => Ok(true),
        Some("alert") => Ok(false),
        _ => Err(Refusal::malformed("purpose is unknown")),
    }
}

/// Checks the sender.
pub(super) fn sender(raw: Raw<'_>, strict: &impl Fn(Strict) -> bool) -> Result<(), Refusal> {
    let Some(raw) = raw else {
        return if strict(Strict::SenderRequired) {
            Err(Refusal::sender("it is missing"))
        } else {
            Ok(())
        };
    };
    let sender = scalar(raw).ok_or_else(|| Refusal::sender("it must be a string"))?;
    if !SENDER_CHARS.contains(&sender.chars().count()) {
        return Err(Refusal::sender("it must have 3 to 11 characters"));
    }
    let spaces = !strict(Strict::SenderWithoutSpaces);
    if !sender
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || (spaces && character == ' '))
    {
        return Err(Refusal::sender("it may hold only letters and digits"));
    }
    Ok(())
}

/// A date with an offset, or one without, which the official SDK's samples send too. A past one is good.
pub(super) fn send_at(raw: Raw<'_>, required: bool) -> Result<Option<Timestamp>, Refusal> {
    let Some(raw) = raw else {
        return if required {
            Err(Refusal::malformed("send_at is missing"))
        } else {
            Ok(None)
        };
    };
    match string(raw).and_then(|text| instant(&text)) {
        Some(instant) => Ok(Some(instant)),
        None => Err(Refusal::malformed("send_at is no ISO 8601 date")),
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let local: DateTime = text.parse().ok()?;
    let zone = TimeZone::posix(CENTRAL_EUROPEAN_TIME).ok()?;
    zone.to_timestamp(local).ok()
}

/// A flag; absent is false.
pub(super) fn boolean(raw: Raw<'_>, name: &str) -> Result<bool, Refusal> {
    flag(raw, false).ok_or_else(|| Refusal::malformed(format_args!("{name} is no boolean")))
}

/// What a request pays beside its messages.
pub(super) fn charge(removing_blacklisted: bool) -> Decimal {
    if removing_blacklisted {
        REMOVAL_CHARGE
    } else {
        Decimal::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_without_an_offset_is_central_european_time() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                instant(text).map(|at| at.to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("2018-10-03T07:42:39-07:00", Some("2018-10-03T14:42:39Z"));
        check("2021-01-01T00:01:00+0100", Some("2020-12-31T23:01:00Z"));
        check("2021-01-01 00:01:00", Some("2020-12-31T23:01:00Z"));
        check("2021-07-01T00:01:00", Some("2021-06-30T22:01:00Z"));
        check("2021-07-32T00:01:00", None);
        check("tomorrow", None);
    }
}
