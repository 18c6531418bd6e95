//! Files of numbers, one a line, in the spellings that inputs may have too; empty lines do not matter.
//!
//! A line that is no number is an error, for a typing error must not lead to somebody being contacted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use volley_intake::Normalizer;
use volley_model::Msisdn;

/// Why a file of numbers cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NumberFileError {
    /// The file itself.
    #[error("read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of it.
    #[error("read {path}, line {line}: {why}; every line of a suppression file is one number")]
    NoNumber {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// The file's text.
pub(crate) fn text(path: &Path) -> Result<String, NumberFileError> {
    fs::read_to_string(path).map_err(|source| NumberFileError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// The numbers of a file with this text; `path` is for the error.
pub(crate) fn read(
    path: &Path,
    text: &str,
    normalizer: &Normalizer,
    each: &mut dyn FnMut(Msisdn),
) -> Result<(), NumberFileError> {
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let number = normalizer
            .normalize(line.trim())
            .map_err(|fault| NumberFileError::NoNumber {
                path: path.to_owned(),
                line: at + 1,
                why: fault.to_string(),
            })?;
        each(number);
    }
    Ok(())
}
