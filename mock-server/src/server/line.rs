//! What the requests of one connection share: how many there were, and how the connection is to end.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::sync::Notify;

/// How a connection is to end. A harder end outranks a softer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// By itself.
    Open,
    /// After the requests that are open: GOAWAY, or `Connection: close`.
    Graceful,
    /// At once, with a FIN: what is unanswered stays so.
    Fin,
    /// At once, with a RST.
    Rst,
}

impl End {
    fn of(code: u8) -> Self {
        match code {
            0 => Self::Open,
            1 => Self::Graceful,
            2 => Self::Fin,
            _ => Self::Rst,
        }
    }
}

/// One connection, as its requests, its task and its socket see it.
#[derive(Debug, Default)]
pub(crate) struct Line {
    end: AtomicU8,
    changed: Notify,
    requests: AtomicU64,
}

impl Line {
    /// Asks for this end; the connection's task carries it out.
    pub(crate) fn order(&self, end: End) {
        self.end.fetch_max(end as u8, Ordering::AcqRel);
        self.changed.notify_one();
    }

    /// The hardest end ordered so far.
    pub(crate) fn end(&self) -> End {
        End::of(self.end.load(Ordering::Acquire))
    }

    /// Waits for the next order.
    pub(super) async fn ordered(&self) -> End {
        self.changed.notified().await;
        self.end()
    }

    /// Counts a provider request; returns its number on this connection, from 1.
    pub(crate) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harder_end_outranks_a_softer_one() {
        let line = Line::default();
        assert_eq!(line.end(), End::Open);
        line.order(End::Rst);
        line.order(End::Graceful);
        assert_eq!(line.end(), End::Rst);
    }
}
