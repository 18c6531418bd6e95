//! The campaigns on lists and tags that there are, and how far each has come.

use hashbrown::HashMap;
use jiff::Timestamp;
use jiff::tz::Offset;
use rust_decimal::Decimal;

use super::order::{Order, SendAt};
use crate::octopush::refusal::Refusal;
use crate::record::Number;

/// By ticket.
#[derive(Debug, Default)]
pub(in crate::octopush) struct Campaigns(HashMap<String, Campaign, foldhash::fast::FixedState>);

/// A campaign that was created and not cancelled.
#[derive(Debug)]
pub(super) struct Campaign {
    login: String,
    /// When it is ready or has failed, on the mock's clock.
    computed_at_ms: i64,
    reach: Option<Reach>,
    send_at: Option<SendAt>,
    was_sent: bool,
}

/// Whom a campaign reaches, at what cost.
#[derive(Debug)]
pub(super) struct Reach {
    /// Never empty.
    pub(super) numbers: Vec<Number>,
    /// Exact, in euros.
    pub(super) cost: Decimal,
}

/// How far a campaign has come.
#[derive(Debug)]
pub(super) enum Progress<'c> {
    Computing,
    Failed,
    Ready(&'c Reach),
    Sent(&'c Reach),
}

impl Campaigns {
    pub(super) fn insert(&mut self, ticket: String, campaign: Campaign) {
        self.0.insert(ticket, campaign);
    }

    /// Whether the ticket is one of a list or tag, whoever's it is.
    pub(in crate::octopush) fn contains(&self, ticket: &str) -> bool {
        self.0.contains_key(ticket)
    }

    /// The account's campaign of this ticket; another account's is unknown.
    pub(super) fn get_mut(&mut self, login: &str, ticket: &str) -> Result<&mut Campaign, Refusal> {
        let campaign = self.0.get_mut(ticket);
        campaign
            .filter(|campaign| campaign.login == login)
            .ok_or_else(Refusal::unknown_campaign)
    }

    pub(super) fn remove(&mut self, ticket: &str) {
        self.0.remove(ticket);
    }
}

impl Campaign {
    pub(super) fn new(login: &str, order: Order, now_ms: i64, computing_ms: u64) -> Self {
        let computing_ms = i64::try_from(computing_ms).unwrap_or(i64::MAX);
        Self {
            login: login.to_owned(),
            computed_at_ms: now_ms.saturating_add(computing_ms),
            reach: order.reach,
            send_at: order.send_at,
            was_sent: false,
        }
    }

    pub(super) fn progress(&self, now_ms: i64) -> Progress<'_> {
        match &self.reach {
            Some(reach) if self.was_sent => Progress::Sent(reach),
            _ if now_ms < self.computed_at_ms => Progress::Computing,
            Some(reach) => Progress::Ready(reach),
            None => Progress::Failed,
        }
    }

    pub(super) fn was_sent(&self) -> bool {
        self.was_sent
    }

    /// Whether its time is set and has not come.
    pub(super) fn is_ahead(&self, now: Timestamp) -> bool {
        self.send_at.as_ref().is_some_and(|at| at.instant > now)
    }

    /// From now on it was sent. Gives the date it goes out at: its own as it was written, else now.
    pub(super) fn send(&mut self, now: Timestamp) -> String {
        self.was_sent = true;
        match &self.send_at {
            Some(at) => at.written.clone(),
            None => to_the_second(now),
        }
    }
}

/// With an offset, as the date of "confirm-sms-on-list".
fn to_the_second(at: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    second.display_with_offset(Offset::UTC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(computing_ms: u64, reaches: bool, send_at: Option<&str>) -> Campaign {
        let order = Order {
            reach: reaches.then(|| Reach {
                numbers: Vec::new(),
                cost: Decimal::ZERO,
            }),
            send_at: send_at.map(|text| SendAt {
                written: text.to_owned(),
                instant: text.parse().expect("an instant"),
            }),
        };
        Campaign::new("me", order, 1000, computing_ms)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_campaign_is_computed_then_ready_or_failed_then_sent() {
        let check = |campaign: &Campaign, now_ms: i64, expected: &str| {
            let progress = format!("{:?}", campaign.progress(now_ms));
            assert!(progress.starts_with(expected), "{now_ms}: {progress}");
        };
        let mut good = campaign(500, true, None);
        check(&good, 1499, "Computing");
        check(&good, 1500, "Ready");
        good.send(at("2026-01-01T00:00:00Z"));
        check(&good, 1500, "Sent");
        // A clock that goes back does not undo a send.
        check(&good, 0, "Sent");
        let bad = campaign(500, false, None);
        check(&bad, 1499, "Computing");
        check(&bad, 1500, "Failed");
        check(&campaign(0, true, None), 1000, "Ready");
        check(&campaign(u64::MAX, true, None), i64::MAX - 1, "Computing");
    }

    #[test]
    fn the_sending_date_is_the_campaigns_own_as_written_or_now() {
        let now = at("2026-01-01T10:20:30.987654321Z");
        let written = "2026-06-01T12:00:00+03:00";
        assert_eq!(campaign(0, true, Some(written)).send(now), written);
        assert_eq!(campaign(0, true, None).send(now), "2026-01-01T10:20:30+00:00");
    }

    #[test]
    fn a_campaign_is_ahead_until_its_time() {
        let check = |send_at: Option<&str>, expected: bool| {
            let now = at("2026-06-01T09:00:00Z");
            assert_eq!(campaign(0, true, send_at).is_ahead(now), expected, "{send_at:?}");
        };
        check(Some("2026-06-01T12:00:01+03:00"), true);
        check(Some("2026-06-01T12:00:00+03:00"), false);
        check(None, false);
    }

    #[test]
    fn another_accounts_campaign_is_unknown() {
        let mut campaigns = Campaigns::default();
        campaigns.insert("t".into(), campaign(0, true, None));
        assert!(campaigns.get_mut("me", "t").is_ok());
        let unknown = |code: Option<u32>| assert_eq!(code, Some(131));
        unknown(campaigns.get_mut("you", "t").err().map(|refusal| refusal.code()));
        campaigns.remove("t");
        unknown(campaigns.get_mut("me", "t").err().map(|refusal| refusal.code()));
    }
}
