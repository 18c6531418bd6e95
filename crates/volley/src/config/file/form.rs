//! What is wrong with a file's form, in words for whoever wrote it.
//!
//! toml and serde speak of their types, such as "expected u32", and list all that they know. Here it is told what to write
//! instead, and where a key that is not known belongs. A test of [`parse`](super::parse) holds us to their wording.

use serde::de::DeserializeOwned;

use super::known;

/// What is wrong with a file's form. `line` counts from 1; an override has none.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}{}", line.map(|line| format!("line {line}: ")).unwrap_or_default(), nearest_hint(nearest.as_deref()))]
pub struct FormError {
    /// The line of the file.
    pub line: Option<usize>,
    /// What is wrong, with the key.
    pub message: String,
    /// The known key that is nearest to an unknown one.
    pub nearest: Option<String>,
}

/// How alike two names have to be for the one to be meant by the other: in the same section, and in another.
const LIKENESS_MIN: f64 = 0.7;
const LIKENESS_ELSEWHERE_MIN: f64 = 0.9;

/// What serde expects, and how it is told.
const EXPECTED: [(&str, &str); 8] = [
    ("u32", "a whole number"),
    ("u64", "a whole number"),
    ("f64", "a number"),
    ("a string", "text in quotes"),
    ("path string", "a path in quotes"),
    ("a boolean", "true or false"),
    ("a sequence", "a list in brackets, such as [\"FR\", \"BE\"]"),
    ("a map", "a table, such as { phone_number = \"mobile\" }"),
];

/// The words behind an error message.
pub(crate) fn nearest_hint(nearest: Option<&str>) -> String {
    nearest
        .map(|key| format!("; did you mean `{key}`?"))
        .unwrap_or_default()
}

/// The known name that is nearest to an unknown one, if one is near.
pub(crate) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    likest(unknown, known, LIKENESS_MIN).map(str::to_owned)
}

fn likest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>, least: f64) -> Option<&'a str> {
    known
        .map(|key| (strsim::jaro_winkler(unknown, key), key))
        .filter(|(likeness, _)| *likeness > least)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key)
}

impl FormError {
    /// Whether a `--set` is at fault, and no file.
    pub(crate) fn is_of_setting(&self) -> bool {
        self.message.starts_with("--set ")
    }

    /// Of a text in the shape of `T`; an empty text has no lines to name.
    pub(super) fn in_text<T: DeserializeOwned>(text: &str, error: &toml::de::Error) -> Self {
        let line = error
            .span()
            .filter(|_| !text.is_empty())
            .map(|span| text[..span.start].matches('\n').count() + 1);
        let written = line
            .and_then(|line| text.lines().nth(line - 1))
            .unwrap_or_default();
        let told = Self::of::<T>(error.message(), section(written));
        let key = written.split_once('=').map(|(key, _)| key.trim());
        Self {
            line,
            // An unknown key is named in the message; a wrong value's key is not.
            message: match key.filter(|key| !told.message.contains(&format!("`{key}`"))) {
                Some(key) => format!("{key}: {}", told.message),
                None => told.message,
            },
            nearest: told.nearest,
        }
    }

    /// Of a `--set`.
    pub(super) fn in_setting<T: DeserializeOwned>(setting: &str, error: &toml::de::Error) -> Self {
        let told = Self::of::<T>(error.message(), None);
        Self::plain(format!("--set {setting}: {}", told.message), told.nearest)
    }

    /// A `--set` that has no section and key. A key that one section alone knows is told with it.
    pub(super) fn no_section<T: DeserializeOwned>(setting: &str) -> Self {
        let (key, value) = setting.split_once('=').unwrap_or((setting, "VALUE"));
        let home = match homes::<T>(key)[..] {
            [section] => format!("; did you mean --set {section}.{key}={value}?"),
            _ => ", such as limits.connections=4".to_owned(),
        };
        Self::plain(format!("--set {setting}: expected section.key=value{home}"), None)
    }

    pub(super) fn plain(message: String, nearest: Option<String>) -> Self {
        Self {
            line: None,
            message,
            nearest,
        }
    }

    /// What serde says, told anew. `section` is the one that the line opens.
    fn of<T: DeserializeOwned>(message: &str, section: Option<&str>) -> Self {
        let message = message.trim_end();
        if let Some((unknown, known)) = unknown_key(message) {
            return Self::unknown::<T>(unknown, &known);
        }
        if let Some(key) = message.strip_prefix("missing field ") {
            let is_section = known::sections::<T>()
                .iter()
                .any(|(section, _)| key == format!("`{section}`"));
            let lacking = match section {
                _ if is_section => format!("the section [{}] is missing", key.trim_matches('`')),
                Some(section) => format!("[{section}] lacks the key {key}"),
                None => format!("{key} is missing"),
            };
            return Self::plain(lacking, None);
        }
        let told = message.rsplit_once("expected ").and_then(|(before, expected)| {
            let (_, told) = EXPECTED.iter().find(|(serde, _)| *serde == expected)?;
            Some(format!("{before}expected {told}"))
        });
        Self::plain(told.unwrap_or_else(|| message.to_owned()), None)
    }

    fn unknown<T: DeserializeOwned>(unknown: &str, known: &[&str]) -> Self {
        let what = format!("unknown key `{unknown}`");
        let sections = known::sections::<T>();
        let is_top = sections.iter().any(|(section, _)| known.contains(section));
        if !is_top && sections.iter().any(|(section, _)| *section == unknown) {
            let hint = format!("{what}; `{unknown}` is a section of its own, begun by a line [{unknown}]");
            return Self::plain(hint, None);
        }
        let homes = homes::<T>(unknown);
        if !homes.is_empty() {
            let homes = homes.join("] or [");
            return Self::plain(format!("{what}; it belongs into the section [{homes}]"), None);
        }
        if let Some(nearest) = nearest(unknown, known.iter().copied()) {
            return Self::plain(what, Some(nearest));
        }
        let elsewhere = sections.iter().find_map(|(section, keys)| {
            let key = likest(unknown, keys.iter().copied(), LIKENESS_ELSEWHERE_MIN)?;
            Some(format!(
                "{what}; did you mean `{key}` of the section [{section}]?"
            ))
        });
        let listed = || {
            let are = if known.len() == 1 { "is" } else { "are" };
            format!("{what}; there {are} {}", known.join(", "))
        };
        Self::plain(elsewhere.unwrap_or_else(listed), None)
    }
}

/// The sections that have that key.
fn homes<T: DeserializeOwned>(key: &str) -> Vec<&'static str> {
    let sections = known::sections::<T>();
    let homes = sections.iter().filter(|(_, keys)| keys.contains(&key));
    homes.map(|(section, _)| *section).collect()
}

/// serde words it "unknown field `x`, expected one of `a`, `b`", or "expected `a` or `b`".
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let (unknown, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    Some((unknown, known.split('`').skip(1).step_by(2).collect()))
}

/// The section that a line opens.
fn section(line: &str) -> Option<&str> {
    line.trim()
        .strip_prefix('[')?
        .split_once(']')
        .map(|(name, _)| name)
}
