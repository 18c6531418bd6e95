//! `volley ledger …`.

mod copy;

use std::fmt::Write as _;

use serde_json::json;
use volley_ledger::{Ledger, Opening, Verification, shown_path};

pub(super) use copy::copy;

use super::{CommandError, ledger_path, named, operator};
use crate::cli::{AdoptArgs, Common, ForgetArgs};
use crate::clock;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use crate::summary::grouped;

/// Makes a new ledger.
pub(super) fn init(common: &Common) -> Result<Exit, CommandError> {
    let path = ledger_path(common, None);
    Ledger::init(&path, clock::now()).map_err(RunError::from)?;
    let path = shown_path(&path);
    if common.json {
        print::json(&json!({"schema": 1, "ledger": shown_path(&path)}));
    } else {
        print::result(&format!("made the ledger {}\n", shown_path(&path).display()));
    }
    Ok(Exit::Complete)
}

/// Checks a ledger, beside whoever writes it.
pub(super) fn verify(common: &Common) -> Result<Exit, CommandError> {
    let found = volley_ledger::verify(&ledger_path(common, None)).map_err(RunError::from)?;
    let exit = if found.findings.is_empty() {
        Exit::Complete
    } else {
        Exit::Ledger
    };
    if common.json {
        let findings = found
            .findings
            .iter()
            .map(|finding| json!({"place": finding.place, "fault": finding.fault, "remedy": finding.remedy}));
        print::json(&json!({
            "schema": 1, "ledger": found.path, "batches": found.batches, "recipients": found.recipients,
            "findings": findings.collect::<Vec<_>>(), "uncompared": found.uncompared, "exit_code": exit.code(),
        }));
    } else {
        print::result(&as_text(&found));
    }
    Ok(exit)
}

fn as_text(found: &Verification) -> String {
    let mut out = format!(
        "{}: {} batches with {} numbers checked, ",
        found.path.display(),
        grouped(found.batches),
        grouped(found.recipients)
    );
    if found.findings.is_empty() {
        out.push_str("all sound\n");
    } else {
        let _ = writeln!(out, "{} findings", grouped(found.findings.len() as u64));
    }
    for finding in &found.findings {
        let _ = writeln!(
            out,
            "{}: {}\n  what to do {}",
            finding.place, finding.fault, finding.remedy
        );
    }
    if let Some(why) = &found.uncompared {
        let _ = writeln!(
            out,
            "not compared: how its schema's tables, constraints, triggers, functions, indexes and views are defined, since that \
             needs a second schema for a moment ({why})\n  what to do verify it as its owner, and not on a standby"
        );
    }
    out
}

/// Takes a moved or restored ledger for what it is.
pub(super) fn adopt(args: &AdoptArgs, common: &Common) -> Result<Exit, CommandError> {
    let signature = operator::sign(&args.reason)?;
    let path = ledger_path(common, None);
    Ledger::adopt(&path, &signature).map_err(RunError::from)?;
    if common.json {
        print::json(&json!({
            "schema": 1, "ledger": path, "adopted": true, "who": signature.who, "why": signature.why,
            "exit_code": Exit::Complete.code(),
        }));
    } else {
        print::result(&format!(
            "adopted {}: from now on, whatever it does not know of counts as not sent\n",
            path.display()
        ));
    }
    Ok(Exit::Complete)
}

/// Erases a campaign's numbers.
pub(super) fn forget(args: &ForgetArgs, common: &Common) -> Result<Exit, CommandError> {
    named::refuse_file(Some(&args.campaign), common)?;
    let signature = operator::sign(&args.reason)?;
    let path = ledger_path(common, None);
    let mut ledger = Ledger::open(&path, Opening::MustExist, clock::now()).map_err(RunError::from)?;
    confirm(args)?;
    let forgotten = ledger.forget(&args.campaign, &signature)?;
    ledger.close().map_err(RunError::from)?;
    let name = &args.campaign;
    if common.json {
        print::json(&json!({
            "schema": 1, "campaign": name, "batches": forgotten.batches, "recipients": forgotten.recipients,
            "closed_before": forgotten.again, "who": signature.who, "why": signature.why,
            "exit_code": Exit::Complete.code(),
        }));
    } else {
        print::result(&format!(
            "forgot the {} numbers of campaign {name}; its totals stay, and its name is closed; copies and backups of \
             the ledger still have them\n",
            grouped(forgotten.recipients)
        ));
    }
    Ok(Exit::Complete)
}

/// Nothing brings the numbers back, so the name is typed twice.
fn confirm(args: &ForgetArgs) -> Result<(), CommandError> {
    if args.yes {
        return Ok(());
    }
    let name = &args.campaign;
    let typed = operator::asked(&format!(
        "This erases whom campaign {name} was sent to, for good, and closes its name.\nType the name once more:"
    ))?;
    match typed {
        Some(typed) if typed.trim() == name => Ok(()),
        Some(_) => Err(CommandError::Unconfirmed(format!(
            "that is not {name}; nothing was changed"
        ))),
        None => Err(CommandError::Unconfirmed(
            "erasing numbers cannot be undone; confirm it with --yes; nothing was changed".to_owned(),
        )),
    }
}
