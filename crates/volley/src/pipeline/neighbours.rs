//! Other runs of the campaign at the same time: what they hold, and the way back of a batch that has such a number.
//!
//! ```text
//!  cut ─► asked ─► sealed ─► queue ─► flight ─► intent durable: settled
//!   ▲       │                           │
//!   └───────┴─── somebody else holds some of its numbers
//! ```
//! Bounds: as many batches are out as are queued and in flight. Not here: how a batch is taken apart (the intake does that),
//! and whose a number is (the ledger says so).

use std::collections::HashSet;

use tokio::sync::mpsc;
use volley_intake::{Returned, Standing};
use volley_ledger::{Held, Holding, LedgerError};
use volley_model::{Msisdn, Part, SealedBatch};

/// Asks the ledger which of these numbers other runs hold.
pub(crate) type Ask = Box<dyn FnMut(&[Msisdn]) -> Result<Vec<Held>, LedgerError> + Send>;

/// The other runs of a campaign, as this one sees them.
pub(crate) struct Neighbours {
    /// Asked in the intake's thread for each batch before it is sealed.
    pub(crate) ask: Ask,
}

/// What becomes of a batch that is out.
#[derive(Debug)]
pub(super) enum Event {
    /// It does not come back.
    Settled,
    Returned(Returned),
    /// Of none: the run stops, and nobody need wait.
    Stop,
}

/// Wakes whoever waits for batches that are out.
pub(super) struct Waker(mpsc::UnboundedSender<Event>);

impl Waker {
    /// The run stops.
    pub(super) fn wake(&self) {
        let _ = self.0.send(Event::Stop);
    }
}

/// The way back of one batch. Dropping it says that the batch is settled: its intent is durable, or it is pending.
#[derive(Debug)]
pub(crate) struct WayBack {
    parts: Vec<Part>,
    events: Option<mpsc::UnboundedSender<Event>>,
}

impl WayBack {
    /// Gives the batch back, of whose numbers these are held. `false` if none of them is in it: then nothing would change.
    pub(super) fn give_back(mut self, batch: SealedBatch, held: &[Held]) -> bool {
        let held = among(&batch.members, held);
        if held.is_empty() {
            return false;
        }
        let returned = Returned {
            members: batch.members,
            body: Box::new(batch.body),
            parts: std::mem::take(&mut self.parts),
            lines: batch.lines,
            held,
        };
        if let Some(events) = self.events.take() {
            // Where the intake is gone the run stops, and what is planned and never lands is pending.
            let _ = events.send(Event::Returned(returned));
        }
        true
    }
}

impl Drop for WayBack {
    fn drop(&mut self) {
        if let Some(events) = self.events.take() {
            let _ = events.send(Event::Settled);
        }
    }
}

/// Batches that are out, and hear from: the other end of all ways back.
pub(super) struct Returns {
    send: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
    out: usize,
}

impl Returns {
    pub(super) fn new() -> Self {
        let (send, events) = mpsc::unbounded_channel();
        Self { send, events, out: 0 }
    }

    pub(super) fn waker(&self) -> Waker {
        Waker(self.send.clone())
    }

    /// A batch with these parts goes out.
    pub(super) fn way_back(&mut self, parts: Vec<Part>) -> WayBack {
        self.out += 1;
        WayBack {
            parts,
            events: Some(self.send.clone()),
        }
    }

    /// Whether every batch is settled or came back.
    pub(super) fn is_quiet(&self) -> bool {
        self.out == 0
    }

    /// A batch that has come back by now.
    pub(super) fn try_next(&mut self) -> Option<Returned> {
        while let Ok(event) = self.events.try_recv() {
            if let Some(returned) = self.took(event) {
                return Some(returned);
            }
        }
        None
    }

    /// Waits until something becomes of a batch that is out, or the run stops; what comes back, if it does. Blocks.
    pub(super) fn wait(&mut self) -> Option<Returned> {
        let event = self.events.blocking_recv()?;
        self.took(event)
    }

    /// As [`wait`](Self::wait), without blocking.
    #[cfg(test)]
    pub(super) async fn next(&mut self) -> Option<Returned> {
        let event = self.events.recv().await?;
        self.took(event)
    }

    fn took(&mut self, event: Event) -> Option<Returned> {
        let returned = match event {
            Event::Settled => None,
            Event::Returned(returned) => Some(returned),
            Event::Stop => return None,
        };
        self.out -= 1;
        returned
    }
}

/// What of these members is held, as the intake takes it.
pub(super) fn among(members: &[Msisdn], held: &[Held]) -> Vec<(Msisdn, Standing)> {
    if held.is_empty() {
        return Vec::new();
    }
    let members: HashSet<&Msisdn> = members.iter().collect();
    let own = held.iter().filter(|held| members.contains(&held.number));
    own.map(|held| (held.number, standing(held.holding))).collect()
}

fn standing(holding: Holding) -> Standing {
    match holding {
        // Ids begin at 1.
        Holding::Open(batch) | Holding::InDoubt(batch) => {
            Standing::InDoubt(u64::try_from(batch.0).unwrap_or_default())
        }
        Holding::Reached => Standing::AlreadySent,
        Holding::Refused => Standing::Refused,
    }
}
