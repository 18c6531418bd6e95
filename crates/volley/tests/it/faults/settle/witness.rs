//! What a provider sees of a probe, byte for byte, and what its clock decides: a server that keeps every request.
//!
//! HTTP/1.1, as plain as can be: the mock neither keeps bodies nor lies about its `Date`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use volley_model::BatchState;

use crate::books::Books;
use crate::support::{End, Sandbox, contacts};

/// One request: its line and headers as they came, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    head: String,
    body: Vec<u8>,
}

/// Loses the answers to the first requests that send, gives the others a ticket, and answers the free GET.
struct Witness {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<Seen>>>,
}

impl Witness {
    fn start(answers_lost: usize, date: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let sent = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sent);
        // It ends with the process: what it waits for then never comes.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (seen, date) = (Arc::clone(&seen), date.clone());
                thread::spawn(move || serve(&connection, answers_lost, &seen, date.as_deref()));
            }
        });
        Self { address, sent }
    }

    fn sent(&self) -> Vec<Seen> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves one connection until it ends, or until an answer is to be lost.
fn serve(connection: &TcpStream, answers_lost: usize, sent: &Mutex<Vec<Seen>>, date: Option<&str>) {
    let mut reader = BufReader::new(connection);
    let date = date.map(|date| format!("date: {date}\r\n")).unwrap_or_default();
    while let Some(request) = read(&mut reader) {
        let (status, body) = if request.head.starts_with("POST") {
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(request);
            if sent.len() <= answers_lost {
                return;
            }
            let ticket = r#"{"sms_ticket":"sms_1","number_of_contacts":4,"total_cost":0.18}"#;
            ("201 Created", ticket)
        } else {
            ("200 OK", r#"{"amount":100}"#)
        };
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

/// A campaign of one batch of four against the witness.
fn send(sandbox: &Sandbox, witness: &Witness) -> End {
    sandbox
        .campaign()
        .set(
            "octopush.base_url",
            format!("http://{}/v1/public", witness.address),
        )
        .set("limits.connections", 1)
        .set("transport.http2", "never")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..4));
    sandbox.send(&["contacts.ndjson"]).run()
}

#[test]
fn a_probe_has_the_same_key_and_the_same_bytes_in_this_run_and_the_next() {
    // The batch and its probe are lost, so is the second run's probe; the third run's is answered.
    let sandbox = Sandbox::without_mock();
    let witness = Witness::start(3, None);
    send(&sandbox, &witness).expect(6);
    send(&sandbox, &witness).expect(6);
    let end = send(&sandbox, &witness);
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

/// A doubt, and a provider whose clock is off by so many seconds, or that shows none.
fn check_clock(date: Option<&str>, asked_about: bool) {
    let sandbox = Sandbox::without_mock();
    let witness = Witness::start(1, date.map(str::to_owned));
    let end = send(&sandbox, &witness);
    let (exit, state) = if asked_about {
        (0, BatchState::Accepted)
    } else {
        (6, BatchState::InDoubt)
    };
    assert_eq!(end.code(), exit, "{date:?}\n{end}");
    assert_eq!(
        witness.sent().len(),
        1 + usize::from(asked_about),
        "{date:?}\n{end}"
    );
    assert_eq!(Books::open(&sandbox).state_of(1), state, "{date:?}\n{end}");
    if !asked_about {
        assert!(end.stderr.contains("clock"), "it says why\n{end}");
    }
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
    // A margin of a minute, so that a slow machine decides nothing.
    check_clock(Some(&date(-360)), false);
    check_clock(Some(&date(420)), false);
    check_clock(Some(&date(-60)), true);
    check_clock(Some(&date(60)), true);
    // Without a readable one only the ledger's last entry is compared.
    check_clock(None, true);
    check_clock(Some("yesterday"), true);
}
