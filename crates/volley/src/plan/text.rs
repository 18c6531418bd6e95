//! A plan for people: in full for `volley plan`, in short for the question before sending.

use std::fmt::Write as _;
use std::time::Duration;

use volley_provider::Provider;

use super::{Country, LimitTime, Plan, foreign};
use crate::progress::duration;
use crate::summary::{counted, counted_as, currency_told, grouped};

/// How many countries are shown: the largest; `--json` has all.
const COUNTRIES_SHOWN: usize = 10;
/// As much of a value is shown.
const VALUE_CHARS_MAX: usize = 60;

impl Plan {
    /// All of it.
    pub fn text(&self) -> String {
        let mut out = self.heading();
        self.write_examples(&mut out);
        out.push_str(&self.units());
        self.write_cost(&mut out);
        self.write_countries(&mut out);
        self.write_rest(&mut out);
        out
    }

    /// What is agreed to: without examples and countries.
    pub fn brief(&self) -> String {
        let mut out = self.heading() + &self.units();
        self.write_cost(&mut out);
        self.write_rest(&mut out);
        out
    }

    fn heading(&self) -> String {
        let mut out = format!("campaign {} ({})\n", self.campaign, self.provider);
        self.lines
            .write(&mut out, &["would be sent", "left out"], &self.rejected);
        out
    }

    /// The first invalid line of each reason.
    fn write_examples(&self, out: &mut String) {
        if !self.examples.is_empty() {
            out.push_str("the first line of each reason:\n");
        }
        for example in &self.examples {
            let _ = writeln!(
                out,
                "  {} of {}: {}: {}",
                example.line,
                example.input,
                example.detail,
                presentable(&example.value)
            );
        }
    }

    /// What would be sent, in a line: the kinds of SMS and their segments, or calls.
    fn units(&self) -> String {
        let batches = counted_as(self.batches, "batch", "batches");
        if self.provider == Provider::Exotel.name() {
            return format!("{} in {batches}\n", counted(self.lines.accepted, "call"));
        }
        format!(
            "{} in {batches}: {} GSM-7, {} UCS-2, {}\n",
            counted(self.lines.accepted, "message"),
            grouped(self.messages.gsm7),
            grouped(self.messages.ucs2),
            counted(self.messages.total_segments, "segment")
        )
    }

    fn write_cost(&self, out: &mut String) {
        match &self.cost.estimated {
            Some(estimated) => {
                let currency = currency_told(self.cost.currency.as_deref());
                let _ = writeln!(out, "cost at most {estimated} {currency}");
            }
            None => out.push_str("cost unknown: set limits.unit_price for an estimate\n"),
        }
    }

    fn write_countries(&self, out: &mut String) {
        if self.countries.len() < 2 {
            return;
        }
        out.push_str("by country, the messages at most:\n");
        for country in self.countries.iter().take(COUNTRIES_SHOWN) {
            self.write_country(out, country);
        }
        if let Some(more) = self
            .countries
            .len()
            .checked_sub(COUNTRIES_SHOWN)
            .filter(|more| *more > 0)
        {
            let _ = writeln!(out, "  {more} more countries; --json lists them");
        }
    }

    fn write_country(&self, out: &mut String, country: &Country) {
        let thing = if self.provider == Provider::Exotel.name() {
            "call"
        } else {
            "message"
        };
        let _ = write!(
            out,
            "  {:<4} {:>16}",
            country.country,
            counted(country.messages, thing)
        );
        if thing == "message" {
            let _ = write!(out, ", {}", counted(country.segments, "segment"));
        }
        if let Some(cost) = &country.cost {
            let _ = write!(out, ", {cost} {}", currency_told(self.cost.currency.as_deref()));
        }
        out.push('\n');
    }

    /// How long it takes, and what would stop it or surprise whoever sends it.
    fn write_rest(&self, out: &mut String) {
        let _ = write!(
            out,
            "takes {}, limited by {}",
            at_least(self.duration_seconds),
            self.limited_by
        );
        for other in self.limits.iter().skip(1) {
            let LimitTime { limit, seconds, .. } = other;
            let _ = write!(out, "; by {limit} alone {}", at_least(*seconds));
        }
        out.push('\n');
        let foreign = foreign::sentences(&self.messages);
        for note in foreign.iter().chain(&self.reason).chain(&self.notes) {
            let _ = writeln!(out, "{note}");
        }
    }
}

/// The beginning of a value, on one line.
fn presentable(value: &str) -> String {
    let shown = |character: char| {
        if character.is_control() {
            character.escape_default().to_string()
        } else {
            character.to_string()
        }
    };
    let mut out: String = value.chars().take(VALUE_CHARS_MAX).map(shown).collect();
    if value.chars().nth(VALUE_CHARS_MAX).is_some() {
        out.push('…');
    }
    out
}

fn at_least(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    if time.as_secs() == 0 {
        "under a second".to_owned()
    } else {
        format!("{} or more", duration(time))
    }
}
