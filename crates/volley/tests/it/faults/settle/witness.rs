//! What a provider sees of a probe, byte for byte, and what its clock decides, for either: a server that keeps every request.
//!
//! HTTP/1.1, as plain as can be: the mock neither keeps bodies nor lies about its `Date`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use volley_model::BatchState;

use crate::books::Books;
use crate::by_hand::{Booked, FIRST_PAGE, Record};
use crate::support::Holding::{self, HasIt, LacksIt};
use crate::support::{End, Kept, Provider, Sandbox, contacts, for_both_ledgers};

/// One request: its line and headers as they came, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    head: String,
    body: Vec<u8>,
}

/// Loses the first requests that send, or the answers to them, and answers the others.
struct Witness {
    provider: Provider,
    address: SocketAddr,
    known: Arc<Mutex<Known>>,
}

/// What is lost, what came, and what was accepted.
struct Known {
    losses: usize,
    lost: Holding,
    date: Option<String>,
    sent: Vec<Seen>,
    accepted: Record,
}

impl Witness {
    fn start(provider: Provider, losses: usize, lost: Holding, date: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let known = Arc::new(Mutex::new(Known {
            losses,
            lost,
            date: date.map(str::to_owned),
            sent: Vec::new(),
            accepted: Record::new(provider),
        }));
        let shared = Arc::clone(&known);
        // It ends with the process: what it waits for then never comes.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let known = Arc::clone(&shared);
                thread::spawn(move || serve(&connection, &known));
            }
        });
        Self {
            provider,
            address,
            known,
        }
    }

    fn sent(&self) -> Vec<Seen> {
        lock(&self.known).sent.clone()
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    /// Status and body of an answer; `None` for one that is lost.
    fn answer(&mut self, request: Seen) -> Option<(&'static str, String)> {
        if !request.head.starts_with("POST") {
            let is_first_page = request.head.contains(FIRST_PAGE);
            return Some(("200 OK", self.accepted.told(is_first_page)));
        }
        let is_lost = self.sent.len() < self.losses;
        let booked = (!is_lost || self.lost == HasIt).then(|| self.accepted.book(&request.body));
        self.sent.push(request);
        match booked.filter(|_| !is_lost)? {
            Booked::Accepted(body) => Some(("200 OK", body)),
            Booked::Duplicate(body) => Some(("400 Bad Request", body)),
        }
    }
}

/// Serves one connection until it ends, or until an answer is to be lost.
fn serve(connection: &TcpStream, known: &Mutex<Known>) {
    let mut reader = BufReader::new(connection);
    while let Some(request) = read(&mut reader) {
        let mut known = lock(known);
        let Some((status, body)) = known.answer(request) else {
            return;
        };
        let date = known.date.as_ref();
        let date = date.map(|date| format!("date: {date}\r\n")).unwrap_or_default();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\n{date}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        // Whoever hung up does not want it.
        let _ = (&mut &*connection).write_all(answer.as_bytes());
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let mut head = String::new();
    loop {
        let begun = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if head[begun..].trim_end().is_empty() {
            break;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    let length = length.map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { head, body })
}

/// A folder with a campaign of one batch of four against the witness.
fn sandbox(witness: &Witness, kept: Kept) -> Sandbox {
    let sandbox = Sandbox::without_mock().of(witness.provider.over(kept));
    sandbox
        .campaign()
        .at(&format!("http://{}", witness.address))
        .set("limits.connections", 1)
        .set("transport.http2", "never")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..4));
    sandbox
}

fn send(sandbox: &Sandbox) -> End {
    sandbox.send(&["contacts.ndjson"]).run()
}

#[test]
fn a_probe_has_the_same_key_and_the_same_bytes_in_this_run_and_the_next() {
    for_both_ledgers(see_the_probes);
}

fn see_the_probes(kept: Kept) {
    // The batch and its probe are lost, so is the second run's probe; the third run's is answered.
    let witness = Witness::start(Provider::Octopush, 3, LacksIt, None);
    let sandbox = sandbox(&witness, kept);
    send(&sandbox).expect(6);
    send(&sandbox).expect(6);
    let end = send(&sandbox);
    end.expect(0).expect_lines(&[("already_sent", 4)]);
    let sent = witness.sent();
    assert_eq!(sent.len(), 4, "{sent:?}");
    for probe in &sent[1..] {
        assert_eq!(*probe, sent[0], "byte for byte");
    }
    let body = String::from_utf8(sent[0].body.clone()).expect("JSON");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["request_id"].as_str().map(str::len), Some(26), "{body}");
}

/// A doubt, and a provider whose clock shows this, or nothing.
fn check_clock(kept: Kept, date: Option<&str>, trusted: bool) {
    let witness = Witness::start(Provider::Octopush, 1, LacksIt, date);
    let sandbox_of_sms = sandbox(&witness, kept);
    let state = if trusted {
        BatchState::Accepted
    } else {
        BatchState::InDoubt
    };
    let end = expect_clock(&sandbox_of_sms, date, state, trusted);
    let probes = usize::from(trusted);
    assert_eq!(witness.sent().len(), 1 + probes, "{date:?}\n{end}");

    // A listing shows what it has on any clock, and tells an absence on one that can be trusted.
    for (holding, state) in [(HasIt, BatchState::Accepted), (LacksIt, BatchState::InDoubt)] {
        let witness = Witness::start(Provider::Exotel, 1, holding, date);
        let sandbox = sandbox(&witness, kept);
        let end = expect_clock(&sandbox, date, state, trusted);
        let absences = Books::open(&sandbox).absences(1).len();
        let told = trusted && holding == LacksIt;
        assert_eq!(absences, usize::from(told), "{date:?}, {holding:?}\n{end}");
        assert_eq!(witness.sent().len(), 1, "{date:?}, {holding:?}\n{end}");
    }
}

/// A run that loses its batch, and what the asking makes of it.
fn expect_clock(sandbox: &Sandbox, date: Option<&str>, state: BatchState, trusted: bool) -> End {
    let end = send(sandbox);
    let exit = if state == BatchState::InDoubt { 6 } else { 0 };
    assert_eq!(end.code(), exit, "{date:?}\n{end}");
    assert_eq!(Books::open(sandbox).state_of(1), state, "{date:?}\n{end}");
    assert_eq!(
        end.stderr.contains("clock"),
        !trusted,
        "it says why: {date:?}\n{end}"
    );
    end
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the provider's clock, held against the binary's own"
)]
fn without_a_clock_that_can_be_trusted_nothing_is_asked_about() {
    let now = jiff::Timestamp::now();
    let date = |seconds: i64| {
        let at = now + jiff::SignedDuration::from_secs(seconds);
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    for_both_ledgers(|kept| {
        // A margin of a minute, so that a slow machine decides nothing.
        let shown = [
            (Some(date(-360)), false),
            // Without a readable one only the ledger's last entry is compared.
            (None, true),
            (Some(date(420)), false),
            (Some(date(-60)), true),
            (Some(date(60)), true),
            (Some("yesterday".to_owned()), true),
        ];
        for (date, trusted) in kept.first(2, &shown) {
            check_clock(kept, date.as_deref(), *trusted);
        }
    });
}
