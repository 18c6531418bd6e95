//! A file that is there whole or not at all: written beside its place, and renamed into it. Only its owner may read it.
//!
//! What is no regular file, a pipe or a device, is written as it is: to rename into its place would put a file there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// See the module.
pub(super) struct WholeFile {
    place: Place,
    path: PathBuf,
}

enum Place {
    Beside(NamedTempFile),
    There(File),
}

impl WholeFile {
    /// Begins one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
        let place = if is_special {
            Place::There(File::options().write(true).open(path)?)
        } else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            // Asked first: a folder that is not there is not told by the name of a file that nobody knows.
            fs::metadata(folder)?;
            Place::Beside(NamedTempFile::new_in(folder)?)
        };
        Ok(Self {
            place,
            path: path.to_owned(),
        })
    }

    /// Puts it in its place, on disk.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.place {
            Place::Beside(file) => {
                file.as_file().sync_all()?;
                file.persist(&self.path).map(drop).map_err(|error| error.error)
            }
            Place::There(_) => Ok(()),
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            // Not by the temporary file's own way, whose errors name it.
            Place::Beside(file) => file.as_file_mut().write(bytes),
            Place::There(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
