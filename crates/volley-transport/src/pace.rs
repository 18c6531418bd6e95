//! When a request may go: tokens a second for requests and for recipients, and the cool-down for all.
//!
//! One queue, served in order. Its head first waits for the recipients' tokens, then for the end of the cool-down
//! and its request's token, so that the request goes in the moment it has all three. governor decides; we wait.
//!
//! Bounds: over any window at most rate × window + burst tokens are given out. Buckets start empty.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

mod bucket;
mod clock;

use bucket::Bucket;
use clock::sleep_until;

/// How early [`Pace::approach`] returns (guarantee, "Intent, pace, in flight").
const APPROACH: Duration = Duration::from_millis(20);

/// What a pace is made of. Checked by whoever reads the campaign file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceConfig {
    /// Requests a second, above 0.
    pub requests_per_second: f64,
    /// How many requests may go at once after a pause.
    pub burst: NonZeroU32,
    /// Recipients a second, above 0.
    pub recipients_per_second: Option<f64>,
    /// Recipients in a full batch: the depth of the recipients' bucket.
    pub batch_size: NonZeroU32,
}

/// What made the last request wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Nothing.
    None,
    /// `requests_per_second`.
    RequestsPerSecond,
    /// `recipients_per_second`.
    RecipientsPerSecond,
    /// The provider asked for a pause.
    CoolDown,
}

/// The pacer; clones share one queue.
#[derive(Debug, Clone)]
pub struct Pace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    requests: Bucket,
    recipients: Option<Bucket>,
    /// The head of the queue holds this lock while it waits: tokio's mutex serves its waiters in order, and one that
    /// is dropped leaves the queue without a trace. It is the queue, not a guard of shared state.
    head: tokio::sync::Mutex<Head>,
    cool_until: Mutex<Option<Instant>>,
    /// Callers of `token` that have not got it, and recipients' tokens they still need.
    waiting_requests: AtomicU64,
    waiting_recipients: AtomicU64,
    last_limit: AtomicU8,
}

#[derive(Debug, Default)]
struct Head {
    /// Recipients' tokens taken by a head that was dropped before it got its request's token: the next one's.
    prepaid: u32,
}

impl Pace {
    /// A pace with empty buckets.
    pub fn new(config: PaceConfig) -> Self {
        Self(Arc::new(Shared {
            requests: Bucket::empty(config.requests_per_second, config.burst),
            recipients: config
                .recipients_per_second
                .map(|rate| Bucket::empty(rate, config.batch_size)),
            head: tokio::sync::Mutex::default(),
            cool_until: Mutex::default(),
            waiting_requests: AtomicU64::new(0),
            waiting_recipients: AtomicU64::new(0),
            last_limit: AtomicU8::new(0),
        }))
    }

    /// Returns when a token is at most 20 ms away for a caller that would arrive now behind all who wait already.
    /// Takes nothing.
    pub async fn approach(&self, recipients: u32) {
        loop {
            let now = Instant::now();
            let due = self.0.due(recipients, now);
            if due <= now + APPROACH {
                return;
            }
            sleep_until(due - APPROACH).await;
            // Where a bucket is full, the outlook moves on with the clock: it comes no nearer before those ahead, who may
            // wait in this same task for nothing but to be polled, have taken their tokens.
            tokio::task::yield_now().await;
        }
    }

    /// Takes one request's token and `recipients` recipients' tokens, in the order of the calls, after any
    /// cool-down. The tokens are spent when this returns; a call that is dropped before spends none.
    pub async fn token(&self, recipients: u32) {
        let shared = &*self.0;
        let mut waiting = Waiting::join(shared, recipients);
        let mut head = shared.head.lock().await;
        let mut limit = Limit::None;
        shared
            .take_recipients(&mut head, &mut waiting, recipients, &mut limit)
            .await;
        shared.take_request(&mut limit).await;
        head.prepaid -= recipients.min(head.prepaid);
        shared.last_limit.store(limit as u8, Ordering::Relaxed);
    }

    /// Makes everybody wait at least that long from now. Of two cool-downs the later end counts.
    pub fn cool_down(&self, for_: Duration) {
        let until = Instant::now() + for_;
        let mut cool_until = self.0.cool_until.lock().unwrap_or_else(PoisonError::into_inner);
        *cool_until = (*cool_until).max(Some(until));
    }

    /// What made the latest token wait: "what limits the speed now".
    pub fn waiting_for(&self) -> Limit {
        if self.0.cooling(Instant::now()).is_some() {
            return Limit::CoolDown;
        }
        let stored = self.0.last_limit.load(Ordering::Relaxed);
        [
            Limit::RequestsPerSecond,
            Limit::RecipientsPerSecond,
            Limit::CoolDown,
        ]
        .into_iter()
        .find(|limit| *limit as u8 == stored)
        .unwrap_or(Limit::None)
    }
}

impl Shared {
    /// Takes the recipients' tokens into `head.prepaid`, where they outlive a caller that is dropped.
    async fn take_recipients(
        &self,
        head: &mut Head,
        waiting: &mut Waiting<'_>,
        recipients: u32,
        limit: &mut Limit,
    ) {
        let Some(bucket) = &self.recipients else { return };
        waiting.has(head.prepaid.min(recipients));
        while let Some(lacking) = NonZeroU32::new(recipients.saturating_sub(head.prepaid)) {
            let part = lacking.min(bucket.depth());
            while let Err(due) = bucket.take(part) {
                *limit = Limit::RecipientsPerSecond;
                bucket.wait_until(due, part).await;
            }
            head.prepaid += part.get();
            waiting.has(part.get());
        }
    }

    async fn take_request(&self, limit: &mut Limit) {
        loop {
            if let Some(until) = self.cooling(Instant::now()) {
                *limit = Limit::CoolDown;
                sleep_until(until).await;
                continue;
            }
            match self.requests.take(NonZeroU32::MIN) {
                Ok(()) => return,
                Err(due) => {
                    if *limit != Limit::CoolDown {
                        *limit = Limit::RequestsPerSecond;
                    }
                    self.requests.wait_until(due, NonZeroU32::MIN).await;
                }
            }
        }
    }

    /// The end of the cool-down, if it lies ahead.
    fn cooling(&self, now: Instant) -> Option<Instant> {
        let cool_until = self.cool_until.lock().unwrap_or_else(PoisonError::into_inner);
        (*cool_until).filter(|until| *until > now)
    }

    /// When the last of the queue would have its tokens, if one with `recipients` joined it now.
    fn due(&self, recipients: u32, now: Instant) -> Instant {
        let ahead = self.waiting_requests.load(Ordering::Relaxed);
        let mut due = self.requests.due(ahead + 1, now);
        if let (Some(bucket), 1..) = (&self.recipients, recipients) {
            let ahead = self.waiting_recipients.load(Ordering::Relaxed);
            due = due.max(bucket.due(ahead + u64::from(recipients), now));
        }
        self.cooling(now).map_or(due, |until| due.max(until))
    }
}

/// One place in the queue, counted for as long as it lives.
struct Waiting<'a> {
    shared: &'a Shared,
    lacking: u32,
}

impl<'a> Waiting<'a> {
    fn join(shared: &'a Shared, recipients: u32) -> Self {
        shared.waiting_requests.fetch_add(1, Ordering::Relaxed);
        shared
            .waiting_recipients
            .fetch_add(u64::from(recipients), Ordering::Relaxed);
        Self {
            shared,
            lacking: recipients,
        }
    }

    /// Notes that so many of its recipients have their tokens.
    fn has(&mut self, recipients: u32) {
        let part = recipients.min(self.lacking);
        self.lacking -= part;
        self.shared
            .waiting_recipients
            .fetch_sub(u64::from(part), Ordering::Relaxed);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.has(self.lacking);
        self.shared.waiting_requests.fetch_sub(1, Ordering::Relaxed);
    }
}
