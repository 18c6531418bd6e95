//! Every command over a ledger on a server, and what a report says of its workers.

use serde_json::{Value, json};
use test_postgres::{Database, shared};

use crate::support::{End, Sandbox, contacts, wait_until};

/// A command over the server's ledger.
pub(crate) fn at(sandbox: &Sandbox, database: &Database, args: &[&str]) -> End {
    let volley = sandbox.volley(args.iter()).env("VOLLEY_LEDGER", database.url());
    volley.run()
}

/// The same, told on the command line; the password that stands there is warned of once, and never shown.
#[track_caller]
fn expect(sandbox: &Sandbox, url: &str, code: i32, args: &[&str]) -> End {
    let end = sandbox.volley([args, &["--ledger", url]].concat()).run();
    end.expect(code);
    assert!(!end.stdout.contains(":pw@"), "{args:?}\n{end}");
    assert_eq!(
        end.stderr.matches("the password on the command line").count(),
        1,
        "{args:?}\n{end}"
    );
    assert!(!end.stderr.contains(":pw@"), "{args:?}\n{end}");
    end
}

#[test]
fn what_is_asked_of_a_ledger_is_asked_of_a_server_and_no_command_shows_the_password() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(4, 2);
    let database = shared().database();
    let url = database.url();
    let expect = |code: i32, args: &[&str]| expect(&sandbox, &url, code, args);
    let check = expect(0, &["check", "campaign.toml"]);
    assert!(check.stdout.contains("there is none yet"), "{check}");
    expect(0, &["ledger", "init"]);
    expect(3, &["ledger", "init", "--json"]);
    expect(0, &["plan", "campaign.toml", "contacts.ndjson"]);
    expect(0, &["send", "campaign.toml", "contacts.ndjson"]);
    let check = expect(0, &["check", "campaign.toml"]);
    assert!(
        check.stdout.contains("(PostgreSQL 15") && check.stdout.contains("without TLS"),
        "{check}"
    );
    let check: Value =
        serde_json::from_str(&expect(0, &["check", "campaign.toml", "--json"]).stdout).expect("JSON");
    assert_eq!(
        (&check["ledger"]["server"]["tls"], &check["ledger"]["reached"]),
        (&json!(false), &json!(4))
    );
    for what in ["tickets", "batches", "recipients", "refused"] {
        expect(0, &["export", what]);
        expect(0, &["export", what, "spring", "--format", "csv"]);
        expect(3, &["export", what, "summer"]);
    }
    for args in [
        &["suppress", "add", "+33600000077"][..],
        &["suppress", "list"],
        &["suppress", "list", "--json"],
        &["suppress", "remove", "+33600000077", "--json"],
        &["doubt", "list"],
        &["doubt", "list", "--json"],
        &["report"],
        &["report", "spring", "--json"],
        &["report", "--html", "report.html"],
    ] {
        expect(0, args);
    }
    expect(0, &["ledger", "forget", "spring", "--reason", "over", "--yes"]);
    expect(3, &["send", "campaign.toml", "contacts.ndjson"]);
    // From the environment it is its user's alone.
    let end = at(&sandbox, &database, &["report"]);
    assert_eq!((end.code(), end.stderr.as_str()), (0, ""), "{end}");
}

#[test]
fn octopush_s_campaigns_are_kept_on_a_server_and_no_command_shows_the_password() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(4, 2);
    let url = shared().database().url();
    let expect = |code: i32, args: &[&str]| expect(&sandbox, &url, code, args);
    expect(0, &["ledger", "init"]);
    let base_url = format!("octopush.base_url={}/v1/public", sandbox.mock().base_url());
    let octopush =
        |code: i32, args: &[&str]| expect(code, &[&["octopush"], args, &["--set", &base_url]].concat());
    let page = [
        "--text",
        "STOP at 30101",
        "--type",
        "sms_premium",
        "--purpose",
        "wholesale",
        "--sender",
        "Acme",
    ];
    octopush(
        0,
        &[&["list-campaign", "create", "--list", "my_list"][..], &page].concat(),
    );
    let report: Value = serde_json::from_str(&expect(0, &["report", "--json"]).stdout).expect("JSON");
    let ticket = report["list_campaigns"][0]["ticket"]
        .as_str()
        .expect("a ticket")
        .to_owned();
    octopush(0, &["list-campaign", "status", &ticket]);
    octopush(0, &["list-campaign", "send", &ticket]);
    octopush(5, &["list-campaign", "cancel", &ticket]);
    octopush(3, &["campaign", "cancel", "sms_nobody"]);
    octopush(0, &["balance"]);
}

#[test]
fn a_report_says_whose_each_run_is_and_what_they_are_at() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(4, 2);
    let database = shared().database();
    at(&sandbox, &database, &["ledger", "init"]).expect(0);
    let url = format!("{}?silence=3", database.url());
    let send = || sandbox.send(&["contacts.ndjson"]).env("VOLLEY_LEDGER", &url);
    send().run().expect(0);
    sandbox.write("contacts.ndjson", contacts(4..8));
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#);
    let mut second = send().start();
    wait_until("its request", || {
        sandbox.mock().stats().together.accepted_requests > 2
    });
    let pid = second.id();
    let states = || {
        let end = sandbox
            .volley(["--json", "report"])
            .env("VOLLEY_LEDGER", &url)
            .run();
        let report: Value = serde_json::from_str(&end.stdout).expect("JSON");
        let runs = report["campaigns"][0]["runs"].as_array().expect("runs").clone();
        let state = |run: &Value| run["worker_state"].as_str().expect("a state").to_owned();
        assert!(
            runs[1]["worker"]
                .as_str()
                .expect("a worker")
                .ends_with(&format!(":{pid}")),
            "{end}"
        );
        runs.iter().map(state).collect::<Vec<_>>()
    };
    let text = || sandbox.volley(["report"]).env("VOLLEY_LEDGER", &url).run().stdout;
    assert_eq!(states(), ["ended", "under_way"]);
    assert!(text().contains(": under way, "), "{}", text());
    second.kill();
    wait_until("its silence", || states() == ["ended", "silent"]);
    sandbox.mock().clear_faults();
    send().run().expect(0);
    assert_eq!(states(), ["ended", "fenced", "ended"]);
    assert!(text().contains(": killed, and found dead, "), "{}", text());
    sandbox
        .volley(["report", "--html", "page.html"])
        .env("VOLLEY_LEDGER", &url)
        .run()
        .expect(0);
    let page = sandbox.read("page.html");
    assert!(
        page.contains("killed, and found dead") && page.contains(&format!(":{pid})")),
        "{page}"
    );
    // A file has no workers.
    sandbox.mock().reset();
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    assert!(
        !sandbox
            .volley(["--json", "report"])
            .run()
            .stdout
            .contains("worker")
    );
}
