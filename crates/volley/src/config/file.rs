//! The campaign file as typed: shapes only, no defaults and no judgement.
//!
//! Input: TOML text and the `--set` overrides. Output: [`File`], or an error with line, key and the nearest known key.
//! Sources: docs/campaign-file.md, "Campaign file".

mod form;
mod known;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Visitor};
use toml::{Table, Value};
use volley_model::Amount;

pub use form::FormError;
pub(crate) use form::{nearest, nearest_hint};

/// A campaign file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) campaign: CampaignSection,
    pub(crate) octopush: Option<OctopushSection>,
    pub(crate) exotel: Option<ExotelSection>,
    #[serde(default)]
    pub(crate) input: InputSection,
    #[serde(default)]
    pub(crate) limits: LimitsSection,
    #[serde(default)]
    pub(crate) transport: TransportSection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignSection {
    pub(crate) name: String,
    pub(crate) provider: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OctopushSection {
    pub(crate) base_url: Option<String>,
    pub(crate) text: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) purpose: String,
    pub(crate) sender: String,
    pub(crate) send_at: Option<String>,
    #[serde(default)]
    pub(crate) with_replies: bool,
    #[serde(default)]
    pub(crate) simulation_mode: bool,
    #[serde(default)]
    pub(crate) auto_remove_blacklisted_numbers: bool,
    pub(crate) auto_optimize_text: Option<bool>,
    pub(crate) duplicate_codes: Option<Vec<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExotelSection {
    pub(crate) base_url: Option<String>,
    pub(crate) account_sid: String,
    pub(crate) caller_id: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) call_duplicate_numbers: bool,
    pub(crate) retries: Option<RetriesSection>,
    pub(crate) schedule: Option<ScheduleSection>,
    pub(crate) status_callback: Option<String>,
    pub(crate) call_status_callback: Option<String>,
    pub(crate) call_schedule_callback: Option<String>,
    pub(crate) custom_field: Option<String>,
    pub(crate) currency: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetriesSection {
    pub(crate) number_of_retries: u32,
    pub(crate) interval_mins: Option<u32>,
    pub(crate) mechanism: Option<String>,
    pub(crate) on_status: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleSection {
    pub(crate) send_at: Option<String>,
    pub(crate) end_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputSection {
    pub(crate) default_region: Option<String>,
    pub(crate) numbers: Option<String>,
    pub(crate) allowed_countries: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) suppress: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsSection {
    pub(crate) batch_size: Option<u32>,
    pub(crate) requests_per_second: Option<f64>,
    pub(crate) burst: Option<u32>,
    pub(crate) recipients_per_second: Option<f64>,
    pub(crate) connections: Option<u32>,
    pub(crate) max_in_flight: Option<u32>,
    pub(crate) max_cost: Option<Money>,
    pub(crate) max_invalid: Option<CountOrShare>,
    pub(crate) min_credit: Option<Money>,
    pub(crate) unit_price: Option<Money>,
    pub(crate) request_timeout: Option<String>,
    pub(crate) settle: Option<String>,
    pub(crate) shutdown_grace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransportSection {
    pub(crate) http2: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) idle_timeout: Option<String>,
    pub(crate) max_requests_per_connection: Option<u64>,
    #[serde(default)]
    pub(crate) fresh_connections: bool,
}

/// An exact amount: a string, or a whole number. A TOML float has lost digits before we see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Money(pub(crate) Amount);

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MoneyVisitor;
        impl Visitor<'_> for MoneyVisitor {
            type Value = Money;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an exact amount in quotes, such as \"0.0495\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
                text.parse()
                    .map(Money)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Money, E> {
                self.visit_str(&whole.to_string())
            }
        }
        deserializer.deserialize_any(MoneyVisitor)
    }
}

/// `max_invalid`: a share such as `"20%"`, or a number of lines.
#[derive(Debug)]
pub(crate) enum CountOrShare {
    Count(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for CountOrShare {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountOrShareVisitor;
        impl Visitor<'_> for CountOrShareVisitor {
            type Value = CountOrShare;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a share in quotes, such as \"20%\", or a number of lines")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<CountOrShare, E> {
                Ok(CountOrShare::Text(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<CountOrShare, E> {
                u64::try_from(count)
                    .map(CountOrShare::Count)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(count), &self))
            }
        }
        deserializer.deserialize_any(CountOrShareVisitor)
    }
}

/// Reads a file of some shape, such as [`File`], with its overrides.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, overrides: &[String]) -> Result<T, FormError> {
    // The text by itself first: only then an error has a line to name.
    let plain = toml::from_str::<T>(text);
    let in_text = |error: &toml::de::Error| FormError::in_text::<T>(text, error);
    if overrides.is_empty() {
        return plain.map_err(|error| in_text(&error));
    }
    let mut table: Table = toml::from_str(text).map_err(|error| in_text(&error))?;
    for setting in overrides {
        table = with_override::<T>(&table, setting)?;
    }
    Value::Table(table)
        .try_into()
        .map_err(|error: toml::de::Error| match &plain {
            // Still wrong, and wrong without the overrides too: the line says more.
            Err(plain) if plain.message() == error.message() => in_text(plain),
            _ => FormError::in_text::<T>("", &error),
        })
}

/// The table with one `section.key=value` laid over it, the value read as TOML, else as a plain string.
fn with_override<T: DeserializeOwned>(table: &Table, setting: &str) -> Result<Table, FormError> {
    let no_section = || FormError::no_section::<T>(setting);
    let (key, value) = setting.split_once('=').ok_or_else(no_section)?;
    let (section, key) = key.split_once('.').ok_or_else(no_section)?;
    let string = Value::String(value.to_owned());
    let typed = toml::from_str::<Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    let typed = laid_over(table, section, key, typed.unwrap_or_else(|| string.clone()))
        .ok_or_else(|| FormError::plain(format!("--set {setting}: {section} is no section"), None))?;
    let Err(error) = read::<T>(&typed) else {
        return Ok(typed);
    };
    // `--set limits.max_cost=5.00` means the exact amount, not a float: where only the string is accepted, take it.
    let as_string = laid_over(table, section, key, string).filter(|table| read::<T>(table).is_ok());
    match as_string {
        Some(table) => Ok(table),
        // What is wrong without this setting too is told by the file's line.
        None if read::<T>(table).is_err() => Ok(typed),
        None => Err(FormError::in_setting::<T>(setting, &error)),
    }
}

fn read<T: DeserializeOwned>(table: &Table) -> Result<T, toml::de::Error> {
    Value::Table(table.clone()).try_into()
}

fn laid_over(table: &Table, section: &str, key: &str, value: Value) -> Option<Table> {
    let mut table = table.clone();
    let mut section = table
        .entry(section)
        .or_insert_with(|| Value::Table(Table::new()))
        .as_table_mut()?;
    let mut path: Vec<&str> = key.split('.').collect();
    let last = path.pop()?;
    for step in path {
        section = section
            .entry(step)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()?;
    }
    section.insert(last.to_owned(), value);
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[campaign]\nname = \"a\"\nprovider = \"octopush\"\n[limits]\nmax_cost = \"1.50\"\n";

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        let parse = |text: &str| parse::<File>(text, &[]);
        let error = parse(&GOOD.replace("max_cost", "max_costs")).unwrap_err();
        assert_eq!(
            (error.line, error.nearest.as_deref()),
            (Some(5), Some("max_cost"))
        );
        assert!(error.to_string().ends_with("did you mean `max_cost`?"), "{error}");
        let error = parse(&GOOD.replace("provider =", "zzz = 1\nprovider =")).unwrap_err();
        assert_eq!((error.line, error.nearest.as_deref()), (Some(3), None));
        assert!(error.to_string().ends_with("there are name, provider"), "{error}");
    }

    #[test]
    fn a_key_in_the_wrong_section_is_sent_to_its_own() {
        let check = |wrong: &str, told: &str| {
            let text = GOOD.replace("provider =", &format!("{wrong}\nprovider ="));
            let error = parse::<File>(&text, &[]).unwrap_err().to_string();
            assert_eq!(error, format!("line 3: {told}"));
        };
        check(
            "max_cost = 1",
            "unknown key `max_cost`; it belongs into the section [limits]",
        );
        check(
            "max_csot = 1",
            "unknown key `max_csot`; did you mean `max_cost` of the section [limits]?",
        );
        check(
            "limits.settle = \"5s\"",
            "limits.settle: unknown key `limits`; `limits` is a section of its own, begun by a line [limits]",
        );
        check(
            "base_url = \"\"",
            "unknown key `base_url`; it belongs into the section [octopush] or [exotel]",
        );
        let error = parse::<File>("name = \"a\"\n", &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "line 1: unknown key `name`; it belongs into the section [campaign]"
        );
    }

    #[test]
    fn a_wrong_type_is_told_by_what_to_write() {
        let check = |line: &str, told: &str| {
            let error = parse::<File>(&format!("{GOOD}{line}\n"), &[])
                .unwrap_err()
                .to_string();
            assert_eq!(error, format!("line 6: {told}"));
        };
        check(
            "connections = \"four\"",
            "connections: invalid type: string \"four\", expected a whole number",
        );
        check(
            "connections = -1",
            "connections: invalid value: integer `-1`, expected a whole number",
        );
        check(
            "settle = 5",
            "settle: invalid type: integer `5`, expected text in quotes",
        );
        check(
            "max_invalid = [1]",
            "max_invalid: invalid type: sequence, expected a share in quotes, such as \"20%\", or a number of lines",
        );
        check(
            "input = { suppress = \"a.txt\" }",
            "unknown key `input`; `input` is a section of its own, begun by a line [input]",
        );
        let input = |line: &str| {
            parse::<File>(&format!("{GOOD}[input]\n{line}\n"), &[])
                .unwrap_err()
                .to_string()
        };
        assert!(
            input("allowed_countries = \"FR\"")
                .ends_with("expected a list in brackets, such as [\"FR\", \"BE\"]")
        );
        assert!(input("suppress = [5]").ends_with("expected a path in quotes"));
        assert!(input("fields = 5").ends_with("expected a table, such as { phone_number = \"mobile\" }"));
    }

    #[test]
    fn a_missing_key_is_told_with_its_section() {
        let error = |text: &str| parse::<File>(text, &[]).unwrap_err().to_string();
        assert_eq!(
            error(&GOOD.replace("name = \"a\"\n", "")),
            "line 1: [campaign] lacks the key `name`"
        );
        for text in ["# nothing\n", "", "[limits]\nburst = 1\n"] {
            assert!(
                error(text).ends_with("the section [campaign] is missing"),
                "{text}"
            );
        }
    }

    #[test]
    fn money_is_a_string_or_a_whole_number_and_never_a_float() {
        let parse = |text: &str| parse::<File>(text, &[]);
        assert!(parse(&GOOD.replace("\"1.50\"", "1")).is_ok());
        let error = parse(&GOOD.replace("\"1.50\"", "1.50")).unwrap_err();
        assert!(error.to_string().starts_with("line 5: max_cost: "), "{error}");
        assert!(error.to_string().contains("in quotes"), "{error}");
        assert!(parse(&GOOD.replace("1.50", "-1.50")).is_err());
    }

    #[test]
    fn overrides_win_and_are_read_as_the_key_wants_them() {
        let set = |setting: &str| parse::<File>(GOOD, &[setting.to_owned()]);
        assert_eq!(
            set("limits.max_cost=2.75")
                .unwrap()
                .limits
                .max_cost
                .unwrap()
                .0
                .to_string(),
            "2.75"
        );
        assert_eq!(set("campaign.name=b-2").unwrap().campaign.name, "b-2");
        assert_eq!(set("limits.connections=4").unwrap().limits.connections, Some(4));
        assert_eq!(
            set("input.fields.param1=when").unwrap().input.fields["param1"],
            "when"
        );
        assert_eq!(
            set("input.allowed_countries=[\"FR\"]")
                .unwrap()
                .input
                .allowed_countries
                .unwrap(),
            ["FR"]
        );
        for wrong in [
            "limits.conections=4",
            "limits",
            "limits=4",
            "connections=4",
            "limits.connections=four",
        ] {
            assert!(set(wrong).is_err(), "{wrong}");
        }
        let error = set("max_cost=5").unwrap_err().to_string();
        assert!(
            error.ends_with("did you mean --set limits.max_cost=5?"),
            "{error}"
        );
        let error = set("limits.connections=four").unwrap_err();
        assert!(
            error.to_string().starts_with("--set limits.connections=four: "),
            "{error}"
        );
        assert_eq!(
            set("limits.conections=4").unwrap_err().nearest.as_deref(),
            Some("connections")
        );
    }
}
