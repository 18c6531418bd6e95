//! Where PostgreSQL's programs are, and as which user they run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian keeps the server's programs out of `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";

/// What is said where they are missing.
pub(crate) const INSTALL: &str =
    "the tests need PostgreSQL 15: install it (Debian: apt-get install postgresql-15)";

/// PostgreSQL's programs.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) postgres: PathBuf,
    pub(crate) initdb: PathBuf,
    pub(crate) psql: PathBuf,
}

impl Programs {
    /// # Errors
    ///
    /// The name of the first that is missing.
    pub(crate) fn find() -> Result<Self, &'static str> {
        Ok(Self {
            postgres: find("postgres")?,
            initdb: find("initdb")?,
            psql: find("psql")?,
        })
    }
}

fn find(name: &'static str) -> Result<PathBuf, &'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(DEBIAN)).chain(std::env::split_paths(&path));
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file()).ok_or(name)
}

/// The command of one of them, deaf to what the user's surroundings tell PostgreSQL's programs.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
    // A user of lesser rights may not be let into our folder.
    command.current_dir("/").env("LC_ALL", "C").env("TZ", "UTC");
    command
}

/// The user that PostgreSQL runs as where the tests run as root, which it refuses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LesserUser {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl LesserUser {
    /// `postgres`, which Debian's package makes, else `nobody`.
    pub(crate) fn find() -> Self {
        let id = |kind: &str, name: &str| -> Option<u32> {
            let told = Command::new("id").args([kind, name]).output().ok()?;
            String::from_utf8(told.stdout).ok()?.trim().parse().ok()
        };
        let ids = |name: &str| {
            Some(Self {
                user: id("-u", name)?,
                group: id("-g", name)?,
            })
        };
        ids("postgres")
            .or_else(|| ids("nobody"))
            .expect("PostgreSQL does not run as root: a user postgres or nobody")
    }

    /// What goes before a command so that it runs as this user.
    pub(crate) fn prefix(self) -> String {
        let Self { user, group } = self;
        format!("setpriv --reuid={user} --regid={group} --clear-groups --")
    }
}
