//! Requests that are no batch: whether anybody is there, and what Exotel's listing is asked for. What may happen to them.

use std::time::Duration;

use bytes::Bytes;
use volley_model::{AnswerBody, Evidence, Lost, NotProcessed};
use volley_provider::Provider;

use super::super::world::forever;
use super::{Network, note};

/// A request that is no batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Whether anybody is there.
    Free,
    /// A page of the listing, from that campaign on.
    Page(usize),
    /// The end of that campaign.
    Deletion(String),
}

impl Asked {
    pub(super) fn of(request: &http::Request<Bytes>) -> Self {
        let uri = request.uri();
        if request.method() == http::Method::DELETE {
            let id = uri.path().rsplit('/').next().unwrap_or_default();
            return Self::Deletion(id.to_owned());
        }
        let mut pairs = uri.query().unwrap_or_default().split('&');
        let offset = pairs.find_map(|pair| pair.strip_prefix("offset="));
        offset.map_or(Self::Free, |offset| {
            Self::Page(offset.parse().expect("an offset"))
        })
    }
}

impl Network {
    /// A request that is no batch.
    pub(super) async fn ask(&self, asked: &Asked, timeout: Duration) -> Evidence {
        let world = &*self.0;
        if world.crashed.get() {
            return forever().await;
        }
        self.watch(asked);
        if world.step() {
            return forever().await;
        }
        tokio::time::sleep(world.millis_below(100)).await;
        let faulty = world.faults.get() && world.chance(world.scenario.fault_rate / 2.0);
        let evidence = if faulty {
            self.fault(asked, timeout).await
        } else {
            self.good(asked)
        };
        if world.crashed.get() || (*asked != Asked::Free && world.step()) {
            return forever().await;
        }
        world.say(|| format!("{asked:?}: {}", evidence.summary()));
        self.note_reply(asked, &evidence);
        evidence
    }

    /// It is handed over.
    fn watch(&self, asked: &Asked) {
        let now = self.0.elapsed();
        if let Asked::Deletion(id) = asked {
            self.check_deletion(id);
        }
        let watch = &mut *self.0.watch.borrow_mut();
        match asked {
            Asked::Free => watch.get(now),
            Asked::Page(offset) => watch.page(*offset, now),
            Asked::Deletion(_) => watch.delete(now),
        }
    }

    fn good(&self, asked: &Asked) -> Evidence {
        match (asked, self.0.scenario.provider()) {
            (Asked::Free, Provider::Octopush) => self.balance(),
            (Asked::Free, Provider::Exotel) => self.first_page(),
            (Asked::Page(offset), _) => self.page(*offset, false),
            (Asked::Deletion(id), _) => self.deletion(id),
        }
    }

    async fn fault(&self, asked: &Asked, timeout: Duration) -> Evidence {
        let world = &*self.0;
        // What a fault is said to have kept from us may be done all the same.
        if let Asked::Deletion(id) = asked
            && world.chance(0.5)
        {
            self.deletion(id);
        }
        match world.below(if world.chance(0.3) { 17 } else { 10 }) {
            0..3 => Evidence::Lost(Lost::Reset("simulated".to_owned())),
            3..5 => {
                tokio::time::sleep(timeout).await;
                Evidence::Lost(Lost::Timeout)
            }
            5..8 => self.answer(503, ""),
            8..11 => match asked {
                Asked::Page(offset) => self.page(*offset, true),
                Asked::Free | Asked::Deletion(_) => self.answer(self.any(&[404, 503]), ""),
            },
            11 => self.answer(429, ""),
            12 => self.answer(401, ""),
            13 => self.answer(302, ""),
            14 => self.cut(),
            _ => Evidence::NotProcessed(NotProcessed::GoAway),
        }
    }

    fn note_reply(&self, asked: &Asked, evidence: &Evidence) {
        let (watch, now) = (&mut *self.0.watch.borrow_mut(), self.0.elapsed());
        note(watch, evidence);
        // A missing route is an answer too: somebody is there, and says something definite.
        let Evidence::Answered(answer) = evidence else {
            watch.saw_nothing(now);
            return;
        };
        // What Exotel says may be a failure within a success: one that broke off says nothing.
        let is_whole = matches!(answer.body, AnswerBody::Whole(_)) || self.0.scenario.exotel().is_none();
        match (asked, answer.status) {
            (Asked::Free, 200 | 404) if is_whole => watch.answered(now),
            (_, 200 | 400 | 404) if is_whole => watch.saw_life(now),
            _ => watch.saw_nothing(now),
        }
    }
}
