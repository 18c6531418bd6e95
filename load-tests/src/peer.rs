//! The command of a peer.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::scenario;

/// The program and its first arguments. A word that names a file of `load-tests/peers/` becomes its path; `python` and
/// `node_modules` are those that `load-tests/peers/setup.sh` installed.
pub(crate) fn command(installed: &Path, words: &[String]) -> (PathBuf, Vec<OsString>) {
    let peers = scenario::folder().join("peers");
    let mut words = words.iter().map(|word| match word.as_str() {
        "python" => installed.join("venv/bin/python"),
        "node_modules" => installed.join("node_modules"),
        word if peers.join(word).is_file() => peers.join(word),
        word => word.into(),
    });
    let program = words.next().unwrap_or_default();
    (program, words.map(PathBuf::into_os_string).collect())
}
