//! The network and the provider's front: what becomes of a request, and what of it is seen on our side.
//!
//! The faults are the same for both providers; what each says in its own words is in a file of its own.

mod fault;
mod reply;

mod exotel;
mod octopush;

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use volley_model::{Answer, AnswerBody, BatchState, Evidence, Unsent};
use volley_provider::Provider;

use super::super::outside::Wire;
use super::provider::Sent;
use super::scenario::Dates;
use super::watch::{Watch, Weight};
use super::world::{World, forever};
pub(super) use fault::FAULTS;
use fault::{Effect, Says, Sign};
use reply::Asked;

/// Connections to the simulated provider.
pub(super) struct Network(pub(super) Rc<World>);

/// A request in the air. Dropped before its end, nobody knows what became of it.
struct InAir<'a> {
    world: &'a World,
    sent: Option<Sent>,
    processed: bool,
}

impl Wire for Network {
    type Stream = ();

    async fn ready(&self) -> Result<(), Unsent> {
        let world = &*self.0;
        if world.crashed.get() {
            return forever().await;
        }
        tokio::time::sleep(world.millis_below(3)).await;
        let (from, until) = world.outage.get();
        if (from..until).contains(&world.elapsed()) {
            tokio::time::sleep(world.millis_below(2_000)).await;
            world.watch.borrow_mut().saw_nothing(world.elapsed());
            return Err(Unsent::Connect("refused".to_owned()));
        }
        if world.faults.get() && world.chance(world.scenario.fault_rate * 0.02) {
            world.watch.borrow_mut().saw_nothing(world.elapsed());
            return Err(Unsent::Tls {
                certificate: world.chance(0.5),
                detail: "simulated".to_owned(),
            });
        }
        Ok(())
    }

    async fn send(&self, (): (), request: http::Request<Bytes>, timeout: Duration) -> Evidence {
        if request.method() == http::Method::POST {
            self.post(request.into_body(), timeout).await
        } else {
            self.ask(&Asked::of(&request), timeout).await
        }
    }
}

impl Network {
    async fn post(&self, body: Bytes, timeout: Duration) -> Evidence {
        let world = &*self.0;
        if world.crashed.get() {
            return forever().await;
        }
        let sent = Sent::read(&body, world.scenario.provider());
        self.check_hand_over(&sent, &body);
        let mut air = InAir {
            world,
            sent: Some(sent.clone()),
            processed: false,
        };
        if world.step() {
            return forever().await;
        }
        let (effect, sign) = self.draw();
        world.say(|| format!("send {}: {effect:?}, {sign:?}", sent.key));
        let half = u64::try_from(timeout.as_millis()).unwrap_or_default() / 2;
        let slow = world.chance(0.1);
        let delay = || world.millis_below(if slow { half } else { 100 });
        tokio::time::sleep(delay()).await;
        let now = world.elapsed();
        air.processed = true;
        let mut said = None;
        match effect {
            Effect::Nothing => {}
            Effect::Processed => said = Some(world.provider.borrow_mut().process(&sent, now)),
            Effect::Refused => world.provider.borrow_mut().refuse(&sent, now),
            Effect::ProcessedLate => {
                let delay = world.latest();
                world
                    .provider
                    .borrow_mut()
                    .process_later(sent.clone(), now, delay);
            }
        }
        let rest = if sign == Sign::Timeout { timeout } else { delay() };
        tokio::time::sleep(rest).await;
        if world.crashed.get() || world.step() {
            return forever().await;
        }
        let doubted = world.watch.borrow().is_doubted(&sent.key);
        let (evidence, weight) = self.see(sign, said, doubted, sent.simulated);
        world.say(|| format!("{}: {} ({weight:?})", sent.key, evidence.summary()));
        air.sent = None;
        let watch = &mut *world.watch.borrow_mut();
        watch.heard(&sent.key, weight, world.elapsed());
        if matches!(evidence, Evidence::Answered(_) | Evidence::NotProcessed(_)) {
            watch.saw_life(world.elapsed());
        } else {
            watch.saw_nothing(world.elapsed());
        }
        if sign == Sign::Says(Says::Account) {
            watch.silenced = Some("the account was refused");
        }
        note(watch, &evidence);
        evidence
    }

    /// Invariants 1, 3 and 6 at the moment at which the first byte leaves.
    fn check_hand_over(&self, sent: &Sent, body: &Bytes) {
        let world = &*self.0;
        let key = &sent.key;
        let now = world.elapsed();
        world.provider.borrow_mut().see(sent, now);
        let books = world.books.borrow();
        let row = books.find(key);
        let row = row.unwrap_or_else(|| panic!("invariant 3, write-ahead: {key} has no durable intent"));
        assert_eq!(
            row.sealed, *body,
            "invariant 6, keys: {key} has other bytes than its intent"
        );
        let doubted = world.watch.borrow().is_doubted(key);
        let has_keys = world.scenario.provider() == Provider::Octopush;
        assert!(
            has_keys || !doubted,
            "invariant 6, keys: {key} is in doubt, and is sent again where nothing makes that harmless"
        );
        let expected = if doubted {
            BatchState::InDoubt
        } else {
            BatchState::Intended
        };
        assert_eq!(
            row.state, expected,
            "invariant 1, once: {key} is sent in that state"
        );
        if doubted {
            assert!(
                world.clock_may_be_trusted(),
                "settling: {key} is asked about by a clock that is off"
            );
            let late = row.is_beyond_us(world.wall());
            assert!(!late, "invariant 6, keys: {key} is asked about after its time");
        }
        world.watch.borrow_mut().send(key, now, world.our_clock_jumps());
    }

    /// Any of these.
    fn any<T: Copy>(&self, of: &[T]) -> T {
        of[usize::try_from(self.0.below(of.len() as u64)).unwrap_or_default()]
    }

    fn answer(&self, status: u16, body: &str) -> Evidence {
        self.answered(status, AnswerBody::Whole(Bytes::copy_from_slice(body.as_bytes())))
    }

    fn answered(&self, status: u16, body: AnswerBody) -> Evidence {
        let now = World::date(self.0.elapsed()).as_second();
        let date = match self.0.scenario.dates {
            Dates::Right => Some(now),
            Dates::Missing => None,
            Dates::Off(seconds) => Some(now + seconds),
        };
        Evidence::Answered(Answer {
            status,
            retry_after: None,
            date,
            body,
        })
    }
}

/// Answers after which nothing more may be handed over.
fn note(watch: &mut Watch, evidence: &Evidence) {
    if let Evidence::Answered(answer) = evidence {
        match answer.status {
            300..=399 => watch.silenced = Some("a redirect had come"),
            401..=403 => watch.silenced = Some("the account was refused"),
            _ => {}
        }
    }
}

impl Drop for InAir<'_> {
    fn drop(&mut self) {
        let Some(sent) = self.sent.take() else { return };
        if std::thread::panicking() {
            return;
        }
        let world = self.world;
        if world.crashed.get() {
            world.watch.borrow_mut().died(&sent.key, world.elapsed());
        } else {
            world.say(|| format!("{}: given up", sent.key));
            world
                .watch
                .borrow_mut()
                .heard(&sent.key, Weight::Doubt, world.elapsed());
        }
        if !self.processed && world.chance(0.6) {
            let delay = world.latest();
            world
                .provider
                .borrow_mut()
                .process_later(sent, world.elapsed(), delay);
        }
    }
}
