//! One bad number refuses a whole request: the others go again, and the bad ones are final.

use volley_model::BatchState;

use super::{campaigns, expect_all_agree};
use crate::books::Books;
use crate::support::{Sandbox, contacts, number};

/// A mock to which these of our numbers are bad.
fn with_bad(bad: impl IntoIterator<Item = u32>) -> Sandbox {
    let bad: Vec<String> = bad.into_iter().map(number).collect();
    Sandbox::with_mock(&format!("[exotel]\nbad_numbers = {bad:?}\n"))
}

#[test]
fn a_hundred_thousand_numbers_with_thirty_bad_ones() {
    let bad = (0..30).map(|nth| nth * 3_301 + 17);
    let sandbox = with_bad(bad.clone());
    sandbox.voice_campaign().set("limits.unit_price", "0.40").write();
    sandbox.write("contacts.ndjson", contacts(0..100_000));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(5)
        .expect_lines(&[("accepted", 99_970), ("refused", 30)]);
    expect_all_agree(&sandbox, &end);
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
        let end = sandbox
            .send(&["contacts.ndjson", "--rejects", "rejects.ndjson"])
            .args(flags)
            .run();
        end.expect_lines(&[("already_sent", 99_970), ("refused", 30)]);
        assert_eq!(end.summary()["requests"]["sent"], 0, "{end}");
        let rejects = sandbox.read_ndjson("rejects.ndjson");
        let values: Vec<&str> = rejects
            .iter()
            .filter_map(|reject| reject["value"].as_str())
            .collect();
        assert_eq!(values, bad.clone().map(number).collect::<Vec<_>>());
        assert!(
            rejects
                .iter()
                .all(|reject| reject["reason"] == "refused_by_provider")
        );
    }
}

#[test]
fn after_fifty_splits_in_a_line_the_rest_goes_as_two() {
    let sandbox = with_bad(0..60);
    sandbox.voice_campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..200));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(5).expect_lines(&[("accepted", 140), ("refused", 60)]);
    expect_all_agree(&sandbox, &end);
    // Fifty in the line; its halves, the first with the ten bad ones that are left.
    assert_eq!(end.summary()["requests"]["sent"], 50 + 2 + 10);
    assert_eq!(campaigns(&sandbox), 2);
    assert_eq!(Books::open(&sandbox).batches(BatchState::Split), 60);
}

#[test]
fn a_batch_of_bad_numbers_alone_leaves_nobody() {
    let sandbox = with_bad(0..3);
    sandbox.voice_campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..3));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(5).expect_lines(&[("refused", 3)]);
    assert_eq!(campaigns(&sandbox), 0);
    expect_all_agree(&sandbox, &end);
}

#[test]
fn a_child_whose_answer_is_lost_is_looked_up_as_any_batch() {
    let sandbox = with_bad([5]);
    sandbox.voice_campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..10));
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"reset","path":"campaigns","request":2}]}"#);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(5).expect_lines(&[("accepted", 9), ("refused", 1)]);
    assert_eq!(sandbox.mock().stats().faults_hit, [1]);
    assert_eq!(campaigns(&sandbox), 1);
    expect_all_agree(&sandbox, &end);
}
