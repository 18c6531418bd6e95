//! Parameters of a campaign as they are typed: in a file, by `--set field=value`, and by flags of their own.

use std::path::Path;

use toml::{Table, Value};
use volley_provider::exotel::{CAMPAIGN_FIELDS, CampaignField, CampaignParameters, ParametersError};

use crate::cli::Common;
use crate::config::access::SECTIONS;
use crate::config::file::{nearest, nearest_hint};
use crate::config::{self, ConfigError};

/// What was typed, taken apart.
pub(super) struct Typed {
    /// How the account is reached, as `--set` has it.
    pub(super) settings: Vec<String>,
    /// The campaign's parameters.
    pub(super) parameters: CampaignParameters,
}

impl Typed {
    /// Reads the file, then every `--set` that is a field, which wins.
    pub(super) fn read(file: Option<&Path>, common: &Common) -> Result<Self, ConfigError> {
        let of_connection = |setting: &&String| {
            let section = setting.split(['.', '=']).next().unwrap_or_default();
            SECTIONS.contains(&section)
        };
        let (settings, fields): (Vec<&String>, Vec<&String>) =
            common.overrides.iter().partition(of_connection);
        let mut parameters = CampaignParameters::default();
        if let Some(path) = file {
            read_file(path, &mut parameters)?;
        }
        for setting in fields {
            read_setting(setting, &mut parameters)?;
        }
        Ok(Self {
            settings: settings.into_iter().cloned().collect(),
            parameters,
        })
    }

    /// Takes a flag that is a field too, and wins.
    pub(super) fn flag(&mut self, name: &str, text: Option<&str>) -> Result<(), ConfigError> {
        let Some(text) = text else {
            return Ok(());
        };
        set(name, text, &mut self.parameters).map_err(|why| ConfigError::Flag {
            key: format!("--{name}"),
            why,
        })
    }
}

/// What does not go together, wherever it was typed.
#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
pub(super) fn wrong_together(error: ParametersError) -> ConfigError {
    ConfigError::Flag {
        key: "--file and --set".to_owned(),
        why: error.to_string(),
    }
}

/// One `--set field=value`.
fn read_setting(setting: &str, parameters: &mut CampaignParameters) -> Result<(), ConfigError> {
    // The field alone: a value that is wrong may be a number, and has no place in a log.
    let flag = |field: &str| format!("--set {field}");
    let Some((name, text)) = setting.split_once('=') else {
        return Err(ConfigError::Flag {
            key: flag(setting),
            why: "expected field=value".to_owned(),
        });
    };
    set(name, text, parameters).map_err(|why| ConfigError::Flag { key: flag(name), why })
}

fn read_file(path: &Path, parameters: &mut CampaignParameters) -> Result<(), ConfigError> {
    let table: Table = config::read("parameters", path, &[])?;
    let wrong = |key: &str, why: String| ConfigError::Parameter {
        path: path.to_owned(),
        key: key.to_owned(),
        why,
    };
    for (name, value) in table {
        match value {
            Value::Table(group) => {
                for (member, value) in group {
                    let name = format!("{name}.{member}");
                    set(&name, &text_of(&value), parameters).map_err(|why| wrong(&name, why))?;
                }
            }
            value => set(&name, &text_of(&value), parameters).map_err(|why| wrong(&name, why))?,
        }
    }
    Ok(())
}

/// As the command line would have it: several values with commas between them.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

fn set(name: &str, text: &str, parameters: &mut CampaignParameters) -> Result<(), String> {
    let Some(field) = CampaignField::named(name) else {
        let known = CAMPAIGN_FIELDS.iter().map(|field| field.name);
        let nearest = nearest(name, known);
        return Err(format!("no such field{}", nearest_hint(nearest.as_deref())));
    };
    parameters.set(field, text).map_err(|error| error.to_string())
}
