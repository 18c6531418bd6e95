//! Doubts settled by the provider's listing, where there is no key to ask with: Exotel's.
//!
//! One pass through the listing serves all doubts that are due. A campaign with the batch's name is its ticket. Without one
//! nobody knows: the listing may lag, so that an absence is written down, and it is the operator who says "not sent".
//! Nothing is created again by itself. Two with the same name are an alarm, and the one that has not begun is deleted.
//! Source: docs/guarantee.md, "Settling doubts" (Exotel). The pass is a free GET a page, which needs no gate.

use jiff::Timestamp;
use tracing::Instrument;
use volley_ledger::Asked;
use volley_model::{Acceptance, Evidence};
use volley_provider::Api;
use volley_provider::exotel::{Exotel, Found, Listed, Listing, Lookup, LookupStep, Reply, kept};

use super::dispatch::Dispatch;
use super::outside::{Clock, Journal, Wire};
use super::settle::Doubt;
use super::stop::{Stage, StopReason};
use super::telling::batch_span;

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// Looks this doubt up, and all others that are due, and books what is found.
    pub(super) async fn look_up(&self, first: Doubt) {
        let mut doubts = self.doubts.take_due();
        doubts.push(first);
        if let Api::Exotel(exotel) = &self.api {
            // What a clock that is off calls ten minutes may be none: then no absence is written down.
            let trusted = self.clock_is_trusted().await;
            let asked_at = self.listing_asked_at().await;
            let mut lookup = Lookup::new(doubts.iter().map(|doubt| doubt.key.0.clone()));
            let whole = self.read_listing(exotel, &mut lookup).await;
            let mut absent = Vec::new();
            for doubt in doubts {
                let span = batch_span(doubt.id);
                match lookup.found(&doubt.key.0) {
                    Found::One(listed) => {
                        span.in_scope(|| warn_of_dead(listed, &doubt));
                        self.found(doubt, &listed.id).instrument(span).await;
                    }
                    Found::Twins(twins) => {
                        self.found_twins(exotel, doubt, twins).instrument(span).await;
                    }
                    Found::Absent => {
                        span.in_scope(|| tracing::info!("the listing lacks it: still in doubt"));
                        self.budget.keep();
                        let is_told = trusted && whole && asked_at.is_some();
                        self.leave(doubt.id, if is_told { Asked::Yes } else { Asked::No });
                        absent.push(doubt.id);
                    }
                }
            }
            if trusted
                && whole
                && !absent.is_empty()
                && let Some(asked_at) = asked_at
                && let Err(error) = self.journal.absent(absent, asked_at).await
            {
                self.stop.request(error.into());
            }
        }
        self.looking.set(false);
    }

    /// When a listing is asked for that is asked for next: by a clock that is the same for all whose listings count together.
    async fn listing_asked_at(&self) -> Option<Timestamp> {
        let Some(company) = &self.company else {
            return Some(self.stamp());
        };
        self.stop.unless(Stage::Stopping, company.time()).await?
    }

    /// Reads all pages; `false` if not all could be, so that no absence can be told.
    async fn read_listing(&self, exotel: &Exotel, lookup: &mut Lookup) -> bool {
        loop {
            let Some(evidence) = self.page(exotel, lookup.offset()).await else {
                return false;
            };
            let step = match exotel.listing(&evidence) {
                Listing::Page(page) => lookup.take(page),
                Listing::Other(_) => {
                    let what = evidence.summary();
                    tracing::warn!("the listing cannot be read, which leaves doubts as they are: {what}");
                    return false;
                }
            };
            match step {
                LookupStep::More => {}
                LookupStep::Whole { unreadable: 0 } => return true,
                LookupStep::Whole { unreadable } => {
                    tracing::warn!(
                        "{unreadable} campaigns of the listing cannot be read: no absence is told"
                    );
                    return false;
                }
                LookupStep::Stuck => {
                    tracing::warn!("the listing gives the same page again: no absence is told");
                    return false;
                }
            }
        }
    }

    /// A page, asked for until there is an answer; `None` if the run stops before.
    async fn page(&self, exotel: &Exotel, offset: u64) -> Option<Evidence> {
        let mut tries = 0;
        loop {
            if let Some(evidence) = self.ask(exotel.listing_request(offset)).await {
                return Some(evidence);
            }
            tries += 1;
            let pause = tokio::time::sleep(self.backoff(tries));
            self.stop.unless(Stage::Stopping, pause).await?;
        }
    }

    /// The doubt was accepted: its campaign is there.
    async fn found(&self, doubt: Doubt, id: &str) {
        let acceptance = Acceptance {
            ticket: id.to_owned(),
            contacts: None,
            units: None,
            cost: None,
            currency: self.currency,
            residual_credit: None,
        };
        let decision = self.accepted(acceptance, doubt.members, doubt.reserved);
        self.settle_doubt(doubt, Vec::new(), decision).await;
    }

    /// One of them is the ticket: see [`kept`]. Any other that has not begun is deleted.
    async fn found_twins(&self, exotel: &Exotel, doubt: Doubt, twins: &[Listed]) {
        let Some(kept) = kept(twins) else {
            return;
        };
        tracing::error!(
            "{} campaigns are named {}: {} is kept, and any other that has begun calls people twice",
            twins.len(),
            doubt.key,
            kept.id
        );
        // Before the ticket is booked: after a crash in between the doubt is still one, and is looked up again.
        let mut alone = true;
        let others = twins.iter().filter(|twin| twin.id != kept.id);
        for twin in others.filter(|twin| !twin.state.calls_nobody()) {
            let deleted = if twin.state.may_be_deleted() {
                self.delete(exotel, &twin.id).await
            } else {
                Some(false)
            };
            let which = format!("campaign {} has the name of batch {}", twin.id, kept.name);
            if deleted == Some(true) {
                tracing::warn!("{which} and is deleted");
                continue;
            }
            alone = false;
            let how = deleted.map_or("and whether it is deleted is not known", |_| "and is not deleted");
            let which = format!("{which} {how}");
            tracing::error!("{which}");
            self.stop.note(StopReason::Twins(which));
        }
        // While another calls the same people, nobody is to free them.
        if alone {
            warn_of_dead(kept, &doubt);
        }
        self.found(doubt, &kept.id).await;
    }

    /// Whether the provider confirms that it deleted it, or refuses to; `None` where neither is known.
    async fn delete(&self, exotel: &Exotel, id: &str) -> Option<bool> {
        let evidence = self.ask(exotel.delete_request(id)).await?;
        match exotel.reply(&evidence) {
            Reply::Done(said) if said.is_confirmed() => Some(true),
            Reply::Refused(_) => Some(false),
            _ => None,
        }
    }
}

/// Someone ended it before we found it: it was accepted, and perhaps nobody was called.
fn warn_of_dead(listed: &Listed, doubt: &Doubt) {
    if listed.state.may_have_called_nobody() {
        tracing::warn!(
            "campaign {} of batch {} is {} at Exotel; if it called nobody: volley doubt resolve {} --withdrawn --recipients {} \
             --reason TEXT",
            listed.id,
            doubt.id,
            listed.state.name(),
            doubt.id,
            doubt.members
        );
    }
}
