//! `volley suppress …` as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use volley_intake::Region;

/// `volley suppress …`
#[derive(Debug, Subcommand)]
pub enum SuppressCommand {
    /// Put numbers on the list: no `volley send` contacts them from now on
    #[command(after_help = ADD_EXAMPLES)]
    Add(SuppressAddArgs),
    /// Take numbers off the list
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove(SuppressAddArgs),
    /// Show the list, a number a line
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Put the numbers of files on the list, a number a line: all of them, or, if one cannot be read, none
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(SuppressImportArgs),
}

pub(super) const EXAMPLES: &str = "Examples:
  volley suppress import optouts.txt
  volley suppress list";
const ADD_EXAMPLES: &str = "Examples:
  volley suppress add +33612345678 --reason 'asked by mail on Monday'
  volley suppress add '06 12 34 56 78' --default-region FR";
const REMOVE_EXAMPLES: &str = "Example:
  volley suppress remove +33612345678 --reason 'came back, in writing'";
const LIST_EXAMPLES: &str = "Example:
  volley suppress list > suppressed.txt";
const IMPORT_EXAMPLES: &str = "Examples:
  volley suppress import optouts.txt --reason 'opt-outs of May'
  cut -d, -f2 customers.csv | volley suppress import -";

/// How numbers are written, and why the list is changed.
#[derive(Debug, Clone, Args)]
pub struct NumbersArgs {
    /// Whose national spellings are read, such as FR
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub default_region: Option<Region>,
    /// What a number must pass, as a campaign's `input.numbers`
    #[arg(long = "numbers", value_name = "RULE", default_value = "possible")]
    pub rule: SuppressedNumbers,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

/// What a number must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SuppressedNumbers {
    /// It may exist.
    Possible,
    /// A plus and 7 to 15 digits; it is listed as it is written, and as it is dialled.
    Any,
}

/// `volley suppress add` and `remove`.
#[derive(Debug, Clone, Args)]
pub struct SuppressAddArgs {
    /// Phone numbers, in any spelling that an input may have
    #[arg(value_name = "NUMBER", required = true)]
    pub numbers: Vec<String>,
    /// How they are written, and why.
    #[command(flatten)]
    pub how: NumbersArgs,
}

/// `volley suppress import`.
#[derive(Debug, Clone, Args)]
pub struct SuppressImportArgs {
    /// Files with a number a line; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How the numbers are written, and why.
    #[command(flatten)]
    pub how: NumbersArgs,
}

/// A region, as clap asks for it.
fn region(text: &str) -> Result<Region, String> {
    Region::named(text).ok_or_else(|| "expected a country by its two letters, such as FR".to_owned())
}
