//! A request's body that can be taken back for as long as nobody has taken it.
//!
//! hyper may drop a request whose stream it opened but whose body it never asked for: a connection that dies at
//! that very moment gives neither the request back nor an answer. A provider that was never told the recipients
//! cannot have sent to them, so a body that never left is a proof; see [`Receipt::withdraw`].

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// One frame of bytes for hyper.
#[derive(Debug)]
pub(crate) struct Payload {
    bytes: Bytes,
    fate: Arc<AtomicU8>,
}

/// What the sender keeps of a [`Payload`].
#[derive(Debug)]
pub(crate) struct Receipt(Arc<AtomicU8>);

/// hyper asked for a body that had been taken back.
#[derive(Debug, thiserror::Error)]
#[error("the body was withdrawn before it was sent")]
pub(crate) struct Withdrawn;

impl Payload {
    pub(crate) fn new(bytes: Bytes) -> (Self, Receipt) {
        // An empty body proves nothing by staying: the head alone is the whole request.
        let fate = Arc::new(AtomicU8::new(if bytes.is_empty() { TAKEN } else { WAITING }));
        let receipt = Receipt(Arc::clone(&fate));
        (Self { bytes, fate }, receipt)
    }
}

impl Receipt {
    /// Takes the body back. True: no byte of it was or ever will be given to the connection.
    pub(crate) fn withdraw(&self) -> bool {
        self.0
            .compare_exchange(WAITING, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let taken = self
            .fate
            .compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire);
        Poll::Ready(Some(match taken {
            Ok(_) => Ok(Frame::data(std::mem::take(&mut self.bytes))),
            Err(_) => Err(Withdrawn),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_body_is_either_sent_or_taken_back_never_both() {
        let (payload, receipt) = Payload::new(Bytes::from_static(b"abc"));
        assert!(receipt.withdraw());
        assert!(payload.collect().await.is_err());

        let (payload, receipt) = Payload::new(Bytes::from_static(b"abc"));
        assert_eq!(payload.collect().await.unwrap().to_bytes(), "abc");
        assert!(!receipt.withdraw());
    }

    #[test]
    fn an_empty_body_cannot_be_taken_back() {
        assert!(!Payload::new(Bytes::new()).1.withdraw());
    }
}
