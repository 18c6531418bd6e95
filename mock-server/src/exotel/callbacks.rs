//! The three callbacks, sent as JSON by POST when the clock passes their event.
//!
//! Only `http` URLs on a loopback address are contacted: no test of ours may ring at a stranger's. All others count as
//! given, and nothing is sent to them.
//! *Bounds*: [`POSTS_MAX`] wait at most, further ones are lost; [`AT_ONCE`] are under way; each has one try and two more.
//! *Sources*: "update campaign details" for what each is for; "campaign webhooks" for the fields, the deadline and the
//! retries. That they are JSON, that a start is told as `InProgress`, and that a number which is given up at the campaign's
//! end has none, is *assumed*.

mod post;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::campaign::{Campaign, Stage};
use super::date::rfc3339;
use super::dial::{Call, Micros, Rules};
use super::number;
use super::settings::Callbacks;
use super::ticket;
use crate::mock::Mock;
use post::Target;

/// What may wait to be sent: about 40 MB, and a day of an account at its usual rate.
const POSTS_MAX: usize = 100_000;
/// Callbacks under way at once.
const AT_ONCE: usize = 8;
/// How often the clock is looked at while there may be callbacks.
const TICK: Duration = Duration::from_millis(20);

/// What is due and unsent.
#[derive(Default)]
pub(super) struct Outbox {
    posts: VecDeque<(Target, String)>,
    /// Whether anybody has ever asked for a callback that is sent.
    wanted: bool,
}

impl Outbox {
    /// Remembers whether the task has anything to wait for.
    pub(super) fn expect(&mut self, callbacks: &Callbacks) {
        let urls = [
            &callbacks.status,
            &callbacks.call_status,
            &callbacks.call_schedule,
        ];
        self.wanted |= urls.into_iter().flatten().any(|url| Target::of(url).is_some());
    }

    /// The campaign has started or ended.
    pub(super) fn campaign_changed(&mut self, campaign: &Campaign) {
        let Some(target) = target(campaign.settings.callbacks.status.as_deref()) else {
            return;
        };
        if matches!(campaign.stage, Stage::Paused | Stage::Created) {
            return;
        }
        let body = json!({
            "campaign_sid": campaign.id,
            "status": campaign.stage.name(),
            "date_created": rfc3339(campaign.created),
            "date_updated": rfc3339(campaign.updated),
            "report_url": null,
        });
        self.push(target, &body);
    }

    /// A call has ended.
    pub(super) fn call_ended(&mut self, rules: &Rules<'_>, campaign: &Campaign, index: u32) {
        let Some(target) = target(campaign.settings.callbacks.call_status.as_deref()) else {
            return;
        };
        let call = &campaign.dialling.calls()[index as usize];
        let body = json!({
            "campaign_sid": campaign.id,
            "call_sid": ticket::call_sid(rules.seed, campaign.nth, u64::from(index)),
            "number": number_of(rules, campaign, call),
            "status": call.outcome.name(),
            "date_created": instant(call.begun),
            "date_updated": instant(call.end()),
        });
        self.push(target, &body);
    }

    /// All calls to a number have ended. Looks through all calls of the campaign for those to it.
    pub(super) fn number_done(&mut self, rules: &Rules<'_>, campaign: &Campaign, last: &Call) {
        let Some(target) = target(campaign.settings.callbacks.call_schedule.as_deref()) else {
            return;
        };
        let calls = campaign.dialling.calls().iter().zip(0_u64..);
        let own: Vec<(&Call, u64)> = calls.filter(|(call, _)| call.member == last.member).collect();
        let sids = own
            .iter()
            .map(|(_, nth)| ticket::call_sid(rules.seed, campaign.nth, *nth));
        let first = own.first().map_or(last.begun, |(call, _)| call.begun);
        let body = json!({
            "campaign_sid": campaign.id,
            "to": number_of(rules, campaign, last),
            "from": campaign.settings.caller_id,
            "call_sids": sids.collect::<Value>(),
            "status": last.outcome.name(),
            "date_created": instant(first),
            "date_updated": instant(last.end()),
        });
        self.push(target, &body);
    }

    fn push(&mut self, target: Target, body: &Value) {
        if self.posts.len() < POSTS_MAX {
            self.posts.push_back((target, body.to_string()));
        }
    }
}

fn target(url: Option<&str>) -> Option<Target> {
    url.and_then(Target::of)
}

fn number_of(rules: &Rules<'_>, campaign: &Campaign, call: &Call) -> String {
    number::write(campaign.reach.members[call.member as usize], rules.number_text)
}

fn instant(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| String::new(), rfc3339)
}

/// Sends what is due, for as long as the mock runs.
pub(crate) async fn run(mock: Arc<Mock>) {
    loop {
        let wake = mock.exotel.wake.notified();
        match due(&mock) {
            None => wake.await,
            Some(posts) if posts.is_empty() => {
                // Either may be dropped: the next round looks again.
                let _ = tokio::time::timeout(TICK, wake).await;
            }
            Some(posts) => {
                let deliver = async |(target, body): (Target, String)| {
                    if target.deliver(&body).await {
                        mock.state().record.exotel.called_back();
                    }
                };
                stream::iter(posts).for_each_concurrent(AT_ONCE, deliver).await;
            }
        }
    }
}

/// What is due by now; nothing at all if nobody has asked for any.
fn due(mock: &Mock) -> Option<VecDeque<(Target, String)>> {
    let mut state = mock.state();
    if !state.exotel.outbox.wanted {
        return None;
    }
    state.exotel.catch_up(mock);
    Some(std::mem::take(&mut state.exotel.outbox.posts))
}
