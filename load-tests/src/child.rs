//! A program that is run to its end, and what it used.
//!
//! Input: a [`Launch`]. Output: [`Used`]: wall time, CPU time of all its threads, peak memory, exit code, what it printed.
//! Bounds: a program that is not done in time is killed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use wait4::Wait4;

use crate::error::LoadError;
use crate::pin::pinned;

/// How often it is asked whether the time to kill has come.
const LOOK: Duration = Duration::from_millis(3);

/// What to run, and how.
pub(crate) struct Launch<'a> {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Where it runs, and where what it prints is kept.
    pub(crate) folder: &'a Path,
    pub(crate) stdin: Option<File>,
    pub(crate) core: Option<usize>,
    pub(crate) deadline: Instant,
    /// Says when the program is to be killed, as a crash would end it.
    pub(crate) kill_when: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// What a program used.
#[derive(Debug, Clone)]
pub(crate) struct Used {
    pub(crate) wall: Duration,
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// Of the program. The kernel counts what we held ourselves when we started it as well: we stay small.
    pub(crate) peak_bytes: u64,
    /// `None`: ended by a signal.
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Launch<'_> {
    /// Runs it to its end.
    ///
    /// # Errors
    /// It cannot be started, or is not done in time. How it ends is told, and judged by whoever asked.
    pub(crate) fn run(self) -> Result<Used, LoadError> {
        let (out, err) = (self.folder.join("stdout"), self.folder.join("stderr"));
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(self.folder)
            .env("OCTOPUSH_API_LOGIN", "load@example.org")
            .env("OCTOPUSH_API_KEY", "load-test")
            .env("EXOTEL_API_KEY", "load-test")
            .env("EXOTEL_API_TOKEN", "load-test")
            .stdin(self.stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(create(&out)?)
            .stderr(create(&err)?);
        let started = Instant::now();
        let child = pinned(self.core, || command.spawn())?.map_err(|source| LoadError::Start {
            program: self.program.clone(),
            source,
        })?;
        let pid = Pid::from_child(&child);
        let (done, told) = channel();
        let (deadline, kill_when) = (self.deadline, self.kill_when);
        let (ended, wall, ending) = thread::scope(|scope| {
            let watch = scope.spawn(move || watch(pid, &told, deadline, kill_when));
            let ended = child.wait4();
            let wall = started.elapsed();
            drop(done);
            (ended, wall, watch.join())
        });
        let ended = ended.map_err(|source| LoadError::Wait {
            program: self.program.clone(),
            source,
        })?;
        if !matches!(ending, Ok(Ending::InTime)) {
            return Err(LoadError::Time(self.program.display().to_string()));
        }
        Ok(Used {
            wall,
            user: ended.rusage.utime,
            system: ended.rusage.stime,
            peak_bytes: ended.rusage.maxrss,
            exit_code: ended.status.code(),
            signal: ended.status.signal(),
            stdout: read(&out)?,
            stderr: read(&err)?,
        })
    }
}

/// Whether the time was enough.
enum Ending {
    InTime,
    TooLate,
}

fn watch(
    pid: Pid,
    told: &Receiver<()>,
    deadline: Instant,
    kill_when: Option<&(dyn Fn() -> bool + Sync)>,
) -> Ending {
    let kill = || {
        // It may have ended in the meantime, which is as good.
        let _ = kill_process(pid, Signal::KILL);
    };
    let mut armed = kill_when;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let pause = if armed.is_some() { LOOK.min(left) } else { left };
        if told.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return Ending::InTime;
        }
        if armed.is_some_and(|now| now()) {
            kill();
            armed = None;
        } else if Instant::now() >= deadline {
            kill();
            return Ending::TooLate;
        }
    }
}

fn create(path: &Path) -> Result<File, LoadError> {
    File::create(path).map_err(|source| LoadError::Write {
        path: path.into(),
        source,
    })
}

fn read(path: &PathBuf) -> Result<String, LoadError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(source) => Err(LoadError::Read {
            path: path.clone(),
            source,
        }),
    }
}
