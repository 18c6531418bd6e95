//! Where the figures come from: the machine and the commit.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::scenario;

/// What a figure is worth without.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// Its model.
    pub processor: String,
    /// How many of them we may use.
    pub cores: usize,
    /// Rounded up.
    pub memory_gib: u64,
    /// Kernel and release.
    pub system: String,
    /// Whether the program and its server had a core each.
    pub pinned: bool,
}

impl Machine {
    pub(crate) fn this(pinned: bool) -> Self {
        let field = |path: &str, name: &str| -> Option<String> {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
            .unwrap_or_default();
        let system = rustix::system::uname();
        Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: memory_kib.div_ceil(1024 * 1024),
            system: format!(
                "{} {}",
                system.sysname().to_string_lossy(),
                system.release().to_string_lossy()
            ),
            pinned,
        }
    }
}

/// The commit that the programs were built from, as far as git tells; with a plus if files had changed.
pub(crate) fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(args)
            .current_dir(scenario::folder())
            .output();
        output
            .ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        Some(commit) => {
            let changed = git(&[
                "status",
                "--porcelain",
                "--",
                "../crates",
                "../mock-server",
                "../Cargo.lock",
                "src",
            ])
            .is_some_and(|text| !text.is_empty());
            commit + if changed { "+" } else { "" }
        }
        None => "unknown".to_owned(),
    }
}
