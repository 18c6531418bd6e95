//! What the provider refuses: the message, the account, the credit.

use super::agrees;
use crate::support::{KEY, Kept, LOGIN, Sandbox, contacts, for_both_ledgers};

/// A mention that we take for one and the provider does not: it answers 400, code 121.
fn refused(kept: Kept, recipients: u32) -> Sandbox {
    let sandbox = Sandbox::new().of(kept);
    sandbox.prepare(recipients, 10);
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":121,"path":"send"}]}"#);
    sandbox
}

#[test]
fn a_refused_first_batch_stops_the_run_and_leaves_the_rest_pending() {
    for_both_ledgers(|kept| {
        let sandbox = refused(kept, 25);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(5).expect_lines(&[("refused", 10), ("pending", 15)]);
        let summary = end.summary();
        assert_eq!(summary["outcome"], "stopped");
        assert_eq!(summary["batches"]["refused"], 1);
        let reason = summary["reason"].as_str().expect("a reason");
        assert!(reason.contains("121") && reason.contains("STOP"), "{reason}");
        let seen = sandbox.mock().stats().together;
        assert_eq!((seen.requests, seen.recipients), (1, 0));
    });
}

#[test]
fn refused_to_its_end_is_complete_and_still_exit_5() {
    for_both_ledgers(|kept| {
        let sandbox = refused(kept, 10);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(5).expect_lines(&[("refused", 10)]);
        assert_eq!(end.summary()["outcome"], "complete");
    });
}

#[test]
fn a_rerun_counts_the_refused_and_sends_no_request_for_them() {
    for_both_ledgers(|kept| {
        let sandbox = refused(kept, 10);
        sandbox.send(&["contacts.ndjson"]).run().expect(5);
        let requests = sandbox.mock().stats().together.requests;
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(0).expect_lines(&[("refused", 10)]);
        assert_eq!(sandbox.mock().stats().together.requests, requests);
    });
}

#[test]
fn retry_refused_sends_them_again() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(10, 10);
        sandbox.faults(
        r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":119,"times":1,"path":"send"}]}"#,
    );
        sandbox
            .send(&["contacts.ndjson"])
            .run()
            .expect(5)
            .expect_lines(&[("refused", 10)]);
        sandbox
            .send(&["contacts.ndjson"])
            .run()
            .expect(0)
            .expect_lines(&[("refused", 10)]);
        let retried = sandbox.send(&["contacts.ndjson", "--retry-refused"]).run();
        retried.expect(0).expect_lines(&[("accepted", 10)]);
        agrees(&sandbox, &retried);
    });
}

#[test]
fn a_mended_text_sends_the_refused_again_without_a_flag() {
    for_both_ledgers(|kept| {
        let sandbox = refused(kept, 25);
        sandbox.send(&["contacts.ndjson"]).run().expect(5);
        sandbox.mock().clear_faults();
        let text = "octopush.text=Another text. STOP au 30101";
        let mended = sandbox.send(&["contacts.ndjson", "--set", text]).run();
        mended.expect(0).expect_lines(&[("accepted", 25)]);
        agrees(&sandbox, &mended);
    });
}

#[test]
fn the_third_refusal_in_a_row_stops_the_run() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox
            .campaign()
            .set("limits.batch_size", 10)
            .set("limits.max_in_flight", 1)
            .write();
        sandbox.write("contacts.ndjson", contacts(0..100));
        // The batches of 20, 40, 50 and 60 are refused: the second alone, then three in a row.
        let refuse = |number: u32| {
            format!(
                r#"{{"at":"after_read","do":"status","status":400,"code":119,"number":"+336000000{number}"}}"#
            )
        };
        sandbox.faults(&format!(
            r#"{{"rules":[{}]}}"#,
            [20, 40, 50, 60].map(refuse).join(",")
        ));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(5);
        assert_eq!((end.lines("accepted"), end.lines("refused")), (30, 40), "{end}");
        assert_eq!(end.summary()["outcome"], "stopped");
        assert_eq!(sandbox.mock().stats().together.recipients, 30);
    });
}

#[test]
fn refused_credentials_stop_the_run_and_free_the_numbers() {
    for_both_ledgers(|kept| {
        let settings = format!("[octopush]\naccounts = [{{ login = \"{LOGIN}\", key = \"{KEY}\" }}]");
        let sandbox = Sandbox::with_mock(&settings).of(kept);
        sandbox.prepare(25, 10);
        let end = sandbox
            .send(&["contacts.ndjson"])
            .env("OCTOPUSH_API_KEY", "another-key")
            .run();
        end.expect(11);
        assert_eq!(end.lines("accepted"), 0, "{end}");
        assert_eq!(end.lines("pending"), end.lines("read"), "{end}");
        assert_eq!(end.summary()["outcome"], "stopped");
        assert_eq!(sandbox.mock().stats().together.requests, 1, "one try is enough");

        let mended = sandbox.send(&["contacts.ndjson"]).run();
        mended.expect(0).expect_lines(&[("accepted", 25)]);
        agrees(&sandbox, &mended);
    });
}

#[test]
fn every_account_status_stops_whatever_its_body() {
    for status in [401, 402, 403] {
        let sandbox = Sandbox::new();
        sandbox.prepare(5, 10);
        sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"after_read","do":"status","status":{status},"body":"<html>"}}]}}"#
        ));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(11).expect_lines(&[("pending", 5)]);
        sandbox.mock().clear_faults();
        sandbox
            .send(&["contacts.ndjson"])
            .run()
            .expect(0)
            .expect_lines(&[("accepted", 5)]);
    }
}

#[test]
fn credit_that_is_used_up_in_the_middle_stops_the_run() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::with_mock("[octopush]\ncredit = \"1\"").of(kept);
        sandbox.prepare(60, 10);
        // Two batches cost 0.9024734.
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(11);
        assert_eq!(end.lines("accepted"), 20, "{end}");
        assert_eq!(
            end.lines("refused"),
            0,
            "trouble with the account is no refusal\n{end}"
        );
        agrees(&sandbox, &end);
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(11);
        assert_eq!(again.lines("already_sent"), 20, "{again}");
    });
}
