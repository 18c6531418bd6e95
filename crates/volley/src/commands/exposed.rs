//! Passwords on the command line: every process of this machine may read them there.

use std::env;
use std::path::Path;

use super::account;
use crate::cli::Common;

/// Warns, once, of a server's address with a password among the arguments. One from the environment is its user's alone.
pub(super) fn warn(common: &Common) {
    let is_exposed = env::args_os().any(|argument| {
        let argument = argument.to_string_lossy();
        let value = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => value,
            _ => &argument,
        };
        volley_ledger::has_password(Path::new(value))
    });
    if is_exposed {
        account::warn(common)(
            "everybody on this machine can read the password on the command line; put the address into VOLLEY_LEDGER, or the \
             password into PGPASSWORD or the file that PGPASSFILE names"
                .to_owned(),
        );
    }
}
