//! Where a ledger lies: the file itself and those beside it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::{Absent, LedgerError};

/// Readable and writable by its owner alone: it holds phone numbers.
pub(crate) const MODE: u32 = 0o600;

/// A ledger's files. Symbolic links are resolved first: two names of one ledger must not have two lock files.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) ledger: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) bodies: PathBuf,
    pub(crate) log: PathBuf,
    /// Where a new ledger is prepared before it gets its name.
    pub(crate) draft: PathBuf,
}

impl Place {
    pub(crate) fn at(path: &Path) -> Result<Self, LedgerError> {
        let failed = |error| LedgerError::file(path, "finding the ledger", error);
        let ledger = match fs::canonicalize(path) {
            Ok(ledger) => ledger,
            // A link whose file is gone: perhaps a disk that is not mounted, certainly no place for a new ledger.
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_ok() => {
                return Err(LedgerError::displaced(
                    path,
                    "it is a link to a file that is not there",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = path.file_name().ok_or(error).map_err(failed)?;
                folder_of(path)?.join(name)
            }
            Err(error) => return Err(failed(error)),
        };
        let beside = |suffix: &str| {
            let mut name = OsString::from(ledger.as_os_str());
            name.push(suffix);
            PathBuf::from(name)
        };
        Ok(Self {
            folder: ledger.parent().unwrap_or(Path::new("/")).to_owned(),
            lock: beside("-lock"),
            bodies: beside("-bodies"),
            log: beside("-wal"),
            draft: beside("-new"),
            ledger,
        })
    }

    /// A ledger on a server: it has a name, and no files.
    pub(crate) fn on_server(name: &str) -> Self {
        Self {
            ledger: PathBuf::from(name),
            folder: PathBuf::new(),
            lock: PathBuf::new(),
            bodies: PathBuf::new(),
            log: PathBuf::new(),
            draft: PathBuf::new(),
        }
    }

    /// No ledger here, and none to be made.
    pub(crate) fn missing(self) -> LedgerError {
        LedgerError::Missing {
            path: self.ledger,
            absent: Absent::Ledger,
        }
    }

    /// Whether the ledger itself is there.
    pub(crate) fn has_ledger(&self) -> Result<bool, LedgerError> {
        present(&self.ledger)
    }

    pub(crate) fn has_lock(&self) -> Result<bool, LedgerError> {
        present(&self.lock)
    }

    /// A file of a ledger that itself is gone.
    pub(crate) fn leftover(&self) -> Result<Option<&Path>, LedgerError> {
        for path in [&self.log, &self.bodies] {
            if present(path)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// The ledger's inode: a copy has another one. The device is left out, since it changes on re-mount.
    pub(crate) fn inode(&self) -> Result<u64, LedgerError> {
        let metadata = fs::metadata(&self.ledger);
        let metadata =
            metadata.map_err(|error| LedgerError::file(&self.ledger, "looking at the ledger", error))?;
        Ok(metadata.ino())
    }

    /// Makes the folder's entries durable. SQLite ignores errors of this one, hence our own.
    pub(crate) fn sync_folder(&self) -> Result<(), LedgerError> {
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| LedgerError::file(&self.folder, "syncing the folder", error))
    }
}

/// The folder of a file that is not there, symbolic links resolved.
fn folder_of(path: &Path) -> Result<PathBuf, LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::canonicalize(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LedgerError::Missing {
            path: path.to_owned(),
            absent: Absent::Folder(folder.to_owned()),
        },
        _ => LedgerError::file(path, "finding the ledger", error),
    })
}

/// Opens a file for reading and writing, ours alone.
pub(crate) fn open_private(path: &Path, make: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(make)
        .truncate(false)
        .mode(MODE)
        .open(path)
}

fn present(path: &Path) -> Result<bool, LedgerError> {
    path.try_exists()
        .map_err(|error| LedgerError::file(path, "looking at the file", error))
}
