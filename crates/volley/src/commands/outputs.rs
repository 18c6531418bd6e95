//! What a run tells besides the ledger: the files of rejects and summary, and the metrics.
//!
//! All are opened before anything is sent, so that a wrong path or port costs nothing, and neither file may be one that the
//! run reads or keeps: `--rejects contacts.ndjson` must not empty the contacts.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::CommandError;
use super::whole_file::WholeFile;
use crate::cli::SendArgs;
use crate::config::Campaign;
use crate::metrics::{Exporter, Subject};
use crate::summary::Summary;

/// What stands beside a ledger under its name.
const LEDGER_FILES: [&str; 5] = ["", "-lock", "-bodies", "-wal", "-shm"];

/// The outputs, opened.
pub(super) struct Outputs {
    /// Not emptied yet: another run may be writing it, and only the ledger's lock tells.
    pub(super) rejects: Option<File>,
    pub(super) summary: Option<SummaryFile>,
    pub(super) metrics: Option<Exporter>,
}

impl Outputs {
    /// Opens what the flags of `command` name.
    pub(super) fn open(
        command: &'static str,
        args: &SendArgs,
        campaign: &Campaign,
        ledger: &Path,
    ) -> Result<Self, CommandError> {
        let kept = kept_files(args, Some(campaign), ledger);
        let rejects = match &args.rejects {
            None => None,
            Some(path) => {
                refuse_kept("--rejects", path, &kept)?;
                let file = File::options()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(path);
                Some(file.map_err(|source| unwritable("--rejects", path, source))?)
            }
        };
        let summary = SummaryFile::open(args, &kept)?;
        let metrics = match &args.metrics_listen {
            None => None,
            Some(address) => Some(listen(address, command, campaign)?),
        };
        Ok(Self {
            rejects,
            summary,
            metrics,
        })
    }
}

fn listen(address: &str, command: &'static str, campaign: &Campaign) -> Result<Exporter, CommandError> {
    let subject = Subject {
        campaign: campaign.name.clone(),
        provider: campaign.content.provider().name(),
        command,
    };
    Exporter::listen(address, subject).map_err(|source| CommandError::Metrics {
        address: address.to_owned(),
        source,
    })
}

/// Writes the summary of a run that could not begin, where one is asked for: a script must not read the run before's.
pub(super) fn write_failure(args: &SendArgs, ledger: &Path, summary: &Summary) -> Result<(), CommandError> {
    match SummaryFile::open(args, &kept_files(args, None, ledger))? {
        Some(file) => file.write(summary),
        None => Ok(()),
    }
}

/// A summary on its way.
pub(super) struct SummaryFile {
    file: WholeFile,
    path: PathBuf,
}

impl SummaryFile {
    fn open(args: &SendArgs, kept: &[(PathBuf, &'static str)]) -> Result<Option<Self>, CommandError> {
        let Some(path) = &args.summary_file else {
            return Ok(None);
        };
        refuse_kept("--summary-file", path, kept)?;
        if let Some(rejects) = &args.rejects {
            refuse_kept(
                "--summary-file",
                path,
                &[(rejects.clone(), "the file of the rejects")],
            )?;
        }
        let file = WholeFile::open(path).map_err(|source| unwritable("--summary-file", path, source))?;
        Ok(Some(Self {
            file,
            path: path.clone(),
        }))
    }

    /// Puts the summary in its place.
    pub(super) fn write(mut self, summary: &Summary) -> Result<(), CommandError> {
        // Our own struct always serialises.
        let mut line = serde_json::to_vec(summary).unwrap_or_default();
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.finish());
        written.map_err(|source| unwritable("--summary-file", &self.path, source))
    }
}

/// Writes a whole file.
pub(super) fn write_whole(flag: &'static str, path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let written = WholeFile::open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.finish()
    });
    written.map_err(|source| unwritable(flag, path, source))
}

/// The files that must not be written over, each with what it is.
fn kept_files(args: &SendArgs, campaign: Option<&Campaign>, ledger: &Path) -> Vec<(PathBuf, &'static str)> {
    let ledger_files = ledger_files(ledger);
    let inputs = args.what.inputs.iter().map(|path| (path.clone(), "an input"));
    let suppressed = campaign.map_or(&[][..], |campaign| &campaign.input.suppress);
    let suppressed = suppressed.iter().map(|path| (path.clone(), "a suppression file"));
    let authority = campaign.and_then(|campaign| campaign.transport.ca_file.clone());
    let authority = authority.map(|path| (path, "the ca_file"));
    std::iter::once((args.what.campaign.clone(), "the campaign file"))
        .chain(inputs)
        .chain(suppressed)
        .chain(authority)
        .chain(ledger_files)
        .collect()
}

fn ledger_files(ledger: &Path) -> impl Iterator<Item = (PathBuf, &'static str)> {
    LEDGER_FILES.iter().map(|suffix| {
        let mut name = ledger.as_os_str().to_owned();
        name.push(suffix);
        (PathBuf::from(name), "the ledger")
    })
}

/// Refuses to write over the ledger or what stands beside it.
pub(super) fn refuse_ledger(flag: &'static str, path: &Path, ledger: &Path) -> Result<(), CommandError> {
    refuse_kept(flag, path, &ledger_files(ledger).collect::<Vec<_>>())
}

fn refuse_kept(
    flag: &'static str,
    path: &Path,
    kept: &[(PathBuf, &'static str)],
) -> Result<(), CommandError> {
    // A file that is not there yet can still be meant as the ledger: the names are compared too.
    let clash = kept
        .iter()
        .find(|(file, _)| file == path || same_file(file, path));
    match clash {
        None => Ok(()),
        Some((_, what)) => Err(CommandError::Clash {
            flag,
            path: path.to_owned(),
            what,
        }),
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

fn unwritable(flag: &'static str, path: &Path, source: std::io::Error) -> CommandError {
    CommandError::Output {
        flag,
        path: path.to_owned(),
        source,
    }
}
