//! The inputs of a run: files and standard input, all opened before anything is sent.
//!
//! Reading what may block for ever (a pipe, a terminal) can be woken: a stop must not wait for the next line.
//! Bounds: none of its own; the intake reads in blocks.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, poll};

use crate::config::file::nearest;

/// What rejections and errors call standard input.
pub const STDIN_NAME: &str = "-";

/// An opened input.
pub struct Input {
    /// How it is called in rejections: the path as given, or `-`.
    pub name: String,
    /// Its bytes.
    pub bytes: Box<dyn Read + Send>,
}

/// Why an input cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be opened.
    #[error("open input {name}: {source}{hint}")]
    Open {
        /// The path as given.
        name: String,
        /// What may be meant.
        hint: String,
        /// Why.
        source: io::Error,
    },
    /// It is a folder.
    #[error("read input {name}: it is a directory; name the files in it")]
    Directory {
        /// The path as given.
        name: String,
    },
    /// No input was named, and standard input has nothing.
    #[error("read standard input: it is empty; name an input file, or pipe one in")]
    EmptyImplicit,
    /// No input was named, and standard input is a terminal.
    #[error("find an input: name a file, or pipe one into standard input")]
    Terminal,
    /// Standard input is named more than once.
    #[error("read standard input twice: name - once")]
    StdinTwice,
    /// The wake pipe cannot be made.
    #[error("watch the inputs: {0}")]
    Wake(io::Error),
}

impl InputError {
    /// Whether the command line is at fault, rather than the input.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Terminal | Self::StdinTwice)
    }
}

/// Inputs that are open.
pub struct Opened {
    /// In the order given.
    pub inputs: Vec<Input>,
    /// Ends blocked reading when dropped.
    pub waker: Waker,
    /// How far the reading is.
    pub extent: Extent,
}

/// How many bytes of the inputs are read, of how many: as they lie on the disk, compressed ones compressed.
#[derive(Debug, Clone, Default)]
pub struct Extent {
    read: Arc<AtomicU64>,
    /// `None` where an input is no regular file.
    total: Option<u64>,
}

impl Extent {
    /// The share that is read, 0 to 1; `None` where the whole is not known.
    pub fn share(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "a share for a display")]
        let share = self.read.load(Ordering::Relaxed) as f64 / total as f64;
        Some(share.min(1.0))
    }
}

/// Ends all reading of a run's inputs when dropped, blocked or not: the next read fails with [`Stopped`].
pub struct Waker {
    stopped: Arc<AtomicBool>,
    _write_end: OwnedFd,
}

impl Drop for Waker {
    fn drop(&mut self) {
        // Before the pipe's end closes, which is what wakes a blocked reader.
        self.stopped.store(true, Ordering::Release);
    }
}

/// The run was stopped while it read: no fault of the input's, and no end of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run was stopped")]
pub struct Stopped;

impl Stopped {
    /// Whether this is why a read failed.
    pub fn is_why(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

/// Which inputs a command line names.
#[derive(Debug, Clone)]
pub struct Inputs {
    paths: Vec<PathBuf>,
}

impl Inputs {
    /// The inputs as given; none means standard input.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths }
    }

    /// Whether standard input is among them.
    pub fn has_stdin(&self) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|path| path == Path::new(STDIN_NAME))
    }

    /// Opens all of them, in the order given.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub fn open(&self) -> Result<Opened, InputError> {
        let stdins = self
            .paths
            .iter()
            .filter(|path| **path == Path::new(STDIN_NAME))
            .count();
        if stdins > 1 {
            return Err(InputError::StdinTwice);
        }
        let (read_end, write_end) = rustix::pipe::pipe().map_err(|error| InputError::Wake(error.into()))?;
        let mut extent = Extent {
            total: Some(0),
            ..Extent::default()
        };
        let stopped = Arc::new(AtomicBool::new(false));
        let watch = Watch {
            read_end,
            stopped: Arc::clone(&stopped),
        };
        let inputs = if self.paths.is_empty() {
            vec![implicit_stdin(&watch, &mut extent)?]
        } else {
            self.paths
                .iter()
                .map(|path| open(path, &watch, &mut extent))
                .collect::<Result<_, _>>()?
        };
        Ok(Opened {
            inputs,
            waker: Waker {
                stopped,
                _write_end: write_end,
            },
            extent,
        })
    }
}

fn open(path: &Path, watch: &Watch, extent: &mut Extent) -> Result<Input, InputError> {
    let name = path.display().to_string();
    let failed = |source| InputError::Open {
        name: name.clone(),
        hint: beside(path, &source),
        source,
    };
    let file = if path == Path::new(STDIN_NAME) {
        File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?)
    } else {
        File::open(path).map_err(failed)?
    };
    let kind = file.metadata().map_err(failed)?;
    if kind.is_dir() {
        return Err(InputError::Directory { name });
    }
    extent.total = extent
        .total
        .filter(|_| kind.is_file())
        .map(|total| total + kind.len());
    let wakeable = Wakeable {
        file,
        wake: watch.read_end.try_clone().map_err(failed)?,
    };
    let source = if kind.is_file() {
        Source::Regular(wakeable.file)
    } else {
        Source::Wakeable(wakeable)
    };
    Ok(Input {
        name,
        bytes: Box::new(Counted {
            source,
            read: Arc::clone(&extent.read),
            stopped: Arc::clone(&watch.stopped),
        }),
    })
}

/// The words behind an input that is not there: the file of its folder whose name is nearest.
fn beside(path: &Path, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::NotFound {
        return String::new();
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or(Path::new(".")))
        .into_iter()
        .flatten();
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(name) => format!("; did you mean {}?", path.with_file_name(name).display()),
        None => "; correct the path".to_owned(),
    }
}

/// Standard input that nobody named: a forgotten argument must not look like an empty campaign.
fn implicit_stdin(watch: &Watch, extent: &mut Extent) -> Result<Input, InputError> {
    if io::stdin().is_terminal() {
        return Err(InputError::Terminal);
    }
    let mut input = open(Path::new(STDIN_NAME), watch, extent)?;
    let mut first = [0u8; 1];
    let failed = |source| InputError::Open {
        name: STDIN_NAME.to_owned(),
        hint: String::new(),
        source,
    };
    if input.bytes.read(&mut first).map_err(failed)? == 0 {
        return Err(InputError::EmptyImplicit);
    }
    input.bytes = Box::new(io::Cursor::new(first).chain(input.bytes));
    Ok(input)
}

/// A regular file never blocks for ever; anything else may.
enum Source {
    Regular(File),
    Wakeable(Wakeable),
}

/// How the inputs hear of a stop.
struct Watch {
    read_end: OwnedFd,
    stopped: Arc<AtomicBool>,
}

/// A source whose bytes are counted, until the run is stopped.
struct Counted {
    source: Source,
    read: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match &mut self.source {
            Source::Regular(file) => file.read(buffer),
            Source::Wakeable(wakeable) => wakeable.read(buffer),
        }?;
        // Asked after the read: a wake-up ends it with nothing read.
        if self.stopped.load(Ordering::Acquire) {
            return Err(io::Error::other(Stopped));
        }
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// A reader that blocks until there are bytes, or until the run's [`Waker`] is dropped.
struct Wakeable {
    file: File,
    wake: OwnedFd,
}

impl Read for Wakeable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut watched = [
            PollFd::new(&self.file, PollFlags::IN),
            PollFd::new(&self.wake, PollFlags::IN),
        ];
        loop {
            match poll(&mut watched, None) {
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Nothing is ever written to the wake pipe: any event on it is its other end being closed.
        if watched[1].revents().is_empty() {
            self.file.read(buffer)
        } else {
            Ok(0)
        }
    }
}
