//! The body of a doubt is kept: beside a ledger's file in a slot, on a server in a row. Without it, whole, Octopush is not asked and
//! nothing sent; Exotel's listing is read without it.

use std::fs;

use volley_model::BatchState;

use super::{
    BATCH, LOST_COMMITTED, LOST_UNCOMMITTED, RECIPIENTS, THIRD, doubtful, expect_settled, handed_over_since,
};
use crate::books::{Books, expect_all_agree};
use crate::support::{Converged, Kept, Provider, Sandbox, check_rows, contacts};

/// Destroys the bodies in a file's slots between two runs.
#[track_caller]
fn check(how: &str, destroy: impl Fn(&Sandbox)) {
    check_in(Kept::File, how, destroy);
}

/// The same where they are kept there.
#[track_caller]
fn check_in(kept: Kept, how: &str, destroy: impl Fn(&Sandbox)) {
    for lost in [LOST_UNCOMMITTED, LOST_COMMITTED] {
        let sandbox = doubtful(kept.into(), lost);
        destroy(&sandbox);
        expect_left(how, &sandbox);
    }
    let sandbox = doubtful(Provider::Exotel.over(kept), LOST_COMMITTED);
    destroy(&sandbox);
    expect_looked_up(how, &sandbox);
}

/// The doubt stays, run after run, and everything else goes on.
#[track_caller]
fn expect_left(how: &str, sandbox: &Sandbox) {
    for _ in 0..2 {
        let end = sandbox.send(&["contacts.ndjson"]).run();
        assert_eq!(end.code(), 6, "{how}\n{end}");
        end.expect_lines(&[("already_sent", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
        expect_settled(&end, 0);
        assert_eq!(end.summary()["requests"]["sent"], 0, "{how}\n{end}");
        assert_eq!(handed_over_since(sandbox), [0_i64; 0], "{how}");
        assert_eq!(Books::open(sandbox).state_of(3), BatchState::InDoubt, "{how}");
        expect_all_agree(sandbox, &end);
    }
    sandbox.write("new.ndjson", contacts(100..108));
    let end = sandbox.send(&["new.ndjson"]).run();
    end.expect(6).expect_lines(&[("accepted", 8)]);
    expect_all_agree(sandbox, &end);
}

/// The name is in the ledger itself.
#[track_caller]
fn expect_looked_up(how: &str, sandbox: &Sandbox) {
    let Converged { end, freed } = sandbox.converge(&["contacts.ndjson"]);
    assert_eq!((end.code(), freed), (0, 0), "{how}\n{end}");
    expect_settled(&end, 1);
    assert_eq!(Books::open(sandbox).state_of(3), BatchState::Accepted, "{how}");
    expect_all_agree(sandbox, &end);
}

/// Changes the file; it is told where the body in doubt names its first number.
fn change(sandbox: &Sandbox, change: impl Fn(&mut Vec<u8>, usize)) {
    let path = sandbox.path("volley.db-bodies");
    let mut bytes = fs::read(&path).expect("bodies");
    let place = bytes
        .windows(THIRD.len())
        .position(|part| part == THIRD.as_bytes());
    change(&mut bytes, place.expect("the third batch's body"));
    fs::write(path, bytes).expect("bodies");
}

#[test]
fn a_doubt_whose_body_is_gone_stays() {
    check("empty", |sandbox| change(sandbox, |bytes, _| bytes.clear()));
    check("removed", |sandbox| {
        fs::remove_file(sandbox.path("volley.db-bodies")).expect("bodies");
    });
    check("cut off within the body", |sandbox| {
        change(sandbox, |bytes, place| bytes.truncate(place + 20));
    });
}

#[test]
fn a_doubt_whose_body_is_not_what_was_sent_stays() {
    check("zeroed", |sandbox| change(sandbox, |bytes, _| bytes.fill(0)));
    check("torn", |sandbox| {
        change(sandbox, |bytes, place| bytes[place..].fill(0));
    });
    check("another number", |sandbox| {
        change(sandbox, |bytes, place| bytes[place + THIRD.len() - 1] = b'9');
    });
    check("one bit", |sandbox| {
        change(sandbox, |bytes, place| bytes[place + THIRD.len() + 20] ^= 1);
    });
}

/// Of a server, as a superuser may do it: in the one row there is, since the other bodies went with their outcomes.
const CHANGES: &[&str] = &[
    "UPDATE body SET bytes = ''",
    "UPDATE body SET bytes = substring(bytes FOR length(bytes) - 20)",
    "UPDATE body SET bytes = set_byte(bytes, length(bytes) / 2, get_byte(bytes, length(bytes) / 2) # 1)",
];

#[test]
fn a_doubt_whose_body_on_a_server_is_gone_or_is_not_what_was_sent_stays() {
    if !test_postgres::is_there() {
        return;
    }
    check_rows(2, CHANGES, |change| {
        check_in(Kept::Server, change, |sandbox| sandbox.force(change));
    });
}

/// A slot beside a file is no part of its account; a row is, and is missed.
#[test]
fn a_body_that_is_gone_from_a_server_is_told_and_its_doubt_stays() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = doubtful(Kept::Server.into(), LOST_COMMITTED);
    sandbox.force("DELETE FROM body");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6)
        .expect_lines(&[("already_sent", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
    assert_eq!(handed_over_since(&sandbox), [0_i64; 0], "{end}");
    assert_eq!(
        sandbox.rows("SELECT fault FROM conservation"),
        ["it is open, and its body is gone"]
    );
    let verified = sandbox.volley(["ledger", "verify"]).run();
    assert_eq!(verified.code(), 7, "{verified}");
}
