//! The thorough reader: `serde_json` on the line as it was written. It knows the text of numbers and explains faults.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use volley_model::Excerpt;

use super::{DEPTH_MAX, FieldNames, KEYS, Kind, Record, RecordFault};

/// The record of a line, or why there is none.
pub(super) fn read<'line>(line: &'line [u8], names: &FieldNames) -> Result<Record<'line>, RecordFault> {
    let text = std::str::from_utf8(line).map_err(|error| RecordFault::NoUtf8 {
        at: error.valid_up_to() + 1,
    })?;
    if nests_too_deep(line) {
        return Err(RecordFault::Depth);
    }
    // It would say what the value is, and quote it.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(RecordFault::NotAnObject);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let raw = reader
        .deserialize_map(Known { names })
        .and_then(|raw| reader.end().map(|()| raw))
        .map_err(RecordFault::Json)?;
    let mut record = Record::EMPTY;
    for (place, raw) in raw.into_iter().enumerate() {
        let Some(raw) = raw else { continue };
        put(raw.get(), place, &mut record).map_err(|error| RecordFault::Value { place, error })?;
    }
    Ok(record)
}

/// Whether brackets outside strings nest deeper than is read. Right for any valid JSON; of other text it says
/// nothing that matters, since that is malformed anyway.
pub(super) fn nests_too_deep(line: &[u8]) -> bool {
    // A bracket takes a byte.
    if line.len() <= DEPTH_MAX {
        return false;
    }
    let mut depth = 0usize;
    let mut in_string = false;
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match (byte, in_string) {
            (b'"', _) => in_string = !in_string,
            (b'\\', true) => {
                bytes.next();
            }
            (b'{' | b'[', false) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return true;
                }
            }
            (b'}' | b']', false) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Puts a value into the record, as it was written.
fn put<'line>(raw: &'line str, place: usize, record: &mut Record<'line>) -> Result<(), serde_json::Error> {
    let nothing = Excerpt::EMPTY;
    match raw.as_bytes().first() {
        Some(b'"') if raw.contains('\\') => record.set_unescaped(place, serde_json::from_str(raw)?),
        Some(b'"') => record.set(place, Kind::Text, raw[1..raw.len() - 1].into()),
        Some(b'n') | None => {}
        Some(b't' | b'f') => record.set(place, Kind::Boolean, nothing),
        Some(b'[') => record.set(place, Kind::Array, nothing),
        Some(b'{') => record.set(place, Kind::Object, nothing),
        Some(_) => record.set(place, Kind::Number, raw.into()),
    }
    Ok(())
}

/// The known keys' values, unread; the others are only checked to be JSON.
struct Known<'n> {
    names: &'n FieldNames,
}

impl<'line> Visitor<'line> for Known<'_> {
    type Value = [Option<&'line RawValue>; KEYS];

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'line>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [None; KEYS];
        while let Some(place) = map.next_key_seed(Place { names: self.names })? {
            let Some(place) = place else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if values[place].is_some() {
                return Err(A::Error::custom(format_args!(
                    "the key {} comes twice",
                    self.names.key(place)
                )));
            }
            values[place] = Some(map.next_value()?);
        }
        Ok(values)
    }
}

/// A key, as its place.
struct Place<'n> {
    names: &'n FieldNames,
}

impl<'line> DeserializeSeed<'line> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'line>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.names.place(key, 0))
    }
}
