//! The free GET that opens a closed gate: it costs nothing, reaches nobody, and shows whether the provider answers.

use bytes::Bytes;
use http::Request;
use volley_model::{Amount, Answer, Evidence, Verdict};
use volley_provider::JudgeContext;

use super::dispatch::Dispatch;
use super::handover::PUT_OFF_MAX;
use super::outside::{Clock, Journal, Wire};
use super::patience::Try;
use super::stop::{Stage, StopReason};

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// While the gate is closed: a free GET with backoff until it is answered. Never ends.
    pub(super) async fn knock_while_closed(&self) {
        loop {
            self.gate.closed().await;
            let mut tries = 0;
            while self.free_get().await.is_none() {
                tries += 1;
                let pause = tokio::time::sleep(self.backoff(tries));
                if self.stop.unless(Stage::Stopping, pause).await.is_none() {
                    std::future::pending::<()>().await;
                }
            }
            self.gate.answered();
        }
    }

    /// With `min_credit`, the credit before the first batch: what an earlier run has used up is not spent once more to find
    /// out. Without an answer the first batch tells.
    pub(super) async fn look_at_credit(&self) {
        if !self.credit.is_limited() || self.simulated {
            return;
        }
        if let Some(answer) = self.free_get().await {
            self.watch_credit(self.api.credit(&answer), None, Amount::ZERO);
        }
    }

    /// The answer to the free GET, if there was one.
    pub(super) async fn free_get(&self) -> Option<Answer> {
        match self.ask(self.api.free_request()).await? {
            Evidence::Answered(answer) => Some(answer),
            _ => None,
        }
    }

    /// What was answered to a request that reaches nobody, a GET or the deletion of a twin: a success, or a definite refusal.
    /// What the guarantee says of an answer to a batch holds for this one too, but that nothing of it is ever in doubt.
    pub(super) async fn ask(&self, request: Request<Bytes>) -> Option<Evidence> {
        let evidence = match self.stop.unless(Stage::Stopping, self.wire.ready()).await? {
            Err(unsent) => Evidence::Unsent(unsent),
            Ok(stream) => {
                self.token(Stage::Stopping, 0).await?;
                let asked = self.wire.send(stream, request, self.request_timeout);
                // A stop does not wait for it: a GET loses nothing, and of a deletion it is told that nobody knows.
                self.stop.unless(Stage::Stopping, asked).await?
            }
        };
        if let Evidence::Answered(answer) = &evidence {
            self.lead.observe(self.clock.now(), answer.date);
        }
        // A GET is never simulated, and its good answer has no ticket.
        let context = JudgeContext {
            simulated: false,
            ..self.judge_context()
        };
        match self.api.judge(&evidence, &context) {
            _ if self.api.is_good(&evidence) => return Some(self.answered(evidence)),
            // A refusal is an answer too: somebody is there, and says something definite.
            Verdict::Accepted(_)
            | Verdict::Unticketed { .. }
            | Verdict::Refused(_)
            | Verdict::RefusedFor { .. } => return Some(self.answered(evidence)),
            Verdict::Account(refusal) => self.stop.request(StopReason::Account(self.explain(&refusal))),
            Verdict::InDoubt { stops: true, .. } => {
                self.stop.request(StopReason::Redirect(self.endpoint.clone()));
            }
            Verdict::NotProcessed {
                after,
                cools_all: true,
                ..
            } => {
                self.get_put_off.set(self.get_put_off.get() + 1);
                if self.get_put_off.get() >= PUT_OFF_MAX {
                    self.stop.request(StopReason::PutOff(evidence.summary()));
                }
                let pause = after.unwrap_or_else(|| self.backoff(1));
                self.pace.cool_down(pause);
                self.patience.cooled_down(pause);
            }
            Verdict::Unsent {
                hopeless: true,
                reason,
            } => self.give_up(&reason, true),
            Verdict::Unsent { .. } | Verdict::NotProcessed { .. } | Verdict::InDoubt { .. } => {
                if self.patience.failed() == Try::Enough {
                    self.give_up(&evidence.summary(), false);
                }
            }
        }
        None
    }

    fn answered(&self, evidence: Evidence) -> Evidence {
        self.patience.answered();
        self.get_put_off.set(0);
        evidence
    }
}
