//! A scenario: what is run, over which contacts, against which server, and which figures are made of it.
//!
//! Input: a TOML file of `load-tests/scenarios/`. Output: [`Scenario`]. Unknown keys are refused.
//! Not here: how anything is run.

use std::fs;
use std::path::{Path, PathBuf};

use benches::{Corpus, HomeRegion, Shape, Spread};
use serde::Deserialize;

use crate::error::LoadError;
use crate::expression::Expression;

/// A scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// Of the contacts, the mock and its faults.
    pub seed: u64,
    /// How often each case is run, in turn with the others.
    pub runs: u32,
    /// Longer than it takes on a busy machine; then it ends without figures.
    pub minutes_max: u64,
    /// What is run, in this order.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
    /// What is made of the measured.
    #[serde(default, rename = "figure")]
    pub figures: Vec<Figure>,
}

/// One thing that is run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// By which the figures name it.
    pub name: String,
    /// Which program, and with what before it.
    pub does: Does,
    /// Over whom.
    #[serde(default)]
    pub contacts: Contacts,
    /// How they come in.
    #[serde(default)]
    pub input: Input,
    /// What it talks to.
    #[serde(default)]
    pub server: ServerKind,
    /// Whether the server speaks TLS.
    #[serde(default)]
    pub tls: bool,
    /// Of whom the campaign is.
    #[serde(default)]
    pub provider: Provider,
    /// Keys of the campaign file, over those that every case has.
    #[serde(default)]
    pub campaign: toml::Table,
    /// The mock's settings.
    #[serde(default)]
    pub mock: toml::Table,
    /// The mock's fault rules.
    #[serde(default)]
    pub faults: Vec<toml::Table>,
    /// How often the program is killed, evenly over the recipients, and run again.
    #[serde(default)]
    pub kills: u32,
    /// How often it may be run again until it ends with 0.
    #[serde(default)]
    pub reruns_max: u32,
    /// Of a peer: its command, relative to `load-tests/peers/`.
    #[serde(default)]
    pub peer: Vec<String>,
}

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// The bare sender, with the recipients as Volley sends them.
    Bare,
    /// `volley send`, with a ledger of its own.
    Send,
    /// `volley send` over a campaign that is finished.
    Rerun,
    /// `volley plan`.
    Plan,
    /// `volley --version`.
    Version,
    /// A script that people would use instead.
    Peer,
}

/// How the contacts come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A file of lines.
    #[default]
    File,
    /// The same by standard input.
    Stdin,
    /// The file compressed.
    Gzip,
}

/// What the program talks to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerKind {
    /// The mock, which checks and remembers everything.
    #[default]
    Mock,
    /// A server that only counts.
    Counting,
}

/// Of whom the campaign is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// SMS.
    #[default]
    Octopush,
    /// Voice.
    Exotel,
}

/// A corpus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contacts {
    /// Distinct numbers.
    pub recipients: u64,
    /// ASCII names and E.164 numbers only.
    pub plain: bool,
    /// Where the numbers lie.
    pub spread: SpreadName,
    /// Lines that repeat a number, for a hundred recipients.
    pub duplicates_percent: u8,
    /// Bad lines of each kind, for a hundred recipients.
    pub invalid_percent: u8,
}

/// [`Spread`], as a scenario has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as in the corpus")]
pub enum SpreadName {
    Dense,
    Mixed,
    Sparse,
}

impl Default for Contacts {
    fn default() -> Self {
        Self {
            recipients: 10,
            plain: false,
            spread: SpreadName::Mixed,
            duplicates_percent: 5,
            invalid_percent: 1,
        }
    }
}

impl Contacts {
    /// The corpus.
    pub fn corpus(&self, seed: u64) -> Corpus {
        Corpus {
            spread: match self.spread {
                SpreadName::Dense => Spread::Dense,
                SpreadName::Mixed => Spread::Mixed,
                SpreadName::Sparse => Spread::Sparse,
            },
            shape: if self.plain { Shape::Plain } else { Shape::Lifelike },
            home: HomeRegion::France,
            duplicates_percent: self.duplicates_percent,
            invalid_percent: self.invalid_percent,
            ..Corpus::new(seed, self.recipients)
        }
    }
}

/// A figure, from the measured of one run; told as the median over the runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Such as `volley.cpu / bare.cpu`: `CASE.METRIC`, numbers, `+ - * /` and parentheses.
    pub value: Expression,
    /// The target: not above.
    pub at_most: Option<f64>,
    /// The target: not below.
    pub at_least: Option<f64>,
    /// What would be better still.
    pub aim: Option<f64>,
}

impl Figure {
    /// Whether a value meets the target; `None` without one.
    pub fn met(&self, value: f64) -> Option<bool> {
        let held =
            |limit: Option<f64>, holds: fn(&f64, &f64) -> bool| limit.map(|limit| holds(&value, &limit));
        match (held(self.at_most, f64::le), held(self.at_least, f64::ge)) {
            (None, None) => None,
            (most, least) => Some(most.unwrap_or(true) && least.unwrap_or(true)),
        }
    }
}

impl Scenario {
    /// Reads a scenario, by its name or by the path of its file.
    ///
    /// # Errors
    /// It is not there, is no scenario, or names what it does not have.
    pub fn load(name: &str) -> Result<Self, LoadError> {
        let path = if Path::new(name).extension().is_some() {
            PathBuf::from(name)
        } else {
            folder().join("scenarios").join(format!("{name}.toml"))
        };
        let text = fs::read_to_string(&path).map_err(|source| LoadError::Read {
            path: path.clone(),
            source,
        })?;
        let scenario: Self = toml::from_str(&text).map_err(|source| LoadError::Toml {
            path,
            source: Box::new(source),
        })?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The names of all scenarios.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn names() -> Result<Vec<String>, LoadError> {
        let path = folder().join("scenarios");
        let entries = fs::read_dir(&path).map_err(|source| LoadError::Read {
            path: path.clone(),
            source,
        })?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    fn check(&self) -> Result<(), LoadError> {
        let wrong = |why: String| Err(LoadError::Scenario(why));
        for (at, case) in self.cases.iter().enumerate() {
            if self.cases[..at].iter().any(|other| other.name == case.name) {
                return wrong(format!("two cases are called {}", case.name));
            }
            if (case.does == Does::Peer) == case.peer.is_empty() {
                return wrong(format!("{}: a peer, and no other, has a command", case.name));
            }
        }
        for figure in &self.figures {
            for name in figure.value.cases() {
                if !self.cases.iter().any(|case| case.name == name) {
                    return wrong(format!("{}: there is no case {name}", figure.name));
                }
            }
        }
        if self.runs == 0 || self.cases.is_empty() {
            return wrong("without runs or cases there is nothing to measure".to_owned());
        }
        Ok(())
    }
}

/// Where the scenarios, the peers and the results are.
pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_committed_scenario_can_be_read() {
        let names = Scenario::names().unwrap();
        assert!(names.iter().any(|name| name == "throughput"), "{names:?}");
        for name in names {
            Scenario::load(&name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    }

    #[test]
    fn a_target_is_met_up_to_its_limit() {
        let figure: Figure =
            toml::from_str("name = 'a'\nvalue = 'a.cpu'\nat_most = 1.0\nat_least = 0.98").unwrap();
        assert_eq!(
            [0.97, 0.98, 1.0, 1.01].map(|value| figure.met(value)),
            [Some(false), Some(true), Some(true), Some(false)]
        );
    }
}
