//! `--metrics-listen`: the figures are the run's, and asking for them delays nothing.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::ChildStdin;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use super::exposition::Scrape;
use super::scrape::{address, ask, get, scrape};
use crate::faults::wait_for_accepted;
use crate::support::{End, KEY, LOGIN, Provider, Sandbox, Started, contacts, for_both, number, wait_until};

/// Beside 1,003 good lines, of which the second is here already.
const ODD_LINES: &str =
    "{\"phone_number\":\"+33600000001\"}\n{\"phone_number\":\"no\"}\n{\"phone_number\":\n{}\n";

/// A run whose input stays open, so that it goes on until its standard input is dropped.
fn start_open(sandbox: &Sandbox) -> (Started, ChildStdin) {
    let mut run = sandbox
        .send(&["-", "--metrics-listen", "127.0.0.1:0"])
        .start_piped();
    let input = run.take_stdin().expect("a pipe");
    (run, input)
}

/// A sample by name and labels, and the member of the summary that it is.
type Member = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const MEMBERS: [Member; 20] = [
    ("volley_lines_read_total", &[], "/lines/read"),
    (
        "volley_lines_total",
        &[("outcome", "accepted")],
        "/lines/accepted",
    ),
    ("volley_lines_total", &[("outcome", "refused")], "/lines/refused"),
    ("volley_lines_total", &[("outcome", "invalid")], "/lines/invalid"),
    (
        "volley_lines_total",
        &[("outcome", "duplicate")],
        "/lines/duplicate",
    ),
    (
        "volley_lines_total",
        &[("outcome", "suppressed")],
        "/lines/suppressed",
    ),
    (
        "volley_lines_total",
        &[("outcome", "already_sent")],
        "/lines/already_sent",
    ),
    ("volley_lines_open", &[("state", "pending")], "/lines/pending"),
    ("volley_lines_open", &[("state", "in_doubt")], "/lines/in_doubt"),
    (
        "volley_lines_invalid_total",
        &[("reason", "json_malformed")],
        "/rejected/json_malformed",
    ),
    (
        "volley_lines_invalid_total",
        &[("reason", "phone_number_missing")],
        "/rejected/phone_number_missing",
    ),
    (
        "volley_lines_invalid_total",
        &[("reason", "phone_number_invalid")],
        "/rejected/phone_number_invalid",
    ),
    (
        "volley_batches_total",
        &[("state", "accepted")],
        "/batches/accepted",
    ),
    (
        "volley_batches_total",
        &[("state", "refused")],
        "/batches/refused",
    ),
    ("volley_batches_in_doubt", &[], "/batches/in_doubt"),
    ("volley_tickets_total", &[], "/tickets"),
    ("volley_contacts_total", &[], "/contacts"),
    ("volley_dropped_total", &[], "/dropped"),
    (
        "volley_requests_total",
        &[("attempt", "again")],
        "/requests/retried",
    ),
    ("volley_requests_throttled_total", &[], "/requests/throttled"),
];

/// A member of the summary, counts and decimals alike.
#[track_caller]
fn told(end: &End, member: &str) -> f64 {
    let value = end.summary().pointer(member).cloned();
    let value = value.unwrap_or_else(|| panic!("no {member}\n{end}"));
    let told = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    told.unwrap_or_else(|| panic!("{member} is no number\n{end}"))
}

/// The last batch comes in doubt, and is not asked about for long: the run waits, and there is time to look at it.
#[test]
fn when_all_is_decided_the_figures_are_the_summary_s() {
    for_both(|provider| {
        let sandbox = Sandbox::new().of(provider);
        sandbox
            .campaign()
            .set("limits.batch_size", 100)
            .set("limits.unit_price", "0.07")
            .set("limits.max_cost", "500")
            .set("limits.settle", "10m")
            .write();
        sandbox.write("contacts.ndjson", ODD_LINES.to_owned() + &contacts(0..1003));
        let last = number(1002);
        sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"after_commit","do":"status","status":502,"number":"{last}"}}]}}"#
        ));
        let run = sandbox
            .send(&["contacts.ndjson", "--metrics-listen", "127.0.0.1:0"])
            .start();
        let address = address(&run);
        let mut seen = None;
        wait_until("the doubt that is left", || {
            let scrape = scrape(address).expect("a run that goes on");
            let settles = scrape.value("volley_phase", &[("phase", "settling")]) > 0.5;
            seen = Some(scrape);
            settles
        });
        assert_eq!(
            get(address, "/healthz").expect("an answer").body,
            "ok: settling\n"
        );
        run.signal(Signal::TERM);
        let end = run.wait();
        end.expect(6);
        assert_eq!((end.lines("accepted"), end.lines("in_doubt")), (1000, 3), "{end}");
        expect_the_summary_s(&seen.expect("a scrape"), &end, provider);
    });
}

#[track_caller]
fn expect_the_summary_s(scrape: &Scrape, end: &End, provider: Provider) {
    let same = |what: &str, value: f64, told: f64| {
        assert!((value - told).abs() < 1e-6, "{what}: {value}, told {told}\n{end}");
    };
    for (name, labels, member) in MEMBERS {
        same(name, scrape.value(name, labels), told(end, member));
    }
    let decided = scrape.sum("volley_lines_total") + scrape.sum("volley_lines_open");
    same("every line has one place", decided, told(end, "/lines/read"));
    let sent = told(end, "/requests/sent");
    same("first and again", scrape.sum("volley_requests_total"), sent);
    same(
        "timed",
        scrape.value("volley_request_duration_seconds_count", &[]),
        sent,
    );
    same("in flight", scrape.value("volley_in_flight_requests", &[]), 0.0);
    same("opened", scrape.value("volley_doubts_opened_total", &[]), 1.0);
    // Exotel's account has a currency that nobody named, and its answers name no price.
    let currency = match provider {
        Provider::Octopush => "EUR",
        Provider::Exotel => "",
    };
    let cost = |price| scrape.value("volley_cost_total", &[("currency", currency), ("price", price)]);
    same(
        "cost",
        cost("confirmed") + cost("estimated"),
        told(end, "/cost/total"),
    );
    same("estimated", cost("estimated"), told(end, "/cost/estimated"));
    same(
        "budget",
        scrape.value("volley_budget_limit", &[("currency", currency)]),
        500.0,
    );
    let used = scrape.value("volley_budget_used", &[("currency", currency)]);
    same(
        "the doubt's three are reserved",
        used,
        told(end, "/cost/total") + 3.0 * 0.07,
    );
    let name = provider.name();
    let info = [
        ("campaign", "spring"),
        ("command", "send"),
        ("provider", name),
        ("run", "1"),
    ];
    same("info", scrape.value("volley_run_info", &info), 1.0);
}

/// What a run of before left in doubt, and this one settles while its input is open.
#[test]
fn the_lines_of_an_earlier_doubt_move_once_it_is_settled() {
    let sandbox = Sandbox::new();
    sandbox.prepare(3, 3);
    let first = number(0);
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_commit","do":"status","status":502,"number":"{first}"}}]}}"#
    ));
    sandbox
        .send(&["contacts.ndjson"])
        .run()
        .expect(6)
        .expect_lines(&[("in_doubt", 3)]);
    sandbox.mock().clear_faults();
    // Held until it has been looked at: the last batch is answered late.
    let last = number(5);
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_commit","do":"delay","ms":600000,"number":"{last}"}}]}}"#
    ));
    sandbox.write("contacts.ndjson", contacts(0..6));
    let run = sandbox
        .send(&["contacts.ndjson", "--metrics-listen", "127.0.0.1:0"])
        .start();
    let address = address(&run);
    let mut seen = None;
    wait_until("the doubt to be settled, and a batch under way", || {
        let scrape = scrape(address).expect("a run that goes on");
        let names = scrape.names();
        let done = names.contains("volley_doubts_settled_total")
            && scrape.value("volley_doubts_settled_total", &[]) > 0.5
            && scrape.value("volley_lines_read_total", &[]) > 5.5;
        seen = Some(scrape);
        done
    });
    sandbox.mock().clear_faults();
    run.signal(Signal::TERM);
    run.signal(Signal::TERM);
    let end = run.wait();
    let scrape = seen.expect("a scrape");
    for (name, labels, member) in MEMBERS {
        if member == "/lines/already_sent" || member == "/lines/read" {
            let (value, told) = (scrape.value(name, labels), told(&end, member));
            assert!(
                (value - told).abs() < 1e-6,
                "{member}: {value}, told {told}\n{end}"
            );
        }
    }
    assert_eq!(end.lines("already_sent"), 3, "{end}");
    let open = scrape.sum("volley_lines_open");
    assert!(
        (open - 3.0).abs() < 1e-6,
        "this run's three alone are open: {open}"
    );
}

#[test]
fn figures_show_a_run_under_way_and_why_it_stops() {
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 200\n");
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.shutdown_grace", "30s")
        .write();
    let (run, mut input) = start_open(&sandbox);
    input.write_all(contacts(0..500).as_bytes()).expect("room");
    let address = address(&run);
    wait_until("requests in flight", || {
        let scrape = scrape(address).expect("a run that goes on");
        scrape.names().contains("volley_in_flight_requests")
            && scrape.value("volley_in_flight_requests", &[]) > 0.5
            && scrape.value("volley_phase", &[("phase", "sending")]) > 0.5
    });
    assert_eq!(get(address, "/healthz").expect("an answer").status, 200);
    // What is in flight is waited for, so that there is somebody to ask.
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":3000}]}"#);
    let told = scrape(address).expect("a run that goes on");
    let before = told.value("volley_requests_total", &[("attempt", "first")]);
    wait_until("a request that is answered late", || {
        let scrape = scrape(address).expect("a run that goes on");
        scrape.value("volley_requests_total", &[("attempt", "first")]) > before + 20.0
    });
    run.signal(Signal::TERM);
    let mut health = None;
    wait_until("the stop to be told", || {
        health = get(address, "/healthz");
        health
            .as_ref()
            .is_none_or(|answer| answer.body.contains("stopping"))
    });
    let health = health.expect("a run that waits for answers");
    assert_eq!(
        health.status, 200,
        "whoever kills it now makes doubts: {health:?}"
    );
    assert!(
        health.body.starts_with("ok: stopping: stopped by SIGTERM"),
        "{health:?}"
    );
    assert!(
        health.body.ends_with('\n') && health.body.lines().count() == 1,
        "{health:?}"
    );
    let stopping = scrape(address).expect("a run that waits for answers");
    assert!(stopping.value("volley_stopping", &[]) > 0.5);
    drop(input);
    assert_eq!(run.wait().code(), 143);
}

#[test]
fn only_two_paths_are_served_and_nothing_is_said_of_anybody() {
    let sandbox = Sandbox::new();
    sandbox.prepare(0, 10);
    let (run, mut input) = start_open(&sandbox);
    input.write_all(contacts(0..95).as_bytes()).expect("room");
    let address = address(&run);
    wait_for_accepted(&sandbox, 9);
    wait_until("the figures of it", || {
        let scrape = scrape(address).expect("a run that goes on");
        scrape.sum("volley_batches_total") > 8.5
    });
    let text = get(address, "/metrics").expect("an answer").body;
    for secret in ["336000000", "06000000", KEY, LOGIN] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
    assert_eq!(get(address, "/").expect("an answer").status, 404);
    let head = ask(address, "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n").expect("an answer");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let post = ask(
        address,
        "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    );
    let post = post.expect("an answer");
    assert_eq!(post.status, 405);
    assert!(post.head.contains("\r\nallow: get, head\r\n"), "{post:?}");
    let endless = format!(
        "GET /metrics HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    let refused = ask(address, &endless);
    assert!(
        refused.is_none_or(|answer| answer.status == 431),
        "a head without end"
    );
    drop(input);
    run.wait().expect(0).expect_lines(&[("accepted", 95)]);
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("its address").to_string();
    for command in ["send", "rehearse"] {
        let address = taken.as_str();
        let args = [
            "contacts.ndjson",
            "--metrics-listen",
            address,
            "--summary-file",
            "summary.json",
        ];
        let end = sandbox.with_campaign(command, &args).run();
        end.expect(3);
        for part in [address, "Address already in use", "free port", "nothing was sent"] {
            assert!(end.stderr.contains(part), "no `{part}`\n{end}");
        }
        let file: Value = serde_json::from_str(&sandbox.read("summary.json")).expect("json");
        assert_eq!(file["exit_code"], 3);
    }
    assert_eq!(sandbox.mock().stats().together.requests, 0);
    for address in ["9464", ":9464", "127.0.0.1:70000"] {
        let end = sandbox
            .send(&["contacts.ndjson", "--metrics-listen", address])
            .run();
        end.expect(2);
        assert!(end.stderr.contains("127.0.0.1:9464"), "{end}");
    }
}

/// As many as are served at once.
#[test]
fn silent_connections_keep_no_probe_waiting_for_long() {
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    let (run, input) = start_open(&sandbox);
    let address = address(&run);
    let held: Vec<TcpStream> = (0..8)
        .map(|_| TcpStream::connect(address).expect("room"))
        .collect();
    let begun = Instant::now();
    assert_eq!(get(address, "/healthz").expect("an answer").status, 200);
    // A second, and not the five that a connection has.
    let took = begun.elapsed();
    assert!(took.as_secs() < 4, "{took:?}");
    assert_eq!(held.len(), 8, "held to the end");
    drop(input);
    run.wait().expect(0);
}

/// Ten times as many as are served at once: silent ones, ones that never end their head, ones that read nothing.
#[test]
fn hostile_scrapers_delay_no_sending() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.requests_per_second", 500.0)
        .write();
    let (run, mut input) = start_open(&sandbox);
    let address = address(&run);
    let mut held = Vec::new();
    for nth in 0..80 {
        let mut stream = TcpStream::connect(address).expect("the kernel's queue has room");
        let request: &[u8] = match nth % 3 {
            0 => b"",
            1 => b"GET /metrics HTTP/1.1\r\nX: ",
            _ => b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        };
        stream.write_all(request).expect("room");
        held.push(stream);
    }
    let begun = Instant::now();
    input.write_all(contacts(0..10_000).as_bytes()).expect("room");
    drop(input);
    let end = run.wait();
    end.expect(0).expect_lines(&[("accepted", 10_000)]);
    // A thousand batches at this rate are two seconds; ten rounds of hostile connections are far more.
    let took = begun.elapsed();
    assert!(took.as_secs() < 5, "{took:?}\n{end}");
    assert_eq!(held.len(), 80, "held to the end");
}

#[test]
fn a_rehearsal_has_figures_too_and_says_that_it_is_one() {
    let sandbox = Sandbox::without_mock();
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.unit_price", "0.05")
        .write();
    let mut run = sandbox
        .with_campaign("rehearse", &["-", "--metrics-listen", "127.0.0.1:0"])
        .start_piped();
    let mut input = run.take_stdin().expect("a pipe");
    input.write_all(contacts(0..105).as_bytes()).expect("room");
    let address = address(&run);
    wait_until("the rehearsal", || {
        let scrape = scrape(address).expect("a run that goes on");
        scrape.names().contains("volley_lines_total")
            && scrape.value("volley_lines_total", &[("outcome", "accepted")]) > 99.5
    });
    let scrape = scrape(address).expect("a run that goes on");
    let info = [
        ("campaign", "spring"),
        ("command", "rehearse"),
        ("provider", "octopush"),
        ("run", "1"),
    ];
    assert!(scrape.value("volley_run_info", &info) > 0.5);
    drop(input);
    run.wait().expect(0).expect_lines(&[("accepted", 105)]);
}
