//! The list of numbers that are never contacted: changed whole, kept exactly, and held against its checksum.

use jiff::Timestamp;
use proptest::prelude::*;
use volley_ledger::{Ledger, LedgerError, Signature, Suppressed, verify};
use volley_model::Msisdn;

use super::new_stage;
use crate::stage::{at, signed};

fn numbers(integers: impl IntoIterator<Item = u64>) -> Vec<Msisdn> {
    integers
        .into_iter()
        .map(|integer| Msisdn::new(integer).unwrap())
        .collect()
}

fn listed(ledger: &Ledger) -> Result<Vec<(u64, Timestamp)>, LedgerError> {
    let mut found = Vec::new();
    ledger.suppressed(&mut |number, since| found.push((number.get(), since)))?;
    Ok(found)
}

fn signed_at(seconds: i64, why: &str) -> Signature {
    Signature {
        at: at(seconds),
        ..signed(why)
    }
}

#[test]
fn numbers_are_put_on_the_list_once_and_taken_off_it() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    assert_eq!(listed(&ledger).unwrap(), []);
    let of = |changed, listed| Suppressed { changed, listed };
    let first = signed_at(10, "asked by mail");
    assert_eq!(ledger.suppress(&numbers([7, 5, 7]), &first).unwrap(), of(2, 2));
    let again = signed_at(20, "");
    assert_eq!(ledger.suppress(&numbers([5, 6]), &again).unwrap(), of(1, 3));
    assert_eq!(ledger.suppress(&numbers([5, 6]), &again).unwrap(), of(0, 3));
    assert_eq!(
        ledger.unsuppress(&numbers([5, 9]), &signed("came back")).unwrap(),
        of(1, 2)
    );
    assert_eq!(ledger.unsuppress(&[], &signed("")).unwrap(), of(0, 2));
    let expected = [(6, at(20)), (7, at(10))];
    assert_eq!(listed(&ledger).unwrap(), expected);
    ledger.close().unwrap();
    let mut read = Vec::new();
    stage
        .reader()
        .suppressed(&mut |number, since| read.push((number.get(), since)))
        .unwrap();
    assert_eq!(read, expected);
    assert_eq!(
        stage.rows("SELECT who, why, added, removed, listed FROM suppression ORDER BY id"),
        [
            "anna@desk|asked by mail|2|0|2",
            "anna@desk||1|0|3",
            "anna@desk|came back|0|1|2",
        ]
    );
    stage.sound();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

/// What other hands do to the list is noticed, by whoever reads it and by `verify`.
fn damages(change: &str) {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    ledger.suppress(&numbers([5, 6, 7]), &signed("one")).unwrap();
    ledger.unsuppress(&numbers([7]), &signed("two")).unwrap();
    ledger.close().unwrap();
    stage.change(change);
    let mut ledger = stage.open().unwrap();
    let damaged = listed(&ledger).unwrap_err();
    assert!(
        matches!(damaged, LedgerError::Damaged { .. }),
        "{change}: {damaged}"
    );
    assert!(damaged.to_string().contains("suppression list"), "{damaged}");
    // A further word does not hide it.
    let after = ledger.suppress(&numbers([8]), &signed("three"));
    assert!(after.is_err() || listed(&ledger).is_err(), "{change}");
    drop(ledger);
    let findings = verify(&stage.path).unwrap().findings;
    assert!(!findings.is_empty(), "{change}");
}

#[test]
fn a_list_that_other_hands_have_changed_is_damaged() {
    damages("DELETE FROM suppressed WHERE number = 5");
    damages("UPDATE suppressed SET number = 9 WHERE number = 5");
    damages("INSERT INTO suppressed VALUES (9, 1)");
    damages("UPDATE suppressed SET number = 0 WHERE number = 5");
    damages("DELETE FROM suppression WHERE id = 2");
    damages("DELETE FROM suppression");
    damages("UPDATE suppression SET listed = 3 WHERE id = 2");
    damages("UPDATE suppression SET list_sum = x'0000000000000000' WHERE id = 2");
}

#[test]
fn a_changed_word_of_before_is_found() {
    let stage = new_stage();
    let mut ledger = stage.open().unwrap();
    ledger.suppress(&numbers([5]), &signed("one")).unwrap();
    ledger.suppress(&numbers([6]), &signed("two")).unwrap();
    ledger.close().unwrap();
    let change = "UPDATE suppression SET why = 'another' WHERE id = 1";
    let refused = stage.refuses(change);
    assert!(refused.contains("never changed"), "{refused}");
    let refused = stage.refuses("DELETE FROM suppression");
    assert!(refused.contains("never deleted"), "{refused}");
    stage.change(change);
    let findings = verify(&stage.path).unwrap().findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].place, "change 1 of the suppression list");
}

proptest! {
    // Each word waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_list_is_what_was_put_on_it_and_not_taken_off(
        words in prop::collection::vec((any::<bool>(), prop::collection::vec(1_u64..40, 0..12)), 1..8)
    ) {
        let stage = new_stage();
        let mut model = std::collections::BTreeSet::new();
        for (puts_on, integers) in words {
            // A ledger that is opened anew each time: nothing is remembered but by the file.
            let mut ledger = stage.open().unwrap();
            let before = model.len();
            let integers = integers.into_iter();
            let given = numbers(integers.clone());
            let done = if puts_on {
                model.extend(integers);
                ledger.suppress(&given, &signed("on")).unwrap()
            } else {
                model.retain(|listed| !integers.clone().any(|integer| integer == *listed));
                ledger.unsuppress(&given, &signed("off")).unwrap()
            };
            prop_assert_eq!(done.listed, model.len() as u64);
            prop_assert_eq!(done.changed, model.len().abs_diff(before) as u64);
            let found = listed(&ledger).unwrap().into_iter().map(|(number, _)| number);
            prop_assert!(found.eq(model.iter().copied()));
        }
        stage.sound();
    }
}
