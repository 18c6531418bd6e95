//! The question before a real send on a terminal.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Asks on the terminal; anything but yes is no. The answer comes from the terminal itself, so that a redirected
/// standard input answers nothing by accident.
pub(crate) fn agreed(question: &str) -> io::Result<bool> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    BufReader::new(File::open("/dev/tty")?).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
