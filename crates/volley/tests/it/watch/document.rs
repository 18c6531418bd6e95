//! `docs/metrics.md`: its table has all that is exported, in the exporter's own words.

use std::collections::BTreeSet;
use std::fs;

use super::dashboard::exported;
use super::exposition::Scrape;
use crate::support::workspace_root;

/// The head of the table, which is the last thing on the page.
const HEAD: &str = "| name | type | labels | meaning |\n|---|---|---|---|\n";

#[test]
fn the_table_of_metrics_has_all_that_is_exported() {
    let path = workspace_root().join("docs/metrics.md");
    let document = fs::read_to_string(&path).expect("the document");
    let (before, told) = document.split_once(HEAD).expect("the table");
    let exported = table(&exported());
    if std::env::var_os("UPDATE_DOCS").is_some() && told != exported {
        fs::write(&path, format!("{before}{HEAD}{exported}")).expect("the document");
        return;
    }
    let rows = told.lines().zip(exported.lines());
    for (told, exported) in rows {
        assert_eq!(told, exported, "UPDATE_DOCS=1 writes it");
    }
    assert_eq!(told.lines().count(), exported.lines().count());
}

/// A row for each family, by name.
fn table(scrape: &Scrape) -> String {
    let rows = scrape.types.iter().map(|(family, kind)| {
        let samples = scrape.samples.keys().filter(|(name, _)| {
            let suffix = name.strip_prefix(family.as_str());
            suffix.is_some_and(|suffix| ["", "_bucket"].contains(&suffix))
        });
        let labels: BTreeSet<&str> = samples
            .flat_map(|(_, labels)| labels.keys())
            .map(String::as_str)
            .collect();
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let help = scrape.helps[family].trim_end_matches('.');
        format!("| `{family}` | {kind} | {} | {help} |\n", labels.join(", "))
    });
    rows.collect()
}
