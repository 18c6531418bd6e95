//! The network and the provider's front: what becomes of a request, and what of it is seen on our side.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use volley_model::{Answer, AnswerBody, BatchState, Evidence, Lost, NotProcessed, Unsent};

use super::super::outside::Wire;
use super::provider::{Order, Said, Sent};
use super::scenario::{Dates, DuplicateAnswer};
use super::watch::{Watch, Weight};
use super::world::{World, forever};

/// Connections to the simulated provider.
pub(super) struct Network(pub(super) Rc<World>);

/// What happens to a request at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Nothing,
    Processed,
    /// Processed after nobody waits for it any more.
    ProcessedLate,
    Refused,
}

/// What is seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// What the provider has to say.
    Answer,
    Lost(u8),
    Timeout,
    Cancelled,
    RefusedStream,
    GoAway,
    Status(u16),
    Code(u16, u32),
    TooManyRequests,
    Unreadable,
    Cut,
    TooLarge,
}

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
            return Err(Unsent::Connect("refused".to_owned()));
        }
        if world.faults.get() && world.chance(world.scenario.fault_rate * 0.02) {
            return Err(Unsent::Tls {
                certificate: world.chance(0.5),
                detail: "simulated".to_owned(),
            });
        }
        Ok(())
    }

    async fn send(&self, (): (), request: http::Request<Bytes>, timeout: Duration) -> Evidence {
        if request.method() == http::Method::GET {
            self.get(timeout).await
        } else {
            self.post(request.into_body(), timeout).await
        }
    }
}

impl Network {
    async fn post(&self, body: Bytes, timeout: Duration) -> Evidence {
        let world = &*self.0;
        if world.crashed.get() {
            return forever().await;
        }
        let sent: Sent = serde_json::from_slice(&body).expect("a sealed body");
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
        world.say(|| format!("send {}: {effect:?}, {sign:?}", sent.request_id));
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
        let doubted = world.watch.borrow().is_doubted(&sent.request_id);
        let (evidence, weight) = self.see(sign, said, doubted, sent.simulated);
        world.say(|| format!("{}: {} ({weight:?})", sent.request_id, evidence.summary()));
        air.sent = None;
        let watch = &mut *world.watch.borrow_mut();
        watch.heard(&sent.request_id, weight, world.elapsed());
        if matches!(evidence, Evidence::Answered(_) | Evidence::NotProcessed(_)) {
            watch.saw_life(world.elapsed());
        }
        if sign == Sign::Code(400, 104) {
            watch.silenced = Some("the credit was used up");
        }
        note(watch, &evidence);
        evidence
    }

    /// Invariants 1, 3 and 6 at the moment at which the first byte leaves.
    fn check_hand_over(&self, sent: &Sent, body: &Bytes) {
        let world = &*self.0;
        let key = &sent.request_id;
        let now = world.elapsed();
        world.provider.borrow_mut().see(sent);
        let books = world.books.borrow();
        let row = books.find(key);
        let row = row.unwrap_or_else(|| panic!("invariant 3, write-ahead: {key} has no durable intent"));
        assert_eq!(
            row.sealed, *body,
            "invariant 6, keys: {key} has other bytes than its intent"
        );
        let doubted = world.watch.borrow().is_doubted(key);
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

    /// What is to happen to a request.
    fn draw(&self) -> (Effect, Sign) {
        let world = &*self.0;
        if !world.faults.get() || !world.chance(world.scenario.fault_rate) {
            return (Effect::Processed, Sign::Answer);
        }
        let server_errors = [408, 418, 500, 502, 503, 504];
        let status = server_errors[usize::try_from(world.below(6)).unwrap_or_default()];
        let lost = Sign::Lost(u8::try_from(world.below(3)).unwrap_or_default());
        let later = [126, 127, 129, 130, 153][usize::try_from(world.below(5)).unwrap_or_default()];
        match world.below(if world.chance(0.3) { 64 } else { 56 }) {
            0..6 => (Effect::Nothing, lost),
            6..9 => (Effect::Nothing, Sign::Timeout),
            9..15 => (Effect::Processed, lost),
            15..18 => (Effect::Processed, Sign::Timeout),
            18..23 => (Effect::ProcessedLate, lost),
            23..26 => (Effect::ProcessedLate, Sign::Timeout),
            26..29 => (Effect::Nothing, Sign::Status(status)),
            29..33 => (Effect::Processed, Sign::Status(status)),
            33..35 => (Effect::ProcessedLate, Sign::Status(status)),
            35..37 => (Effect::Nothing, Sign::Cancelled),
            37..40 => (Effect::Nothing, Sign::RefusedStream),
            40..42 => (Effect::Nothing, Sign::GoAway),
            42..46 => (Effect::Nothing, Sign::TooManyRequests),
            46..48 => (Effect::Nothing, Sign::Code(400, later)),
            48..50 => (
                Effect::Processed,
                Sign::Code(400, [125, 500, 501][usize::from(status % 3)]),
            ),
            50 => (Effect::Processed, Sign::Status(400)),
            51..53 => (Effect::Processed, Sign::Unreadable),
            53..55 => (Effect::Processed, Sign::Cut),
            55 => (Effect::Processed, Sign::TooLarge),
            56..58 => (Effect::Refused, Sign::Code(400, 121)),
            58 => (Effect::Refused, Sign::Code(422, 999)),
            59 => (Effect::Refused, lost),
            60 => (Effect::Refused, Sign::Status(413)),
            61 => (Effect::Nothing, Sign::Code(400, 104)),
            62 => (
                Effect::Nothing,
                Sign::Status([401, 402, 403][usize::from(status % 3)]),
            ),
            _ => (Effect::Nothing, Sign::Status(302)),
        }
    }

    /// What our side sees, and what that weighs by the guarantee's table.
    fn see(&self, sign: Sign, said: Option<Said>, doubted: bool, simulated: bool) -> (Evidence, Weight) {
        let duplicate = matches!(said, Some(Said::Duplicate(..)));
        match sign {
            Sign::Lost(0) => (Evidence::Lost(Lost::Eof("simulated".to_owned())), Weight::Doubt),
            Sign::Lost(1) => (
                Evidence::Lost(Lost::Protocol("simulated".to_owned())),
                Weight::Doubt,
            ),
            Sign::Lost(_) => (Evidence::Lost(Lost::Reset("simulated".to_owned())), Weight::Doubt),
            Sign::Timeout => (Evidence::Lost(Lost::Timeout), Weight::Doubt),
            Sign::Cancelled => (
                Evidence::Unsent(Unsent::Cancelled("simulated".to_owned())),
                Weight::Neither,
            ),
            Sign::RefusedStream => (
                Evidence::NotProcessed(NotProcessed::RefusedStream),
                Weight::Neither,
            ),
            Sign::GoAway => (Evidence::NotProcessed(NotProcessed::GoAway), Weight::Neither),
            Sign::TooManyRequests => {
                let mut evidence = self.answer(429, "{}");
                if let Evidence::Answered(answer) = &mut evidence {
                    answer.retry_after = self.retry_after();
                }
                (evidence, Weight::Neither)
            }
            Sign::Status(status) => {
                let weight = match status {
                    401..=403 | 404 | 405 | 413 | 415 => Weight::Definite,
                    _ => Weight::Doubt,
                };
                (self.answer(status, "<html>"), weight)
            }
            Sign::Code(status, code) => {
                let weight = match code {
                    126 | 127 | 129 | 130 | 153 => Weight::Neither,
                    125 | 500 | 501 => Weight::Doubt,
                    _ => Weight::Definite,
                };
                (self.error(status, code), weight)
            }
            // A duplicate is told by an error that nothing cuts.
            Sign::Unreadable | Sign::Cut | Sign::TooLarge if !duplicate => {
                let body = match sign {
                    Sign::Cut => AnswerBody::Cut,
                    Sign::TooLarge => AnswerBody::TooLarge,
                    _ => AnswerBody::Whole(Bytes::from_static(b"{\"sms_ticket\":null}")),
                };
                let weight = if doubted || simulated {
                    Weight::Doubt
                } else {
                    Weight::Definite
                };
                (self.answered(201, body), weight)
            }
            Sign::Answer | Sign::Unreadable | Sign::Cut | Sign::TooLarge => match said {
                Some(Said::Accepted(order)) => (self.ticket(&order), Weight::Definite),
                Some(Said::Duplicate(DuplicateAnswer::Ticket, Some(order))) => {
                    (self.ticket(&order), Weight::Definite)
                }
                Some(Said::Duplicate(how, _)) => {
                    let weight = if doubted { Weight::Definite } else { Weight::Doubt };
                    let (status, code) = match how {
                        DuplicateAnswer::Error(status, code) => (status, code),
                        DuplicateAnswer::Ticket => (400, 120),
                    };
                    (self.error(status, code), weight)
                }
                None => (self.answer(500, ""), Weight::Doubt),
            },
        }
    }

    async fn get(&self, timeout: Duration) -> Evidence {
        let world = &*self.0;
        if world.crashed.get() {
            return forever().await;
        }
        world.watch.borrow_mut().get(world.elapsed());
        if world.step() {
            return forever().await;
        }
        tokio::time::sleep(world.millis_below(100)).await;
        let balance = r#"{"credit":12.5,"unit":"EUR"}"#;
        let faulty = world.faults.get() && world.chance(world.scenario.fault_rate / 2.0);
        let evidence = match world.below(if world.chance(0.3) { 16 } else { 9 }) {
            _ if !faulty => self.answer(200, balance),
            0..3 => Evidence::Lost(Lost::Reset("simulated".to_owned())),
            3..5 => {
                tokio::time::sleep(timeout).await;
                Evidence::Lost(Lost::Timeout)
            }
            5..9 => self.answer(503, ""),
            9 => self.answer(429, ""),
            10 => self.answer(401, ""),
            11 => self.answer(302, ""),
            12 => self.answer(404, ""),
            _ => Evidence::NotProcessed(NotProcessed::GoAway),
        };
        world.say(|| format!("free GET: {}", evidence.summary()));
        note(&mut world.watch.borrow_mut(), &evidence);
        // A missing route is an answer too: somebody is there, and says something definite.
        if matches!(&evidence, Evidence::Answered(answer) if matches!(answer.status, 200 | 404)) {
            world.watch.borrow_mut().answered(world.elapsed());
        }
        evidence
    }

    fn retry_after(&self) -> Option<Duration> {
        match self.0.below(16) {
            0..6 => None,
            6..10 => Some(Duration::ZERO),
            15 => Some(Duration::from_mins(15)),
            seconds => Some(Duration::from_secs(seconds)),
        }
    }

    fn ticket(&self, order: &Order) -> Evidence {
        let cost = order
            .cost_token
            .as_ref()
            .map(|token| format!(",\"total_cost\":{token}"));
        let (ticket, contacts, cost) = (&order.ticket, order.contacts, cost.unwrap_or_default());
        let credit = self.credit();
        self.answer(
            201,
            &format!(r#"{{"sms_ticket":"{ticket}","number_of_contacts":{contacts}{cost}{credit}}}"#),
        )
    }

    /// What is left of the credit, by the time of the answer.
    fn credit(&self) -> String {
        let Some(credit) = self.0.scenario.credit else {
            return String::new();
        };
        let spent = self
            .0
            .provider
            .borrow()
            .orders
            .values()
            .filter_map(|order| order.cost)
            .sum();
        format!(",\"residual_credit\":{}", credit.saturating_sub(spent))
    }

    fn error(&self, status: u16, code: u32) -> Evidence {
        self.answer(status, &format!(r#"{{"code":{code},"message":"simulated"}}"#))
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
            world.watch.borrow_mut().died(&sent.request_id, world.elapsed());
        } else {
            world.say(|| format!("{}: given up", sent.request_id));
            world
                .watch
                .borrow_mut()
                .heard(&sent.request_id, Weight::Doubt, world.elapsed());
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
