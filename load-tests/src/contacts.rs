//! The contacts of a case, as a file, and what is true of them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use benches::{Corpus, Expected, Numbers};

use crate::error::LoadError;
use crate::scenario::Contacts;

/// Few writes, little memory.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file of contacts.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    pub(crate) expected: Expected,
    corpus: Corpus,
}

impl Written {
    /// Writes it to a file of the folder, named by what it is, unless it is there already.
    pub(crate) fn new(contacts: &Contacts, seed: u64, folder: &Path) -> Result<Self, LoadError> {
        let corpus = contacts.corpus(seed);
        let Contacts {
            recipients,
            plain,
            spread,
            duplicates_percent,
            invalid_percent,
        } = contacts;
        let shape = if *plain { "plain" } else { "lifelike" };
        let name = format!("{shape}-{spread:?}-{recipients}-{duplicates_percent}-{invalid_percent}.ndjson");
        let path = folder.join(name.to_lowercase());
        let expected = corpus.expected();
        if !path.exists() {
            let write = |source| LoadError::Write {
                path: path.clone(),
                source,
            };
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(&path).map_err(write)?);
            corpus.write_to(&mut out).map_err(write)?;
            out.flush().map_err(write)?;
        }
        Ok(Self {
            path,
            expected,
            corpus,
        })
    }

    /// Which numbers are to be reached, each once.
    pub(crate) fn numbers(&self) -> NumberSum {
        let numbers = Numbers::new(self.corpus.spread, self.corpus.recipients, self.corpus.seed);
        let mut sum = NumberSum::default();
        for index in 0..numbers.count() {
            sum.add(numbers.nth(index).e164());
        }
        sum
    }
}

/// A set of numbers, in two words whatever their order: equal sums are equal sets, but for one case in 2^64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NumberSum {
    count: u64,
    sum: u64,
}

impl NumberSum {
    pub(crate) fn add(&mut self, number: u64) {
        // The finaliser of splitmix64.
        let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.count += 1;
        self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 31));
    }
}
