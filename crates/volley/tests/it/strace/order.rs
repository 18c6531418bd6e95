//! Invariant 3 by the order of system calls: the sync of the log that holds a batch's intent has returned before the
//! first byte of its request is written to the socket; on a server, the answer to the COMMIT of its intent was read.

mod answers;

use std::collections::HashMap;

use super::tracer::{TRACE, Tracer};
use super::{RECIPIENTS, bad_number, clean_exit, three_batches};
use crate::skip::Need;
use crate::support::{Kept, Over, Sandbox, contacts, for_all};

/// What a trace tells, in its order.
enum Event {
    /// Bytes were given to the log's file, or the ledger's server.
    Logged(Vec<u8>),
    /// A sync of the log began, or a COMMIT.
    SyncBegun,
    /// And returned without an error, or was answered.
    Synced,
    /// A write to the provider began, with these bytes.
    Sent(Vec<u8>),
}

#[test]
fn an_intent_is_durable_before_the_first_byte_of_its_request_over_http1() {
    for_all(|over| check(over, "never", 1));
}

#[test]
fn an_intent_is_durable_before_the_first_byte_of_its_request_over_http2() {
    for_all(|over| {
        check(over, "auto", 1);
        // Several at a time: their first bytes are told apart by their streams.
        check(over, "auto", 4);
    });
}

fn check(over: Over, http2: &str, in_flight: u32) {
    if !Need::Strace.is_met() {
        return;
    }
    let provider = over.provider;
    let sandbox = three_batches(over);
    let recipients = RECIPIENTS * in_flight;
    sandbox
        .campaign()
        .set("limits.batch_size", 2)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", in_flight)
        .set("transport.http2", http2)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..recipients));
    let calls = "trace=pwrite64,fsync,fdatasync,sendto,sendmsg,writev,write,recvfrom";
    let names = match over.kept {
        Kept::File => "-y",
        Kept::Server => "-yy",
    };
    let tracer = Tracer::new(&sandbox).args([names, "-xx", "-s", "1000000", "-e", calls]);
    tracer
        .run(sandbox.send(&["contacts.ndjson"]))
        .expect(clean_exit(provider));

    let requests = requests(&sandbox, http2 == "auto");
    // The child of a batch that was split is a batch.
    let children = u32::from(bad_number(provider).is_some());
    let batches = usize::try_from(recipients / 2 + children).expect("few");
    assert_eq!(requests.len(), batches, "one request a batch");
    for (key, first_byte_at, durable_at) in requests {
        let durable_at = durable_at.unwrap_or_else(|| panic!("{key}: its intent was never synced"));
        assert!(
            durable_at < first_byte_at,
            "{key}: durable at event {durable_at}, first byte at {first_byte_at}"
        );
    }
}

/// Each request by its key, with the events of its first byte and of its intent's sync.
fn requests(sandbox: &Sandbox, http2: bool) -> Vec<(String, usize, Option<usize>)> {
    let trace = sandbox.read(TRACE);
    let events = match sandbox.kept() {
        Kept::File => events(&trace),
        Kept::Server => answers::events(&trace, test_postgres::shared().port()),
    };
    // The connection's bytes, and the event that each came with.
    let mut stream: Vec<(u8, usize)> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if let Event::Sent(bytes) = event {
            stream.extend(bytes.iter().map(|byte| (*byte, at)));
        }
    }
    let heads = if http2 {
        heads_of_http2(&stream)
    } else {
        heads_of_http1(&stream)
    };
    let with_sync = |(key, first_byte_at): (String, usize)| {
        let durable_at = durable_at(&events, &key);
        (key, first_byte_at, durable_at)
    };
    heads.into_iter().map(with_sync).collect()
}

/// The first sync of the log that began after the key had been written into it, and its return.
fn durable_at(events: &[Event], key: &str) -> Option<usize> {
    let mut logged = false;
    let mut begun = false;
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Logged(bytes) => logged |= find(bytes, key.as_bytes()).is_some(),
            Event::SyncBegun => begun |= logged,
            Event::Synced if begun => return Some(at),
            Event::Synced | Event::Sent(_) => {}
        }
    }
    None
}

/// The request line's event, and the key in the body behind it.
fn heads_of_http1(stream: &[(u8, usize)]) -> Vec<(String, usize)> {
    let bytes: Vec<u8> = stream.iter().map(|(byte, _)| *byte).collect();
    let mut heads = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], b"POST ") {
        let start = from + at;
        heads.push((key_in(&bytes[start..]), stream[start].1));
        from = start + 1;
    }
    heads
}

/// The event of each stream's HEADERS frame (RFC 9113, 4.1: length, type, flags, stream), and the key in its DATA.
fn heads_of_http2(stream: &[(u8, usize)]) -> Vec<(String, usize)> {
    let bytes: Vec<u8> = stream.iter().map(|(byte, _)| *byte).collect();
    let mut first: HashMap<[u8; 4], usize> = HashMap::new();
    let mut bodies: HashMap<[u8; 4], Vec<u8>> = HashMap::new();
    // Behind the preface.
    let mut at = 24;
    while let Some(head) = bytes.get(at..at + 9) {
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).expect("small");
        let id = [head[5], head[6], head[7], head[8]];
        let payload = &bytes[at + 9..at + 9 + length];
        match head[3] {
            0 => bodies.entry(id).or_default().extend_from_slice(payload),
            1 => drop(first.insert(id, stream[at].1)),
            _ => {}
        }
        at += 9 + length;
    }
    bodies
        .iter()
        .map(|(id, body)| (key_in(body), first[id]))
        .collect()
}

fn key_in(bytes: &[u8]) -> String {
    let marks: [&[u8]; 2] = [b"\"request_id\":\"", b"\"name\":\"volley-"];
    let behind = |mark: &&[u8]| Some(find(bytes, mark)? + mark.len());
    let at = marks.iter().find_map(behind).expect("a key or a name");
    let end = at + find(&bytes[at..], b"\"").expect("its end");
    String::from_utf8(bytes[at..end].to_vec()).expect("letters and digits")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Reads a trace of `-f -y -xx`: a call that another thread interrupts stands in two lines.
fn events(trace: &str) -> Vec<Event> {
    let mut pending: HashMap<&str, bool> = HashMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').expect("a thread's line");
        let call = call.trim_start();
        if let Some(resumed) = call.strip_prefix("<... ") {
            let of_log = pending.remove(thread).unwrap_or(false);
            if of_log && is_sync(resumed) && succeeded(resumed) {
                events.push(Event::Synced);
            }
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        let path = text_of(
            arguments
                .split_once('<')
                .map_or("", |(_, rest)| rest.split('>').next().unwrap_or("")),
        );
        let of_log = path.ends_with(b"-wal");
        if is_sync(name) && of_log {
            events.push(Event::SyncBegun);
            if succeeded(arguments) {
                events.push(Event::Synced);
            }
        } else if name == "pwrite64" && of_log {
            events.push(Event::Logged(strings(arguments)));
        } else if path.starts_with(b"socket:") && name != "recvfrom" {
            events.push(Event::Sent(strings(arguments)));
        }
        if arguments.contains("<unfinished") {
            pending.insert(thread, of_log);
        }
    }
    events
}

fn is_sync(call: &str) -> bool {
    call.starts_with("fsync") || call.starts_with("fdatasync")
}

fn succeeded(line: &str) -> bool {
    line.trim_end().ends_with("= 0")
}

/// The bytes of all strings among the arguments, one after the other.
fn strings(arguments: &str) -> Vec<u8> {
    let quoted = arguments.split('"').skip(1).step_by(2);
    quoted.flat_map(text_of).collect()
}

/// What strace prints as `\x68\x69`.
fn text_of(hex: &str) -> Vec<u8> {
    let bytes = hex.split("\\x").filter(|byte| !byte.is_empty());
    bytes
        .map_while(|byte| u8::from_str_radix(byte, 16).ok())
        .collect()
}
