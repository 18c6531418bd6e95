//! The same over a server: an intent is durable once the server's answer to its COMMIT has been read.
//!
//! Bounds: a COMMIT and its answer come in one piece each, as they do over loopback.

use std::collections::HashMap;

use super::{Event, find, strings};

/// PostgreSQL's protocol 3: a query that is `COMMIT`, and the tag of its completion.
const COMMIT: &[u8] = b"COMMIT\0";

/// What went over one socket in one call.
struct Passed<'t> {
    socket: &'t str,
    read: bool,
    bytes: Vec<u8>,
}

/// Reads a trace of `-f -yy -xx` of a run whose ledger's server listens on this port. Of its connections the one counts that
/// intents are written over.
pub(super) fn events(trace: &str, port: u16) -> Vec<Event> {
    let server = format!("->127.0.0.1:{port}]");
    let passed = passed(trace);
    let intent = |one: &&Passed<'_>| find(&one.bytes, b"INSERT INTO batch ").is_some();
    let ledger = passed.iter().find(intent).expect("an intent").socket;
    let mut events = Vec::new();
    for one in passed {
        let to_ledger = one.socket == ledger;
        let is_commit = find(&one.bytes, COMMIT).is_some();
        match (to_ledger, one.read) {
            (true, true) if is_commit => events.push(Event::Synced),
            (true, false) => {
                events.push(Event::Logged(one.bytes));
                if is_commit {
                    events.push(Event::SyncBegun);
                }
            }
            (false, false) if !one.socket.ends_with(&server) => events.push(Event::Sent(one.bytes)),
            (_, true) | (false, false) => {}
        }
    }
    events
}

/// What is written stands there when the call begins; what is read when it returns.
fn passed(trace: &str) -> Vec<Passed<'_>> {
    let mut reading: HashMap<&str, &str> = HashMap::new();
    let mut passed = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').expect("a thread's line");
        let call = call.trim_start();
        if call.starts_with("<... recvfrom resumed>") {
            let socket = reading.remove(thread).expect("a call that was begun");
            let bytes = strings(call);
            passed.push(Passed {
                socket,
                read: true,
                bytes,
            });
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        let Some(socket) = arguments
            .split_once("<TCP:")
            .and_then(|(_, rest)| Some(rest.split_once(">,")?.0))
        else {
            continue;
        };
        let read = name == "recvfrom";
        if read && arguments.contains("<unfinished") {
            reading.insert(thread, socket);
            continue;
        }
        let bytes = strings(arguments);
        passed.push(Passed { socket, read, bytes });
    }
    passed
}
