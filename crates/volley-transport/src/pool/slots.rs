//! The places of a pool: which connections there are, and who sits on them. No I/O and no waiting here.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use volley_model::Unsent;

use super::Protocol;
use crate::connection::Sender;

pub(super) struct Slots {
    all: Vec<Slot>,
    /// Whose turn it is.
    turn: usize,
    next_id: u64,
    idle_timeout: Duration,
    /// 0: no limit.
    requests_max: u64,
    protocol: Option<Protocol>,
    failures: u64,
    last_failure: Option<Unsent>,
}

enum Slot {
    Vacant,
    /// Somebody is connecting.
    Opening,
    Open(Link),
}

/// A connection in its slot.
struct Link {
    id: u64,
    /// Away while an HTTP/1.1 connection serves its one request.
    sender: Option<Sender>,
    taken: usize,
    used: u64,
    idle_since: Option<Instant>,
}

/// What a look at the slots comes to.
pub(super) enum Claim {
    /// A place on a connection.
    Place(Place),
    /// No place, but a slot to open a connection in; it is the caller's now.
    Vacant(usize),
    /// No place, and a connection failed since the caller began to wait.
    Failed(Unsent),
    /// No place: wait.
    Full,
}

/// One request's place. Must be given back with [`Slots::release`].
pub(super) struct Place {
    /// Slot and connection; `None` for a connection of the request's own.
    seat: Option<(usize, u64)>,
    pub(super) sender: Option<Sender>,
}

impl Place {
    /// The only place of a connection outside all slots.
    pub(super) fn apart(sender: Sender) -> Self {
        Self {
            seat: None,
            sender: Some(sender),
        }
    }
}

impl Link {
    fn new(id: u64, sender: Sender, now: Instant) -> Self {
        Self {
            id,
            sender: Some(sender),
            taken: 0,
            used: 0,
            idle_since: Some(now),
        }
    }

    /// Whether it may still get requests, now or when one of those it has is over.
    fn is_usable(&self, now: Instant, idle_timeout: Duration) -> bool {
        let closed = self.sender.as_ref().is_some_and(Sender::is_closed);
        let stale = self
            .idle_since
            .is_some_and(|since| now.saturating_duration_since(since) >= idle_timeout);
        !closed && !stale
    }

    /// Takes a place; for HTTP/2 the way in is shared, for HTTP/1.1 it is away meanwhile.
    fn take(&mut self) -> Option<Sender> {
        let sender = match self.sender.as_ref()? {
            Sender::Http2(door) if self.taken < door.streams() => Sender::Http2(Arc::clone(door)),
            Sender::Http2(_) => return None,
            Sender::Http1(_) => self.sender.take()?,
        };
        self.taken += 1;
        self.used += 1;
        self.idle_since = None;
        Some(sender)
    }
}

impl Slots {
    pub(super) fn new(connections: NonZeroUsize, idle_timeout: Duration, requests_max: u64) -> Self {
        Self {
            all: (0..connections.get()).map(|_| Slot::Vacant).collect(),
            turn: 0,
            next_id: 1,
            idle_timeout,
            requests_max,
            protocol: None,
            failures: 0,
            last_failure: None,
        }
    }

    /// How many connections could not be opened so far.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    pub(super) fn note_protocol(&mut self, protocol: Protocol) {
        self.protocol = Some(protocol);
    }

    /// A place, or a slot to open a connection in, whichever's turn it is. `failures_seen` is
    /// [`failures`](Self::failures) from when the caller began to wait.
    pub(super) fn claim(&mut self, now: Instant, failures_seen: u64) -> Claim {
        let failure = match &self.last_failure {
            Some(failure) if self.failures > failures_seen => Some(failure.clone()),
            _ => None,
        };
        for slot in self.in_turn() {
            self.drop_unusable(slot, now);
            match self.all[slot] {
                Slot::Open(_) => {
                    if let Some(place) = self.sit(slot) {
                        return Claim::Place(place);
                    }
                }
                Slot::Vacant if failure.is_none() => {
                    self.all[slot] = Slot::Opening;
                    self.turn = slot + 1;
                    return Claim::Vacant(slot);
                }
                Slot::Vacant | Slot::Opening => {}
            }
        }
        let hope = self.all.iter().any(|slot| !matches!(slot, Slot::Vacant));
        match failure {
            Some(failure) if !hope => Claim::Failed(failure),
            _ => Claim::Full,
        }
    }

    /// A place on a connection that is open already.
    pub(super) fn claim_open(&mut self, now: Instant) -> Option<Place> {
        self.in_turn().find_map(|slot| {
            self.drop_unusable(slot, now);
            self.sit(slot)
        })
    }

    /// Puts a new connection into its slot and takes its first place.
    pub(super) fn install(&mut self, slot: usize, sender: Sender, now: Instant) -> Option<Place> {
        self.note_protocol(sender.protocol());
        self.all[slot] = Slot::Open(Link::new(self.next_id, sender, now));
        self.next_id += 1;
        self.sit(slot)
    }

    /// No connection came into the slot.
    pub(super) fn vacate(&mut self, slot: usize) {
        self.all[slot] = Slot::Vacant;
    }

    /// No connection came into the slot, and why.
    pub(super) fn fail(&mut self, slot: usize, failure: Unsent) {
        self.vacate(slot);
        self.failures += 1;
        self.last_failure = Some(failure);
    }

    /// Gives a place back. An HTTP/1.1 connection that comes back without its sender is not used again.
    pub(super) fn release(&mut self, place: Place, now: Instant) {
        let Some((slot, id)) = place.seat else { return };
        let Slot::Open(link) = &mut self.all[slot] else {
            return;
        };
        if link.id != id {
            return;
        }
        link.taken -= 1;
        if link.taken == 0 {
            link.idle_since = Some(now);
        }
        if link.sender.is_none() {
            match place.sender {
                Some(sender) => link.sender = Some(sender),
                None => self.all[slot] = Slot::Vacant,
            }
        }
    }

    fn in_turn(&self) -> impl Iterator<Item = usize> + use<> {
        let count = self.all.len();
        let turn = self.turn;
        (0..count).map(move |step| (turn + step) % count)
    }

    fn drop_unusable(&mut self, slot: usize, now: Instant) {
        if let Slot::Open(link) = &self.all[slot]
            && !link.is_usable(now, self.idle_timeout)
        {
            self.all[slot] = Slot::Vacant;
        }
    }

    fn sit(&mut self, slot: usize) -> Option<Place> {
        let Slot::Open(link) = &mut self.all[slot] else {
            return None;
        };
        let sender = link.take()?;
        let place = Place {
            seat: Some((slot, link.id)),
            sender: Some(sender),
        };
        self.turn = slot + 1;
        if self.requests_max > 0 && link.used >= self.requests_max {
            // It had its share: the slot is free for another, and it lives on in the places that are out.
            self.all[slot] = Slot::Vacant;
        }
        Some(place)
    }
}
