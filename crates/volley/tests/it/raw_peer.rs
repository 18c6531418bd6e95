//! What hyper cannot send, by a peer that owns its socket: connections cut inside a request, streams reset behind the
//! answer's head, GOAWAY in its forms, windows that never open, answers byte by byte.
//!
//! Three batches of two, one at a time; the second send meets the fault. What the wire proves decides (guarantee, "What
//! the wire proves"): proven unsent or unprocessed goes again; anything else is in doubt, and is asked about. As Octopush, with
//! the same key and the same bytes: it is then accepted, or unticketed if the peer has it. As Exotel, by its listing: it is then
//! accepted if the peer has it, and else waits for the operator. The peer's own record is the oracle.

mod huffman;
mod peer;

use crate::books::Books;
use crate::support::{Converged, End, Kept, Over, Provider, Sandbox, check_rows, contacts, number};
use peer::{
    Accepts, AfterGoAway, CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, Last, NO_ERROR, Peer, REFUSED_STREAM,
    Script, Status, Then,
};

const RECIPIENTS: u32 = 6;
/// Rows that run at the same time: most of a row is waiting for a time-out or a disk.
const ROWS_AT_ONCE: usize = 6;
/// Rows of each table over a server: what the wire proves is judged before any ledger hears of it.
const OVER_A_SERVER: usize = 1;

/// What is proven of the batch that met the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proven {
    /// Accepted by the same request.
    Accepted,
    /// Not to have been processed: sent again, and accepted.
    Unprocessed,
    /// Nothing; the peer has it.
    DoubtHeld,
    /// Nothing; the peer lacks it.
    DoubtLacked,
    /// A success whose ticket did not come.
    Ticketless,
}

use Proven::{Accepted, DoubtHeld, DoubtLacked, Ticketless, Unprocessed};

impl Proven {
    /// The batch's state in the end, and whether it ever was in doubt; and the batch that took its place, if one did.
    fn rows(self, provider: Provider) -> Vec<(&'static str, bool)> {
        match (self, provider) {
            (Accepted | Unprocessed, _) => vec![("accepted", false)],
            // A duplicate.
            (DoubtHeld, Provider::Octopush) => vec![("unticketed", true)],
            // Never in doubt: a repeat could tell no more.
            (Ticketless, Provider::Octopush) => vec![("unticketed", false)],
            // To Octopush the probe was new; Exotel's listing has the name.
            (DoubtLacked, Provider::Octopush) | (DoubtHeld | Ticketless, Provider::Exotel) => {
                vec![("accepted", true)]
            }
            // The operator freed it.
            (DoubtLacked, Provider::Exotel) => vec![("declared_not_sent", true), ("accepted", false)],
        }
    }

    fn sends(self, provider: Provider) -> u32 {
        match (self, provider) {
            (Accepted | Ticketless, _) | (DoubtHeld, Provider::Exotel) => 3,
            (Unprocessed | DoubtLacked, _) | (DoubtHeld, Provider::Octopush) => 4,
        }
    }
}

fn go_away(last: Last, code: u32, then: AfterGoAway) -> Then {
    Then::GoAway { last, code, then }
}

#[test]
fn a_request_cut_inside_its_body_is_in_doubt() {
    // HEADERS are some 100 bytes, the body 220 and more.
    let cut = |after_bytes| (Script::Cut { after_bytes }, &[DoubtLacked][..]);
    check_all(&[120, 150, 200, 250, 300, 330].map(cut));
}

#[test]
fn a_request_cut_before_its_body_is_proven_unsent_or_in_doubt() {
    // Whether the body had been handed over when the connection broke is a matter of moments.
    let cut = |after_bytes| (Script::Cut { after_bytes }, &[Unprocessed, DoubtLacked][..]);
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
    check_all(&rows.map(|then| (Script::Read(Accepts::Yes, then), &[DoubtHeld][..])));
    check_all(&rows.map(|then| (Script::Read(Accepts::No, then), &[DoubtLacked][..])));
}

#[test]
fn what_the_peer_says_it_did_not_process_goes_again() {
    let rows = [
        Then::Reset(REFUSED_STREAM),
        go_away(Last::Below, NO_ERROR, AfterGoAway::Silence),
        go_away(Last::Below, NO_ERROR, AfterGoAway::Close),
        go_away(Last::Below, ENHANCE_YOUR_CALM, AfterGoAway::Close),
    ];
    check_all(&rows.map(|then| (Script::Read(Accepts::No, then), &[Unprocessed][..])));
}

#[test]
fn a_success_without_its_ticket_is_unticketed_or_looked_up() {
    let rows = [Then::HeadAndReset(Status::Success), Then::HalfAndClose];
    check_all(&rows.map(|then| (Script::Read(Accepts::Yes, then), &[Ticketless][..])));
}

#[test]
fn an_answer_that_comes_whole_counts_however_it_comes() {
    let rows = [Then::Slices, go_away(Last::Ours, NO_ERROR, AfterGoAway::Answer)];
    check_all(&rows.map(|then| (Script::Read(Accepts::Yes, then), &[Accepted][..])));
}

#[test]
fn a_window_that_stays_shut_is_a_doubt() {
    // Handed over, and then a time-out: that the body never left is not proven to us, even where it did not.
    check_all(&[0, 1, 100].map(|window| (Script::Stall { window }, &[DoubtLacked][..])));
}

type Row<'a> = (Script, &'a [Proven]);

fn check_all(rows: &[Row<'_>]) {
    let mut all = Vec::new();
    for kept in Kept::all() {
        let both = |row| Provider::BOTH.map(|provider| (provider.over(kept), row));
        all.extend(kept.first(OVER_A_SERVER, rows).iter().flat_map(both));
    }
    check_rows(ROWS_AT_ONCE, &all, |(over, (script, proven))| {
        check(*over, *script, proven);
    });
}

/// Runs the campaign against the peer, and again; what is proven must be one of those.
fn check(over: Over, script: Script, proven: &[Proven]) {
    let row = format!("{over:?}, {script:?}");
    let provider = over.provider;
    let peer = Peer::listen(provider, script);
    let sandbox = Sandbox::without_mock().of(over);
    sandbox
        .campaign()
        .at(&format!("http://{}", peer.address))
        .set("limits.batch_size", 2)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.request_timeout", "2s")
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    let left = end.lines("in_doubt");
    match provider {
        Provider::Octopush => assert_eq!(left, 0, "{row}\n{end}"),
        Provider::Exotel => assert!([0, 2].contains(&left), "{row}\n{end}"),
    }
    end.expect(if left > 0 { 6 } else { 0 })
        .expect_lines(&[("accepted", u64::from(RECIPIENTS) - left), ("in_doubt", left)]);
    let Converged { end, freed } = sandbox.converge(&["contacts.ndjson"]);
    assert_eq!(freed, left, "{row}\n{end}");
    end.expect(0).expect_lines(&[
        ("already_sent", u64::from(RECIPIENTS) - freed),
        ("accepted", freed),
    ]);
    let fits = proven.iter().find(|proven| fits(&sandbox, **proven));
    let fits = fits.unwrap_or_else(|| panic!("{row}: none of {proven:?}: {:?}\n{end}", batches(&sandbox)));
    expect_recorded(&peer, (provider, *fits), &row, &end);
    Books::open(&sandbox).expect_sound();

    let further = sandbox.send(&["contacts.ndjson"]).run();
    further
        .expect(0)
        .expect_lines(&[("already_sent", RECIPIENTS.into())]);
    expect_recorded(&peer, (provider, *fits), &row, &further);
}

/// By the peer's record: the fault was hit, each number was accepted once, no key came with two bodies.
#[track_caller]
fn expect_recorded(peer: &Peer, (provider, proven): (Provider, Proven), row: &str, end: &End) {
    let record = peer.record();
    assert!(record.struck, "{row}: the fault was not hit\n{end}");
    for nth in 0..RECIPIENTS {
        let times = record.provider.accepted.get(&number(nth));
        assert_eq!(times, Some(&1), "{row}: {}\n{end}", number(nth));
    }
    assert_eq!(record.provider.accepted.len(), 6, "{row}\n{end}");
    assert_eq!(record.sends, proven.sends(provider), "{row}: {proven:?}\n{end}");
    assert_eq!(record.provider.mixed_up, None, "{row}\n{end}");
}

/// Whether one batch came to this, and the others were accepted at once.
fn fits(sandbox: &Sandbox, proven: Proven) -> bool {
    let mut wanted = vec![("accepted", false), ("accepted", false)];
    wanted.extend(proven.rows(sandbox.provider()));
    let mut wanted: Vec<(String, bool)> = wanted
        .into_iter()
        .map(|(state, doubted)| (state.to_owned(), doubted))
        .collect();
    wanted.sort();
    batches(sandbox) == wanted
}

/// Each batch's state, and whether it ever was in doubt; sorted.
fn batches(sandbox: &Sandbox) -> Vec<(String, bool)> {
    let rows = sandbox.rows("SELECT state, doubt_since IS NOT NULL FROM batch ORDER BY 1, 2");
    let read = |row: &String| {
        let (state, doubted) = row.split_once('|').expect("two columns");
        // A truth is 1 in a file, and t on a server.
        (state.to_owned(), ["1", "t"].contains(&doubted))
    };
    rows.iter().map(read).collect()
}
