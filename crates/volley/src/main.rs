//! The binary: allocator, arguments, exit code. Everything else is the library's.

use std::ffi::OsString;
use std::process::ExitCode;

use volley::cli::Cli;
use volley::exit::Exit;

/// Batches are allocated by the intake thread and freed by the dispatcher: what mimalloc is good at. SQLite allocates by it
/// too (feature `override`): the C library's own asks the kernel for each page that is kept outside of the main thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A panic has printed itself; it is a bug, and 1 says so.
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit = std::panic::catch_unwind(|| match Cli::read(&arguments) {
        Ok(cli) => volley::commands::run(cli),
        Err(error) => volley::commands::usage(&error),
    })
    .unwrap_or_else(|_| volley::commands::bug());
    raise(exit);
    exit.into()
}

/// After a clean end by a signal, the signal's default action: so shells see what ended us. Process 1 has no default
/// action, and returns the code.
fn raise(exit: Exit) {
    if let Some(signal) = exit.signal()
        && std::process::id() != 1
    {
        // If it fails we end with the code for it.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
}
