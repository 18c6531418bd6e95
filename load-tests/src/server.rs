//! The server of a run: the mock or the counting server as a process of its own, on its own core.
//!
//! It ends with its guard, whatever happens before.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::control::Control;
use crate::error::LoadError;
use crate::pin::pinned;

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Held, so that the server may write to it.
    _stdout: BufReader<ChildStdout>,
    pub(crate) control: Control,
}

/// How it is started.
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: Vec<String>,
    pub(crate) core: Option<usize>,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

impl Start<'_> {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(self) -> Result<Server, LoadError> {
        let mut command = Command::new(self.program);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = pinned(self.core, || command.spawn())?.map_err(|source| LoadError::Start {
            program: self.program.into(),
            source,
        })?;
        let silent = || LoadError::Server("it did not say where it listens".to_owned());
        let mut stdout = BufReader::new(child.stdout.take().ok_or_else(silent)?);
        let mut line = String::new();
        let told = stdout.read_line(&mut line);
        let address = line
            .trim()
            .rsplit_once("//")
            .map(|(_, address)| address.to_owned());
        let address = address.filter(|_| told.is_ok()).ok_or_else(silent)?;
        Ok(Server {
            child,
            _stdout: stdout,
            control: Control {
                address,
                tls: self.tls,
            },
        })
    }
}

impl Server {
    /// What its threads have used so far. It waits for requests while it is asked, so nothing runs on.
    pub(crate) fn cpu(&self) -> Result<Duration, LoadError> {
        let tasks = self.process("task");
        let read = |source| LoadError::Read {
            path: tasks.clone(),
            source,
        };
        let mut nanoseconds = 0;
        for task in fs::read_dir(&tasks).map_err(read)? {
            let text = fs::read_to_string(task.map_err(read)?.path().join("schedstat")).map_err(read)?;
            nanoseconds += text
                .split(' ')
                .next()
                .and_then(|ran| ran.parse::<u64>().ok())
                .unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Its peak memory so far.
    pub(crate) fn peak_bytes(&self) -> Result<u64, LoadError> {
        let path = self.process("status");
        let text = fs::read_to_string(&path).map_err(|source| LoadError::Read { path, source })?;
        let kilobytes = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        Ok(kilobytes.unwrap_or_default() * 1024)
    }

    /// Lets it finish what it keeps, and waits for its end.
    pub(crate) fn stop(mut self) -> Result<(), LoadError> {
        self.terminate();
        let status = self
            .child
            .wait()
            .map_err(|error| LoadError::Server(error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        Err(LoadError::Server(format!("it ended with {status}")))
    }

    fn terminate(&self) {
        // It may have ended by itself, which its status tells.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    fn process(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not stopped in order: something failed, and nobody waits for it any more.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
