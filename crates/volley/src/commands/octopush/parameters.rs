//! `volley octopush parameters …`: the account's default configuration, shown and changed field by field.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::value::RawValue;
use toml::{Table, Value};
use volley_intake::{Normalizer, NumberRule};
use volley_provider::octopush::{
    PARAMETER_FIELDS, PARAMETER_GROUPS, ParameterField, Parameters, Reply, Rule, Said,
};

use crate::cli::{Common, EditArgs, ParametersCommand};
use crate::commands::CommandError;
use crate::commands::told::Told;
use crate::config::access::SECTIONS;
use crate::config::file::{nearest, nearest_hint};
use crate::config::{self, ConfigError};
use crate::print;
use volley_provider::presentable;

/// Shows or changes the configuration.
pub(super) fn parameters(command: &ParametersCommand, common: &Common) -> Result<Told, CommandError> {
    match command {
        ParametersCommand::Show => show(common),
        ParametersCommand::Edit(args) => edit(args, common),
    }
}

fn show(common: &Common) -> Result<Told, CommandError> {
    let account = super::reach(common, &common.overrides)?;
    let octopush = account.exchange.api();
    let reply = octopush.reply(&account.exchange.ask(&octopush.parameters_request()));
    match reply {
        Reply::Done(said) => Ok(Told::done(as_text(&said), said)),
        reply => Ok(Told::not_done("show the configuration", reply, &account.exchange)),
    }
}

/// Group by group, a field a line, as `edit --file` takes them. Fields that the page does not name are shown too.
fn as_text(said: &Said) -> String {
    let mut out = String::new();
    for (group, json) in said.iter() {
        let _ = writeln!(out, "[{}]", presentable(group));
        // The provider's own tokens: what a terminal would obey is escaped in them.
        let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json) else {
            let _ = writeln!(out, "# {}", presentable(json));
            continue;
        };
        for (name, value) in fields {
            let name = presentable(&name);
            let _ = match value.get() {
                "null" => writeln!(out, "# {name} is not set"),
                value => writeln!(out, "{name} = {value}"),
            };
        }
    }
    if out.is_empty() {
        out.push_str("nothing is configured\n");
    }
    out
}

fn edit(args: &EditArgs, common: &Common) -> Result<Told, CommandError> {
    let (settings, fields) = apart(&common.overrides);
    let mut parameters = Parameters::default();
    if let Some(path) = &args.file {
        read_file(path, &mut parameters)?;
    }
    for setting in fields {
        read_setting(setting, &mut parameters)?;
    }
    if parameters.is_empty() {
        let nothing = "no field is given: name a file with --file, or fields with --set group.field=value; nothing was \
                       changed";
        return Err(CommandError::Unconfirmed(nothing.to_owned()));
    }
    let account = super::reach(common, &settings)?;
    let warnings = impossible_numbers(&parameters);
    for warning in &warnings {
        if !common.quiet {
            print::message(&format!("volley: warning: {warning}"));
        }
    }
    let octopush = account.exchange.api();
    let reply = octopush.reply(
        &account
            .exchange
            .ask(&octopush.edit_parameters_request(&parameters)),
    );
    let Reply::Done(said) = reply else {
        return Ok(Told::not_done(
            "change the configuration",
            reply,
            &account.exchange,
        ));
    };
    let changed: Vec<String> = parameters.iter().map(|(field, _)| field.to_string()).collect();
    let text = format!("changed {}\n", changed.join(", "));
    Ok(Told::done(text, said)
        .with("changed", changed)
        .with("warnings", warnings))
}

/// The settings of the connection, and those of fields.
fn apart(overrides: &[String]) -> (Vec<String>, Vec<&String>) {
    let of_connection = |setting: &&String| {
        let section = setting.split(['.', '=']).next().unwrap_or_default();
        SECTIONS.contains(&section)
    };
    let (settings, fields): (Vec<&String>, Vec<&String>) = overrides.iter().partition(of_connection);
    (settings.into_iter().cloned().collect(), fields)
}

fn read_setting(setting: &str, parameters: &mut Parameters) -> Result<(), ConfigError> {
    // The field alone: a value that is wrong may be a number, and has no place in a log.
    let flag = format!("--set {}", setting.split('=').next().unwrap_or_default());
    let Some((group, name, text)) = setting
        .split_once('=')
        .and_then(|(field, text)| field.split_once('.').map(|(group, name)| (group, name, text)))
    else {
        return Err(ConfigError::Flag {
            key: flag,
            why: "expected group.field=value".to_owned(),
        });
    };
    set(group, name, text, parameters).map_err(|why| ConfigError::Flag { key: flag, why })
}

fn read_file(path: &Path, parameters: &mut Parameters) -> Result<(), ConfigError> {
    let groups: Table = config::read("parameters", path, &[])?;
    let wrong = |key: String, why: String| ConfigError::Parameter {
        path: path.to_owned(),
        key,
        why,
    };
    for (group, fields) in groups {
        let Value::Table(fields) = fields else {
            return Err(wrong(
                group,
                "expected a section [group] with its fields".to_owned(),
            ));
        };
        for (name, value) in fields {
            let text = match value {
                Value::String(text) => text,
                Value::Integer(whole) => whole.to_string(),
                _ => {
                    return Err(wrong(
                        format!("{group}.{name}"),
                        "expected a text in quotes, or a whole number".to_owned(),
                    ));
                }
            };
            set(&group, &name, &text, parameters).map_err(|why| wrong(format!("{group}.{name}"), why))?;
        }
    }
    Ok(())
}

/// Sets one field, or says what is wrong with it.
fn set(group: &str, name: &str, text: &str, parameters: &mut Parameters) -> Result<(), String> {
    let Some(field) = ParameterField::named(group, name) else {
        let known = PARAMETER_FIELDS.iter().filter(|field| field.group == group);
        return Err(if PARAMETER_GROUPS.contains(&group) {
            let hint = nearest(name, known.map(|field| field.name));
            format!(
                "the group {group} has no such field{}",
                nearest_hint(hint.as_deref())
            )
        } else {
            let hint = nearest(group, PARAMETER_GROUPS.into_iter());
            format!(
                "{group} is no group of the configuration{}",
                nearest_hint(hint.as_deref())
            )
        });
    };
    parameters.set(field, text).map_err(|error| error.to_string())
}

/// Numbers that no country has are only warned of: the samples of Octopush's own page are such.
fn impossible_numbers(parameters: &Parameters) -> Vec<String> {
    let normalizer = Normalizer::new(None, NumberRule::Possible, None);
    parameters
        .iter()
        .filter(|(field, _)| field.rule == Rule::Number)
        .filter_map(|(field, text)| {
            let fault = normalizer.normalize(&text).err()?;
            Some(format!(
                "{field} is not a possible number ({fault}); it is sent all the same"
            ))
        })
        .collect()
}
