//! `volley exotel campaign update`: changes parameters of a campaign, and leaves the others.
//!
//! Whom a campaign of ours calls is the ledger's matter, and its name is how it is found again: neither may change here.
//! Source: "update campaign details".

use std::fmt::Write as _;
use std::path::Path;

use toml::{Table, Value};
use volley_provider::exotel::{CAMPAIGN_FIELDS, CampaignField, CampaignParameters};
use volley_provider::{Reply, exotel};

use super::{Account, campaign, reach};
use crate::cli::{Common, UpdateArgs};
use crate::commands::CommandError;
use crate::commands::told::Told;
use crate::config::access::SECTIONS;
use crate::config::file::{nearest, nearest_hint};
use crate::config::{self, ConfigError};

/// Changes one.
pub(super) fn update(args: &UpdateArgs, common: &Common) -> Result<Told, CommandError> {
    let id = &args.campaign.id;
    let of_connection = |setting: &&String| {
        let section = setting.split(['.', '=']).next().unwrap_or_default();
        SECTIONS.contains(&section)
    };
    let (settings, fields): (Vec<&String>, Vec<&String>) = common.overrides.iter().partition(of_connection);
    let settings: Vec<String> = settings.into_iter().cloned().collect();
    let mut parameters = CampaignParameters::default();
    if let Some(path) = &args.file {
        read_file(path, &mut parameters)?;
    }
    for setting in fields {
        read_setting(setting, &mut parameters)?;
    }
    parameters.check_update().map_err(|error| ConfigError::Flag {
        key: "--file and --set".to_owned(),
        why: error.to_string(),
    })?;
    let (account, _) = reach(common, &settings)?;
    let touches_ours = parameters.changes_audience() || parameters.contains("name");
    if touches_ours && let Some(told) = refuse_ours(id, &account)? {
        return Ok(told);
    }
    Ok(ask(id, &parameters, &account))
}

/// What is changed past the ledger would be called twice, or be lost in the listing. Its name tells whose it is, whatever the
/// ledger at hand knows: batches of another ledger and those in doubt have one too.
fn refuse_ours(id: &str, account: &Account<'_>) -> Result<Option<Told>, CommandError> {
    let listed = match campaign::asked(id, account) {
        Reply::Done(said) => said.campaign(),
        reply => {
            return Ok(Some(Told::not_done(
                "look at the campaign",
                reply,
                &account.exchange,
            )));
        }
    };
    if listed.is_some_and(|listed| !listed.name.starts_with(exotel::NAME_HEAD)) {
        return Ok(None);
    }
    Err(CommandError::NotByLedger(format!(
        "update {id}: Volley sent it, or its name cannot be read, so that from, lists and name may not change: a number would be \
         called past the ledger, or the campaign not be found again; nothing was changed"
    )))
}

fn ask(id: &str, parameters: &CampaignParameters, account: &Account<'_>) -> Told {
    let exotel = account.exchange.api();
    let evidence = account
        .exchange
        .ask_to_the_end(&exotel.update_request(id, parameters));
    let changed: Vec<String> = parameters.fields().map(ToString::to_string).collect();
    let told = match exotel.reply(&evidence) {
        Reply::Done(said) => {
            Told::done(format!("{id}: changed {}\n", changed.join(", ")), said).with("changed", changed)
        }
        Reply::Refused(refusal) => {
            let late: Vec<String> = parameters.too_late().map(ToString::to_string).collect();
            let mut text = format!("{id} is not changed: {}", exotel::explain(&refusal));
            if !late.is_empty() {
                let _ = write!(
                    text,
                    "; once its send_at has passed, action and the callbacks alone can change, and not {}",
                    late.join(", ")
                );
            }
            Told::refused(text, &refusal)
        }
        reply => Told::not_done("change the campaign", reply, &account.exchange),
    };
    told.with("id", id)
}

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
