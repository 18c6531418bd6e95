//! One run of one case: the server up, the program run, its account checked, what both used.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::check;
use crate::child::{Launch, Used};
use crate::error::LoadError;
use crate::ledger::{self, Series, Times, as_f64};
use crate::scenario::{Does, Input};
use crate::server::Server;
use crate::stage::{Stage, Workshop, failed};

/// Exits after which a campaign is to be run again: in doubt, stopped answering.
const AGAIN: [i32; 2] = [6, 8];

/// What one run of one case came to.
pub(crate) struct Run {
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) series: Series,
    /// Which bodies were sent, where neither faults nor kills could change that.
    pub(crate) bodies: Option<String>,
}

/// All processes of a case, added up.
#[derive(Default)]
struct Total {
    wall: Duration,
    user: Duration,
    system: Duration,
    peak_bytes: u64,
    runs: u32,
    killed: u32,
}

impl Total {
    fn add(&mut self, used: &Used) {
        self.wall += used.wall;
        self.user += used.user;
        self.system += used.system;
        self.peak_bytes = self.peak_bytes.max(used.peak_bytes);
        self.runs += 1;
    }
}

/// Runs a case once.
pub(crate) fn measure(workshop: &Workshop, stage: &Stage<'_>) -> Result<Run, LoadError> {
    let folder = match &stage.lasting {
        Some(folder) => folder.clone(),
        None => workshop.new_folder()?,
    };
    let server = match stage.case.does {
        Does::Version => None,
        _ => Some(workshop.server(stage.case)?),
    };
    if let Some(server) = &server {
        workshop.write_campaign(stage, server, &folder)?;
    }
    let idle = server.as_ref().map(Server::cpu).transpose()?.unwrap_or_default();
    let (total, last) = run_to_its_end(workshop, stage, server.as_ref(), &folder)?;
    let mut metrics = used_metrics(stage, &total);
    let (mut series, mut bodies) = (Series::default(), None);
    if let Some(server) = server {
        let cpu = server.cpu()?.saturating_sub(idle);
        metrics.insert("server_cpu".to_owned(), cpu.as_secs_f64());
        metrics.insert("server_peak_mb".to_owned(), megabytes(server.peak_bytes()?));
        judge(stage, &server, &total, &last)?;
        if let Some(most) = server.control.stats()?.max_requests_in_any_second {
            metrics.insert("server_most_in_a_second".to_owned(), count(most));
        }
        server.stop()?;
    }
    if stage.case.does == Does::Send && total.runs == 1 {
        let rate = rate(stage);
        let ledger = folder.join("volley.db");
        let times = Times::read(&ledger)?;
        bodies = stage
            .case
            .faults
            .is_empty()
            .then(|| ledger::bodies(&ledger))
            .transpose()?;
        times.metrics(rate, &mut metrics);
        series = times.series(rate);
    }
    if stage.lasting.is_none() {
        fs::remove_dir_all(&folder).map_err(|source| LoadError::Write { path: folder, source })?;
    }
    Ok(Run {
        metrics,
        series,
        bodies,
    })
}

fn judge(stage: &Stage<'_>, server: &Server, total: &Total, last: &Used) -> Result<(), LoadError> {
    match stage.case.does {
        Does::Bare | Does::Peer => check::server(stage.case, &stage.contacts, &server.control),
        Does::Send | Does::Rerun => {
            check::summary(stage.case, &stage.contacts, &summary(last)?, total.runs)?;
            check::server(stage.case, &stage.contacts, &server.control)
        }
        Does::Plan => check::summary(stage.case, &stage.contacts, &summary(last)?, 1),
        Does::Version => Ok(()),
    }
}

/// Once, or, where the scenario has kills and faults, until it ends with 0.
fn run_to_its_end(
    workshop: &Workshop,
    stage: &Stage<'_>,
    server: Option<&Server>,
    folder: &Path,
) -> Result<(Total, Used), LoadError> {
    let case = stage.case;
    let mut total = Total::default();
    loop {
        let share = as_share(total.killed + 1, case.kills + 1);
        let armed = total.killed < case.kills;
        let killed = AtomicBool::new(false);
        let reached = || {
            let stats = server.and_then(|server| server.control.stats().ok());
            let now = stats.is_some_and(|stats| {
                count(stats.recipients) >= share * count(stage.contacts.expected.distinct)
            });
            killed.fetch_or(now, Ordering::Relaxed);
            now
        };
        let mut launch = launch(workshop, stage, server, folder)?;
        if armed {
            launch.kill_when = Some(&reached);
        }
        let used = launch.run()?;
        total.add(&used);
        let by_us = used.signal.is_some() && killed.load(Ordering::Relaxed);
        total.killed += u32::from(by_us);
        if used.exit_code == Some(0) {
            return Ok((total, used));
        }
        let again = by_us || used.exit_code.is_some_and(|code| AGAIN.contains(&code));
        if !again || total.runs > case.kills + case.reruns_max {
            return Err(failed(&case.name, &used));
        }
    }
}

fn launch<'a>(
    workshop: &Workshop,
    stage: &Stage<'_>,
    server: Option<&Server>,
    folder: &'a Path,
) -> Result<Launch<'a>, LoadError> {
    let programs = &workshop.programs;
    let address = server
        .map(|server| server.control.address.clone())
        .unwrap_or_default();
    let words = |words: &[&str]| -> Vec<OsString> { words.iter().map(Into::into).collect() };
    let launch = match stage.case.does {
        Does::Version => return Ok(workshop.launch(&programs.volley, words(&["--version"]), folder)),
        Does::Bare => {
            let args = words(&["bare", "--address", &address, "--prepared"]);
            return Ok(workshop
                .launch(&programs.own, args, folder)
                .and_input(&stage.input));
        }
        Does::Peer => {
            let (program, mut args) = crate::peer::command(&programs.peers, &stage.case.peer);
            args.extend(words(&["--address", &address, "--input"]));
            return Ok(workshop.launch(&program, args, folder).and_input(&stage.input));
        }
        Does::Send | Does::Rerun => workshop.launch(
            &programs.volley,
            words(&["--json", "send", "campaign.toml"]),
            folder,
        ),
        Does::Plan => workshop.launch(
            &programs.volley,
            words(&["--json", "plan", "campaign.toml"]),
            folder,
        ),
    };
    if stage.case.input != Input::Stdin {
        return Ok(launch.and_input(&stage.input));
    }
    let mut launch = launch.and_input(Path::new("-"));
    launch.stdin = Some(File::open(&stage.input).map_err(|source| LoadError::Read {
        path: stage.input.clone(),
        source,
    })?);
    Ok(launch)
}

fn used_metrics(stage: &Stage<'_>, total: &Total) -> BTreeMap<String, f64> {
    let recipients = count(stage.contacts.expected.distinct);
    let (wall, cpu) = (
        total.wall.as_secs_f64(),
        (total.user + total.system).as_secs_f64(),
    );
    [
        ("wall", wall),
        ("cpu", cpu),
        ("user", total.user.as_secs_f64()),
        ("system", total.system.as_secs_f64()),
        ("peak_mb", megabytes(total.peak_bytes)),
        ("cpu_per_million", cpu / recipients * 1e6),
        ("recipients", recipients),
        ("recipients_per_second", recipients / wall),
        ("processes", f64::from(total.runs)),
        ("killed", f64::from(total.killed)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The last line of what it printed.
fn summary(used: &Used) -> Result<Value, LoadError> {
    let line = used.stdout.trim().lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|_| failed("what should print a summary", used))
}

/// What the scenario allows a second, where it says so.
fn rate(stage: &Stage<'_>) -> Option<f64> {
    let limits = stage.case.campaign.get("limits")?;
    limits.get("requests_per_second")?.as_float()
}

fn megabytes(bytes: u64) -> f64 {
    count(bytes) / 1e6
}

fn as_share(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole)
}

fn count(count: u64) -> f64 {
    as_f64(usize::try_from(count).unwrap_or(usize::MAX))
}
