//! `volley send`.

use std::io::{self, IsTerminal};

use volley_model::Amount;

use super::outputs::Outputs;
use super::{CommandError, Ended, ledger_path, opening};
use crate::cli::{Common, SendArgs};
use crate::config::{Campaign, credentials};
use crate::inputs::Inputs;
use crate::pipeline::{Job, Options, run};
use crate::plan::{self, PlanOptions};
use crate::print;
use crate::progress::Display;
use crate::question;
use crate::summary::grouped;

/// Sends a campaign.
pub(super) fn send(args: &SendArgs, common: &Common) -> Result<Ended, CommandError> {
    let campaign = campaign(args, common)?;
    let credentials = credentials::octopush(&mut |warning| {
        if !common.quiet {
            print::message(&format!("volley: warning: {warning}"));
        }
    })?;
    let inputs = Inputs::new(args.what.inputs.clone());
    let ledger = ledger_path(common, Some(&args.what.campaign));
    let terminal = io::stderr().is_terminal();
    let loopback = campaign.endpoint.is_loopback();
    if terminal && !loopback && !args.yes {
        let options = PlanOptions {
            account: Some(credentials.account()),
            max_recipients: args.max_recipients,
            retry_refused: args.retry_refused,
        };
        ask(&campaign, &inputs, &ledger, &options)?;
    }
    let opening = opening(&campaign.endpoint);
    let opened = inputs.open()?;
    let outputs = Outputs::open(args, &campaign, &ledger)?;
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
    let mut display = Display::new(common);
    let summary = run(job, &mut |snapshot| display.show(snapshot), notice);
    display.clear();
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
    let cost = plan.cost.estimated.as_ref().map_or_else(
        || "an unknown cost (no limits.unit_price)".to_owned(),
        |amount| format!("at most {amount} EUR"),
    );
    let budget = campaign
        .limits
        .max_cost
        .map(|max: Amount| format!(", budget {max} EUR"))
        .unwrap_or_default();
    print::message(plan.text().trim_end());
    let question = format!(
        "Send {} messages ({}) for {cost}{budget}?",
        grouped(plan.lines.accepted),
        campaign.message.purpose.name()
    );
    match question::agreed(&question) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommandError::Unconfirmed(
            "not confirmed; nothing was sent".to_owned(),
        )),
        Err(error) => Err(CommandError::Unconfirmed(format!(
            "the terminal cannot be read: {error}; give --yes to send unasked"
        ))),
    }
}
