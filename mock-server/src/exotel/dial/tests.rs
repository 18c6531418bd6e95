//! The line with a few campaigns, at instants counted in seconds.

use jiff::Timestamp;

use super::*;
use crate::exotel::audience::Audience;
use crate::exotel::campaign::Reach;
use crate::exotel::config::Outcomes;
use crate::exotel::outcome::Outcome;
use crate::exotel::request::Fields;
use crate::exotel::settings::Settings;
use crate::exotel::stats;
use crate::record::Number;

/// When everything begins: past any second that a test counts back to.
const BEGIN: i64 = 1_800_000_000;

struct World {
    config: ExotelConfig,
    dice: Dice,
    line: Line,
    campaigns: Vec<Campaign>,
}

fn second(at: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + at).expect("an instant")
}

fn always(outcome: Outcome) -> Outcomes {
    let share = |wanted: Outcome| if wanted == outcome { 1.0 } else { 0.0 };
    Outcomes {
        completed: share(Outcome::Completed),
        busy: share(Outcome::Busy),
        no_answer: share(Outcome::NoAnswer),
        failed: share(Outcome::Failed),
    }
}

impl World {
    fn new(outcomes: Outcomes) -> Self {
        Self {
            config: ExotelConfig::default(),
            dice: Dice::new(&outcomes).expect("shares"),
            line: Line::default(),
            campaigns: Vec::new(),
        }
    }

    /// Adds a campaign at the beginning, with these fields beside the mandatory ones.
    fn add(&mut self, members: u64, json: &str) -> usize {
        let json = format!(r#"{{"caller_id":"1","url":"http://a/b"{json}}}"#);
        let fields: Fields = serde_json::from_str(&json).expect("json");
        let settings = Settings::read(&self.config, "acme1", &fields, second(0)).expect("settings");
        let number = |n: u64| Number::parse(&format!("+919{n:09}"));
        let audience = Audience {
            numbers: (0..members).filter_map(number).collect(),
            lists: Vec::new(),
        };
        let reach = Reach::new(audience, &settings);
        let nth = self.campaigns.len() as u64 + 1;
        let campaign = Campaign::new(nth.to_string(), nth, settings, reach, second(0), 0);
        self.campaigns.push(campaign);
        self.campaigns.len() - 1
    }

    fn pass_to(&mut self, at: i64) {
        let rules = Rules::new(1, &self.dice, &self.config);
        let now = second(at).as_microsecond();
        self.line
            .catch_up(&rules, &mut self.campaigns, now, &mut Outbox::default());
    }

    /// The seconds at which a campaign's calls were begun.
    fn begun(&self, place: usize) -> Vec<i64> {
        let calls = self.campaigns[place].dialling.calls();
        calls.iter().map(|call| call.begun / SECOND - BEGIN).collect()
    }

    fn stage(&self, place: usize) -> Stage {
        self.campaigns[place].stage
    }

    /// Each figure that is not 0; their sum is always the campaign's numbers.
    fn figures(&self, place: usize) -> Vec<(String, u64)> {
        let campaign = &self.campaigns[place];
        let figures = stats::stats(campaign);
        let figures = figures.as_object().expect("an object").iter();
        let figures = figures.map(|(name, count)| (name.clone(), count.as_u64().expect("a count")));
        let figures: Vec<(String, u64)> = figures.filter(|(_, count)| *count > 0).collect();
        let sum: u64 = figures.iter().map(|(_, count)| count).sum();
        assert_eq!(sum, campaign.reach.members.len() as u64, "{figures:?}");
        figures
    }

    fn check_figures(&self, place: usize, expected: &[(&str, u64)]) {
        let figures = self.figures(place);
        let figures: Vec<(&str, u64)> = figures
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!(figures, expected);
    }
}

/// A schedule from one second to another.
fn schedule(send_at: i64, end_at: i64) -> String {
    format!(
        r#","schedule":{{"send_at":"{}","end_at":"{}"}}"#,
        second(send_at),
        second(end_at)
    )
}

#[test]
fn a_call_is_begun_every_second_at_60_a_minute() {
    let mut world = World::new(always(Outcome::Busy));
    let place = world.add(100, "");
    assert_eq!(world.stage(place), Stage::Created);
    world.pass_to(0);
    assert_eq!(
        (world.stage(place), world.begun(place)),
        (Stage::InProgress, vec![0])
    );
    world.pass_to(4);
    assert_eq!(world.begun(place), [0, 1, 2, 3, 4]);
    world.pass_to(200);
    assert_eq!(world.begun(place).len(), 100);
    assert_eq!(world.stage(place), Stage::Completed);
    world.check_figures(place, &[("failed", 100)]);
}

#[test]
fn running_campaigns_share_the_rate_and_take_turns() {
    let mut world = World::new(always(Outcome::Busy));
    let (one, two) = (world.add(5, ""), world.add(5, ""));
    world.pass_to(100);
    assert_eq!(world.begun(one), [0, 2, 4, 6, 8]);
    assert_eq!(world.begun(two), [1, 3, 5, 7, 9]);
}

#[test]
fn a_throttle_slows_its_campaign_and_leaves_the_rest_to_others() {
    let mut world = World::new(always(Outcome::Busy));
    let slow = world.add(3, r#","mode":"custom","throttle":6"#);
    let quick = world.add(4, "");
    world.pass_to(100);
    assert_eq!(world.begun(slow), [0, 10, 20]);
    assert_eq!(world.begun(quick), [1, 2, 3, 4]);
}

#[test]
fn a_campaign_waits_for_its_time() {
    let mut world = World::new(always(Outcome::Busy));
    let place = world.add(2, &schedule(10, 100));
    world.pass_to(9);
    assert_eq!(world.stage(place), Stage::Created);
    world.check_figures(place, &[("created", 2)]);
    world.pass_to(10);
    assert_eq!(
        (world.stage(place), world.begun(place)),
        (Stage::InProgress, vec![10])
    );
}

#[test]
fn an_unsuccessful_call_is_made_again_after_its_interval() {
    let retries = |mechanism: &str| {
        format!(
            r#","retries":{{"number_of_retries":2,"interval_mins":5,"mechanism":"{mechanism}","on_status":["busy"]}}"#
        )
    };
    let gaps = |mechanism: &str, outcome: Outcome| -> Vec<i64> {
        let mut world = World::new(always(outcome));
        let place = world.add(1, &retries(mechanism));
        world.pass_to(10_000);
        assert_eq!(
            world.stage(place),
            if outcome == Outcome::Failed {
                Stage::Failed
            } else {
                Stage::Completed
            }
        );
        let calls = world.campaigns[place].dialling.calls();
        calls
            .windows(2)
            .map(|pair| (pair[1].begun - pair[0].end()) / SECOND)
            .collect()
    };
    assert_eq!(gaps("Linear", Outcome::Busy), [300, 300]);
    assert_eq!(gaps("Exponential", Outcome::Busy), [300, 600]);
    // Not in on_status.
    assert_eq!(gaps("Linear", Outcome::NoAnswer), [0; 0]);
    assert_eq!(gaps("Linear", Outcome::Failed), [0; 0]);
    assert_eq!(gaps("Linear", Outcome::Completed), [0; 0]);
}

#[test]
fn retries_that_are_due_go_before_numbers_never_tried() {
    let mut world = World::new(always(Outcome::Busy));
    let place = world.add(400, r#","retries":{"number_of_retries":1,"interval_mins":1}"#);
    world.pass_to(300);
    let calls = world.campaigns[place].dialling.calls();
    let first_retry = calls.iter().find(|call| call.attempt == 1).expect("a retry");
    let due = calls[first_retry.member as usize].end() + 60 * SECOND;
    assert!(first_retry.begun - due < SECOND);
}

#[test]
fn at_its_end_a_campaign_is_completed_as_it_stands() {
    let mut world = World::new(always(Outcome::Busy));
    let retries = r#","retries":{"number_of_retries":1,"interval_mins":1}"#;
    let place = world.add(100, &format!("{}{retries}", schedule(10, 20)));
    world.pass_to(19);
    assert_eq!(world.stage(place), Stage::InProgress);
    world.pass_to(20);
    assert_eq!(world.stage(place), Stage::Completed);
    assert_eq!(world.begun(place).len(), 10);
    world.pass_to(1000);
    assert_eq!(world.begun(place).len(), 10);
    world.check_figures(place, &[("failed", 10), ("failed-no-attempt", 90)]);
    assert_eq!(world.campaigns[place].updated, second(20));
}

#[test]
fn a_campaign_none_of_whose_calls_could_be_made_has_failed() {
    let mut world = World::new(always(Outcome::Failed));
    let place = world.add(3, "");
    world.pass_to(100);
    assert_eq!(world.stage(place), Stage::Failed);
    world.check_figures(place, &[("failed", 3)]);
}

#[test]
fn a_campaign_paused_until_its_end_is_canceled() {
    let mut world = World::new(always(Outcome::Completed));
    let place = world.add(10, &schedule(10, 100));
    world.pass_to(12);
    world.campaigns[place].stage = Stage::Paused;
    world.pass_to(99);
    assert_eq!(
        (world.stage(place), world.begun(place)),
        (Stage::Paused, vec![10, 11, 12])
    );
    world.check_figures(place, &[("completed", 3), ("created", 7)]);
    world.pass_to(100);
    assert_eq!(world.stage(place), Stage::Canceled);
    world.check_figures(place, &[("completed", 3), ("failed-no-attempt", 7)]);
}

#[test]
fn a_clock_that_goes_back_undoes_nothing_and_begins_nothing() {
    let mut world = World::new(always(Outcome::Busy));
    let place = world.add(100, "");
    world.pass_to(10);
    world.pass_to(-1000);
    assert_eq!(
        (world.stage(place), world.begun(place).len()),
        (Stage::InProgress, 11)
    );
    world.pass_to(11);
    assert_eq!(world.begun(place).len(), 12);
}

#[test]
fn the_calls_do_not_depend_on_how_often_one_asks() {
    let retries = r#","retries":{"number_of_retries":3,"interval_mins":1,"mechanism":"Exponential"}"#;
    let run = |asked: &dyn Fn(i64) -> bool| {
        let mut world = World::new(Outcomes::default());
        world.add(80, retries);
        world.add(50, &format!(r#"{retries},"mode":"custom","throttle":7"#));
        world.add(60, &format!("{}{retries}", schedule(30, 200)));
        for at in 0..=3000 {
            if asked(at) {
                world.pass_to(at);
            }
        }
        let places = 0..world.campaigns.len();
        let calls = |place: usize| {
            let calls = world.campaigns[place].dialling.calls().iter();
            calls
                .map(|call| (call.begun, call.member, call.attempt))
                .collect::<Vec<_>>()
        };
        places
            .map(|place| (calls(place), world.stage(place), world.figures(place)))
            .collect::<Vec<_>>()
    };
    let once = run(&|at| at == 3000);
    assert_eq!(once, run(&|_| true));
    assert_eq!(once, run(&|at| at % 97 == 0 || at == 3000));
    assert!(once.iter().all(|(_, stage, _)| *stage == Stage::Completed));
}
