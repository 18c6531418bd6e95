//! Every message of an end that is no success, as a user meets it: provoked, and held as a snapshot for each exit code.
//!
//! A message says what happened, where, and what to do. Whoever changes one reads the diff of a snapshot
//! (`INSTA_UPDATE=always cargo test -p volley --test it messages` writes them).
//! Not here: 1, a bug, which no command line provokes, and what a signal leaves.

mod campaign_file;
mod environment;
mod inputs;
mod ledger;
mod provider;
mod usage;

use std::any::Any;
use std::fmt::Write as _;
use std::sync::Mutex;

use test_postgres::{Database, Server};

use crate::disk::full::Tmpfs;
use crate::support::{End, Sandbox, check_rows};

/// One message.
struct Row {
    what: &'static str,
    /// Words with spaces stand in single quotes; `MOCK` is the mock's address.
    args: &'static str,
    mock: &'static str,
    prepare: fn(&Sandbox),
    hold: fn(&Sandbox) -> Box<dyn Any>,
    env: &'static [(&'static str, &'static str)],
    stdin: Option<&'static str>,
}

impl Row {
    /// `volley ARGS` in a folder with a campaign file and five contacts for one batch, beside a mock.
    fn new(what: &'static str, args: &'static str) -> Self {
        Self {
            what,
            args,
            mock: "",
            prepare: |_| {},
            hold: |_| Box::new(()),
            env: &[],
            stdin: None,
        }
    }

    /// With a mock of these settings.
    fn mock(self, mock: &'static str) -> Self {
        Self { mock, ..self }
    }

    /// After this.
    fn after(self, prepare: fn(&Sandbox)) -> Self {
        Self { prepare, ..self }
    }

    /// While this is held.
    fn holding(self, hold: fn(&Sandbox) -> Box<dyn Any>) -> Self {
        Self { hold, ..self }
    }

    /// With these variables in the environment; an empty one counts as none.
    fn env(self, env: &'static [(&'static str, &'static str)]) -> Self {
        Self { env, ..self }
    }

    /// With this in a pipe as standard input.
    fn stdin(self, stdin: &'static str) -> Self {
        Self {
            stdin: Some(stdin),
            ..self
        }
    }

    /// What is shown.
    fn shown(&self, code: i32) -> String {
        let sandbox = Sandbox::with_mock(self.mock);
        sandbox.prepare(5, 10);
        (self.prepare)(&sandbox);
        let _held = (self.hold)(&sandbox);
        let args = self.args.replace("MOCK", &sandbox.mock().base_url());
        let mut run = sandbox.volley(words(&args));
        for (name, value) in self.env {
            run = run.env(name, value);
        }
        if let Some(stdin) = self.stdin {
            run = run.stdin(stdin);
        }
        let end = run.run();
        assert_eq!(end.code(), code, "{}\n{end}", self.what);
        assert!(!end.stderr.is_empty() || !end.stdout.is_empty(), "{}", self.what);
        format!(
            "## {}\n$ volley {}\n{}\n",
            self.what,
            self.args,
            steady(&sandbox, &end)
        )
    }
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (nth, part) in line.split('\'').enumerate() {
        if nth % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Both streams, without the account of a run, and with what differs from run to run taken out: folders, ports, process
/// ids, times, and how far a run got before it stopped.
fn steady(sandbox: &Sandbox, end: &End) -> String {
    let mut text = String::new();
    for line in end.stdout.lines().chain(end.stderr.lines()) {
        match line.split_once(" batches in doubt") {
            Some((_, rest)) => writeln!(text, "N batches in doubt{rest}"),
            None if is_account(line) => Ok(()),
            None => writeln!(text, "{line}"),
        }
        .expect("memory");
    }
    let folder = sandbox.path("").canonicalize().expect("a folder");
    let text = text
        .replace(&format!("{}/", folder.display()), "")
        .replace(&format!("{}", folder.display()), "FOLDER")
        .replace(&sandbox.path("").display().to_string(), "");
    ["127.0.0.1:", "localhost:", "(pid "]
        .iter()
        .fold(text, |text, before| without_number(&text, before))
}

/// Whether it is a line of a summary's or a plan's figures; or of what is tried again, which is logged as often as it takes.
fn is_account(line: &str) -> bool {
    let figures = [
        " ticket for ",
        " tickets for ",
        " messages in ",
        " request (",
        " requests (",
    ];
    ["     ", "cost ", "credit left ", "takes "]
        .iter()
        .any(|begin| line.starts_with(begin))
        || figures
            .iter()
            .any(|part| line.contains(part) && line.starts_with(|first: char| first.is_ascii_digit()))
        || line.contains(" WARN ")
}

/// Takes the number out that stands behind these words.
fn without_number(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let number = if rest.len() < part.len() { "N" } else { "" };
        write!(steady, "{before}{number}{rest}").expect("memory");
    }
    steady
}

/// Provokes all of them, and holds what is shown against the snapshot of that exit code.
fn check(code: i32, rows: &[Row]) {
    let numbered: Vec<(usize, &Row)> = rows.iter().enumerate().collect();
    let shown = Mutex::new(vec![String::new(); rows.len()]);
    check_rows(4, &numbered, |(nth, row)| {
        let text = row.shown(code);
        shown.lock().expect("no row fails while it holds it")[*nth] = text;
    });
    let shown = shown.into_inner().expect("no row has failed").join("\n");
    insta::assert_snapshot!(format!("exit_{code}"), shown);
}

#[test]
fn of_wrong_usage() {
    check(2, &usage::rows());
}

#[test]
fn of_the_campaign_file_and_the_environment() {
    let rows = [campaign_file::rows(), environment::rows(), ledger::rows_of_3()];
    check(3, &rows.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn of_inputs_that_cannot_be_read() {
    check(4, &inputs::rows_of_4());
}

#[test]
fn of_refusals() {
    let rows = [inputs::rows_of_5(), provider::rows_of_5()];
    check(5, &rows.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn of_doubts() {
    check(6, &provider::rows_of_6());
}

#[test]
fn of_the_ledger() {
    check(7, &ledger::rows_of_7());
}

#[test]
fn of_a_disk_that_is_full_or_cannot_be_written() {
    let sandbox = Sandbox::new();
    let Some(disk) = Tmpfs::on(&sandbox) else { return };
    sandbox.prepare(5, 10);
    let shown = || {
        let end = sandbox.volley(["send", "campaign.toml", "contacts.ndjson"]).run();
        assert_eq!(end.code(), 7, "{end}");
        steady(&sandbox, &end)
    };
    disk.fill_but(0);
    let full = shown();
    disk.make("ro");
    let read_only = shown();
    insta::assert_snapshot!(
        "exit_7_disk",
        format!("## full\n{full}\n## read only\n{read_only}")
    );
}

#[test]
fn of_a_server_that_does_not_flush() {
    if !test_postgres::is_there() {
        return;
    }
    let server = Server::start_fast();
    let (made, empty) = (server.database(), server.database());
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let at = |database: &Database, args: &[&str]| {
        let volley = sandbox.volley(args.iter());
        volley.env("VOLLEY_LEDGER", database.url()).run()
    };
    at(&made, &["ledger", "init"]).expect(0);
    server.change_setting("fsync", "off");
    let send: &[&str] = &["send", "campaign.toml", "contacts.ndjson"];
    let shown = [(&made, send), (&empty, &["ledger", "init"])].map(|(database, args)| {
        let end = at(database, args);
        assert_eq!(end.code(), 7, "{end}");
        format!("$ volley {}\n{}", args.join(" "), steady(&sandbox, &end))
    });
    insta::assert_snapshot!("exit_7_server", shown.join("\n"));
    assert_eq!(sandbox.mock().stats().together.requests, 0);
    assert_eq!(made.psql("SELECT count(*) FROM volley.run"), "0");
    assert_eq!(empty.psql("SELECT to_regnamespace('volley') IS NULL"), "t");
    // Whoever only looks may.
    for look in [&["report"][..], &["ledger", "verify"]] {
        at(&made, look).expect(0);
    }
    server.change_setting("fsync", "on");
    at(&made, send).expect(0);
}

#[test]
fn of_a_provider_that_is_not_reached() {
    check(8, &provider::rows_of_8());
}

#[test]
fn of_limits() {
    check(9, &provider::rows_of_9());
}

#[test]
fn of_a_ledger_that_another_holds() {
    check(10, &ledger::rows_of_10());
}

#[test]
fn of_the_account() {
    check(11, &provider::rows_of_11());
}
