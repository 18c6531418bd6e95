//! What each of hyper's and h2's errors proves about the request it came for.
//!
//! Proof that a request may go again, and nothing else is one:
//! - hyper gives the request back: it never left the queue in front of the connection.
//! - its body was never asked for (see [`Receipt`]): the peer cannot know it.
//! - the peer's `RST_STREAM` with `REFUSED_STREAM` (RFC 9113, 8.7).
//! - the peer's GOAWAY as the *stream's* error: h2 gives it to streams above the last id only, and the driver in
//!   `connection::http2` sees to it that no other GOAWAY error is reported for a stream. A stream at or below the last
//!   id shows a broken pipe once the connection ends, and that proves nothing. (One way round is known: a peer that
//!   sends GOAWAY and then pushes on a stream that it has just renounced, to a client that has forbidden pushes, makes
//!   h2 hand the error to all streams. Who breaks the protocol twice over could as well refuse a stream and serve it.)
//!
//! Sources: hyper 1.12 `client/dispatch.rs`, `proto/h2/client.rs`, `proto/h1/dispatch.rs`; h2 0.4.20
//! `proto/streams/streams.rs`.

use std::error::Error;
use std::fmt::Write;
use std::io;

use volley_model::{Evidence, Lost, NotProcessed, Unsent};

use crate::connection::Failure;
use crate::payload::Receipt;

/// The evidence of a request whose answer's head did not come.
pub(crate) fn of_failure(failure: Failure, receipt: &Receipt) -> Evidence {
    let Some(mut failure) = failure else {
        return Evidence::Unsent(Unsent::Cancelled("the connection was closed".to_owned()));
    };
    let returned = failure.take_message().is_some();
    let error = failure.into_error();
    if returned {
        return Evidence::Unsent(Unsent::Cancelled(describe(&error)));
    }
    if let Some(word) = peers_word(&error) {
        return Evidence::NotProcessed(word);
    }
    if receipt.withdraw() {
        return Evidence::Unsent(Unsent::Cancelled(describe(&error)));
    }
    Evidence::Lost(loss(&error))
}

/// The evidence of a request whose answer's head did not come in time. To be asked after the request was dropped.
pub(crate) fn of_timeout(receipt: &Receipt) -> Evidence {
    if receipt.withdraw() {
        Evidence::Unsent(Unsent::Cancelled(
            "the connection did not take the request in time".to_owned(),
        ))
    } else {
        Evidence::Lost(Lost::Timeout)
    }
}

fn peers_word(error: &hyper::Error) -> Option<NotProcessed> {
    let error = find::<h2::Error>(error)?;
    if !error.is_remote() {
        return None;
    }
    if error.is_go_away() {
        return Some(NotProcessed::GoAway);
    }
    (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
        .then_some(NotProcessed::RefusedStream)
}

fn loss(error: &hyper::Error) -> Lost {
    let detail = describe(error);
    if let Some(stream) = find::<h2::Error>(error) {
        return match stream.get_io() {
            Some(io) => by_io(io.kind(), detail),
            None if stream.is_reset() && stream.is_remote() => Lost::Reset(detail),
            None => Lost::Protocol(detail),
        };
    }
    if let Some(io) = find::<io::Error>(error) {
        return by_io(io.kind(), detail);
    }
    if error.is_incomplete_message() || error.is_closed() {
        Lost::Eof(detail)
    } else {
        Lost::Protocol(detail)
    }
}

fn by_io(kind: io::ErrorKind, detail: String) -> Lost {
    match kind {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => {
            Lost::Eof(detail)
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Lost::Reset(detail),
        _ => Lost::Protocol(detail),
    }
}

/// The first error of that type among the causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The error with all its causes on one line.
fn describe(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
