//! How numbers are read: spellings, regions, and the three rules for what passes.

use crate::support::Sandbox;

/// The numbers that the mock accepted of these.
#[track_caller]
fn reached(region: Option<&str>, rule: &str, numbers: &[&str]) -> (u64, Vec<String>) {
    let sandbox = Sandbox::new();
    let mut campaign = sandbox.campaign().set("input.numbers", rule);
    if let Some(region) = region {
        campaign = campaign.set("input.default_region", region);
    }
    campaign.write();
    let lines: Vec<String> = numbers
        .iter()
        .map(|number| serde_json::json!({"phone_number": number}).to_string())
        .collect();
    sandbox.write("in.ndjson", lines.join("\n"));
    let end = sandbox.send(&["in.ndjson"]).run();
    let reached = sandbox.mock().recipients();
    assert_eq!(end.lines("accepted"), reached.len() as u64, "{end}");
    (
        end.lines("invalid"),
        reached.into_iter().map(|recipient| recipient.number).collect(),
    )
}

#[test]
fn every_spelling_of_a_number_is_one_recipient() {
    let spellings = [
        "+33612345678",
        "+33 6 12 34 56 78",
        "+330612345678",
        "+33 (0)6 12 34 56 78",
        "0033612345678",
        "06.12.34.56.78",
        "06 12 34 56 78",
        "06-12-34-56-78",
    ];
    assert_eq!(
        reached(Some("FR"), "possible", &spellings),
        (0, vec!["+33612345678".to_owned()])
    );
}

#[test]
fn without_a_region_a_national_number_is_invalid_and_00_is_international() {
    assert_eq!(
        reached(None, "possible", &["0612345678", "0033612345679", "+33612345670"]),
        (1, vec!["+33612345670".to_owned(), "+33612345679".to_owned()])
    );
}

#[test]
fn where_the_region_dials_another_prefix_00_is_ambiguous() {
    assert_eq!(reached(Some("US"), "possible", &["0033612345679"]), (1, vec![]));
    assert_eq!(
        reached(Some("US"), "possible", &["01133612345679"]),
        (0, vec!["+33612345679".to_owned()])
    );
}

#[test]
fn letters_and_extensions_are_no_digits() {
    let wrong = [
        "+33 6 FLOWERS",
        "+33612345678 ext. 5",
        "+33612345678;ext=5",
        "+33612345678x5",
    ];
    assert_eq!(reached(Some("FR"), "possible", &wrong), (4, vec![]));
}

#[test]
fn possible_looks_at_the_length_and_valid_at_the_range_too() {
    // +1 555… is possible and in no range.
    let numbers = ["+15555555555", "+33612345678", "+3361234567"];
    let valid = vec!["+33612345678".to_owned()];
    let possible = vec!["+15555555555".to_owned(), "+33612345678".to_owned()];
    assert_eq!(reached(None, "possible", &numbers), (1, possible));
    assert_eq!(reached(None, "valid", &numbers), (2, valid));
}

#[test]
fn any_takes_a_plus_and_7_to_15_digits() {
    let numbers = [
        "+999123",
        "+9991234",
        "+999 123 456 789 012",
        "+9991234567890123",
        "0612345678",
    ];
    assert_eq!(
        reached(None, "any", &numbers),
        (3, vec!["+9991234".to_owned(), "+999123456789012".to_owned()])
    );
}
