//! Tests that need something of the machine: each says loudly that it was skipped, or fails where it must not be.
//!
//! Input: `VOLLEY_TESTS_MUST_NOT_SKIP`, the names of what this machine is known to have, apart by spaces.
//! Output: a line `SKIPPED: name: why` on stderr, past the harness, which hides what a passing test prints.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a test may need.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// The program, and the right to trace our own processes.
    Strace,
    /// The program.
    Nginx,
    /// The program.
    Curl,
    /// The program.
    Python3,
    /// The program, version 250 or newer.
    SystemdAnalyze,
    /// The right to mount a file system.
    Mount,
    /// The right to make network namespaces with wires between them, and iproute2 for it.
    Namespaces,
    /// The browser.
    Chromium,
    /// pandas, and DuckDB with its reader of SQLite, in the Python that [`python`] names.
    DataTools,
    /// The program, of util-linux: it gives a command a terminal.
    Script,
    /// SQLite's shell, new enough for exact decimals.
    Sqlite3,
}

/// Makes a network namespace with a wire in it, runs something there, and takes it away again.
const MAKE_NAMESPACE: &str = "
name=vlyprobe-$$
ip netns add $name || exit
ip -n $name link add name near type veth peer name far && ip netns exec $name true
code=$?
ip netns del $name
exit $code";

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Strace => "strace",
            Self::Nginx => "nginx",
            Self::Curl => "curl",
            Self::Python3 => "python3",
            Self::SystemdAnalyze => "systemd-analyze",
            Self::Mount => "mount",
            Self::Namespaces => "namespaces",
            Self::Chromium => "chromium",
            Self::DataTools => "data-tools",
            Self::Script => "script",
            Self::Sqlite3 => "sqlite3",
        }
    }

    /// Whether it is there; otherwise the test is to return, having been skipped.
    #[track_caller]
    pub(crate) fn is_met(self) -> bool {
        let lacking = match self {
            Self::Strace => lacking("strace", &["-o", "/dev/null", "true"]),
            Self::Nginx => lacking("nginx", &["-v"]),
            Self::Curl => lacking("curl", &["--version"]),
            Self::Python3 => lacking("python3", &["--version"]),
            Self::SystemdAnalyze => lacking("systemd-analyze", &["--version"]),
            Self::Mount => lacking("mount", &["--fake", "-t", "tmpfs", "tmpfs", "/mnt"])
                .or_else(|| (!rustix::process::geteuid().is_root()).then(|| "only root may".to_owned())),
            Self::Namespaces => lacking("sh", &["-c", MAKE_NAMESPACE]),
            Self::Chromium => lacking("chromium", &["--version"]),
            Self::DataTools => lacking(
                &python(),
                &["-c", "import duckdb, duckdb_extension_sqlite_scanner, pandas"],
            ),
            Self::Script => lacking("script", &["-qec", "true", "/dev/null"]),
            Self::Sqlite3 => lacking("sqlite3", &["-bail", ":memory:", "SELECT decimal_sum('1')"]),
        };
        lacking.is_none_or(|why| self.skip(&why))
    }

    /// Says that the running test is skipped. Always false.
    #[track_caller]
    pub(crate) fn skip(self, why: &str) -> bool {
        let name = self.name();
        let must = std::env::var("VOLLEY_TESTS_MUST_NOT_SKIP").unwrap_or_default();
        assert!(
            !must.split_whitespace().any(|needed| needed == name),
            "{name} is needed here: {why}"
        );
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let line = format!("SKIPPED: {test}: {name}: {why}\n");
        std::io::stderr()
            .write_all(line.as_bytes())
            .expect("an open stderr");
        false
    }
}

/// The Python of `VOLLEY_TESTS_PYTHON`, else that of the machine.
pub(crate) fn python() -> String {
    std::env::var("VOLLEY_TESTS_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Why a program cannot be used.
fn lacking(program: &str, args: &[&str]) -> Option<String> {
    let tried = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match tried {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("{program} ends with {status}")),
        Err(error) => Some(format!("{program}: {error}")),
    }
}
