//! Questions on a terminal: before a real send, and before what cannot be undone.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use crate::commands::CommandError;

/// Asks on the terminal; anything but yes is no.
fn agreed(question: &str) -> io::Result<bool> {
    let answer = answer(&format!("{question} [y/N]"))?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks before money is spent: anything but yes is an end with nothing sent.
pub(crate) fn confirmed(question: &str) -> Result<(), CommandError> {
    match agreed(question) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommandError::Unconfirmed(
            "not confirmed; nothing was sent".to_owned(),
        )),
        Err(error) => Err(CommandError::Unconfirmed(format!(
            "the terminal cannot be read: {error}; give --yes to send unasked"
        ))),
    }
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
