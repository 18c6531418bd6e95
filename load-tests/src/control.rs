//! The control routes of the mock, asked over one short connection each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde::Deserialize;

use crate::contacts::NumberSum;
use crate::error::LoadError;

/// Where a server listens, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) address: String,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// The part of `/__mock/stats` that is looked at. The counting server has the first two.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stats {
    pub(crate) requests: u64,
    pub(crate) recipients: u64,
    pub(crate) distinct_recipients: Option<u64>,
    pub(crate) max_per_recipient: Option<u64>,
    pub(crate) max_requests_in_any_second: Option<u64>,
}

/// A line of `/__mock/recipients`.
#[derive(Deserialize)]
struct Reached<'a> {
    number: &'a str,
}

impl Control {
    pub(crate) fn stats(&self) -> Result<Stats, LoadError> {
        let mut text = String::new();
        self.ask("GET", "/__mock/stats", "")?
            .read_to_string(&mut text)
            .map_err(server)?;
        serde_json::from_str(&text).map_err(server)
    }

    /// Which numbers were reached.
    pub(crate) fn numbers(&self) -> Result<NumberSum, LoadError> {
        let mut reached = NumberSum::default();
        let mut line = String::new();
        let mut answer = self.ask("GET", "/__mock/recipients", "")?;
        while answer.read_line(&mut line).map_err(server)? > 0 {
            let row: Reached<'_> = serde_json::from_str(&line).map_err(server)?;
            reached.add(row.number.trim_start_matches('+').parse().map_err(server)?);
            line.clear();
        }
        Ok(reached)
    }

    pub(crate) fn set_faults(&self, script: &str) -> Result<(), LoadError> {
        self.ask("PUT", "/__mock/faults", script).map(drop)
    }

    /// Asks, and reads up to the body, which ends with the connection.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<BufReader<Box<dyn Read>>, LoadError> {
        let mut stream = self.connect()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .map_err(server)?;
        stream.flush().map_err(server)?;
        let mut answer = BufReader::new(stream.reader());
        let mut status = String::new();
        answer.read_line(&mut status).map_err(server)?;
        let mut header = String::new();
        while answer.read_line(&mut header).map_err(server)? > 2 {
            header.clear();
        }
        if status.starts_with("HTTP/1.1 2") {
            return Ok(answer);
        }
        let mut text = String::new();
        // The status tells enough.
        let _ = answer.read_to_string(&mut text);
        Err(LoadError::Server(format!("{path}: {} {text}", status.trim())))
    }

    fn connect(&self) -> Result<Stream, LoadError> {
        let tcp = TcpStream::connect(&self.address).map_err(server)?;
        let Some(config) = &self.tls else {
            return Ok(Stream::Clear(tcp));
        };
        let name = ServerName::try_from("localhost").map_err(server)?;
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(server)?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(tls, tcp))))
    }
}

/// A connection in the clear, or not.
enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn reader(self) -> Box<dyn Read> {
        match self {
            Self::Clear(stream) => Box::new(stream),
            Self::Tls(stream) => stream,
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn server(error: impl std::fmt::Display) -> LoadError {
    LoadError::Server(error.to_string())
}
