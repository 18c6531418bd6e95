//! `volley plan`: all but the network, and nothing is written.
//!
//! Reads an existing ledger without locking it, so that what was sent already is told apart.

mod foreign;
mod message;
mod notes;
mod text;
mod voice;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;
use volley_intake::{
    CountryCount, Finished, Intake, IntakeConfig, NumberBook, Progress, ReadEnd, Rejects, Tally,
};
use volley_model::Amount;
use volley_provider::Content;
use volley_provider::octopush::Message;

use crate::config::Campaign;
use crate::inputs::Opened;
use crate::pipeline::budget::Tariff;
use crate::pipeline::ending::rejected;
use crate::pipeline::setup::intake_config;
use crate::pipeline::stop::StopReason;
use crate::pipeline::{RunError, standing};
use crate::summary::{Lines, code_of, is_zero};

pub(crate) use foreign::text_sentences;
pub use foreign::{ForeignCharacter, Found};

/// What would be sent.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Plan {
    pub schema: u32,
    pub campaign: String,
    pub provider: &'static str,
    pub lines: Lines,
    pub batches: u64,
    pub messages: Messages,
    pub cost: PlannedCost,
    pub duration_seconds: f64,
    pub limited_by: &'static str,
    /// How long each limit alone makes it, the longest first.
    pub limits: Vec<LimitTime>,
    /// The most first.
    pub countries: Vec<Country>,
    /// The first line of each reason.
    pub examples: Vec<Example>,
    /// Why reading ended before the end of the inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would stop the campaign, or surprise whoever sends it.
    pub notes: Vec<String>,
    /// What was counted for the notes, and is asked about before sending.
    #[serde(skip)]
    pub counts: Counts,
    /// Invalid lines by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// The exit code of the plan.
    #[serde(skip)]
    pub exit: crate::exit::Exit,
}

/// How long a limit makes the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct LimitTime {
    pub limit: &'static str,
    pub per_second: f64,
    pub seconds: f64,
}

/// What goes to numbers of one country, or of one calling code that several share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Country {
    pub country: String,
    pub messages: u64,
    pub segments: u64,
    /// At most, without what the requests cost besides; null without a `unit_price`.
    pub cost: Option<String>,
}

/// An invalid line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Example {
    pub reason: &'static str,
    pub line: u64,
    pub input: String,
    pub detail: String,
    pub value: String,
}

/// Encodings and segments, counted on each recipient's text with its placeholders filled in.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct Messages {
    pub gsm7: u64,
    pub ucs2: u64,
    /// Messages by their number of segments.
    pub segments: BTreeMap<u32, u64>,
    pub total_segments: u64,
    /// The characters that make messages UCS-2; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_gsm7: Vec<ForeignCharacter>,
    /// The sum of the `messages` of further characters in fields, too many to list.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_gsm7_rest: u64,
}

/// Counts of what would be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Batches.
    pub batches: u64,
    /// Their recipients.
    pub recipients: u64,
    /// Those among them who cannot be sent to, since they are French and the message lacks the mention they need.
    pub french_unmentioned: u64,
    /// Messages of more segments than any text as such has.
    pub over_long: u64,
}

/// The estimate; null without a `unit_price`.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct PlannedCost {
    pub estimated: Option<String>,
    pub currency: Option<String>,
}

/// Plans a campaign.
///
/// # Errors
/// [`RunError`] for what the campaign or the ledger lack; what is wrong with the inputs is in the plan.
pub fn plan(
    campaign: &Campaign,
    opened: Opened,
    ledger: &Path,
    options: &PlanOptions,
) -> Result<Plan, RunError> {
    let mut book = NumberBook::default();
    standing::suppress(&campaign.input, &mut |number| book.suppress(number))?;
    standing::load_existing(ledger, campaign, options.retry_refused, &mut book)?;
    let config = IntakeConfig {
        count_details: true,
        ..intake_config(campaign, true, options.max_recipients)
    };
    let mut intake = Intake::new(config, campaign.content.encoder(), book, Rejects::first_of_each());
    let mut planned = Planned {
        lacks_stop_mention: campaign.content.lacks_stop_mention(),
        counts: Counts::default(),
    };
    let early = read_all(&mut intake, opened, &mut planned);
    let finished = intake.finish(&mut |batch| planned.take(&batch));
    let early = early.or(finished.too_many_invalid.map(StopReason::from));
    let mut counts = planned.counts;
    counts.over_long = over_long(&finished.tally);
    let mut plan = draw(campaign, &finished, counts, early.as_ref());
    let estimated = estimate(campaign, finished.tally.segments, counts.batches);
    plan.notes = notes::notes(campaign, ledger, options.account.as_deref(), estimated)?;
    plan.notes.extend(match &campaign.content {
        Content::Sms(message) => {
            let fees = fees(campaign, counts.batches);
            message::notes(message, &counts, fees, estimated.is_some())
        }
        Content::Voice(message) => voice::notes(message, counts.recipients),
    });
    Ok(plan)
}

/// Messages of more segments than any text as such has.
pub(crate) fn over_long(tally: &Tally) -> u64 {
    let longest = usize::try_from(Message::SEGMENTS_MAX).unwrap_or(usize::MAX);
    tally.by_segments.iter().skip(longest).sum()
}

/// What changes what would be sent, or whether it would.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// The account's name, where there are credentials: with it the campaign is compared with the ledger's.
    pub account: Option<String>,
    /// `--max-recipients`.
    pub max_recipients: Option<u64>,
    /// `--retry-refused`.
    pub retry_refused: bool,
}

struct Planned {
    lacks_stop_mention: bool,
    counts: Counts,
}

impl Planned {
    fn take(&mut self, batch: &volley_model::PlannedBatch) -> ControlFlow<()> {
        self.counts.batches += 1;
        self.counts.recipients += batch.members.len() as u64;
        if self.lacks_stop_mention {
            let french = batch.members.iter().filter(|number| number.is_french());
            self.counts.french_unmentioned += french.count() as u64;
        }
        ControlFlow::Continue(())
    }
}

fn read_all(intake: &mut Intake, opened: Opened, planned: &mut Planned) -> Option<StopReason> {
    let progress = Progress::default();
    for mut input in opened.inputs {
        match intake.read(
            &input.name,
            &mut input.bytes,
            &mut |batch| planned.take(&batch),
            &progress,
        ) {
            Ok(ReadEnd::Ended | ReadEnd::Stopped) => {}
            Ok(ReadEnd::RecipientsMax) => return Some(StopReason::MaxRecipients),
            Ok(ReadEnd::TooManyInvalid(counts)) => return Some(counts.into()),
            Err(error) => return Some(error.into()),
        }
    }
    None
}

fn draw(campaign: &Campaign, finished: &Finished, counts: Counts, early: Option<&StopReason>) -> Plan {
    let totals = &finished.totals;
    let messages = messages(campaign, &finished.tally);
    let estimate = estimate(campaign, messages.total_segments, counts.batches);
    let limits = limit_times(campaign, &counts);
    Plan {
        schema: crate::summary::SCHEMA,
        campaign: campaign.name.clone(),
        provider: campaign.content.provider().name(),
        lines: Lines {
            read: totals.read(),
            accepted: counts.recipients,
            invalid: totals.invalid,
            duplicate: totals.duplicate,
            suppressed: totals.suppressed,
            already_sent: totals.already_sent,
            refused: totals.refused,
            in_doubt: totals.in_doubt,
            pending: totals.planned - counts.recipients,
        },
        batches: counts.batches,
        messages,
        cost: PlannedCost {
            estimated: estimate.map(|amount: Amount| amount.to_string()),
            currency: estimate.and_then(|_| code_of(campaign.currency)),
        },
        duration_seconds: limits[0].seconds,
        limited_by: limits[0].limit,
        limits,
        countries: countries(campaign, &finished.tally),
        examples: finished.examples.iter().map(Example::of).collect(),
        reason: early.map(StopReason::sentence),
        notes: Vec::new(),
        counts,
        rejected: rejected(finished),
        exit: early.map_or(crate::exit::Exit::Complete, StopReason::exit),
    }
}

fn messages(campaign: &Campaign, tally: &Tally) -> Messages {
    Messages {
        gsm7: tally.gsm7,
        ucs2: tally.ucs2,
        segments: (1..)
            .zip(tally.by_segments.iter().copied())
            .filter(|(_, count)| *count > 0)
            .collect(),
        total_segments: tally.segments,
        not_gsm7: campaign
            .content
            .sms()
            .map(|message| foreign::entries(&message.template, &tally.foreign))
            .unwrap_or_default(),
        not_gsm7_rest: tally.foreign.rest(),
    }
}

/// What the run may cost at most; `None` without a `unit_price`.
fn estimate(campaign: &Campaign, segments: u64, batches: u64) -> Option<Amount> {
    Some(price(campaign, segments)? + fees(campaign, batches))
}

/// What so many segments, or calls, may cost at most.
fn price(campaign: &Campaign, segments: u64) -> Option<Amount> {
    let units = segments.saturating_mul(campaign.content.charges_per_unit());
    Tariff::of(campaign).unit_price?.times(units).ok()
}

fn countries(campaign: &Campaign, tally: &Tally) -> Vec<Country> {
    let country = |count: CountryCount| Country {
        cost: price(campaign, count.segments).map(|amount| amount.to_string()),
        country: count.country,
        messages: count.messages,
        segments: count.segments,
    };
    tally.countries.by_messages().into_iter().map(country).collect()
}

impl Example {
    fn of(example: &volley_intake::Example) -> Self {
        Self {
            reason: example.reason.name(),
            line: example.line,
            input: example.input.clone(),
            detail: example.detail.clone(),
            value: example.value.clone(),
        }
    }
}

/// What the requests cost besides their messages.
fn fees(campaign: &Campaign, batches: u64) -> Amount {
    Tariff::of(campaign).fee().times(batches).unwrap_or_default()
}

/// How long each limit alone makes it, the longest first: that one binds.
fn limit_times(campaign: &Campaign, counts: &Counts) -> Vec<LimitTime> {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (batches, recipients) = (counts.batches as f64, counts.recipients as f64);
    let limits = &campaign.limits;
    let time = |limit, per_second, count: f64| LimitTime {
        limit,
        per_second,
        seconds: count / per_second,
    };
    let mut times = vec![time("requests_per_second", limits.requests_per_second, batches)];
    times.extend(
        limits
            .recipients_per_second
            .map(|rate| time("recipients_per_second", rate, recipients)),
    );
    times.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    times
}

impl Plan {
    /// Why the run would be refused whatever its recipients agree to; `None` where it would not.
    pub(crate) fn refusal(&self) -> Option<String> {
        message::stop_mention(self.counts.french_unmentioned)
    }
}
