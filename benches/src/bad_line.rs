//! Lines that must be rejected, each for one reason and no other, in the variants that occur.
//!
//! Input: a reason, and the spelled number that the line would have had. Output: the line without its end.

use fastrand::Rng;

use crate::record::{appointment, of_length, pick};
use crate::spelling::digits;

/// Why a line is bad. The first seven are bad for every campaign, the last two for one that restricts its countries
/// and for one whose text needs `param1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BadLine {
    /// No JSON object, or a repeated key of ours.
    JsonMalformed,
    /// Bytes that are no UTF-8, in an otherwise good line.
    Utf8Invalid,
    /// A good line of more than 64 KiB.
    LineTooLong,
    /// No `phone_number`.
    PhoneNumberMissing,
    /// A `phone_number` that is none.
    PhoneNumberInvalid,
    /// A field of more than 50 characters.
    FieldTooLong,
    /// A field that is neither string nor number nor null.
    FieldType,
    /// A Japanese number: no [`Spread`](crate::Spread) has any.
    CountryNotAllowed,
    /// `param1` is absent, null or empty.
    PlaceholderMissing,
}

/// The longest line that is still read, without its line end.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl BadLine {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::JsonMalformed,
        Self::Utf8Invalid,
        Self::LineTooLong,
        Self::PhoneNumberMissing,
        Self::PhoneNumberInvalid,
        Self::FieldTooLong,
        Self::FieldType,
        Self::CountryNotAllowed,
        Self::PlaceholderMissing,
    ];

    /// The reasons that hold whatever the campaign says.
    pub const OF_EVERY_CAMPAIGN: [Self; 7] = [
        Self::JsonMalformed,
        Self::Utf8Invalid,
        Self::LineTooLong,
        Self::PhoneNumberMissing,
        Self::PhoneNumberInvalid,
        Self::FieldTooLong,
        Self::FieldType,
    ];

    /// The reason as the rejects file names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonMalformed => "json_malformed",
            Self::Utf8Invalid => "utf8_invalid",
            Self::LineTooLong => "line_too_long",
            Self::PhoneNumberMissing => "phone_number_missing",
            Self::PhoneNumberInvalid => "phone_number_invalid",
            Self::FieldTooLong => "field_too_long",
            Self::FieldType => "field_type",
            Self::CountryNotAllowed => "country_not_allowed",
            Self::PlaceholderMissing => "placeholder_missing",
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Appends a line that is bad for this reason. `spelled` is a good number, for `CountryNotAllowed` one of the
    /// country that is not allowed.
    pub(crate) fn write(self, spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
        match self {
            Self::JsonMalformed => malformed(spelled, random, out),
            Self::Utf8Invalid => broken_utf8(spelled, random, out),
            Self::LineTooLong => too_long(spelled, random, out),
            Self::PhoneNumberMissing => without_number(spelled, random, out),
            Self::PhoneNumberInvalid => no_number(random, out),
            Self::FieldTooLong => long_field(spelled, random, out),
            Self::FieldType => wrong_type(spelled, random, out),
            Self::CountryNotAllowed => object(spelled, r#""first_name":"Hana""#.as_bytes(), random, out),
            Self::PlaceholderMissing => without_appointment(spelled, random, out),
        }
    }
}

/// Appends an object with number and appointment, and `rest` between them.
fn object(spelled: &[u8], rest: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"phone_number\":\"");
    out.extend_from_slice(spelled);
    out.extend_from_slice(b"\",");
    out.extend_from_slice(rest);
    out.extend_from_slice(b",\"param1\":");
    appointment(random, out);
    out.push(b'}');
}

fn malformed(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    match random.u8(0..9) {
        0 => {
            // The writer died in the middle of the line.
            object(spelled, br#""first_name":"Axelle""#, random, out);
            out.truncate(out.len() - 6);
        }
        1 => object(
            spelled,
            br#""first_name":"Axelle","first_name":"Axel""#,
            random,
            out,
        ),
        2 => object(spelled, br#""phone_number":"+33612345678""#, random, out),
        3 => object(spelled, br#""first_name":"Jean "Jeannot" Petit""#, random, out),
        4 => object(spelled, b"\"first_name\":\"Axelle\tMarie\"", random, out),
        5 => object(spelled, b"'first_name':'Axelle'", random, out),
        6 => {
            object(spelled, br#""first_name":"Axelle""#, random, out);
            out.extend_from_slice(b",");
        }
        7 => object(spelled, br#""score":NaN"#, random, out),
        _ => {
            // A line of another format.
            out.extend_from_slice(spelled);
            out.extend_from_slice(b";Axelle;Durand;Tuesday");
        }
    }
}

/// Latin-1, a sequence cut short, a surrogate in UTF-8, an overlong slash; in a field of ours or in another.
fn broken_utf8(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    let rest: &[u8] = match random.u8(0..5) {
        0 => b"\"first_name\":\"Andr\xe9\"",
        1 => b"\"last_name\":\"Lef\xc3\"",
        2 => b"\"first_name\":\"\xed\xa0\xbd\xed\xb8\x80\"",
        3 => b"\"last_name\":\"\xc0\xaf\"",
        _ => b"\"city\":\"Besan\xe7on\"",
    };
    object(spelled, rest, random, out);
}

fn too_long(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    let mut note = b"\"note\":\"".to_vec();
    let excess = usize::from(random.u8(1..=200));
    note.resize(LINE_BYTES_MAX + excess, b'x');
    note.push(b'"');
    object(spelled, &note, random, out);
}

fn without_number(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    match random.u8(0..3) {
        0 => {
            out.extend_from_slice(
                br#"{"first_name":"Axelle","last_name":"Durand","param1":"Tuesday 14:30"}"#,
            );
        }
        1 => out.extend_from_slice(b"{}"),
        _ => {
            // A key that is nearly ours.
            out.extend_from_slice(b"{\"Phone_Number\":\"");
            out.extend_from_slice(spelled);
            out.extend_from_slice(b"\",\"param1\":\"Tuesday 14:30\"}");
        }
    }
}

fn no_number(random: &mut Rng, out: &mut Vec<u8>) {
    let written = pick(
        &[
            "+3361",
            "+3361234567890123",
            "+999123456789",
            "n/a",
            "+33 6 AXELLE 78",
            "+33612345678 ext. 12",
            "axelle@example.com",
        ],
        random,
    );
    object(written.as_bytes(), br#""first_name":"Axelle""#, random, out);
}

fn long_field(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    let chars = usize::from(random.u8(51..120));
    let field = pick(&["first_name", "last_name", "param2", "param5"], random);
    let text = of_length(chars, random);
    object(spelled, format!("\"{field}\":\"{text}\"").as_bytes(), random, out);
}

fn wrong_type(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    let field = pick(&["first_name", "last_name", "param3"], random);
    let value = pick(
        &["true", "false", r#"["Axelle"]"#, r#"{"given":"Axelle"}"#],
        random,
    );
    object(spelled, format!("\"{field}\":{value}").as_bytes(), random, out);
}

fn without_appointment(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"phone_number\":\"");
    out.extend_from_slice(spelled);
    out.extend_from_slice(b"\",\"first_name\":\"Axelle\",\"param2\":");
    digits(random.u64(1..100), out);
    out.extend_from_slice(pick(&["}", ",\"param1\":null}", ",\"param1\":\"\"}"], random).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use rlibphonenumber::{PhoneNumber, Region};

    #[test]
    fn the_position_of_a_reason_is_its_index() {
        for (at, reason) in BadLine::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), at);
        }
    }

    #[test]
    fn libphonenumber_takes_no_invalid_number_without_letters() {
        for seed in 0..50 {
            let mut out = Vec::new();
            no_number(&mut Rng::with_seed(seed), &mut out);
            let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
            let written = line["phone_number"].as_str().unwrap();
            let taken = PhoneNumber::parse(written, Some(Region::FR))
                .is_ok_and(|number| number.is_possible_with_reason().is_ok());
            assert!(!taken || written.contains(char::is_alphabetic), "{written}");
        }
    }

    #[test]
    fn a_line_too_long_is_longer_than_the_bound_and_not_by_much() {
        for seed in 0..20 {
            let mut out = Vec::new();
            too_long(b"+33612345678", &mut Rng::with_seed(seed), &mut out);
            assert!(
                (LINE_BYTES_MAX + 1..LINE_BYTES_MAX + 400).contains(&out.len()),
                "{}",
                out.len()
            );
            assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
        }
    }
}
