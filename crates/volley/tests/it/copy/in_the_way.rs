//! What stands in the way of a copy.

use test_postgres::shared;

use super::made;
use crate::support::{End, Sandbox, closed_port};

fn copy_to(sandbox: &Sandbox, to: &str, more: &[&str]) -> End {
    sandbox
        .volley([&["ledger", "copy", "--to", to], more].concat())
        .run()
}

#[test]
fn what_stands_in_the_way_is_said_and_nothing_is_copied() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(2, 2);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let database = made(&sandbox);
    let empty = shared().database();
    let nowhere = format!("postgres://volley:pw@{}/volley", closed_port());
    let file = sandbox.path("other.db");
    let to = |to: &str, more: &[&str]| copy_to(&sandbox, to, more);
    let url = database.url();
    for (end, code, says) in [
        (to(&url, &["summer"]), 3, "there is no campaign summer in"),
        (
            to(&empty.url(), &[]),
            3,
            "volley ledger init --ledger postgres://volley@127.0.0.1",
        ),
        (
            to(&nowhere, &[]),
            10,
            "connecting failed at postgres://volley@127.0.0.1",
        ),
        (to(file.to_str().expect("UTF-8"), &[]), 2, "into no file"),
        (to(&url, &["--ledger", "none.db"]), 3, "no ledger at"),
    ] {
        end.expect(code);
        assert!(end.stderr.contains(says), "{says}\n{end}");
        assert!(!end.stderr.contains(":pw@"), "{end}");
    }
    assert_eq!(database.psql("SELECT count(*) FROM volley.campaign"), "0");
    // And the file still sends.
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", 2)]);
}

#[test]
fn a_name_that_is_taken_keeps_all_here_and_what_went_may_be_taken_back() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(2, 2);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let database = made(&sandbox);
    let url = database.url();
    // By another campaign.
    let send = |name: &str| {
        sandbox
            .campaign()
            .set("limits.batch_size", 2)
            .set("campaign.name", name)
            .write();
        sandbox.send(&["contacts.ndjson"])
    };
    send("summer").env("VOLLEY_LEDGER", &url).run().expect(0);
    send("summer").run().expect(0);
    let before = database.psql("SELECT count(*) FROM volley.batch");
    let end = copy_to(&sandbox, &url, &[]);
    end.expect(3);
    assert!(end.stderr.contains("has a campaign summer already"), "{end}");
    assert_eq!(database.psql("SELECT count(*) FROM volley.batch"), before);
    // And nothing was: the file still sends.
    send("spring").run().expect(0);
    copy_to(&sandbox, &url, &["spring"]).expect(0);
    send("spring").run().expect(3);
    // The operator may take it back.
    let adopt = ["ledger", "adopt", "--reason", "the server is gone for good"];
    sandbox.volley(adopt).run().expect(0);
    send("spring")
        .run()
        .expect(0)
        .expect_lines(&[("already_sent", 2)]);
}
