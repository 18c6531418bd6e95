//! Invariant 11: of any number of processes on one ledger, one sends.

use std::os::unix::fs::symlink;

use crate::books::expect_all_agree;
use crate::support::{Provider, Sandbox, contacts, for_both, wait_until};

#[test]
fn of_four_processes_that_start_at_once_one_sends_and_the_others_exit_10() {
    for ledger_is_there in [false, true] {
        for_both(|provider| start_four(provider, ledger_is_there));
    }
}

fn start_four(provider: Provider, ledger_is_there: bool) {
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 300\n").of(provider);
    sandbox
        .campaign()
        .set("limits.batch_size", 2)
        .set("limits.max_in_flight", 1)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..10));
    if ledger_is_there {
        sandbox.write("others.ndjson", contacts(1000..1001));
        sandbox.send(&["others.ndjson"]).run().expect(0);
    }
    let started: Vec<_> = (0..4)
        .map(|_| sandbox.send(&["contacts.ndjson"]).start())
        .collect();
    let ends: Vec<_> = started.into_iter().map(crate::support::Started::wait).collect();
    let mut codes: Vec<i32> = ends.iter().map(crate::support::End::code).collect();
    codes.sort_unstable();
    let all: String = ends.iter().map(ToString::to_string).collect();
    assert_eq!(codes, [0, 10, 10, 10], "{all}");
    let sent = ends.iter().find(|end| end.code() == 0).expect("one that sent");
    sent.expect_lines(&[("accepted", 10)]);
    expect_all_agree(&sandbox, sent);
}

#[test]
fn another_name_of_the_ledger_is_the_same_ledger() {
    let sandbox = Sandbox::new();
    sandbox.prepare(10, 2);
    sandbox.write("others.ndjson", contacts(1000..1001));
    sandbox.send(&["others.ndjson"]).run().expect(0);
    symlink(sandbox.path("volley.db"), sandbox.path("alias.db")).expect("a link");
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#);
    let first = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the first request", || {
        sandbox.mock().stats().together.accepted_requests == 2
    });
    let second = sandbox.send(&["contacts.ndjson", "--ledger", "alias.db"]).run();
    second.expect(10);
    assert_eq!(sandbox.mock().stats().together.requests, 2, "{second}");
    drop(first);
}
