//! Over both ledgers: one bad number refuses a whole request: the others go again, and the bad ones are final.

use volley_model::BatchState;

use super::{campaigns, expect_all_agree};
use crate::books::Books;
use crate::support::{Kept, Provider, Sandbox, contacts, for_both_ledgers, number};

/// A mock to which these of our numbers are bad.
fn with_bad(kept: Kept, bad: impl IntoIterator<Item = u32>) -> Sandbox {
    let bad: Vec<String> = bad.into_iter().map(number).collect();
    Sandbox::with_mock(&format!("[exotel]\nbad_numbers = {bad:?}\n")).of(Provider::Exotel.over(kept))
}

#[test]
fn a_hundred_thousand_numbers_with_thirty_bad_ones() {
    for_both_ledgers(split_thirty_times);
}

fn split_thirty_times(kept: Kept) {
    let bad = (0..30).map(|nth| nth * 3_301 + 17);
    let sandbox = with_bad(kept, bad.clone());
    sandbox.voice_campaign().set("limits.unit_price", "0.40").write();
    sandbox.write("contacts.ndjson", contacts(0..100_000));
    let rejects = || {
        let mut rejects = sandbox.read_ndjson("rejects.ndjson");
        rejects.sort_by_key(|reject| reject["line"].as_u64());
        rejects
    };
    let args = ["contacts.ndjson", "--rejects", "rejects.ndjson"];
    let end = sandbox.send(&args).run();
    end.expect(5)
        .expect_lines(&[("accepted", 99_970), ("refused", 30)]);
    expect_all_agree(&sandbox, &end);
    // Each in the rejects of the run that refused it, with its place and the provider's reason.
    let first = rejects();
    assert_eq!(first.len(), 30);
    for (reject, nth) in first.iter().zip(bad.clone()) {
        assert_eq!(
            (&reject["line"], &reject["value"], &reject["reason"]),
            (
                &(nth + 1).into(),
                &number(nth).into(),
                &"refused_by_provider".into()
            )
        );
        let detail = reject["detail"].as_str().expect("a detail");
        assert!(detail.contains("400") && detail.contains("1002"), "{reject}");
    }
    // Twenty batches, and one request more for each bad number.
    assert_eq!(end.summary()["requests"]["sent"], 50);
    assert_eq!(campaigns(&sandbox), 20);
    let provider = sandbox.mock().stats().exotel;
    assert_eq!(
        (provider.distinct_recipients, provider.max_per_recipient),
        (99_970, 1)
    );

    // A number that the provider named is final, with --retry-refused too.
    for flags in [&[][..], &["--retry-refused"]] {
        let end = sandbox.send(&args).args(flags).run();
        end.expect_lines(&[("already_sent", 99_970), ("refused", 30)]);
        assert_eq!(end.summary()["requests"]["sent"], 0, "{end}");
        for (reject, again) in first.iter().zip(rejects()) {
            for key in ["line", "input", "value", "reason"] {
                assert_eq!(reject[key], again[key]);
            }
        }
    }
}

#[test]
fn after_fifty_splits_in_a_line_the_rest_goes_as_two() {
    for_both_ledgers(split_in_two);
}

fn split_in_two(kept: Kept) {
    let sandbox = with_bad(kept, 0..60);
    sandbox.voice_campaign().write();
    sandbox.write("a.ndjson", contacts(0..25));
    sandbox.write("b.ndjson", contacts(25..200));
    let end = sandbox
        .send(&["a.ndjson", "b.ndjson", "--rejects", "rejects.ndjson"])
        .run();
    end.expect(5).expect_lines(&[("accepted", 140), ("refused", 60)]);
    // Over the border of the inputs, and through every child.
    let mut places: Vec<(String, u64)> = sandbox
        .read_ndjson("rejects.ndjson")
        .iter()
        .map(|reject| {
            (
                reject["input"].to_string(),
                reject["line"].as_u64().expect("a line"),
            )
        })
        .collect();
    places.sort();
    let of = |input: &str, lines: u64| (1..=lines).map(|line| (format!("{input:?}"), line)).collect();
    let expected: [Vec<(String, u64)>; 2] = [of("a.ndjson", 25), of("b.ndjson", 35)];
    assert_eq!(places, expected.concat());
    expect_all_agree(&sandbox, &end);
    // Fifty in the line; its halves, the first with the ten bad ones that are left.
    assert_eq!(end.summary()["requests"]["sent"], 50 + 2 + 10);
    assert_eq!(campaigns(&sandbox), 2);
    assert_eq!(Books::open(&sandbox).batches(BatchState::Split), 60);
}

#[test]
fn a_batch_of_bad_numbers_alone_leaves_nobody() {
    for_both_ledgers(leave_nobody);
}

fn leave_nobody(kept: Kept) {
    let sandbox = with_bad(kept, 0..3);
    sandbox.voice_campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..3));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(5).expect_lines(&[("refused", 3)]);
    assert_eq!(campaigns(&sandbox), 0);
    expect_all_agree(&sandbox, &end);
}

#[test]
fn a_child_whose_answer_is_lost_is_looked_up_as_any_batch() {
    for_both_ledgers(look_a_child_up);
}

fn look_a_child_up(kept: Kept) {
    let sandbox = with_bad(kept, [5]);
    sandbox.voice_campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..10));
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"reset","path":"campaigns","request":2}]}"#);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(5).expect_lines(&[("accepted", 9), ("refused", 1)]);
    assert_eq!(sandbox.mock().stats().faults_hit, [1]);
    assert_eq!(campaigns(&sandbox), 1);
    expect_all_agree(&sandbox, &end);
}
