//! While a campaign is sent nothing of it is copied; once its run is dead, what that left goes with it.

use test_postgres::shared;

use super::same::expect_same;
use super::{at, copy, expect_conserved, made, send_at};
use crate::support::{Sandbox, wait_until};

/// The provider takes a request, and does not answer it in time.
const HANG: &str = r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#;

#[test]
fn what_a_killed_run_left_is_settled_from_there_and_nothing_is_copied_while_it_is_sent() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(4, 2);
    sandbox.faults(HANG);
    let mut first = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the first request", || {
        sandbox.mock().stats().together.accepted_requests > 0
    });
    let database = made(&sandbox);
    let end = copy(&sandbox, &database, &[]);
    end.expect(10);
    assert!(end.stderr.contains("is held by another process"), "{end}");
    first.kill();
    drop(first);
    sandbox.mock().clear_faults();
    copy(&sandbox, &database, &[]).expect(0);
    expect_same(&sandbox, &database);
    let end = send_at(&sandbox, &database, &["contacts.ndjson"]);
    end.expect(0);
    let stats = sandbox.mock().stats().together;
    assert_eq!(
        (stats.distinct_recipients, stats.max_per_recipient),
        (4, 1),
        "{end}"
    );
    expect_conserved(&database);
}

#[test]
fn from_one_server_to_another_once_nobody_sends() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(6, 2);
    let old = shared().database();
    at(&sandbox, &old, &["ledger", "init"]).expect(0);
    let new = made(&sandbox);
    let from = format!("{}?silence=3", old.url());
    let send = || sandbox.send(&["contacts.ndjson"]).env("VOLLEY_LEDGER", &from);
    let copy = || {
        let copy = sandbox.volley(["--json", "ledger", "copy", "spring", "--to", &new.url()]);
        copy.env("VOLLEY_LEDGER", &from).run()
    };
    sandbox.faults(HANG);
    let mut first = send().start();
    wait_until("the first request", || {
        sandbox.mock().stats().together.accepted_requests > 0
    });
    let end = copy();
    end.expect(10);
    assert!(end.stderr.contains("of the campaign is under way"), "{end}");
    first.kill();
    sandbox.mock().clear_faults();
    wait_until("its silence", || copy().code() == 0);
    let runs = "SELECT count(*) FROM volley.run WHERE worker IS NOT NULL AND fenced_at IS NOT NULL";
    assert_eq!(new.psql(runs), "1");
    let end = send().run();
    end.expect(3);
    assert!(
        end.stderr.contains("was copied from postgres://") && !end.stderr.contains("adopt"),
        "{end}"
    );
    let end = send_at(&sandbox, &new, &["contacts.ndjson"]);
    end.expect(0);
    let stats = sandbox.mock().stats().together;
    assert_eq!(
        (stats.distinct_recipients, stats.max_per_recipient),
        (6, 1),
        "{end}"
    );
    expect_conserved(&new);
}
