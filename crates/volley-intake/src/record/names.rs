//! The input's keys for our fields: `fields = { phone_number = "mobile" }` in the campaign file.

use volley_model::Field;

use super::KEYS;

/// The name of the number's key, ours and by default the input's.
const PHONE_NUMBER: &str = "phone_number";

/// Our names, each with the input's key for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNames {
    keys: [Box<str>; KEYS],
    /// Each key with all that stands before its value, if that is a string: `"phone_number":"`.
    openings: [Box<[u8]>; KEYS],
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
        let opening = |key: &str| format!("{}:\"", serde_json::Value::from(key)).into_bytes();
        Self {
            openings: std::array::from_fn(|place| opening(&keys[place]).into()),
            keys,
        }
    }

    /// All up to the value of the key at a place, as most writers write it; empty for a place that is none.
    pub(crate) fn opening(&self, place: usize) -> &[u8] {
        self.openings.get(place).map_or(&[], |opening| opening)
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
