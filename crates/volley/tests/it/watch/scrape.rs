//! A scraper: asks a run for its figures over a plain socket, and reads the answer strictly.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::exposition::Scrape;
use crate::support::{Started, wait_until};

/// An answer over HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Where the run says that it listens.
#[track_caller]
pub(crate) fn address(run: &Started) -> SocketAddr {
    let mut found = None;
    wait_until("the address of the metrics", || {
        let said = run.stderr_so_far();
        found = said.lines().find_map(|line| {
            line.strip_prefix("metrics: http://")?
                .strip_suffix("/metrics")?
                .parse()
                .ok()
        });
        found.is_some()
    });
    found.expect("found")
}

/// Sends this, and reads to the end; `None` if nobody listens any more.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a socket");
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: head.to_lowercase(),
        body: body.to_owned(),
    })
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"),
    )
}

/// The figures, if the run still goes on.
#[track_caller]
pub(crate) fn scrape(address: SocketAddr) -> Option<Scrape> {
    let answer = get(address, "/metrics")?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer
            .head
            .contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{answer:?}"
    );
    Some(Scrape::parse(&answer.body))
}
