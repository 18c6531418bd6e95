//! A server that hangs: its processes are halted, its connections look alive. Nothing is handed over meanwhile, whoever is to end
//! ends, and after a while the server counts as away (invariants 1 to 3).

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use test_postgres::{Database, Server};

use super::pause;
use crate::support::{End, Sandbox, Started, contacts, wait_until};

const RECIPIENTS: u32 = 600;

/// A server of its own, and a campaign on its way.
struct Hanging {
    server: Server,
    database: Database,
    sandbox: Sandbox,
    url: String,
}

impl Hanging {
    /// With answers of the provider's after so long, and a ledger whose address says `silence`.
    fn new(answer_delay_ms: u32, silence: u32) -> Self {
        let server = Server::start_fast();
        let database = server.database();
        let sandbox = Sandbox::with_mock(&format!("[server]\nanswer_delay_ms = {answer_delay_ms}\n"));
        sandbox
            .campaign()
            .set("limits.batch_size", 2)
            .set("limits.requests_per_second", 100.0)
            .set("limits.request_timeout", "2s")
            .set("limits.shutdown_grace", "1h")
            .write();
        let url = format!("{}?silence={silence}", database.url());
        let init = ["ledger", "init", "--ledger", &url];
        sandbox.volley(init).run().expect(0);
        for part in 0..2 {
            let numbers = part * RECIPIENTS / 2..(part + 1) * RECIPIENTS / 2;
            sandbox.write(&format!("part-{part}.ndjson"), contacts(numbers));
        }
        Self {
            server,
            database,
            sandbox,
            url,
        }
    }

    fn start(&self, part: u32) -> Started {
        let name = format!("part-{part}.ndjson");
        let run = ["--json", "send", "--ledger", &self.url, "campaign.toml", &name];
        self.sandbox.volley(run).start()
    }

    fn requests(&self) -> u64 {
        self.sandbox.mock().stats().together.requests
    }

    /// Halts the server in the middle, and sees that nothing is handed over from then on.
    fn hang(&self) {
        wait_until("some requests", || self.requests() > 20);
        self.server.freeze();
        // A token is void after half a second at this rate, and a request takes a moment to arrive.
        pause(Duration::from_secs(1));
        let before = self.requests();
        pause(Duration::from_secs(1));
        assert_eq!(self.requests(), before);
        assert!(before < u64::from(RECIPIENTS) / 4, "it was done before");
    }

    /// The parts again, as often as they say that it takes; then everybody got theirs once.
    fn expect_finished(&self) {
        for part in 0..2 {
            wait_until("the part to be done", || {
                let end = self.start(part).wait();
                assert!([0, 6, 10].contains(&end.code()), "{end}");
                end.code() == 0
            });
        }
        let stats = self.sandbox.mock().stats().together;
        assert_eq!(stats.max_per_recipient, 1);
        assert_eq!(stats.distinct_recipients, u64::from(RECIPIENTS));
        assert_eq!(
            self.database.psql("SELECT place, fault FROM volley.conservation"),
            ""
        );
    }

    fn fenced(&self) -> String {
        self.database
            .psql("SELECT count(*) FROM volley.run WHERE fenced_at IS NOT NULL")
    }

    /// The server's processes that runs are connected to.
    fn backends(&self) -> Vec<String> {
        let query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'volley' AND datname = current_database()";
        self.database.psql(query).lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_second_signal_ends_a_run_whose_server_hangs() {
    if !test_postgres::is_there() {
        return;
    }
    // Answers that come when the server hangs already.
    let hanging = Hanging::new(200, 5);
    let mut started = hanging.start(0);
    hanging.hang();
    started.signal(Signal::TERM);
    pause(Duration::from_millis(300));
    assert!(!started.has_ended(), "the grace is an hour");
    let begun = Instant::now();
    started.signal(Signal::INT);
    let end = started.wait();
    // An answer of the server's would be waited for ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(4), "{end}");
    end.expect(6);
    let in_doubt = end.lines("in_doubt");
    assert_eq!(
        end.lines("accepted") + in_doubt,
        hanging.sandbox.mock().stats().together.recipients
    );
    let told = end.stderr.matches(r#""state":"accepted""#).count() as u64;
    assert!(told > 0 && told * 2 == in_doubt, "no ticket is lost\n{end}");
    hanging.server.thaw();
    hanging.expect_finished();
}

#[test]
fn a_server_that_hangs_for_long_counts_as_away_and_is_gone_on_with_once_it_answers() {
    if !test_postgres::is_there() {
        return;
    }
    let hanging = Hanging::new(20, 3);
    let workers = [0, 1].map(|part| hanging.start(part));
    wait_until("both to be connected", || hanging.backends().len() >= 6);
    let before = hanging.backends();
    hanging.hang();
    // Twice the silence, from whatever was asked last.
    pause(Duration::from_secs(6));
    hanging.server.thaw();
    wait_until("other connections", || {
        let now = hanging.backends();
        !now.is_empty() && now.iter().all(|backend| !before.contains(backend))
    });
    expect_complete(workers);
    assert_eq!(hanging.fenced(), "0", "nobody was silent but for the server");
    hanging.expect_finished();
}

/// All end well, with everybody in their parts sent to.
fn expect_complete(workers: [Started; 2]) {
    let ends: Vec<End> = thread::scope(|scope| {
        let waiting = workers.map(|worker| scope.spawn(|| worker.wait()));
        waiting
            .into_iter()
            .map(|end| end.join().expect("an end"))
            .collect()
    });
    for end in ends {
        end.expect(0)
            .expect_lines(&[("accepted", u64::from(RECIPIENTS) / 2)]);
    }
}
