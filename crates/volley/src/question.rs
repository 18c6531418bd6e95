//! Questions on a terminal: before a real send, and before what cannot be undone.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Asks on the terminal; anything but yes is no.
pub(crate) fn agreed(question: &str) -> io::Result<bool> {
    let answer = answer(&format!("{question} [y/N]"))?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// What is typed, without white space around it. It comes from the terminal itself, so that a redirected standard input
/// answers nothing by accident.
pub(crate) fn answer(question: &str) -> io::Result<String> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} ")?;
    stderr.flush()?;
    let mut answer = String::new();
    BufReader::new(File::open("/dev/tty")?).read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}
