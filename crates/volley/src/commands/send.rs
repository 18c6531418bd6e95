//! `volley send`.

use std::io::{self, IsTerminal};

use volley_model::Amount;
use volley_provider::Content;
use volley_provider::octopush::{Message, Purpose};

use super::outputs::Outputs;
use super::{CommandError, Ended, ledger_path, opening};
use crate::cli::{Common, SendArgs};
use crate::config::Campaign;
use crate::config::credentials::Credentials;
use crate::inputs::Inputs;
use crate::pipeline::{Job, Options, Snapshot, run};
use crate::plan::{self, Plan, PlanOptions};
use crate::print;
use crate::progress::Display;
use crate::question;
use crate::summary::{code_of, counted, currency_told, grouped};
use crate::voice::Voice;

/// Sends a campaign.
pub(super) fn send(args: &SendArgs, common: &Common) -> Result<Ended, CommandError> {
    let campaign = campaign(args, common)?;
    let credentials = Credentials::of(&campaign, &mut |warning| {
        if !common.quiet {
            print::message(&format!("volley: warning: {warning}"));
        }
    })?;
    let inputs = Inputs::new(args.what.inputs.clone());
    let ledger = ledger_path(common, Some(&args.what.campaign));
    let terminal = io::stderr().is_terminal();
    let loopback = campaign.endpoint.is_loopback();
    let planned = PlanOptions {
        account: Some(credentials.account()),
        max_recipients: args.max_recipients,
        retry_refused: args.retry_refused,
    };
    if terminal && !loopback && !args.yes {
        ask(&campaign, &inputs, &ledger, &planned)?;
    } else {
        refuse_unmentioned(&campaign, &inputs, &ledger, &planned)?;
    }
    let opening = opening(&campaign.endpoint);
    let opened = inputs.open()?;
    let outputs = Outputs::open("send", args, &campaign, &ledger)?;
    let job = Job {
        opened,
        options: options(args),
        campaign,
        credentials,
        ledger,
        opening,
    };
    shown(job, outputs, common, &mut |notice| {
        if !common.quiet {
            print::message(notice);
        }
    })
}

/// Runs a job with its progress display.
pub(super) fn shown(
    mut job: Job,
    outputs: Outputs,
    common: &Common,
    notice: &mut dyn FnMut(&str),
) -> Result<Ended, CommandError> {
    job.options.rejects = outputs.rejects;
    let metrics = outputs.metrics;
    if let Some(exporter) = metrics.as_ref().filter(|_| !common.quiet) {
        print::message(&format!("metrics: http://{}/metrics", exporter.address()));
    }
    let voice = Voice::start(Display::new(common));
    let mut watch = |snapshot: &Snapshot| {
        if let Some(voice) = &voice {
            voice.show(snapshot);
        }
        if let Some(exporter) = &metrics {
            exporter.publish(snapshot);
        }
    };
    let summary = run(job, &mut watch, notice);
    if let Some(voice) = voice {
        voice.end();
    }
    Ok(Ended {
        summary: summary?,
        file: outputs.summary,
    })
}

/// The campaign with the flags that override it.
pub(super) fn campaign(args: &SendArgs, common: &Common) -> Result<Campaign, CommandError> {
    let mut overrides = common.overrides.clone();
    overrides.extend(
        args.max_cost
            .as_ref()
            .map(|amount| format!("limits.max_cost={amount}")),
    );
    Ok(Campaign::load(&args.what.campaign, &overrides)?)
}

/// The flags of the run.
pub(super) fn options(args: &SendArgs) -> Options {
    Options {
        max_recipients: args.max_recipients,
        retry_refused: args.retry_refused,
        accept_changes: args.accept_changes,
        fail_on_invalid: args.fail_on_invalid,
        rejects: None,
        rejects_include_skipped: args.rejects_include_skipped,
    }
}

/// States what would be sent, and asks once.
fn ask(
    campaign: &Campaign,
    inputs: &Inputs,
    ledger: &std::path::Path,
    options: &PlanOptions,
) -> Result<(), CommandError> {
    if inputs.has_stdin() {
        return Err(CommandError::Unconfirmed(
            "standard input can be read only once, and is planned before it is sent: give --yes, or name a file"
                .to_owned(),
        ));
    }
    let plan = plan::plan(campaign, inputs.open()?, ledger, options)?;
    if let Some(why) = plan.refusal() {
        return Err(CommandError::Message(why));
    }
    print::message(plan.brief().trim_end());
    question::confirmed(&question_about(&plan, campaign))
}

/// A text that French recipients may not get is refused before anything is sent, where the inputs can be read twice. What
/// comes through a pipe is stopped by the run itself, before the first batch with a French number.
fn refuse_unmentioned(
    campaign: &Campaign,
    inputs: &Inputs,
    ledger: &std::path::Path,
    options: &PlanOptions,
) -> Result<(), CommandError> {
    if !campaign.content.lacks_stop_mention() || inputs.has_stdin() {
        return Ok(());
    }
    let plan = plan::plan(campaign, inputs.open()?, ledger, options)?;
    plan.refusal()
        .map_or(Ok(()), |why| Err(CommandError::Message(why)))
}

/// What is agreed to: how many messages, what for, for how much.
fn question_about(plan: &Plan, campaign: &Campaign) -> String {
    let (thing, purpose) = match &campaign.content {
        Content::Sms(message) => ("message", format!(" ({})", purpose(message.purpose))),
        Content::Voice(_) => ("call", String::new()),
    };
    let over_long = match plan.counts.over_long {
        0 => String::new(),
        messages => format!(
            ", {} of them over {} segments,",
            grouped(messages),
            Message::SEGMENTS_MAX
        ),
    };
    let code = code_of(campaign.currency);
    let currency = currency_told(code.as_deref());
    let cost = plan.cost.estimated.as_ref().map_or_else(
        || "an unknown cost (no limits.unit_price)".to_owned(),
        |amount| format!("at most {amount} {currency}"),
    );
    let budget = campaign
        .limits
        .max_cost
        .map(|max: Amount| format!(", budget {max} {currency}"))
        .unwrap_or_default();
    format!(
        "Send {}{purpose}{over_long} for {cost}{budget}?",
        counted(plan.lines.accepted, thing)
    )
}

fn purpose(purpose: Purpose) -> String {
    match purpose {
        Purpose::Wholesale => "wholesale".to_owned(),
        Purpose::Alert => format!("alert: {}", Purpose::ALERT_WARNING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A campaign file with these lines in `[octopush]` besides sender and type, and one French contact.
    fn campaign(folder: &Path, lines: &str) -> (Campaign, Inputs) {
        let file = folder.join("campaign.toml");
        let text = format!(
            "[campaign]\nname = \"c\"\nprovider = \"octopush\"\n\
             [octopush]\nsender = \"Acme\"\ntype = \"sms_premium\"\n{lines}\n\
             [limits]\nunit_price = \"0.05\"\nmax_cost = \"10\"\n"
        );
        std::fs::write(&file, text).unwrap();
        let contacts = folder.join("contacts.ndjson");
        std::fs::write(&contacts, "{\"phone_number\":\"+33612345678\"}\n").unwrap();
        (Campaign::load(&file, &[]).unwrap(), Inputs::new(vec![contacts]))
    }

    fn question(lines: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (campaign, inputs) = campaign(folder.path(), lines);
        let ledger = folder.path().join("volley.db");
        let plan = plan::plan(
            &campaign,
            inputs.open().unwrap(),
            &ledger,
            &PlanOptions::default(),
        )
        .unwrap();
        question_about(&plan, &campaign)
    }

    #[test]
    fn the_question_states_recipients_purpose_cost_and_what_is_odd_about_them() {
        assert_eq!(
            question("purpose = \"wholesale\"\ntext = \"Sale. STOP au 30101\""),
            "Send 1 message (wholesale) for at most 0.05 EUR, budget 10 EUR?"
        );
        assert_eq!(
            question("purpose = \"alert\"\ntext = \"Your parcel is here\""),
            "Send 1 message (alert: non-commercial messages only; they are sent day and night, and advertising sent this way is fined under the \
             provider's terms) for at most 0.05 EUR, budget 10 EUR?"
        );
        // Pairs of septets, 76 in each of several segments: 608 fill eight.
        let of = |pairs: usize| question(&format!("purpose = \"alert\"\ntext = \"{}\"", "€".repeat(pairs)));
        assert!(!of(608).contains("segments"), "{}", of(608));
        assert!(
            of(609).contains(", 1 of them over 8 segments, for"),
            "{}",
            of(609)
        );
    }

    #[test]
    fn french_recipients_without_a_stop_mention_are_refused_before_the_question() {
        let folder = tempfile::tempdir().unwrap();
        let (campaign, inputs) = campaign(folder.path(), "purpose = \"wholesale\"\ntext = \"Sale\"");
        let ledger = folder.path().join("volley.db");
        let error = ask(&campaign, &inputs, &ledger, &PlanOptions::default()).unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::Config);
        let told = error.to_string();
        assert!(
            told.contains("STOP au 30101") && told.contains("nothing was sent"),
            "{told}"
        );
        assert!(!ledger.exists());
    }
}
