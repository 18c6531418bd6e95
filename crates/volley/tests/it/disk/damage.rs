//! Invariant 13: a ledger that was truncated, garbled, rolled back, copied or robbed of a file is refused, or the damage
//! is proven harmless: every number that was reached stays reached, and the provider and the ledger agree.

use std::fs;
use std::ops::Range;
use std::path::Path;

use volley_ledger::{LedgerError, Reader};
use volley_model::BatchState;

use super::expect_refused;
use crate::books::{Books, expect_all_agree};
use crate::support::{End, Sandbox, contacts, number, wait_until};

const FILES: [&str; 5] = [
    "volley.db",
    "volley.db-wal",
    "volley.db-shm",
    "volley.db-lock",
    "volley.db-bodies",
];

const PAGE: usize = 4096;

/// Batches of two that were accepted before the damage, and after it the number that is new in the input.
const ACCEPTED: u32 = 4;
const KNOWN: u32 = 2 * (ACCEPTED + 1);
const NEW: u32 = 5000;

/// A ledger whose run was killed with a batch in flight: all of it lies in the log, and one intent is open.
fn killed() -> Sandbox {
    let sandbox = prepared();
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"request":5}]}"#);
    let mut send = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the fifth batch in flight", || {
        sandbox.mock().stats().together.accepted_requests == u64::from(ACCEPTED) + 1
    });
    wait_until("four outcomes in the ledger", || {
        Books::open(&sandbox).batches(BatchState::Accepted) == u64::from(ACCEPTED)
    });
    send.kill();
    assert_eq!(send.wait().code(), 128 + 9);
    sandbox.mock().clear_faults();
    sandbox.append("contacts.ndjson", contacts(NEW..NEW + 1));
    sandbox
}

/// A ledger that was closed cleanly: all of it lies in the main file.
fn closed() -> Sandbox {
    let sandbox = prepared();
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    assert!(!sandbox.path("volley.db-wal").exists());
    sandbox.append("contacts.ndjson", contacts(NEW..NEW + 1));
    sandbox
}

fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("limits.batch_size", 2)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..KNOWN));
    sandbox
}

/// Damages the ledger, and asserts that it is refused.
#[track_caller]
fn check_refused(what: &str, sandbox: &Sandbox, damage: impl FnOnce(&Sandbox)) {
    damage(sandbox);
    let requests = sandbox.mock().stats().together.requests;
    for _ in 0..2 {
        let end = sandbox.send(&["contacts.ndjson"]).run();
        expect_refused(sandbox, &end, requests, what);
    }
}

/// Damages the ledger, and asserts that it is refused, or that it does as an undamaged one would: a known number is
/// asked about at most, with its key, and never batched anew.
#[track_caller]
fn check_refused_or_harmless(what: &str, sandbox: &Sandbox, damage: impl FnOnce(&Sandbox)) -> End {
    damage(sandbox);
    let requests = sandbox.mock().stats().together.requests;
    // Other batches than before, so that no key stands in for the ledger.
    let end = sandbox
        .send(&["contacts.ndjson", "--set", "limits.batch_size=3"])
        .run();
    if end.code() == 7 {
        expect_refused(sandbox, &end, requests, what);
        return end;
    }
    let in_doubt = end.lines("in_doubt");
    assert_eq!(end.code(), if in_doubt > 0 { 6 } else { 0 }, "{what}\n{end}");
    assert_eq!(
        end.lines("accepted"),
        1,
        "{what}: the new number alone is new\n{end}"
    );
    assert_eq!(
        end.lines("already_sent") + in_doubt,
        u64::from(KNOWN),
        "{what}\n{end}"
    );
    let new = sandbox
        .mock()
        .recipients()
        .into_iter()
        .find(|one| one.number == number(NEW));
    assert_eq!(new.map(|one| one.times), Some(1), "{what}\n{end}");
    let asked = sandbox.mock().stats().together.requests - requests;
    assert!(
        asked <= 3,
        "{what}: {asked} requests for a new number, a doubt and the free GET\n{end}"
    );
    // How a run ended is what nobody is sent to by, and what has no checksum: whoever asks for it is refused. (Seed
    // 8603999947375217337: a bit of that word, which is no text any more.)
    let told = Reader::open(&sandbox.path("volley.db")).and_then(|reader| reader.report(None));
    if let Err(LedgerError::Damaged { .. }) = told {
        return end;
    }
    expect_all_agree(sandbox, &end);
    end
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file");
    change(&mut bytes);
    fs::write(path, bytes).expect("a file");
}

fn remove(sandbox: &Sandbox, name: &str) {
    fs::remove_file(sandbox.path(name)).expect("a file");
}

#[test]
fn undamaged_after_a_kill_it_goes_on() {
    let end = check_refused_or_harmless("undamaged", &killed(), |_| {});
    end.expect(0);
}

#[test]
fn a_log_that_is_gone_or_cut_is_refused() {
    check_refused("gone", &killed(), |sandbox| remove(sandbox, "volley.db-wal"));
    check_refused("gone with its index", &killed(), |sandbox| {
        remove(sandbox, "volley.db-wal");
        remove(sandbox, "volley.db-shm");
    });
    for eighths in [0, 1, 2, 4, 6, 7] {
        for index_too in [false, true] {
            check_refused(&format!("{eighths} eighths left"), &killed(), |sandbox| {
                edit(&sandbox.path("volley.db-wal"), |log| {
                    log.truncate(log.len() * eighths / 8);
                });
                if index_too {
                    remove(sandbox, "volley.db-shm");
                }
            });
        }
    }
}

#[test]
fn a_flipped_bit_of_the_log_is_refused_or_harmless() {
    let mut dice = dice();
    for _ in 0..12 {
        let sandbox = killed();
        let log = fs::read(sandbox.path("volley.db-wal")).expect("a log");
        flip(&sandbox, "volley.db-wal", any_of(&log, 0..log.len(), &mut dice));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_harmless() {
    let mut dice = dice();
    let mut sound = Sound::new();
    for _ in 0..40 {
        let place = any_of(&sound.ledger, 0..sound.ledger.len(), &mut dice);
        sound.flip(place);
    }
}

#[test]
fn a_flipped_bit_of_an_index_is_refused_or_harmless() {
    let mut dice = dice();
    let mut sound = Sound::new();
    for page in 1..sound.ledger.len() / PAGE {
        let bytes = page * PAGE..(page + 1) * PAGE;
        // Index pages, inner ones and leaves (SQLite file format, 1.6); an empty one has no content behind its head.
        let is_index = matches!(sound.ledger[bytes.start], 2 | 10);
        let content = bytes.start + 100..bytes.end;
        if is_index && sound.ledger[content.clone()].iter().any(|byte| *byte != 0) {
            for _ in 0..4 {
                let place = any_of(&sound.ledger, content.clone(), &mut dice);
                sound.flip(place);
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_the_schema_is_refused_or_harmless() {
    let mut dice = dice();
    let mut sound = Sound::new();
    for statement in [
        "CREATE TABLE batch",
        "CREATE TRIGGER",
        "CREATE INDEX",
        "CREATE VIEW",
    ] {
        for _ in 0..10 {
            let text = find_all(&sound.ledger, statement.as_bytes());
            let start = text[dice.usize(..text.len())];
            let place = any_of(&sound.ledger, start..start + 200, &mut dice);
            sound.flip(place);
        }
    }
}

#[expect(clippy::print_stdout, reason = "a failing test shows its seed")]
fn dice() -> fastrand::Rng {
    let seed = crate::kills::seed();
    println!("VOLLEY_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// A byte that is not zero, somewhere in the range, and one of its bits.
fn any_of(bytes: &[u8], range: Range<usize>, dice: &mut fastrand::Rng) -> (usize, u32) {
    loop {
        let at = dice.usize(range.clone());
        if bytes[at] != 0 {
            return (at, dice.u32(..8));
        }
    }
}

fn find_all(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows
        .filter(|(_, window)| *window == wanted)
        .map(|(at, _)| at)
        .collect()
}

fn flip(sandbox: &Sandbox, name: &str, (at, bit): (usize, u32)) -> End {
    check_refused_or_harmless(&format!("{name}: bit {bit} of byte {at}"), sandbox, |sandbox| {
        edit(&sandbox.path(name), |bytes| bytes[at] ^= 1 << bit);
    })
}

/// A ledger that was closed cleanly, and what was in its file.
struct Sound {
    sandbox: Sandbox,
    ledger: Vec<u8>,
    lock: Vec<u8>,
}

impl Sound {
    fn new() -> Self {
        let sandbox = closed();
        let read = |name| fs::read(sandbox.path(name)).expect("a file");
        let (ledger, lock) = (read("volley.db"), read("volley.db-lock"));
        Self {
            sandbox,
            ledger,
            lock,
        }
    }

    /// Flips that bit. A ledger that is refused is put back as it was, into the same file; one that was used is left
    /// for a new one.
    fn flip(&mut self, place: (usize, u32)) {
        if flip(&self.sandbox, "volley.db", place).code() != 7 {
            *self = Self::new();
            return;
        }
        self.sandbox.write("volley.db", &self.ledger);
        self.sandbox.write("volley.db-lock", &self.lock);
        for side_file in ["volley.db-wal", "volley.db-shm"] {
            // Most refusals come before there are any.
            let _ = fs::remove_file(self.sandbox.path(side_file));
        }
    }
}

#[test]
fn a_garbled_name_of_the_campaign_never_begins_it_anew() {
    let places = |sandbox: &Sandbox| {
        let bytes = fs::read(sandbox.path("volley.db")).expect("a ledger");
        find_all(&bytes, b"spring")
    };
    let found = places(&closed());
    assert!(!found.is_empty());
    for nth in 0..found.len() {
        let sandbox = closed();
        let at = places(&sandbox)[nth];
        check_refused_or_harmless(&format!("the name at {at}"), &sandbox, |sandbox| {
            edit(&sandbox.path("volley.db"), |bytes| bytes[at] ^= 1);
        });
    }
    // All at once: the file does not contradict itself then.
    let sandbox = closed();
    check_refused_or_harmless("the name everywhere", &sandbox, |sandbox| {
        let found = places(sandbox);
        edit(&sandbox.path("volley.db"), |bytes| {
            for at in found {
                bytes[at] ^= 1;
            }
        });
    });
}

#[test]
fn a_ledger_cut_anywhere_is_refused() {
    for sixteenths in [1, 3, 5, 9, 13, 15] {
        check_refused(&format!("{sixteenths} sixteenths left"), &closed(), |sandbox| {
            edit(&sandbox.path("volley.db"), |bytes| {
                bytes.truncate(bytes.len() * sixteenths / 16);
            });
        });
    }
    check_refused("cut by one byte", &closed(), |sandbox| {
        edit(&sandbox.path("volley.db"), |bytes| {
            bytes.truncate(bytes.len() - 1);
        });
    });
    check_refused("a header alone", &closed(), |sandbox| {
        edit(&sandbox.path("volley.db"), |bytes| bytes.truncate(100));
    });
    check_refused("cut under its log", &killed(), |sandbox| {
        edit(&sandbox.path("volley.db"), |bytes| {
            bytes.truncate(bytes.len() / 2);
        });
    });
}

#[test]
fn an_older_copy_put_back_is_refused() {
    // Each file keeps its inode, so that the content alone tells; the lock file is not part of a copy.
    let sandbox = prepared();
    sandbox.write("few.ndjson", contacts(0..2));
    sandbox.send(&["few.ndjson"]).run().expect(0);
    let older = fs::read(sandbox.path("volley.db")).expect("a ledger");
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"request":3}]}"#);
    let mut send = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("a batch in flight", || {
        sandbox.mock().stats().together.accepted_requests == 3
    });
    send.kill();
    send.wait();
    sandbox.mock().clear_faults();
    check_refused("over a ledger that was killed", &sandbox, |sandbox| {
        sandbox.write("volley.db", &older);
        remove(sandbox, "volley.db-wal");
        remove(sandbox, "volley.db-shm");
    });
}

#[test]
fn a_copy_elsewhere_is_refused() {
    for sandbox in [closed(), killed()] {
        fs::create_dir(sandbox.path("copy")).expect("a folder");
        for name in FILES {
            // -wal and -shm are gone where it was closed cleanly.
            let _ = fs::copy(sandbox.path(name), sandbox.path("copy").join(name));
        }
        let requests = sandbox.mock().stats().together.requests;
        let end = sandbox
            .send(&["contacts.ndjson", "--ledger", "copy/volley.db"])
            .run();
        expect_refused(&sandbox, &end, requests, "with its lock file");
        fs::remove_file(sandbox.path("copy/volley.db-lock")).expect("a lock file");
        let end = sandbox
            .send(&["contacts.ndjson", "--ledger", "copy/volley.db"])
            .run();
        expect_refused(&sandbox, &end, requests, "without");
        // The one that was copied is as good as before.
        check_refused_or_harmless("the original", &sandbox, |_| {}).expect(0);
    }
}

#[test]
fn without_its_lock_file_or_with_nothing_else_it_is_refused() {
    for (what, name) in [("no lock file", "volley.db-lock"), ("no ledger", "volley.db")] {
        check_refused(what, &killed(), |sandbox| remove(sandbox, name));
    }
    check_refused("a lock file alone", &closed(), |sandbox| {
        remove(sandbox, "volley.db");
        remove(sandbox, "volley.db-bodies");
    });
    check_refused("bodies alone", &closed(), |sandbox| {
        remove(sandbox, "volley.db");
        remove(sandbox, "volley.db-lock");
    });
    check_refused("a log alone", &killed(), |sandbox| {
        for name in ["volley.db", "volley.db-lock", "volley.db-shm", "volley.db-bodies"] {
            remove(sandbox, name);
        }
    });
    for (what, text) in [
        ("empty", &b""[..]),
        ("garbled", b"\xff\0nonsense"),
        ("cut", b"volley ledger lock 1\n"),
    ] {
        check_refused(&format!("{what} lock file"), &killed(), |sandbox| {
            sandbox.write("volley.db-lock", text);
        });
    }
}

#[test]
fn another_ledger_in_its_place_is_refused() {
    let other = closed();
    let sandbox = killed();
    check_refused("another's content", &sandbox, |sandbox| {
        sandbox.write("volley.db", fs::read(other.path("volley.db")).expect("a ledger"));
        remove(sandbox, "volley.db-wal");
        remove(sandbox, "volley.db-shm");
    });
}

#[test]
fn the_index_of_the_log_is_made_anew_where_it_is_lost() {
    let lost = check_refused_or_harmless("gone", &killed(), |sandbox| remove(sandbox, "volley.db-shm"));
    lost.expect(0);
    check_refused_or_harmless("garbled", &killed(), |sandbox| {
        edit(&sandbox.path("volley.db-shm"), |bytes| bytes.fill(0x5a));
    });
}

#[test]
fn without_its_body_a_doubt_stays_one_and_is_never_sent_anew() {
    let damages: [fn(&Sandbox); 3] = [
        |sandbox| remove(sandbox, "volley.db-bodies"),
        |sandbox| edit(&sandbox.path("volley.db-bodies"), |bytes| bytes.truncate(60)),
        |sandbox| {
            edit(&sandbox.path("volley.db-bodies"), |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle..].fill(b'x');
            });
        },
    ];
    for damage in damages {
        let sandbox = killed();
        let end = check_refused_or_harmless("bodies", &sandbox, damage);
        end.expect(6);
        assert_eq!(end.lines("in_doubt"), 2, "{end}");
        assert_eq!(Books::open(&sandbox).batches(BatchState::InDoubt), 1, "{end}");
    }
}
