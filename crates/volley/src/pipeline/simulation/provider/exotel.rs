//! What is Exotel's own: no keys, a whole request refused for one bad number, and campaigns in a listing that lags.

use std::cell::Cell;
use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize;
use volley_provider::exotel::{CallerId, Encoder, Retries, VoiceMessage, WebUrl};

use super::Sent;

/// So many numbers are bad where lines of splits are to become long.
pub(crate) const BAD_MOST: f64 = 0.97;

/// What it does where the pages are silent.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    /// The share of numbers that it calls never.
    pub(crate) bad: f64,
    /// Which numbers these are.
    seed: u64,
    /// How its refusals write a number.
    spelling: Spelling,
    /// How long after its creation the listing shows a campaign at the latest.
    pub(crate) lag_max: Duration,
    /// The most campaigns of a page, whatever is asked for.
    page_max: usize,
    totals: Totals,
    /// Whether the listing still has what was deleted.
    keeps_deleted: bool,
    /// Whether a listed campaign is wrapped in `code` and `data`.
    pub(crate) wraps: bool,
    /// Campaigns of others, older than ours.
    others: usize,
    /// The share of campaigns that it creates twice, under one name.
    twins: f64,
    /// How often a person is called again.
    retries: u32,
}

/// How a number is written.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    AsSent,
    Bare,
    National,
    Spaced,
}

/// What a page says of how many campaigns there are.
#[derive(Debug, Clone, Copy)]
enum Totals {
    All,
    OfThePage,
    Missing,
}

impl Habits {
    pub(crate) fn drawn(rng: &mut Rng) -> Self {
        let spellings = [
            Spelling::AsSent,
            Spelling::Bare,
            Spelling::National,
            Spelling::Spaced,
        ];
        Self {
            bad: match rng.u8(..48) {
                0 => BAD_MOST,
                1..18 => 0.0,
                18..36 => 0.1,
                _ => 0.3,
            },
            seed: rng.u64(..),
            spelling: spellings[rng.usize(..spellings.len())],
            lag_max: Duration::from_secs([0, 5, 60, 900][rng.usize(..4)]),
            page_max: rng.usize(1..=8),
            totals: [Totals::All, Totals::OfThePage, Totals::Missing][rng.usize(..3)],
            keeps_deleted: rng.bool(),
            wraps: rng.bool(),
            others: rng.usize(..4),
            twins: if rng.u8(..4) == 0 { 0.3 } else { 0.0 },
            retries: rng.u32(..3),
        }
    }

    /// How long the operator waits for an absence to be told again: the lag, and what clocks that are trusted may be off at
    /// both ends.
    pub(crate) fn absent_for(&self) -> Duration {
        self.lag_max + Duration::from_mins(10)
    }

    /// How often a unit may be charged.
    pub(crate) fn charges_per_unit(&self) -> u64 {
        self.message().calls_max_per_recipient()
    }

    fn message(&self) -> VoiceMessage {
        VoiceMessage {
            caller_id: CallerId::new("08012345678").expect("an ExoPhone"),
            url: WebUrl::new("http://my.exotel.com/acme1/exoml/start_voice/4242").expect("a URL"),
            call_duplicate_numbers: false,
            retries: (self.retries > 0).then(|| Retries::new(self.retries, Some(5)).expect("few")),
            schedule: None,
            status_callback: None,
            call_status_callback: None,
            call_schedule_callback: None,
            custom_field: None,
        }
    }

    /// What writes the bodies, of batches and of their children.
    pub(crate) fn encoder(&self) -> Encoder {
        Encoder::new(&self.message())
    }

    fn is_bad(&self, number: u64) -> bool {
        self.bad > 0.0 && Rng::with_seed(self.seed ^ number).f64() < self.bad
    }

    /// A number as its refusals write it.
    pub(crate) fn spell(&self, number: u64) -> String {
        let digits = number.to_string();
        match self.spelling {
            Spelling::AsSent => format!("+{digits}"),
            Spelling::Bare => digits,
            Spelling::National => format!("0{}", &digits[2..]),
            Spelling::Spaced => format!("+{} {} {}", &digits[..2], &digits[2..6], &digits[6..]),
        }
    }
}

/// A campaign, by the true time since the beginning.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    pub(crate) id: String,
    pub(crate) name: String,
    /// From when on the listing has it.
    shows: Duration,
    begins: Duration,
    /// Whether nobody can be called.
    fails: bool,
    deleted: bool,
}

impl Campaign {
    pub(crate) fn state(&self, now: Duration) -> &'static str {
        if self.deleted {
            "deleted"
        } else if self.fails {
            "failed"
        } else if now < self.begins {
            "Created"
        } else if now < self.begins + Duration::from_mins(10) {
            "in-progress"
        } else {
            "Completed"
        }
    }

    /// Whether it calls people, has or will.
    pub(crate) fn is_live(&self) -> bool {
        !self.deleted && !self.fails
    }
}

/// A page of the listing.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) campaigns: Vec<Campaign>,
    pub(crate) total: Option<usize>,
}

/// All campaigns of the account, the oldest first.
#[derive(Debug)]
pub(crate) struct Campaigns {
    pub(crate) habits: Habits,
    all: Vec<Campaign>,
    chance: Rng,
    pub(crate) twins: u64,
    pub(crate) deleted: u64,
    /// How often a page was looked at that did not have a campaign yet.
    pub(crate) lagged: Cell<u64>,
}

impl Campaigns {
    pub(super) fn new(habits: Habits) -> Self {
        let mut chance = Rng::with_seed(habits.seed);
        let other = |number| Campaign {
            id: format!("other_{number}"),
            name: format!("diwali {number}"),
            shows: Duration::ZERO,
            begins: Duration::ZERO,
            fails: false,
            deleted: chance.bool(),
        };
        Self {
            all: (0..habits.others).map(other).collect(),
            chance,
            twins: 0,
            deleted: 0,
            lagged: Cell::new(0),
            habits,
        }
    }

    /// The first number that it calls never: the others are not looked at.
    pub(super) fn refused_for(&self, numbers: &[u64]) -> Option<u64> {
        numbers.iter().copied().find(|number| self.habits.is_bad(*number))
    }

    /// A campaign of that name, whether there is one already or not.
    pub(super) fn create(&mut self, name: &str, id: &str, now: Duration) {
        self.push(name, id.to_owned(), now);
        if self.chance.f64() < self.habits.twins {
            self.twins += 1;
            self.push(name, format!("{id}_twin"), now);
        }
    }

    /// A request for a campaign is on its way. Now and then somebody else's campaign has almost its name.
    pub(super) fn see(&mut self, name: &str, now: Duration) {
        if self.chance.u8(..16) == 0 {
            let id = format!("other_{}", self.all.len());
            let likeness = match self.chance.u8(..3) {
                0 => format!("{name} copy"),
                1 => name.to_uppercase(),
                _ => name[..name.len() - 1].to_owned(),
            };
            self.push(&likeness, id, now);
        }
    }

    fn push(&mut self, name: &str, id: String, now: Duration) {
        let lag_max = u64::try_from(self.habits.lag_max.as_millis()).unwrap_or_default();
        let lag = self.chance.u64(..=lag_max);
        self.all.push(Campaign {
            id,
            name: name.to_owned(),
            shows: now + Duration::from_millis(lag),
            begins: now + Duration::from_secs(self.chance.u64(..1_200)),
            fails: self.chance.u8(..16) == 0,
            deleted: false,
        });
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Campaign> {
        self.all.iter().find(|campaign| campaign.id == id)
    }

    /// Whether another campaign of that name calls people, has or will.
    pub(crate) fn any_live_beside(&self, id: &str, name: &str) -> bool {
        let mut all = self.all.iter();
        all.any(|other| other.id != id && other.name == name && other.is_live())
    }

    /// Whether one of that id has that name.
    pub(crate) fn is_named(&self, id: &str, name: &str) -> bool {
        self.find(id).is_some_and(|campaign| campaign.name == name)
    }

    /// A page of what shows by now.
    pub(crate) fn page(&self, offset: usize, now: Duration) -> Page {
        let listed = |campaign: &&Campaign| self.habits.keeps_deleted || !campaign.deleted;
        let (shown, lagging): (Vec<_>, Vec<_>) = self
            .all
            .iter()
            .filter(listed)
            .partition(|campaign| campaign.shows <= now);
        self.lagged
            .set(self.lagged.get() + u64::from(!lagging.is_empty()));
        let on_page = shown.iter().skip(offset).take(self.habits.page_max);
        let campaigns: Vec<Campaign> = on_page.map(|campaign| (*campaign).clone()).collect();
        let total = match self.habits.totals {
            Totals::All => Some(shown.len()),
            Totals::OfThePage => Some(campaigns.len()),
            Totals::Missing => None,
        };
        Page { campaigns, total }
    }

    /// Whether it was there, and had not begun.
    pub(crate) fn delete(&mut self, id: &str, now: Duration) -> bool {
        let found = self.all.iter_mut().find(|campaign| campaign.id == id);
        let Some(campaign) = found.filter(|campaign| campaign.state(now) == "Created") else {
            return false;
        };
        campaign.deleted = true;
        self.deleted += 1;
        true
    }
}

/// Reads a sealed body.
pub(crate) fn read(body: &[u8]) -> Sent {
    #[derive(Deserialize)]
    struct Body {
        campaigns: [Created; 1],
    }
    #[derive(Deserialize)]
    struct Created {
        from: Vec<String>,
        name: String,
    }
    let body: Body = serde_json::from_slice(body).expect("a sealed body");
    let [Created { from, name }] = body.campaigns;
    let number = |text: &String| text.trim_start_matches('+').parse().expect("a number");
    Sent {
        simulated: false,
        numbers: from.iter().map(number).collect(),
        key: name,
    }
}
