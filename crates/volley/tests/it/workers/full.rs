//! A server whose disk is full: of its log, where it falls over and stays down, and of its tables, where it goes on and refuses.
//! The sending stops, and once there is room everybody gets theirs, once (invariants 1, 2, 3).

use std::fs::{self, File};
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use test_postgres::{Database, Server, Settings};

use super::pause;
use crate::skip::Need;
use crate::support::{Sandbox, Started, contacts, wait_until};

const RECIPIENTS: u32 = 600;
const BYTES: u64 = 48 * 1024 * 1024;

/// A small file system that is the server's.
struct Disk(TempDir);

impl Disk {
    /// `None` where we may not mount: the test is then skipped.
    fn mounted() -> Option<Self> {
        if !Need::Mount.is_met() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (user, group) = Server::owner()?;
        let options = format!("size={BYTES},mode=0700,uid={user},gid={group}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .status();
        if mount.is_ok_and(|status| status.success()) {
            Some(Self(folder))
        } else {
            Need::Mount.skip("mount refuses").then_some(Self(folder))
        }
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut filler = File::create(self.0.path().join("filler")).expect("room for an empty file");
        let page = [0x5a; 4096];
        while filler.write_all(&page).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.0.path().join("filler")).expect("a filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server of a failed test may still be at it.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// A worker that sends a campaign, well under way.
struct Sending {
    sandbox: Sandbox,
    url: String,
}

impl Sending {
    fn over(database: &Database) -> Self {
        let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n");
        sandbox
            .campaign()
            .set("limits.batch_size", 2)
            .set("limits.requests_per_second", 150.0)
            .set("limits.request_timeout", "2s")
            .set("limits.shutdown_grace", "1s")
            .write();
        sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
        let url = format!("{}?silence=3", database.url());
        let init = ["ledger", "init", "--ledger", &url];
        sandbox.volley(init).run().expect(0);
        Self { sandbox, url }
    }

    fn start(&self) -> Started {
        let run = [
            "--json",
            "send",
            "--ledger",
            &self.url,
            "campaign.toml",
            "contacts.ndjson",
        ];
        let started = self.sandbox.volley(run).start();
        wait_until("some requests", || self.requests() > 20);
        started
    }

    fn requests(&self) -> u64 {
        self.sandbox.mock().stats().together.requests
    }

    /// Nothing leaves any more, for much longer than the distance of requests, and not because all is done: what fails first
    /// may be a statement that the sending does not wait for.
    fn expect_silence(&self) {
        let mut before = None;
        wait_until("the sending to stop", || {
            let now = Some(self.requests());
            pause(Duration::from_millis(500));
            std::mem::replace(&mut before, now) == now
        });
        let batches = u64::from(RECIPIENTS) / 2;
        assert!(self.requests() < batches, "it was done before");
    }

    /// Another run sends what is left, if anything; everybody got it once, and a further one sends nothing.
    fn expect_finished(&self, database: &Database) {
        let run = || {
            let run = [
                "--json",
                "send",
                "--ledger",
                &self.url,
                "campaign.toml",
                "contacts.ndjson",
            ];
            self.sandbox.volley(run).run()
        };
        // Doubts of a run that told no end are asked about once it counts as dead, for which one that has sent all may not wait.
        let finished = (0..3).map(|_| run()).find(|end| end.code() != 6);
        finished.expect("no doubt is left").expect(0);
        let stats = self.sandbox.mock().stats().together;
        assert_eq!(stats.max_per_recipient, 1);
        assert_eq!(stats.distinct_recipients, u64::from(RECIPIENTS));
        let end = run();
        end.expect(0).expect_lines(&[("already_sent", RECIPIENTS.into())]);
        assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
    }
}

#[test]
fn a_server_without_room_for_its_log_stops_the_sending_until_there_is_some() {
    if !test_postgres::is_there() {
        return;
    }
    let Some(disk) = Disk::mounted() else { return };
    let server = Server::start_with(Settings {
        log_at: Some(disk.0.path().join("log")),
        more: vec!["min_wal_size=2MB".to_owned(), "max_wal_size=16MB".to_owned()],
        ..Settings::default()
    });
    let database = server.database();
    let sending = Sending::over(&database);
    database.psql("CREATE TABLE chaff (of text)");
    let started = sending.start();
    disk.fill();
    let use_up = "INSERT INTO chaff SELECT repeat('x', 1000) FROM generate_series(1, 1000)";
    wait_until("the log to be full", || {
        database.try_psql(use_up).is_err() && server.log().contains("PANIC")
    });
    sending.expect_silence();
    disk.make_room();
    server.start_again();
    // It has connected again by itself, and goes on.
    let end = started.wait();
    end.expect(0).expect_lines(&[("accepted", RECIPIENTS.into())]);
    sending.expect_finished(&database);
}

/// A worker whose sending has stopped, since the tables of its server have no room.
struct Stopped {
    started: Started,
    sending: Sending,
    database: Database,
    /// Goes before the disk that it writes to.
    _server: Server,
    disk: Disk,
}

impl Stopped {
    /// `None` where it cannot be: the test is then skipped.
    fn for_lack_of_room() -> Option<Self> {
        if !test_postgres::is_there() {
            return None;
        }
        let disk = Disk::mounted()?;
        let server = Server::start();
        let database = server.database_at(disk.0.path());
        let sending = Sending::over(&database);
        let started = sending.start();
        disk.fill();
        wait_until("the tables to be full", || {
            server.log().contains("No space left on device")
        });
        sending.expect_silence();
        Some(Self {
            started,
            sending,
            database,
            _server: server,
            disk,
        })
    }
}

#[test]
fn a_server_without_room_for_its_tables_stops_the_sending_until_there_is_some() {
    let Some(stopped) = Stopped::for_lack_of_room() else {
        return;
    };
    stopped.disk.make_room();
    let end = stopped.started.wait();
    end.expect(0).expect_lines(&[("accepted", RECIPIENTS.into())]);
    stopped.sending.expect_finished(&stopped.database);
}

/// Whoever does not want to wait for room need not: what was answered and cannot be written down is told, and in doubt.
#[test]
fn a_run_that_is_told_to_end_while_the_server_has_no_room_loses_no_ticket() {
    let Some(stopped) = Stopped::for_lack_of_room() else {
        return;
    };
    stopped.started.signal(Signal::TERM);
    let end = stopped.started.wait();
    let in_doubt = end.lines("in_doubt");
    // With nothing in flight when the disk was full nothing is in doubt, and it ends by the signal: that outranks a server
    // that is away.
    end.expect(if in_doubt > 0 { 6 } else { 143 });
    assert_eq!(
        end.lines("accepted") + in_doubt,
        stopped.sending.sandbox.mock().stats().together.recipients,
        "{end}"
    );
    let told = end.stderr.matches(r#""state":"accepted""#).count() as u64;
    assert_eq!(told * 2, in_doubt, "{end}");
    stopped.disk.make_room();
    stopped.sending.expect_finished(&stopped.database);
}
