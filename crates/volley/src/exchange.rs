//! Single requests outside of a run: a look at the account, a change of it, a step of a campaign on a list.
//!
//! A request goes again only while the protocol proves that it was not processed, a few times and with back-off, as in a
//! run. Whatever else comes of it is the caller's to judge.
//! Not here: pace; a person at a keyboard is slow enough.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use volley_model::{Answer, Evidence, Lost, Unsent};
use volley_provider::Provider;
use volley_transport::{Backoff, Endpoint, Pool, PoolStats};

use crate::clock;
use crate::config::access::Access;
use crate::pipeline::RunError;
use crate::pipeline::dispatch::BACKOFF_BASE;
use crate::pipeline::handover::PUT_OFF_MAX;
use crate::pipeline::patience::FIRST_TRIES;
use crate::pipeline::setup::pool_config;
use crate::pipeline::signals::Signals;

/// A connection to one account, whose requests are built by `P`.
pub(crate) struct Exchange<P> {
    runtime: Runtime,
    pool: Pool,
    provider: Provider,
    api: P,
    endpoint: Endpoint,
    request_timeout: Duration,
    backoff: RefCell<Backoff>,
}

impl<P> Exchange<P> {
    /// Prepares everything; nothing is opened yet.
    pub(crate) fn new(access: &Access, api: P) -> Result<Self, RunError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(RunError::System)?;
        let pool = {
            let _guard = runtime.enter();
            Pool::new(pool_config(
                &access.endpoint,
                NonZeroUsize::MIN,
                &access.transport,
            )?)?
        };
        Ok(Self {
            runtime,
            pool,
            provider: access.provider,
            api,
            endpoint: access.endpoint.clone(),
            request_timeout: access.request_timeout,
            backoff: RefCell::new(Backoff::new(BACKOFF_BASE, Backoff::WAIT_MAX)),
        })
    }

    /// The account's requests, and what their answers mean.
    pub(crate) fn api(&self) -> &P {
        &self.api
    }

    /// Whose API it is.
    pub(crate) fn provider(&self) -> Provider {
        self.provider
    }

    /// Where it goes.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the latest connection speaks, and how many there were.
    pub(crate) fn stats(&self) -> PoolStats {
        self.pool.stats()
    }

    /// Sends a request, and observes what comes of it.
    pub(crate) fn ask(&self, request: &Request<Bytes>) -> Evidence {
        self.runtime.block_on(self.tried(request))
    }

    /// The same for one whose answer must not be lost: the first signal waits for it, the second gives it up.
    pub(crate) fn ask_to_the_end(&self, request: &Request<Bytes>) -> Evidence {
        self.runtime.block_on(async {
            let Some(mut signals) = Signals::catch() else {
                return self.tried(request).await;
            };
            let mut asked = pin!(self.tried(request));
            for _ in 0..2 {
                tokio::select! {
                    biased;
                    evidence = &mut asked => return evidence,
                    _ = signals.next() => tracing::warn!("stopped by a signal: the answer is waited for"),
                }
            }
            Evidence::Lost(Lost::Abandoned)
        })
    }

    async fn tried(&self, request: &Request<Bytes>) -> Evidence {
        let mut tries = 0;
        loop {
            let evidence = self.attempt(request.clone()).await;
            tries += 1;
            let Some(delay) = self.again_after(&evidence, tries) else {
                return evidence;
            };
            tracing::warn!(why = evidence.summary(), ?delay, "trying again");
            tokio::time::sleep(delay).await;
        }
    }

    /// The later of our clock and the provider's, as an answer shows it: what goes out by a date may have gone by either.
    #[expect(clippy::unused_self, reason = "it is the provider's clock that is asked")]
    pub(crate) fn latest(&self, evidence: &Evidence) -> Timestamp {
        let theirs = match evidence {
            Evidence::Answered(answer) => answer.date,
            _ => None,
        };
        let theirs = theirs.and_then(|seconds| Timestamp::from_second(seconds).ok());
        theirs.map_or_else(clock::now, |theirs| theirs.max(clock::now()))
    }

    /// Waits.
    pub(crate) fn pause(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    async fn attempt(&self, request: Request<Bytes>) -> Evidence {
        match self.pool.ready().await {
            Ok(stream) => stream.send(request, self.request_timeout).await.evidence,
            Err(unsent) => Evidence::Unsent(unsent),
        }
    }

    /// How long to wait before the next try; `None` where there is none: it was processed, or may have been, or it is of
    /// no use.
    fn again_after(&self, evidence: &Evidence, tries: u32) -> Option<Duration> {
        let (tries_max, asked) = match evidence {
            Evidence::Unsent(Unsent::Tls {
                certificate: true, ..
            }) => return None,
            Evidence::Unsent(_) => (FIRST_TRIES, None),
            Evidence::NotProcessed(_) => (PUT_OFF_MAX, None),
            Evidence::Answered(Answer {
                status: 429,
                retry_after,
                ..
            }) => (PUT_OFF_MAX, *retry_after),
            Evidence::Answered(_) | Evidence::Lost(_) => return None,
        };
        (tries < tries_max).then(|| asked.unwrap_or_else(|| self.backoff.borrow_mut().next(tries)))
    }
}
