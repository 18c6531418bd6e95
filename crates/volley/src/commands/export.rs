//! `volley export`: rows from the ledger for other programs, as NDJSON or CSV.
//!
//! Bounds: a page of batches is held at a time. There is never half of a file.

mod row;

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::json;
use volley_ledger::{BatchRecord, LedgerError, Numbers, Reader};
use volley_model::{BatchState, Msisdn};

use super::outputs::refuse_ledger;
use super::whole_file::WholeFile;
use super::{CommandError, ledger_path, named};
use crate::cli::{Common, ExportArgs, Exported, RowFormat};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use crate::summary::counted;
use row::{Cell, Row};

/// Why rows could not be written.
enum Failure {
    Ledger(LedgerError),
    Output(io::Error),
}

/// Exports rows.
pub(super) fn export(args: &ExportArgs, common: &Common) -> Result<Exit, CommandError> {
    named::refuse_file(args.campaign.as_deref(), common)?;
    let path = ledger_path(common, None);
    let reader = Reader::open(&path).map_err(RunError::from)?;
    if let Some(name) = &args.campaign {
        named::refuse_unknown(&reader, &path, name)?;
    }
    let Some(output) = &args.output else {
        let written = print::rows(
            |out| rows(&reader, args, out).map(drop),
            |failure| matches!(failure, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe),
        );
        written.map_err(|failure| told(failure, "rows", Path::new("to stdout")))?;
        return Ok(Exit::Complete);
    };
    refuse_ledger("--output", output, &path)?;
    let rows = to_file(&reader, args, output).map_err(|failure| told(failure, "--output", output))?;
    let taken = if common.json {
        print::json(&json!({"schema": 1, "rows": rows, "output": output, "exit_code": Exit::Complete.code()}))
    } else {
        print::result(&format!(
            "{} written to {}\n",
            counted(rows, "row"),
            output.display()
        ))
    };
    Ok(Exit::Complete.if_taken(taken))
}

fn told(failure: Failure, flag: &'static str, path: &Path) -> CommandError {
    match failure {
        Failure::Ledger(error) => RunError::from(error).into(),
        Failure::Output(source) => CommandError::Output {
            flag,
            path: path.to_owned(),
            source,
        },
    }
}

fn to_file(reader: &Reader, args: &ExportArgs, path: &Path) -> Result<u64, Failure> {
    let mut file = WholeFile::open(path).map_err(Failure::Output)?;
    let written = rows(reader, args, &mut BufWriter::new(&mut file))?;
    file.finish().map_err(Failure::Output)?;
    Ok(written)
}

/// Writes all rows, and says how many.
fn rows(reader: &Reader, args: &ExportArgs, out: &mut dyn Write) -> Result<u64, Failure> {
    let numbers = match args.what {
        Exported::Recipients | Exported::Refused => Numbers::Wanted,
        Exported::Tickets | Exported::Batches => Numbers::LeftOut,
    };
    let mut rows = Rows::new(args, out).map_err(Failure::Output)?;
    let mut failure = None;
    let read = reader.export(
        args.campaign.as_deref(),
        numbers,
        &mut |batch, members| match rows.add(batch, members) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        },
    );
    match (failure, read) {
        (Some(error), _) => Err(Failure::Output(error)),
        (None, Err(error)) => Err(Failure::Ledger(error)),
        (None, Ok(())) => rows.finish().map_err(Failure::Output),
    }
}

/// Rows on their way out.
struct Rows<'a> {
    what: Exported,
    out: Out<'a>,
    written: u64,
}

enum Out<'a> {
    Ndjson(&'a mut dyn Write),
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
}

impl<'a> Rows<'a> {
    fn new(args: &ExportArgs, out: &'a mut dyn Write) -> io::Result<Self> {
        let mut rows = Self {
            what: args.what,
            out: match args.format {
                RowFormat::Ndjson => Out::Ndjson(out),
                RowFormat::Csv => Out::Csv(Box::new(csv::Writer::from_writer(out))),
            },
            written: 0,
        };
        if let Out::Csv(out) = &mut rows.out {
            out.write_record(match args.what {
                Exported::Tickets => &row::TICKETS[..],
                Exported::Recipients => &row::RECIPIENTS,
                Exported::Batches => &row::BATCHES,
                Exported::Refused => &row::REFUSED,
            })?;
        }
        Ok(rows)
    }

    /// The rows that a batch makes.
    fn add(&mut self, batch: &BatchRecord, members: &[Msisdn]) -> io::Result<()> {
        match self.what {
            Exported::Tickets => row::ticket(batch).map_or(Ok(()), |row| self.write(&row)),
            Exported::Batches => self.write(&row::batch(batch)),
            Exported::Recipients => {
                let state = match batch.state {
                    // Its numbers that no child has taken up are as free as those of a batch that was released.
                    BatchState::Split => BatchState::Released,
                    state => state,
                };
                for number in members {
                    self.write(&row::recipient(*number, state, batch))?;
                }
                let named = batch
                    .named
                    .map(|named| row::recipient(named, BatchState::Refused, batch));
                named.map_or(Ok(()), |row| self.write(&row))
            }
            Exported::Refused => {
                let members = if batch.state == BatchState::Refused {
                    members
                } else {
                    &[]
                };
                for number in members.iter().copied().chain(batch.named) {
                    self.write(&row::refused(number, batch))?;
                }
                Ok(())
            }
        }
    }

    fn write<const N: usize>(&mut self, row: &Row<N>) -> io::Result<()> {
        self.written += 1;
        match &mut self.out {
            Out::Ndjson(out) => {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            }
            Out::Csv(out) => Ok(out.write_record(row.cells.iter().map(Cell::in_csv))?),
        }
    }

    fn finish(mut self) -> io::Result<u64> {
        match &mut self.out {
            Out::Ndjson(out) => out.flush()?,
            Out::Csv(out) => out.flush()?,
        }
        Ok(self.written)
    }
}
