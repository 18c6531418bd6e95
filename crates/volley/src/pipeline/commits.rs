//! Orders that wait for the ledger's commit: how many, and for how long none of them was acknowledged. A disk that hangs
//! gives no error, and only this shows it.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// The orders of one dispatcher.
pub(super) struct Commits {
    waiting: Cell<u64>,
    acknowledged: Cell<u64>,
    /// The last acknowledgement, or the order that found none before it.
    moved_at: Cell<Instant>,
}

/// An order that waits, for as long as it does.
pub(super) struct Order<'a>(&'a Commits);

impl Commits {
    pub(super) fn new() -> Self {
        Self {
            waiting: Cell::new(0),
            acknowledged: Cell::new(0),
            moved_at: Cell::new(Instant::now()),
        }
    }

    /// An order is given.
    pub(super) fn wait(&self) -> Order<'_> {
        if self.waiting.get() == 0 {
            self.moved_at.set(Instant::now());
        }
        self.waiting.set(self.waiting.get() + 1);
        Order(self)
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.get()
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.get()
    }

    /// How long nothing has been acknowledged while something waited.
    pub(super) fn silent_for(&self) -> Duration {
        if self.waiting.get() == 0 {
            Duration::ZERO
        } else {
            self.moved_at.get().elapsed()
        }
    }
}

impl Drop for Order<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
        self.0.acknowledged.set(self.0.acknowledged.get() + 1);
        self.0.moved_at.set(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_ledger_is_silent_only_while_somebody_waits_for_it() {
        let commits = Commits::new();
        let pass = || tokio::time::sleep(Duration::from_secs(5));
        pass().await;
        assert_eq!(commits.silent_for(), Duration::ZERO);
        let (first, second) = (commits.wait(), commits.wait());
        pass().await;
        assert_eq!(commits.silent_for(), Duration::from_secs(5));
        drop(first);
        assert_eq!((commits.silent_for(), commits.waiting()), (Duration::ZERO, 1));
        pass().await;
        assert_eq!(commits.silent_for(), Duration::from_secs(5));
        drop(second);
        assert_eq!(
            (commits.silent_for(), commits.acknowledged()),
            (Duration::ZERO, 2)
        );
    }
}
