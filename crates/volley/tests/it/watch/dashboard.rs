//! `examples/grafana-dashboard.json` asks for nothing that the binary does not export.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::exposition::Scrape;
use super::scrape::{address, scrape};
use crate::support::{Sandbox, contacts, wait_until, workspace_root};

/// The names of all that a run with every limit set exports.
pub(super) fn exported() -> Scrape {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("limits.unit_price", "0.07")
        .set("limits.max_cost", "500")
        .set("limits.min_credit", "1")
        .set("limits.recipients_per_second", 10_000.0)
        .set("limits.settle", "10m")
        .write();
    // An invalid line has its reason as a label.
    sandbox.write("contacts.ndjson", contacts(0..25) + "{}\n");
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"status","status":502,"path":"send"}]}"#);
    let run = sandbox
        .send(&["contacts.ndjson", "--metrics-listen", "127.0.0.1:0"])
        .start();
    let address = address(&run);
    let mut seen = None;
    wait_until("the figures of a run with a doubt", || {
        seen = scrape(address);
        let scrape = seen.as_ref().expect("a run that goes on");
        scrape.names().contains("volley_credit_left") && scrape.sum("volley_doubts_opened_total") > 0.5
    });
    seen.expect("a scrape")
}

fn dashboard() -> Value {
    let file = workspace_root().join("examples/grafana-dashboard.json");
    serde_json::from_str(&fs::read_to_string(file).expect("the dashboard")).expect("JSON")
}

/// All texts under this key, wherever they are.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == key => found.push(text),
                    _ => texts(member, key, found),
                }
            }
        }
        Value::Array(members) => members.iter().for_each(|member| texts(member, key, found)),
        _ => {}
    }
}

/// The words of an expression that are metrics.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("volley_"))
}

#[test]
fn the_dashboard_asks_only_for_what_is_exported() {
    let exported = exported();
    let names = exported.names();
    let dashboard = dashboard();
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() > 20, "{expressions:?}");
    texts(&dashboard, "query", &mut expressions);
    let mut asked = BTreeSet::new();
    for expression in expressions {
        for name in metrics(expression) {
            assert!(
                names.contains(name),
                "{name} of `{expression}` is not exported: {names:?}"
            );
            asked.insert(name);
            let family = exported.types.get(name).map(String::as_str);
            let counts = expression.contains("rate(") || expression.contains("increase(");
            assert!(
                !(counts && family == Some("gauge")),
                "a gauge has no rate: {expression}"
            );
        }
    }
    for wanted in [
        "volley_lines_total",
        "volley_batches_in_doubt",
        "volley_budget_limit",
    ] {
        assert!(asked.contains(wanted), "{wanted}");
    }
}

/// Labels that it groups or names by must be there too, or a panel would be empty.
#[test]
fn the_dashboard_names_only_labels_that_are_there() {
    let exported = exported();
    let labels: BTreeSet<&str> = exported
        .samples
        .keys()
        .flat_map(|(_, labels)| labels.keys().map(String::as_str))
        .collect();
    let dashboard = dashboard();
    let mut legends = Vec::new();
    texts(&dashboard, "legendFormat", &mut legends);
    let of_legend = |legend: &str| {
        let parts = legend.split("{{").skip(1);
        parts
            .map(|part| part.split("}}").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let named: BTreeSet<String> = legends.iter().flat_map(|legend| of_legend(legend)).collect();
    assert!(named.len() > 5, "{named:?}");
    for label in &named {
        assert!(labels.contains(label.as_str()), "{label}");
    }
}

#[test]
fn the_data_source_is_the_user_s_choice() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    assert!(
        variables
            .iter()
            .any(|variable| variable["type"] == "datasource" && variable["name"] == "datasource")
    );
    let mut sources = Vec::new();
    texts(&dashboard, "uid", &mut sources);
    let panels = dashboard["panels"].as_array().expect("panels");
    let own = dashboard["uid"].as_str().expect("its own");
    let chosen = sources
        .iter()
        .filter(|uid| **uid != own)
        .all(|uid| *uid == "${datasource}");
    assert!(chosen && sources.len() > panels.len(), "{sources:?}");
    let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}
