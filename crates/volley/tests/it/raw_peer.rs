//! What hyper cannot send, by a peer that owns its socket: connections cut inside a request, streams reset behind the
//! answer's head, GOAWAY in its forms, windows that never open, answers byte by byte.
//!
//! Three batches of two, one at a time; the second send meets the fault. What the wire proves decides (guarantee, "What
//! the wire proves"): proven unsent or unprocessed goes again; anything else is in doubt, is asked about with the same
//! key and the same bytes, and is then accepted, or unticketed if the peer has it. The peer's own record is the oracle.

mod peer;

use std::sync::Mutex;
use std::thread;

use rusqlite::{Connection, OpenFlags};

use crate::books::Books;
use crate::support::{End, Sandbox, contacts, number};
use peer::{
    Accepts, AfterGoAway, CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, Last, NO_ERROR, Peer, REFUSED_STREAM,
    Script, Status, Then,
};

const RECIPIENTS: u32 = 6;
/// Rows that run at the same time: most of a row is waiting for a time-out or a disk.
const ROWS_AT_ONCE: usize = 6;

/// What became of the batch that met the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Accepted by the same request.
    Accepted,
    /// Proven not to have been processed: sent again, and accepted.
    Again,
    /// In doubt; asked about, it proved to be new, and was accepted.
    DoubtAccepted,
    /// In doubt; asked about, it proved to have been accepted: its ticket is unknown.
    DoubtUnticketed,
    /// A success whose ticket did not come: never in doubt.
    Unticketed,
}

use Fate::{Accepted, Again, DoubtAccepted, DoubtUnticketed, Unticketed};

impl Fate {
    /// The batch's state in the end, and whether it ever was in doubt.
    fn row(self) -> (&'static str, bool) {
        match self {
            Accepted | Again => ("accepted", false),
            DoubtAccepted => ("accepted", true),
            DoubtUnticketed => ("unticketed", true),
            Unticketed => ("unticketed", false),
        }
    }

    fn sends(self) -> u32 {
        match self {
            Accepted | Unticketed => 3,
            Again | DoubtAccepted | DoubtUnticketed => 4,
        }
    }
}

fn go_away(last: Last, code: u32, then: AfterGoAway) -> Then {
    Then::GoAway { last, code, then }
}

#[test]
fn a_request_cut_inside_its_body_is_in_doubt() {
    // HEADERS are some 80 bytes, the body some 270.
    let cut = |after_bytes| (Script::Cut { after_bytes }, &[DoubtAccepted][..]);
    check_all(&[120, 150, 200, 250, 300, 330].map(cut));
}

#[test]
fn a_request_cut_before_its_body_is_proven_unsent_or_in_doubt() {
    // Whether the body had been handed over when the connection broke is a matter of moments.
    let cut = |after_bytes| (Script::Cut { after_bytes }, &[Again, DoubtAccepted][..]);
    check_all(&[0, 1, 8, 9, 10, 30, 60].map(cut));
}

#[test]
fn a_request_that_was_read_and_not_answered_is_in_doubt() {
    let rows = [
        Then::Silence,
        Then::Close,
        Then::Reset(CANCEL),
        Then::Reset(INTERNAL_ERROR),
        Then::Reset(NO_ERROR),
        Then::Reset(ENHANCE_YOUR_CALM),
        Then::HeadAndReset(Status::BadRequest),
        go_away(Last::Ours, NO_ERROR, AfterGoAway::Silence),
        go_away(Last::Ours, NO_ERROR, AfterGoAway::Close),
        go_away(Last::Ours, ENHANCE_YOUR_CALM, AfterGoAway::Close),
    ];
    check_all(&rows.map(|then| (Script::Read(Accepts::Yes, then), &[DoubtUnticketed][..])));
    check_all(&rows.map(|then| (Script::Read(Accepts::No, then), &[DoubtAccepted][..])));
}

#[test]
fn what_the_peer_says_it_did_not_process_goes_again() {
    let rows = [
        Then::Reset(REFUSED_STREAM),
        go_away(Last::Below, NO_ERROR, AfterGoAway::Silence),
        go_away(Last::Below, NO_ERROR, AfterGoAway::Close),
        go_away(Last::Below, ENHANCE_YOUR_CALM, AfterGoAway::Close),
    ];
    check_all(&rows.map(|then| (Script::Read(Accepts::No, then), &[Again][..])));
}

#[test]
fn a_success_without_its_ticket_is_unticketed() {
    let rows = [Then::HeadAndReset(Status::Success), Then::HalfAndClose];
    check_all(&rows.map(|then| (Script::Read(Accepts::Yes, then), &[Unticketed][..])));
}

#[test]
fn an_answer_that_comes_whole_counts_however_it_comes() {
    let rows = [Then::Slices, go_away(Last::Ours, NO_ERROR, AfterGoAway::Answer)];
    check_all(&rows.map(|then| (Script::Read(Accepts::Yes, then), &[Accepted][..])));
}

#[test]
fn a_window_that_stays_shut_is_a_doubt() {
    // Handed over, and then a time-out: that the body never left is not proven to us, even where it did not.
    check_all(&[0, 1, 100].map(|window| (Script::Stall { window }, &[DoubtAccepted][..])));
}

type Row<'a> = (Script, &'a [Fate]);

fn check_all(rows: &[Row<'_>]) {
    let waiting = Mutex::new(rows.iter());
    let next = || {
        waiting
            .lock()
            .expect("no row fails while it takes the next")
            .next()
    };
    thread::scope(|scope| {
        for _ in 0..ROWS_AT_ONCE.min(rows.len()) {
            scope.spawn(|| {
                while let Some((script, fates)) = next() {
                    check(*script, fates);
                }
            });
        }
    });
}

/// Runs the campaign against the peer, and again; the fate must be one of those.
fn check(script: Script, fates: &[Fate]) {
    let row = format!("{script:?}");
    let peer = Peer::listen(script);
    let sandbox = Sandbox::without_mock();
    sandbox
        .campaign()
        .set("octopush.base_url", format!("http://{}/v1/public", peer.address))
        .set("limits.batch_size", 2)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.request_timeout", "2s")
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", RECIPIENTS.into())]);
    let fate = fates.iter().find(|fate| fits(&sandbox, **fate));
    let fate = fate.unwrap_or_else(|| panic!("{row}: none of {fates:?}: {:?}\n{end}", batches(&sandbox)));
    expect_recorded(&peer, *fate, &row, &end);
    Books::open(&sandbox).expect_sound();

    let further = sandbox.send(&["contacts.ndjson"]).run();
    further
        .expect(0)
        .expect_lines(&[("already_sent", RECIPIENTS.into())]);
    expect_recorded(&peer, *fate, &row, &further);
}

/// By the peer's record: the fault was hit, each number was accepted once, no key came with two bodies.
#[track_caller]
fn expect_recorded(peer: &Peer, fate: Fate, row: &str, end: &End) {
    let record = peer.record();
    assert!(record.struck, "{row}: the fault was not hit\n{end}");
    for nth in 0..RECIPIENTS {
        let times = record.accepted.get(&number(nth));
        assert_eq!(times, Some(&1), "{row}: {}\n{end}", number(nth));
    }
    assert_eq!(record.accepted.len(), 6, "{row}\n{end}");
    assert_eq!(record.sends, fate.sends(), "{row}: {fate:?}\n{end}");
    assert_eq!(record.mixed_up, None, "{row}\n{end}");
}

/// Whether one batch has this fate, and the others are accepted at once.
fn fits(sandbox: &Sandbox, fate: Fate) -> bool {
    let mut wanted = [("accepted".to_owned(), false), ("accepted".to_owned(), false), {
        let (state, doubted) = fate.row();
        (state.to_owned(), doubted)
    }];
    wanted.sort();
    batches(sandbox) == wanted
}

/// Each batch's state, and whether it ever was in doubt; sorted.
fn batches(sandbox: &Sandbox) -> Vec<(String, bool)> {
    let path = sandbox.path("volley.db");
    let ledger = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("SQLite");
    let sql = "SELECT state, doubt_since IS NOT NULL FROM batch ORDER BY 1, 2";
    let mut rows = ledger.prepare(sql).expect("the documented tables");
    let all = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("batches");
    all.map(|row| row.expect("a batch")).collect()
}
