//! The keys that a file of some shape may have, asked of the shape itself, so that hints cannot drift from what is read.
//!
//! serde hands a struct's field names to whoever deserialises it. [`Asked`] takes them down and gives nothing.

use std::cell::Cell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

type Names = &'static [&'static str];

/// The sections of such a file, each with its keys; none for a shape that takes any.
pub(super) fn sections<T: DeserializeOwned>() -> Vec<(&'static str, Names)> {
    let names = Cell::default();
    let top = Asked {
        into: None,
        names: &names,
    };
    // It always fails: only the names are of use.
    let _ = T::deserialize(top);
    let sections = names.take();
    sections
        .iter()
        .map(|section| {
            let _ = T::deserialize(Asked {
                into: Some(section),
                names: &names,
            });
            (*section, names.take())
        })
        .collect()
}

/// Takes down the names of a struct's fields; or, `into` one of them, the names of that one's.
struct Asked<'a> {
    into: Option<&'static str>,
    names: &'a Cell<Names>,
}

/// All that comes of asking.
#[derive(Debug)]
struct Nothing;

impl fmt::Display for Nothing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("nothing was read")
    }
}

impl std::error::Error for Nothing {}

impl de::Error for Nothing {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Nothing;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: Names,
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        if self.into.is_some() {
            return visitor.visit_map(self);
        }
        self.names.set(fields);
        Err(Nothing)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        visitor.visit_some(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A map with that one field.
impl<'de> MapAccess<'de> for Asked<'_> {
    type Error = Nothing;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Nothing> {
        let Some(name) = self.into else { return Ok(None) };
        let name: StrDeserializer<'_, Nothing> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Nothing> {
        seed.deserialize(Asked {
            into: None,
            names: self.names,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::File;

    #[test]
    fn a_campaign_file_s_sections_and_their_keys_are_found() {
        let sections = sections::<File>();
        let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            ["campaign", "octopush", "exotel", "input", "limits", "transport"]
        );
        let keys = |section: &str| sections.iter().find(|(name, _)| *name == section).unwrap().1;
        assert_eq!(keys("campaign"), ["name", "provider"]);
        assert!(keys("octopush").contains(&"type") && keys("limits").contains(&"max_cost"));
    }

    #[test]
    fn every_key_is_told_in_the_document_on_campaign_files() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/campaign-file.md");
        let document = std::fs::read_to_string(document).expect("the document");
        for (section, keys) in sections::<File>() {
            let begins = format!("| `{section}.");
            let rows: Vec<&str> = document
                .lines()
                .filter(|line| line.starts_with(&begins))
                .collect();
            for key in keys {
                // A row may tell of several keys, of which the first has the section's name.
                let told = [format!("`{section}.{key}`"), format!("`{key}`")];
                let is_told = |row: &&str| {
                    let (_, row) = row.split_once("| ").unwrap_or_default();
                    let (keys, _) = row.split_once(" | ").unwrap_or_default();
                    told.iter().any(|told| keys.contains(told))
                };
                assert!(rows.iter().any(is_told), "{section}.{key}");
            }
        }
    }

    #[test]
    fn a_shape_that_takes_any_key_knows_none() {
        assert!(sections::<toml::Table>().is_empty());
    }
}
