//! `volley suppress …`: the ledger's list of numbers that are never contacted.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;
use volley_intake::{Normalizer, NumberRule};
use volley_ledger::{Ledger, LedgerError, Opening, Reader, Signature, Suppressed, shown_path};
use volley_model::Msisdn;

use super::{CommandError, ledger_path, operator};
use crate::cli::{
    Common, NumbersArgs, SuppressAddArgs, SuppressCommand, SuppressImportArgs, SuppressedNumbers,
};
use crate::exit::Exit;
use crate::inputs::STDIN_NAME;
use crate::number_file::{self, NumberFileError};
use crate::pipeline::RunError;
use crate::summary::counted;
use crate::{clock, print};

/// What is done with numbers.
#[derive(Clone, Copy)]
enum Change {
    Add,
    Remove,
}

/// Changes the list, or shows it.
pub(super) fn suppress(command: &SuppressCommand, common: &Common) -> Result<Exit, CommandError> {
    match command {
        SuppressCommand::Add(args) => change(Change::Add, typed(args)?, &args.how, common),
        SuppressCommand::Remove(args) => change(Change::Remove, typed(args)?, &args.how, common),
        SuppressCommand::Import(args) => change(Change::Add, imported(args)?, &args.how, common),
        SuppressCommand::List => list(common),
    }
}

fn normalizer(how: &NumbersArgs) -> Normalizer {
    let rule = match how.rule {
        SuppressedNumbers::Possible => NumberRule::Possible,
        SuppressedNumbers::Any => NumberRule::Any,
    };
    Normalizer::new(how.default_region, rule, None)
}

/// Each number as it is written and as it is dialled, once.
fn readings(numbers: impl IntoIterator<Item = Msisdn>) -> Vec<Msisdn> {
    let of = |number| [Some(number), Normalizer::reading(number)].into_iter().flatten();
    let mut readings: Vec<_> = numbers.into_iter().flat_map(of).collect();
    readings.sort_unstable();
    readings.dedup();
    readings
}

fn typed(args: &SuppressAddArgs) -> Result<Vec<Msisdn>, CommandError> {
    let normalizer = normalizer(&args.how);
    let number = |text: &String| {
        normalizer
            .normalize(text.trim())
            .map_err(|fault| CommandError::Number {
                text: text.clone(),
                why: match args.how.default_region {
                    Some(_) => fault.to_string(),
                    None => {
                        format!("{fault}; write it with + and its country code, or give --default-region")
                    }
                },
            })
    };
    args.numbers.iter().map(number).collect()
}

fn imported(args: &SuppressImportArgs) -> Result<Vec<Msisdn>, CommandError> {
    let normalizer = normalizer(&args.how);
    let mut numbers = Vec::new();
    for path in &args.files {
        let text = read(path)?;
        number_file::read(path, &text, &normalizer, &mut |number| numbers.push(number))?;
    }
    Ok(numbers)
}

fn read(path: &Path) -> Result<String, NumberFileError> {
    if path == Path::new(STDIN_NAME) {
        return io::read_to_string(io::stdin()).map_err(|source| NumberFileError::Unreadable {
            path: PathBuf::from("standard input"),
            source,
        });
    }
    number_file::text(path)
}

fn change(
    change: Change,
    numbers: Vec<Msisdn>,
    how: &NumbersArgs,
    common: &Common,
) -> Result<Exit, CommandError> {
    let path = ledger_path(common, None);
    let signature = Signature {
        why: how.reason.clone(),
        ..operator::signature()
    };
    // A list in a ledger that was made for it, beside the one that campaigns are sent by, would keep nobody from anything.
    let mut ledger = Ledger::open(&path, Opening::MustExist, clock::now()).map_err(RunError::from)?;
    let numbers = readings(numbers);
    let done = match change {
        Change::Add => ledger.suppress(&numbers, &signature),
        Change::Remove => ledger.unsuppress(&numbers, &signature),
    };
    let done = done.map_err(RunError::from)?;
    ledger.close().map_err(RunError::from)?;
    Ok(tell(change, done, &shown_path(&path), common))
}

fn tell(change: Change, done: Suppressed, path: &Path, common: &Common) -> Exit {
    let Suppressed { changed, listed } = done;
    let (added, removed, words) = match change {
        Change::Add => (changed, 0, "put on"),
        Change::Remove => (0, changed, "taken off"),
    };
    let taken = if common.json {
        print::json(&json!({
            "schema": 1, "ledger": shown_path(path), "added": added, "removed": removed, "listed": listed,
            "exit_code": Exit::Complete.code(),
        }))
    } else {
        print::result(&format!(
            "{} {words} the suppression list of {}, which has {listed} now\n",
            counted(changed, "number"),
            shown_path(path).display()
        ))
    };
    Exit::Complete.if_taken(taken)
}

/// The numbers in E.164, as `volley suppress import` and a campaign's `suppress` take them.
fn list(common: &Common) -> Result<Exit, CommandError> {
    let path = ledger_path(common, None);
    let reader = Reader::open(&path).map_err(RunError::from)?;
    if common.json {
        let mut numbers = Vec::new();
        reader
            .suppressed(&mut |number, since| {
                numbers.push(json!({"number": number.e164(), "since": since.to_string()}));
            })
            .map_err(RunError::from)?;
        let taken = print::json(&json!({
            "schema": 1, "ledger": shown_path(&path), "listed": numbers.len(), "numbers": numbers,
            "exit_code": Exit::Complete.code(),
        }));
        return Ok(Exit::Complete.if_taken(taken));
    }
    let mut text = String::new();
    reader
        .suppressed(&mut |number, _| {
            text.push_str(&number.e164());
            text.push('\n');
        })
        .map_err(RunError::from)?;
    Ok(Exit::Complete.if_taken(print::result(&text)))
}

/// Refuses to contact these numbers, in E.164, if one of them is on the list, as it is written or as it is dialled.
pub(super) fn refuse_suppressed(
    list: impl FnOnce(&mut dyn FnMut(Msisdn, Timestamp)) -> Result<(), LedgerError>,
    numbers: &[String],
    what: &str,
) -> Result<(), CommandError> {
    let number = |text: &String| text.trim_start_matches('+').parse().ok().map(Msisdn::new)?.ok();
    let wanted: HashSet<_> = readings(numbers.iter().filter_map(number)).into_iter().collect();
    let mut found = 0_u64;
    list(&mut |number, _| found += u64::from(wanted.contains(&number))).map_err(RunError::from)?;
    if found == 0 {
        return Ok(());
    }
    Err(CommandError::NotByLedger(format!(
        "{what}: {} on the suppression list, see `volley suppress list`; take what is on it out; nothing was changed",
        if found == 1 {
            "one of its numbers is".to_owned()
        } else {
            format!("{found} of its numbers are")
        }
    )))
}
