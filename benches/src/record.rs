//! A good line: one contact as a CRM, a script or a spreadsheet's export writes it.
//!
//! Input: a number as spelled, and a random source. Output: a JSON object without its line end.
//! Bounds: 100 to 300 bytes, 119 to 143 for most. Every good line has a `param1`, the day and hour of an appointment.

use fastrand::Rng;

use crate::names::{self, Escaping, write_string};
use crate::spelling::digits;

const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const PLACES: &[&str] = &[
    "room 4",
    "desk 12",
    "2nd floor",
    "Dr Petit",
    "Dr Weber",
    "Dr Moreau",
];
const FIELD_CHARS_MAX: usize = 50;

/// Keys that are none of ours and must be ignored, with values that trip a careless reader: an integer beyond 64
/// bits, a float beyond f64, our own key one level down, braces and quotes in a string.
const IGNORED: &[&str] = &[
    r#""city":"Besançon""#,
    r#""crm_id":123456789012345678901"#,
    r#""tags":["vip","{\"phone_number\":\"+3361\"}"]"#,
    r#""home":{"phone_number":"+3361","first_name":null}"#,
    r#""opted_in":true,"score":1e400"#,
];

/// What a JSON writer puts between the tokens.
#[derive(Clone, Copy)]
struct Spacing {
    colon: &'static str,
    comma: &'static str,
}

const TIGHT: Spacing = Spacing {
    colon: ":",
    comma: ",",
};
const LOOSE: Spacing = Spacing {
    colon: ": ",
    comma: ", ",
};

/// Appends a line in the plain shape: ASCII, no escapes, always the same keys in the same order.
pub(crate) fn write_plain(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"phone_number\":\"");
    out.extend_from_slice(spelled);
    out.extend_from_slice(b"\",\"first_name\":\"");
    out.extend_from_slice(pick(names::PLAIN_FIRST, random).as_bytes());
    out.extend_from_slice(b"\",\"last_name\":\"");
    out.extend_from_slice(pick(names::PLAIN_LAST, random).as_bytes());
    out.extend_from_slice(b"\",\"param1\":");
    appointment(random, out);
    out.extend_from_slice(b",\"param2\":\"");
    out.extend_from_slice(pick(PLACES, random).as_bytes());
    out.extend_from_slice(b"\"}");
}

/// Appends a line as it occurs in life.
pub(crate) fn write_lifelike(spelled: &[u8], random: &mut Rng, out: &mut Vec<u8>) {
    let spacing = if chance(10, random) { LOOSE } else { TIGHT };
    let escaping = if chance(12, random) {
        Escaping::Ascii
    } else {
        Escaping::Least
    };
    out.push(b'{');
    // One writer in ten puts the names before the number.
    if chance(10, random) {
        names_of(spacing, escaping, random, out);
        phone_number(spelled, spacing, escaping, out);
    } else {
        phone_number(spelled, spacing, escaping, out);
        names_of(spacing, escaping, random, out);
    }
    key("param1", spacing, out);
    appointment(random, out);
    out.extend_from_slice(spacing.comma.as_bytes());
    second_param(spacing, random, out);
    if chance(8, random) {
        out.extend_from_slice(spacing.comma.as_bytes());
        out.extend_from_slice(pick(IGNORED, random).as_bytes());
    }
    out.push(b'}');
}

fn phone_number(spelled: &[u8], spacing: Spacing, escaping: Escaping, out: &mut Vec<u8>) {
    key("phone_number", spacing, out);
    // A spelling is UTF-8 by construction: digits, punctuation and no-break spaces.
    write_string(&String::from_utf8_lossy(spelled), escaping, out);
    out.extend_from_slice(spacing.comma.as_bytes());
}

/// Both names, each followed by a comma; now and then one is null, lacks, or has as many characters as a field may.
fn names_of(spacing: Spacing, escaping: Escaping, random: &mut Rng, out: &mut Vec<u8>) {
    match random.u8(0..100) {
        0..5 => {}
        5..10 => {
            key("first_name", spacing, out);
            out.extend_from_slice(b"null");
            out.extend_from_slice(spacing.comma.as_bytes());
        }
        _ => {
            key("first_name", spacing, out);
            write_string(pick(names::FIRST, random), escaping, out);
            out.extend_from_slice(spacing.comma.as_bytes());
        }
    }
    key("last_name", spacing, out);
    if chance(1, random) {
        write_string(&of_length(FIELD_CHARS_MAX, random), escaping, out);
    } else {
        write_string(pick(names::LAST, random), escaping, out);
    }
    out.extend_from_slice(spacing.comma.as_bytes());
}

fn second_param(spacing: Spacing, random: &mut Rng, out: &mut Vec<u8>) {
    key("param2", spacing, out);
    match random.u8(0..10) {
        0 | 1 => out.extend_from_slice(b"null"),
        2 => digits(random.u64(0..1_000), out),
        3 => {
            digits(random.u64(0..1_000), out);
            out.extend_from_slice(b".50");
        }
        4 => out.extend_from_slice(b"\"\""),
        _ => write_string(pick(PLACES, random), Escaping::Least, out),
    }
}

/// Appends a day and hour, as a JSON string: `"Tuesday 14:30"`.
pub(crate) fn appointment(random: &mut Rng, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(pick(DAYS, random).as_bytes());
    out.push(b' ');
    digits(random.u64(8..19), out);
    out.extend_from_slice(pick(&[":00\"", ":15\"", ":30\"", ":45\""], random).as_bytes());
}

/// A double-barrelled name of exactly `chars` characters, some of them of two bytes.
pub(crate) fn of_length(chars: usize, random: &mut Rng) -> String {
    let mut name = String::new();
    while name.chars().count() < chars {
        name.push_str(pick(&["Lefèvre-", "Désiré-", "Nuñez-", "Anne-"], random));
    }
    name.chars().take(chars).collect()
}

fn key(name: &str, spacing: Spacing, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    out.extend_from_slice(spacing.colon.as_bytes());
}

/// One of the list.
pub(crate) fn pick<'list>(list: &[&'list str], random: &mut Rng) -> &'list str {
    // Drawn as u64: the widths of usize draw differently, and a corpus is the same on every machine.
    let at = random.u64(0..list.len() as u64);
    list[usize::try_from(at).unwrap_or_default()]
}

/// Whether something that happens to `percent` of lines happens to this one.
pub(crate) fn chance(percent: u8, random: &mut Rng) -> bool {
    random.u8(0..100) < percent
}
