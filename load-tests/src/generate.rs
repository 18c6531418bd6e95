//! `load-tests generate`: writes a corpus, and the truth about it.
//!
//! Input: [`Generate`], as typed. Output: the lines to a file or standard output, the truth as one JSON line to a file
//! or standard error.
//! Not here: what the lines look like; see the `benches` crate.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use benches::{Corpus, Expected, HomeRegion, RECIPIENTS_MAX, Shape, Spread};
use clap::{ArgGroup, Args, value_parser};

/// Few writes for the system, little memory: the size the intake reads with.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes contacts as NDJSON, and the account that a correct run over them comes to.
///
/// The campaign that reads them must have `default_region = "FR"`, unless they are made with `--international`.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag as typed; `corpus` makes enums of them"
)]
#[command(group(ArgGroup::new("what").required(true).args(["recipients", "example"])))]
#[command(group(ArgGroup::new("spread").args(["dense", "sparse"])))]
pub struct Generate {
    /// How many distinct numbers; duplicates and bad lines come on top
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(0..=RECIPIENTS_MAX))]
    recipients: Option<u64>,
    /// The contacts of the examples/ folder, exactly 1,000 lines
    #[arg(long, conflicts_with_all = ["seed", "spread", "plain", "international", "duplicates", "invalid"])]
    example: bool,
    /// Another seed gives another file; the same one the same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Consecutive numbers of one country
    #[arg(long)]
    dense: bool,
    /// Numbers from all over the world; without --dense and --sparse they are of ten countries
    #[arg(long)]
    sparse: bool,
    /// ASCII names and E.164 numbers only: the easy case, for comparison
    #[arg(long)]
    plain: bool,
    /// Every number with its calling code, for a campaign without default region
    #[arg(long)]
    international: bool,
    /// Lines that repeat a number, for a hundred recipients
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = value_parser!(u8).range(0..=100))]
    duplicates: u8,
    /// Bad lines of each kind, for a hundred recipients; of over-long lines a hundredth of that
    #[arg(long, value_name = "PERCENT", default_value_t = 1, value_parser = value_parser!(u8).range(0..=100))]
    invalid: u8,
    /// Where the contacts go; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Where the truth goes, instead of to standard error
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
}

/// What can fail; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A file cannot be made.
    #[error("create {path}")]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The contacts cannot be written to their end.
    #[error("write the contacts to {path}")]
    Contacts {
        /// The file, or `-`.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The truth cannot be written.
    #[error("write the truth about the contacts")]
    Truth(#[source] io::Error),
}

impl Generate {
    /// Writes the contacts, then the truth.
    ///
    /// # Errors
    /// A file that cannot be made or written.
    pub fn run(&self) -> Result<(), GenerateError> {
        let expected = self.write_contacts()?;
        let truth = format!("{expected}\n");
        match &self.truth {
            Some(path) => create(path)?.write_all(truth.as_bytes()),
            None => io::stderr().write_all(truth.as_bytes()),
        }
        .map_err(GenerateError::Truth)
    }

    /// The corpus that was asked for.
    pub fn corpus(&self) -> Corpus {
        let Some(recipients) = self.recipients else {
            return Corpus::example();
        };
        let spread = match (self.dense, self.sparse) {
            (true, _) => Spread::Dense,
            (_, true) => Spread::Sparse,
            _ => Spread::Mixed,
        };
        Corpus {
            spread,
            shape: if self.plain { Shape::Plain } else { Shape::Lifelike },
            home: if self.international {
                HomeRegion::None
            } else {
                HomeRegion::France
            },
            duplicates_percent: self.duplicates,
            invalid_percent: self.invalid,
            ..Corpus::new(self.seed, recipients)
        }
    }

    fn write_contacts(&self) -> Result<Expected, GenerateError> {
        let written = if self.output == Path::new("-") {
            buffered(&self.corpus(), io::stdout().lock())
        } else {
            buffered(&self.corpus(), create(&self.output)?)
        };
        written.map_err(|source| GenerateError::Contacts {
            path: self.output.clone(),
            source,
        })
    }
}

fn create(path: &Path) -> Result<File, GenerateError> {
    File::create(path).map_err(|source| GenerateError::Create {
        path: path.to_owned(),
        source,
    })
}

fn buffered(corpus: &Corpus, out: impl Write) -> io::Result<Expected> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    let expected = corpus.write_to(&mut out)?;
    out.flush()?;
    Ok(expected)
}
