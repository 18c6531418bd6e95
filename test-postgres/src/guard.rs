//! PostgreSQL as a child of a small shell script, which ends it when the test process ends, however that ends.
//!
//! Bounds: PostgreSQL gets [`PATIENCE`] to be ready and to be gone.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

const SCRIPT: &str = include_str!("guard.sh");
const PATIENCE: Duration = Duration::from_mins(2);

/// The script and its pipe. Dropped: PostgreSQL and its folder are gone.
pub(crate) struct Guard {
    child: Child,
    /// `None` only while it is dropped.
    words: Option<ChildStdin>,
    /// A message each time PostgreSQL says that it is ready; disconnected when the last of its processes is gone.
    ready: Receiver<()>,
}

impl Guard {
    /// Runs the script in the shell that `command` is.
    pub(crate) fn new(mut command: Command, arguments: impl IntoIterator<Item = String>, log: &Path) -> Self {
        command
            .args(["-c", SCRIPT, "guard"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What ends the test's whole group, a terminal or a test runner, is to leave the guard at work.
            .process_group(0);
        let mut child = command.spawn().expect("a shell");
        let words = child.stdin.take();
        let told = child.stdout.take().expect("its stdout");
        let (tell, ready) = channel();
        let file = File::options().create(true).append(true).open(log);
        let file = file.expect("PostgreSQL's log");
        thread::spawn(move || keep(told, file, &tell));
        Self { child, words, ready }
    }

    /// Whether PostgreSQL answers; otherwise it has ended, and its log says why.
    pub(crate) fn is_ready(&self) -> bool {
        let told = self.ready.recv_timeout(PATIENCE);
        assert_ne!(
            told,
            Err(RecvTimeoutError::Timeout),
            "PostgreSQL starts too slowly"
        );
        told.is_ok()
    }

    /// Says a word of the script's, and waits until PostgreSQL is gone.
    pub(crate) fn take_away(&mut self, word: &str) {
        self.say(word);
        let mut told = Ok(());
        while told.is_ok() {
            told = self.ready.recv_timeout(PATIENCE);
        }
        assert_ne!(told, Err(RecvTimeoutError::Timeout), "PostgreSQL ends too slowly");
    }

    /// Ends the script; PostgreSQL, which was taken away, leaves its folder.
    pub(crate) fn leave(mut self) {
        self.say("leave");
    }

    fn say(&mut self, word: &str) {
        let words = self.words.as_mut().expect("open until dropped");
        // Where it fails the script has ended, and PostgreSQL with it or before it.
        let _ = writeln!(words, "{word}");
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.child.wait();
    }
}

/// Writes PostgreSQL's log until its end.
fn keep(told: ChildStdout, mut log: File, ready: &Sender<()>) {
    for line in BufReader::new(told).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line);
        // The log is for people; that it cannot be written fails no test.
        let _ = writeln!(log, "{line}");
        if line.ends_with("database system is ready to accept connections") {
            // Nobody may be waiting any more.
            let _ = ready.send(());
        }
    }
}
