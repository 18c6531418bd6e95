//! What stands in the place of a campaign file: a campaign's name, or the contacts.

use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::ConfigError;

/// The error of reading a campaign file, told as the mistake that it shows.
pub(super) fn explained(error: ConfigError, path: &Path) -> ConfigError {
    match &error {
        ConfigError::Read { source, .. } if source.kind() == ErrorKind::NotFound => ConfigError::NotThere {
            path: path.to_owned(),
            why: "there is no such file",
            hint: meant(path),
        },
        ConfigError::Read { source, .. } if source.kind() == ErrorKind::IsADirectory => {
            ConfigError::NotThere {
                path: path.to_owned(),
                why: "it is a folder",
                hint: "name the campaign file in it".to_owned(),
            }
        }
        ConfigError::Read { source, .. } if source.kind() == ErrorKind::InvalidData => {
            ConfigError::Contacts {
                path: path.to_owned(),
                what: "is no text",
            }
        }
        ConfigError::Form { .. } if begins_as_json(path) => ConfigError::Contacts {
            path: path.to_owned(),
            what: "holds JSON, as contacts do",
        },
        _ => error,
    }
}

fn meant(path: &Path) -> String {
    let with_ending = path.with_added_extension("toml");
    if with_ending.is_file() {
        return format!("did you mean {}?", with_ending.display());
    }
    "give the campaign file's path, such as spring-sale.toml, not the campaign's name".to_owned()
}

/// Where it cannot be read a second time, nobody knows.
fn begins_as_json(path: &Path) -> bool {
    let mut first = [0; 64];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut first));
    let first = &first[..read.unwrap_or(0)];
    first.trim_ascii_start().starts_with(b"{")
}
