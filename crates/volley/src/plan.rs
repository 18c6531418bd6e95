//! `volley plan`: all but the network, and nothing is written.
//!
//! Reads an existing ledger without locking it, so that what was sent already is told apart.

mod notes;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;
use volley_intake::{Finished, Intake, NumberBook, Progress, ReadEnd, Rejects};
use volley_model::{Amount, Currency};
use volley_provider::octopush::Encoder;

use crate::config::Campaign;
use crate::inputs::Opened;
use crate::pipeline::budget::Tariff;
use crate::pipeline::ending::rejected;
use crate::pipeline::setup::intake_config;
use crate::pipeline::stop::StopReason;
use crate::pipeline::{RunError, standing};
use crate::progress::duration;
use crate::summary::{Lines, counted, counted_as, grouped};

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
    /// Why reading ended before the end of the inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would stop the campaign, or surprise whoever sends it.
    pub notes: Vec<String>,
    /// Invalid lines by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// The exit code of the plan.
    #[serde(skip)]
    pub exit: crate::exit::Exit,
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
}

/// The estimate; null without a `unit_price`.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "scripts rely on the names")]
pub struct PlannedCost {
    pub estimated: Option<String>,
    pub currency: Option<&'static str>,
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
    standing::suppress(&campaign.input, &mut book)?;
    standing::load_existing(ledger, campaign, options.retry_refused, &mut book)?;
    let mut intake = Intake::new(
        intake_config(campaign, true, options.max_recipients),
        Box::new(Encoder::new(&campaign.message)),
        book,
        Rejects::none(),
    );
    let mut planned = Planned::default();
    let early = read_all(&mut intake, opened, &mut planned);
    let finished = intake.finish(&mut |batch| planned.take(&batch));
    let early = early.or(finished.too_many_invalid.map(StopReason::from));
    let mut plan = draw(campaign, &finished, &planned, early.as_ref());
    let estimated = estimate(campaign, finished.tally.segments, planned.batches);
    plan.notes = notes::notes(campaign, ledger, options.account.as_deref(), estimated)?;
    Ok(plan)
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

#[derive(Default)]
struct Planned {
    batches: u64,
    recipients: u64,
}

impl Planned {
    fn take(&mut self, batch: &volley_model::PlannedBatch) -> ControlFlow<()> {
        self.batches += 1;
        self.recipients += batch.members.len() as u64;
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

fn draw(campaign: &Campaign, finished: &Finished, planned: &Planned, early: Option<&StopReason>) -> Plan {
    let totals = &finished.totals;
    let messages = Messages {
        gsm7: finished.tally.gsm7,
        ucs2: finished.tally.ucs2,
        segments: (1..)
            .zip(finished.tally.by_segments.iter().copied())
            .filter(|(_, count)| *count > 0)
            .collect(),
        total_segments: finished.tally.segments,
    };
    let estimate = estimate(campaign, messages.total_segments, planned.batches);
    let (duration_seconds, limited_by) = time(campaign, planned);
    Plan {
        schema: crate::summary::SCHEMA,
        campaign: campaign.name.clone(),
        provider: "octopush",
        lines: Lines {
            read: totals.read(),
            accepted: planned.recipients,
            invalid: totals.invalid,
            duplicate: totals.duplicate,
            suppressed: totals.suppressed,
            already_sent: totals.already_sent,
            refused: totals.refused,
            in_doubt: totals.in_doubt,
            pending: totals.planned - planned.recipients,
        },
        batches: planned.batches,
        messages,
        cost: PlannedCost {
            estimated: estimate.map(|amount: Amount| amount.to_string()),
            currency: estimate.map(|_| "EUR"),
        },
        duration_seconds,
        limited_by,
        reason: early.map(StopReason::sentence),
        notes: Vec::new(),
        rejected: rejected(finished),
        exit: early.map_or(crate::exit::Exit::Complete, StopReason::exit),
    }
}

/// What the run may cost at most; `None` without a `unit_price`.
fn estimate(campaign: &Campaign, segments: u64, batches: u64) -> Option<Amount> {
    let tariff = Tariff::of(campaign);
    let fees = tariff.fee().times(batches).ok()?;
    Some(tariff.unit_price?.times(segments).ok()? + fees)
}

/// How long the limits make it, in seconds, and which of them binds.
fn time(campaign: &Campaign, planned: &Planned) -> (f64, &'static str) {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (batches, recipients) = (planned.batches as f64, planned.recipients as f64);
    let by_requests = batches / campaign.limits.requests_per_second;
    let by_recipients = campaign
        .limits
        .recipients_per_second
        .map_or(0.0, |rate| recipients / rate);
    if by_recipients > by_requests {
        (by_recipients, "recipients_per_second")
    } else {
        (by_requests, "requests_per_second")
    }
}

impl Plan {
    /// The plan for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let lines = &self.lines;
        let _ = writeln!(out, "campaign {} ({})", self.campaign, self.provider);
        lines.write(&mut out, &["would be sent", "left out"], &self.rejected);
        let _ = writeln!(
            out,
            "{} in {}: {} GSM-7, {} UCS-2, {}",
            counted(lines.accepted, "message"),
            counted_as(self.batches, "batch", "batches"),
            grouped(self.messages.gsm7),
            grouped(self.messages.ucs2),
            counted(self.messages.total_segments, "segment")
        );
        match &self.cost.estimated {
            Some(estimated) => {
                let _ = writeln!(out, "cost at most {estimated} {}", Currency::EUR.code());
            }
            None => out.push_str("cost unknown: set limits.unit_price for an estimate\n"),
        }
        let time =
            std::time::Duration::try_from_secs_f64(self.duration_seconds).unwrap_or(std::time::Duration::MAX);
        let _ = writeln!(out, "takes {}, limited by {}", at_least(time), self.limited_by);
        for note in self.reason.iter().chain(&self.notes) {
            let _ = writeln!(out, "{note}");
        }
        out
    }
}

fn at_least(time: std::time::Duration) -> String {
    if time.as_secs() == 0 {
        "under a second".to_owned()
    } else {
        format!("{} or more", duration(time))
    }
}
