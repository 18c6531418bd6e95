//! The input's keys for our fields: `fields = { phone_number = "mobile" }` in the campaign file.

use volley_model::Field;

use super::KEYS;

/// The name of the number's key, ours and by default the input's.
const PHONE_NUMBER: &str = "phone_number";
/// The bytes of a `u128`.
const HEAD_BYTES: usize = 16;

/// Our names, each with the input's key for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNames {
    keys: [Box<str>; KEYS],
    openings: [Opening; KEYS],
}

/// A key as most writers write it, with its colon: `"phone_number":`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    text: Box<[u8]>,
    /// Its first bytes as an integer, and the bits of it that they take: most openings are compared in one step.
    head: u128,
    head_bits: u128,
}

/// Why names cannot be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldNamesError {
    /// Not a field of ours.
    #[error("{name} is no field; there are phone_number, first_name, last_name and param1 to param5")]
    Unknown {
        /// As given.
        name: String,
    },
    /// Two fields would be read from one key.
    #[error("the input's key {key} is given for two fields")]
    Twice {
        /// The key.
        key: String,
    },
}

impl Default for FieldNames {
    fn default() -> Self {
        let mut keys: [Box<str>; KEYS] = Default::default();
        for (place, key) in keys.iter_mut().enumerate() {
            *key = our_name(place).into();
        }
        Self::of(keys)
    }
}

impl FieldNames {
    /// Our own names, but for these pairs of our name and the input's key.
    ///
    /// # Errors
    /// See [`FieldNamesError`].
    pub fn mapped<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, FieldNamesError> {
        let mut keys = Self::default().keys;
        for (name, key) in pairs {
            let place =
                (0..KEYS)
                    .find(|&place| our_name(place) == name)
                    .ok_or_else(|| FieldNamesError::Unknown {
                        name: name.to_owned(),
                    })?;
            keys[place] = key.into();
        }
        for (place, key) in keys.iter().enumerate() {
            if keys[..place].contains(key) {
                return Err(FieldNamesError::Twice {
                    key: key.clone().into(),
                });
            }
        }
        Ok(Self::of(keys))
    }

    fn of(keys: [Box<str>; KEYS]) -> Self {
        Self {
            openings: std::array::from_fn(|place| Opening::new(&keys[place])),
            keys,
        }
    }

    /// The key at a place with its colon; `None` for a place that is none.
    #[inline]
    pub(crate) fn opening(&self, place: usize) -> Option<&Opening> {
        self.openings.get(place)
    }

    /// The place of an input's key, if we know it. `next` is where it is looked for first: keys mostly come in
    /// the same order.
    pub(crate) fn place(&self, key: &str, next: usize) -> Option<usize> {
        if self.keys.get(next).is_some_and(|name| **name == *key) {
            return Some(next);
        }
        self.keys.iter().position(|name| **name == *key)
    }

    /// The input's key at a place.
    pub(crate) fn key(&self, place: usize) -> &str {
        &self.keys[place]
    }
}

impl Opening {
    fn new(key: &str) -> Self {
        let text = format!("{}:", serde_json::Value::from(key));
        let mut head = [0; HEAD_BYTES];
        let mut bits = [0; HEAD_BYTES];
        for (at, byte) in text.bytes().take(HEAD_BYTES).enumerate() {
            (head[at], bits[at]) = (byte, u8::MAX);
        }
        Self {
            text: text.into_bytes().into(),
            head: u128::from_le_bytes(head),
            head_bits: u128::from_le_bytes(bits),
        }
    }

    pub(crate) fn length(&self) -> usize {
        self.text.len()
    }

    /// Whether `line` begins so.
    #[inline]
    pub(crate) fn begins(&self, line: &[u8]) -> bool {
        let Some(head) = line.first_chunk::<HEAD_BYTES>() else {
            return line.starts_with(&self.text);
        };
        u128::from_le_bytes(*head) & self.head_bits == self.head
            && (self.text.len() <= HEAD_BYTES || line.starts_with(&self.text))
    }
}

fn our_name(place: usize) -> &'static str {
    match place {
        0 => PHONE_NUMBER,
        _ => Field::ALL[place - 1].name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_begins_a_line_of_any_length_or_does_not() {
        for key in [
            "a",
            "param1",
            "phone_number",
            "a key of more than sixteen bytes",
            "é\"\\",
        ] {
            let opening = Opening::new(key);
            let text = format!("{}:", serde_json::Value::from(key));
            assert_eq!(opening.length(), text.len());
            for behind in ["", "1", "\"a text of some length\",\"b\":1}"] {
                let line = format!("{text}{behind}");
                assert!(opening.begins(line.as_bytes()), "{line}");
                for at in 0..text.len() {
                    let mut other = line.clone().into_bytes();
                    other[at] ^= 1;
                    assert!(!opening.begins(&other), "{line} with another byte {at}");
                    assert!(!opening.begins(&line.as_bytes()[..at]), "{line} cut at {at}");
                }
            }
        }
    }

    #[test]
    fn a_mapped_key_takes_the_place_of_our_name() {
        let names = FieldNames::mapped([("phone_number", "mobile"), ("param1", "phone_number")]).unwrap();
        assert_eq!(names.place("mobile", 5), Some(0));
        assert_eq!(names.place("phone_number", 0), Some(3));
        assert_eq!(names.place("param1", 3), None);
        assert_eq!(names.place("last_name", 2), Some(2));
    }

    #[test]
    fn a_wrong_name_and_a_key_for_two_fields_are_found() {
        assert_eq!(
            FieldNames::mapped([("firstname", "x")]),
            Err(FieldNamesError::Unknown {
                name: "firstname".to_owned()
            })
        );
        for pairs in [
            [("param1", "x"), ("param2", "x")],
            [("param1", "param2"), ("param3", "y")],
        ] {
            assert!(matches!(
                FieldNames::mapped(pairs),
                Err(FieldNamesError::Twice { .. })
            ));
        }
        assert!(FieldNames::mapped([("param1", "param2"), ("param2", "param1")]).is_ok());
    }
}
