//! One database of a server, and a look into it from outside.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use crate::programs::command;

/// The role that owns the databases, and its password.
pub(crate) const ROLE: &str = "volley";
pub(crate) const PASSWORD: &str = "pw";

/// A database of its own, owned by a role that may do nothing else.
#[derive(Debug, Clone)]
pub struct Database {
    pub(crate) psql: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) port: u16,
    pub(crate) name: String,
}

impl Database {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `postgres://volley:pw@127.0.0.1:PORT/NAME`.
    pub fn url(&self) -> String {
        self.url_with("127.0.0.1", "")
    }

    /// The same for a server with a certificate for this host, no connection without TLS being accepted.
    pub fn url_tls(&self, host: &str) -> String {
        self.url_with(host, "sslmode=require")
    }

    /// The same with another host and with parameters, `application_name=a&connect_timeout=5` for example.
    pub fn url_with(&self, host: &str, parameters: &str) -> String {
        let Self { port, name, .. } = self;
        let mark = if parameters.is_empty() { "" } else { "?" };
        format!("postgres://{ROLE}:{PASSWORD}@{host}:{port}/{name}{mark}{parameters}")
    }

    /// What `psql -XAtq` prints, statement by statement, as the owner: rows by lines, columns apart by `|`. A statement
    /// outside `BEGIN` and `COMMIT` is a transaction of its own.
    ///
    /// # Panics
    ///
    /// At the first statement that fails, with what PostgreSQL says.
    pub fn psql(&self, sql: &str) -> String {
        self.try_psql(sql).unwrap_or_else(|error| refused(sql, &error))
    }

    /// The same, or what PostgreSQL says against it.
    ///
    /// # Errors
    ///
    /// What stands on stderr of a psql that failed.
    pub fn try_psql(&self, sql: &str) -> Result<String, String> {
        self.psql_as(ROLE, sql)
    }

    /// The same as another role: `postgres` is the superuser.
    ///
    /// # Errors
    ///
    /// What stands on stderr of a psql that failed.
    pub fn psql_as(&self, role: &str, sql: &str) -> Result<String, String> {
        let mut psql = command(&self.psql)
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", role, "-d", &self.name])
            .args(["-p", &self.port.to_string(), "-h"])
            .arg(&self.socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql");
        // By a thread: psql stops reading while nobody reads what it prints.
        let mut stdin = psql.stdin.take().expect("its stdin");
        let sql = sql.to_owned();
        let write = std::thread::spawn(move || stdin.write_all(sql.as_bytes()));
        let told = psql.wait_with_output().expect("psql");
        // A psql that failed has not read all of it, and says so itself.
        let _ = write.join();
        if told.status.success() {
            let text = String::from_utf8_lossy(&told.stdout);
            Ok(text.trim_end_matches('\n').to_owned())
        } else {
            Err(String::from_utf8_lossy(&told.stderr).into_owned())
        }
    }
}

#[expect(clippy::panic, reason = "this crate is for tests, and here one fails")]
pub(crate) fn refused(sql: &str, error: &str) -> ! {
    panic!("{sql}\n{error}")
}
