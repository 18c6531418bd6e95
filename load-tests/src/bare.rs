//! `load-tests bare`: the least that a sender must do, as the baseline that Volley's cost is told in.
//!
//! It reads recipients that are already as the provider wants them (`load-tests count --record` wrote them down from
//! Volley's own requests), copies 500 of them into a body, and sends the bodies over one HTTP/2 connection of raw
//! hyper, 16 in flight; each answer is read to its end.
//! Not here: parsing, validation, duplicates, a ledger, a second attempt. A status other than 201 ends it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::error::LoadError;

/// The size that the intake reads with.
const BUFFER_BYTES: usize = 256 * 1024;
const HEAD: &[u8] = br#"{"recipients":["#;
/// As much as Volley sets aside for a body of 500.
const BODY_BYTES: usize = 64 * 1024;

/// Sends prepared recipients and does nothing else.
#[derive(Debug, Clone, Args)]
pub struct Bare {
    /// Recipients, one a line, behind a line with what follows them in a body
    #[arg(long, value_name = "FILE")]
    prepared: PathBuf,
    /// Where the server listens
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// Recipients in a request
    #[arg(long, value_name = "N", default_value_t = 500)]
    batch_size: usize,
    /// Requests that wait for their answer
    #[arg(long, value_name = "N", default_value_t = 16)]
    in_flight: usize,
}

impl Bare {
    /// Sends all of them.
    ///
    /// # Errors
    /// The file cannot be read; the server cannot be reached, or answers anything but 201.
    pub fn run(&self) -> Result<(), LoadError> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(server)?
            .block_on(self.send())
    }

    async fn send(&self) -> Result<(), LoadError> {
        let read = |source| LoadError::Read {
            path: self.prepared.clone(),
            source,
        };
        let file = File::open(&self.prepared).map_err(read)?;
        let mut bodies =
            Bodies::new(BufReader::with_capacity(BUFFER_BYTES, file), self.batch_size).map_err(read)?;
        let mut sender = self.connect().await?;
        let mut answers = JoinSet::new();
        while let Some(body) = bodies.next().map_err(read)? {
            if answers.len() == self.in_flight
                && let Some(answered) = answers.join_next().await
            {
                answered.map_err(server)??;
            }
            sender.ready().await.map_err(server)?;
            let response = sender.send_request(self.request(body)?);
            answers.spawn(async move {
                let response = response.await.map_err(server)?;
                let status = response.status();
                let answer = response.into_body().collect().await.map_err(server)?.to_bytes();
                if status == StatusCode::CREATED {
                    return Ok(());
                }
                Err(LoadError::Server(format!(
                    "{status}: {}",
                    String::from_utf8_lossy(&answer)
                )))
            });
        }
        while let Some(answered) = answers.join_next().await {
            answered.map_err(server)??;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, LoadError> {
        let stream = TcpStream::connect(&self.address).await.map_err(server)?;
        stream.set_nodelay(true).map_err(server)?;
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(server)?;
        // A connection that breaks shows in the answers.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, LoadError> {
        Request::post(format!("http://{}/v1/public/sms-campaign/send", self.address))
            .header("content-type", "application/json")
            .header("api-login", "load@example.org")
            .header("api-key", "load-test")
            .header("cache-control", "no-cache")
            .body(Full::new(body))
            .map_err(server)
    }
}

fn server(error: impl std::error::Error) -> LoadError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    LoadError::Server(text)
}

/// Makes bodies of prepared lines.
struct Bodies<R> {
    lines: R,
    tail: Vec<u8>,
    batch_size: usize,
    made: u64,
}

impl<R: BufRead> Bodies<R> {
    fn new(mut lines: R, batch_size: usize) -> io::Result<Self> {
        let mut tail = Vec::new();
        lines.read_until(b'\n', &mut tail)?;
        tail.pop();
        Ok(Self {
            lines,
            tail,
            batch_size,
            made: 0,
        })
    }

    /// The next body; `None` behind the last.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut body = Vec::with_capacity(BODY_BYTES);
        body.extend_from_slice(HEAD);
        for _ in 0..self.batch_size {
            // A line's end becomes the comma.
            if self.lines.read_until(b'\n', &mut body)? == 0 {
                break;
            }
            if let Some(last) = body.last_mut() {
                *last = b',';
            }
        }
        if body.len() == HEAD.len() {
            return Ok(None);
        }
        body.pop();
        self.made += 1;
        body.extend_from_slice(&self.tail);
        body.extend_from_slice(format!("bare{:018}\"}}", self.made).as_bytes());
        Ok(Some(body.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_cut_by_count_and_close_with_a_key_of_their_own() {
        let prepared = "],\"text\":\"Hi\",\"request_id\":\"\n{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
        let mut bodies = Bodies::new(prepared.as_bytes(), 2).unwrap();
        let mut made = Vec::new();
        while let Some(body) = bodies.next().unwrap() {
            made.push(String::from_utf8(body.to_vec()).unwrap());
        }
        assert_eq!(
            made,
            [
                r#"{"recipients":[{"a":1},{"a":2}],"text":"Hi","request_id":"bare000000000000000001"}"#,
                r#"{"recipients":[{"a":3}],"text":"Hi","request_id":"bare000000000000000002"}"#
            ]
        );
    }
}
