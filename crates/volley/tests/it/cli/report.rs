//! `report`: the ledger's totals, held against the summaries of the runs and against the provider.

use serde_json::{Value, json};

use super::assert_error_names;
use crate::support::{Sandbox, contacts, decimal};

#[track_caller]
fn report(sandbox: &Sandbox, args: &[&str]) -> Value {
    let end = sandbox.volley(["--json", "report"].iter().chain(args)).run();
    assert_eq!(end.code(), 0, "{end}");
    assert_eq!(end.stdout.lines().count(), 1, "{end}");
    serde_json::from_str(&end.stdout).expect("json")
}

#[test]
fn the_report_agrees_with_the_summaries_and_with_the_provider() {
    let sandbox = Sandbox::new();
    sandbox.prepare(60, 10);
    sandbox.append("contacts.ndjson", "{}\n");
    let summaries: Vec<Value> = ["25", "20", "100"]
        .iter()
        .map(|most| {
            sandbox
                .send(&["contacts.ndjson", "--max-recipients", most])
                .run()
                .summary()
        })
        .collect();
    let report = report(&sandbox, &["spring"]);
    let campaign = &report["campaigns"][0];
    assert_eq!(campaign["campaign"], "spring");

    let runs = campaign["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 3);
    for summary in &summaries {
        let same =
            |run: &&Value| run["lines"] == summary["lines"] && run["exit_code"] == summary["exit_code"];
        assert_eq!(runs.iter().filter(same).count(), 1, "{summary}\n{campaign}");
    }

    let seen = sandbox.mock().stats().together;
    assert_eq!(seen.recipients, 60);
    let states = campaign["states"].as_array().expect("states");
    let accepted = states
        .iter()
        .find(|totals| totals["state"] == "accepted")
        .expect("accepted batches");
    assert_eq!(accepted["recipients"], seen.recipients);
    assert_eq!(accepted["batches"], seen.accepted_requests);
    assert_eq!(decimal(&campaign["cost"]["total"]), seen.total_cost);

    // Ticket by ticket, to the last decimal.
    let tickets = campaign["tickets"].as_array().expect("tickets");
    let given = sandbox.mock().tickets();
    assert_eq!(tickets.len(), given.len());
    for ticket in given {
        let known = tickets
            .iter()
            .find(|known| known["ticket"] == ticket.ticket.as_str());
        let known = known.unwrap_or_else(|| panic!("{} is not in the report", ticket.ticket));
        assert_eq!(known["recipients"], ticket.recipients);
        assert_eq!(decimal(&known["cost"]), ticket.cost);
    }
}

#[test]
fn doubts_are_in_the_report() {
    let sandbox = Sandbox::new();
    sandbox.prepare(10, 10);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"status","status":500,"path":"send"}]}"#);
    sandbox.send(&["contacts.ndjson"]).run().expect(6);
    let report = report(&sandbox, &[]);
    let doubts = report["campaigns"][0]["doubts"]
        .as_array()
        .expect("doubts")
        .clone();
    assert_eq!(doubts.len(), 1);
    assert_eq!(doubts[0]["recipients"], 10);
    assert!(
        doubts[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("500")),
        "{doubts:?}"
    );
}

#[test]
fn without_a_name_all_campaigns_are_reported() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    sandbox
        .send(&["contacts.ndjson", "--set", "campaign.name=summer"])
        .run()
        .expect(0);
    let names = |report: &Value| -> Vec<Value> {
        let campaigns = report["campaigns"].as_array().expect("campaigns");
        campaigns
            .iter()
            .map(|campaign| campaign["campaign"].clone())
            .collect()
    };
    assert_eq!(names(&report(&sandbox, &[])), [json!("spring"), json!("summer")]);
    assert_eq!(names(&report(&sandbox, &["summer"])), [json!("summer")]);
}

#[test]
fn an_unknown_campaign_is_3_and_the_known_ones_are_named() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let end = sandbox.volley(["--json", "report", "sprang"]).run();
    end.expect(3);
    assert_error_names(&end, &["sprang", "spring"]);
}

#[test]
fn a_report_makes_no_ledger_and_changes_none() {
    let sandbox = Sandbox::new();
    let end = sandbox.volley(["--json", "report"]).run();
    end.expect(3);
    assert_error_names(&end, &["volley.db"]);
    assert!(!sandbox.path("volley.db").exists());

    sandbox.campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..5));
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let before = std::fs::read(sandbox.path("volley.db")).expect("a ledger");
    report(&sandbox, &[]);
    assert_eq!(
        std::fs::read(sandbox.path("volley.db")).expect("a ledger"),
        before
    );
}
