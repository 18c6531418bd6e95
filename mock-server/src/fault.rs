//! Scripted faults: which request meets which, and when.
//!
//! *Input*: a [`FaultScript`], from `PUT /__mock/faults` or [`crate::Running::set_faults`].
//! *Output*: for each request and fault point a [`Plan`]; for each rule how often it was hit.
//! *Not here*: what hyper cannot send (a request cut after n bytes, a GOAWAY that disowns an open stream, a
//! closed window): those need a raw server.

mod forgery;
mod script;

use std::time::Duration;

use http::Method;
use serde::Serialize;

use crate::server::End;
pub(crate) use forgery::Forgery;
pub use script::{At, Deed, FaultRule, FaultScript, RuleError};

/// A request at one fault point.
pub(crate) struct Sight<'a> {
    pub(crate) at: At,
    /// Its number among all provider requests, from 1.
    pub(crate) nth: u64,
    pub(crate) method: &'a Method,
    /// With its query.
    pub(crate) path: &'a str,
    /// Empty before it is read.
    pub(crate) body: &'a [u8],
    pub(crate) http2: bool,
}

/// What a request meets at one point: the delay, then the ending if there is one.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) goaway: bool,
    pub(crate) ending: Option<Ending>,
}

/// How a request ends other than it should.
#[derive(Debug)]
pub(crate) enum Ending {
    Cut(End),
    RefuseStream,
    Answer(Forgery),
}

/// The script in force, its dice, and its hits.
pub(crate) struct Faults {
    seed: u64,
    dice: fastrand::Rng,
    rules: Vec<(FaultRule, u64)>,
}

/// The answer to `GET /__mock/faults`.
#[derive(Serialize)]
pub(crate) struct Standing {
    seed: u64,
    rules: Vec<RuleStanding>,
}

#[derive(Serialize)]
struct RuleStanding {
    #[serde(flatten)]
    rule: FaultRule,
    hits: u64,
}

impl Faults {
    pub(crate) fn none(seed: u64) -> Self {
        Self {
            seed,
            dice: fastrand::Rng::with_seed(seed),
            rules: Vec::new(),
        }
    }

    /// Checks every rule; the script's seed, or else `default_seed`, throws the dice.
    pub(crate) fn new(script: FaultScript, default_seed: u64) -> Result<Self, RuleError> {
        for (index, rule) in script.rules.iter().enumerate() {
            rule.check(index)?;
        }
        let seed = script.seed.unwrap_or(default_seed);
        let rules = script.rules.into_iter().map(|rule| (rule, 0)).collect();
        Ok(Self {
            seed,
            dice: fastrand::Rng::with_seed(seed),
            rules,
        })
    }

    /// Goes through the rules in order: delays add up, GOAWAY goes along, the first ending is the last.
    pub(crate) fn plan(&mut self, sight: &Sight<'_>) -> Option<Plan> {
        let mut plan: Option<Plan> = None;
        for (rule, hits) in &mut self.rules {
            if !rule.matches(sight, *hits) || self.dice.f64() >= rule.probability {
                continue;
            }
            *hits += 1;
            let plan = plan.get_or_insert_default();
            plan.ending = match rule.deed {
                Deed::Delay => {
                    plan.delay += Duration::from_millis(rule.ms);
                    continue;
                }
                Deed::Goaway => {
                    plan.goaway = true;
                    continue;
                }
                Deed::Drop => Some(Ending::Cut(End::Fin)),
                Deed::Reset => Some(Ending::Cut(End::Rst)),
                Deed::RefuseStream => Some(Ending::RefuseStream),
                Deed::Status => Some(Ending::Answer(Forgery::status(rule))),
                Deed::Garbage => Some(Ending::Answer(Forgery::garbage(rule))),
                Deed::Truncate => Some(Ending::Answer(Forgery::truncated(rule))),
                Deed::Trickle => Some(Ending::Answer(Forgery::trickled(rule))),
            };
            break;
        }
        plan
    }

    /// How often each rule was hit.
    pub(crate) fn hits(&self) -> Vec<u64> {
        self.rules.iter().map(|(_, hits)| *hits).collect()
    }

    /// The script with its hits.
    pub(crate) fn script(&self) -> Standing {
        let standing = |(rule, hits): &(FaultRule, u64)| RuleStanding {
            rule: rule.clone(),
            hits: *hits,
        };
        Standing {
            seed: self.seed,
            rules: self.rules.iter().map(standing).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Faults {
        let script = serde_json::from_str(json).expect("a script");
        Faults::new(script, 1).unwrap_or_else(|error| panic!("{error}"))
    }

    fn sight(nth: u64, body: &[u8]) -> Sight<'_> {
        Sight {
            at: At::AfterRead,
            nth,
            method: &Method::POST,
            path: "/v1/public/sms-campaign/send",
            body,
            http2: true,
        }
    }

    #[test]
    fn a_rule_without_conditions_hits_each_time_until_its_times_are_used_up() {
        let mut faults = faults(r#"{"rules":[{"at":"after_read","do":"drop","times":2}]}"#);
        let hits = (1..=5)
            .filter(|nth| faults.plan(&sight(*nth, b"")).is_some())
            .count();
        assert_eq!(hits, 2);
        assert_eq!(faults.hits(), [2]);
    }

    #[test]
    fn request_and_number_choose_their_request() {
        let mut by_request = faults(r#"{"rules":[{"at":"after_read","do":"drop","request":3}]}"#);
        assert!(by_request.plan(&sight(2, b"")).is_none());
        assert!(by_request.plan(&sight(3, b"")).is_some());

        let mut by_number = faults(r#"{"rules":[{"at":"after_read","do":"drop","number":"+33612345678"}]}"#);
        assert!(
            by_number
                .plan(&sight(1, br#"{"phone_number":"+33612345678"}"#))
                .is_some()
        );
        assert!(
            by_number
                .plan(&sight(2, br#"{"phone_number":"+33612345679"}"#))
                .is_none()
        );
        assert!(
            by_number
                .plan(&sight(3, br#"{"phone_number":"+336123456789"}"#))
                .is_none()
        );
    }

    #[test]
    fn a_look_and_a_send_of_one_path_are_told_apart() {
        let hits = |rule: &str| {
            let mut faults = faults(&format!(
                r#"{{"rules":[{{"at":"after_read","do":"drop",{rule}}}]}}"#
            ));
            [
                (Method::POST, "/campaigns"),
                (Method::GET, "/campaigns?limit=1"),
                (Method::GET, "/campaigns?offset=0"),
            ]
            .map(|(method, path)| {
                let sight = Sight {
                    method: &method,
                    path,
                    ..sight(1, b"")
                };
                faults.plan(&sight).is_some()
            })
        };
        assert_eq!(hits(r#""path":"campaigns""#), [true, true, true]);
        assert_eq!(
            hits(r#""path":"campaigns","method":"POST""#),
            [true, false, false]
        );
        assert_eq!(hits(r#""path":"campaigns","method":"GET""#), [false, true, true]);
        assert_eq!(hits(r#""path":"campaigns?offset=""#), [false, false, true]);
    }

    #[test]
    fn a_point_meets_only_its_own_rules() {
        let mut faults = faults(r#"{"rules":[{"at":"after_commit","do":"drop"}]}"#);
        assert!(faults.plan(&sight(1, b"")).is_none());
    }

    #[test]
    fn delays_add_up_before_the_first_other_deed() {
        let mut faults = faults(
            r#"{"rules":[{"at":"after_read","do":"delay","ms":20},{"at":"after_read","do":"delay","ms":5},
                {"at":"after_read","do":"status","status":503},{"at":"after_read","do":"drop"}]}"#,
        );
        let plan = faults.plan(&sight(1, b"")).expect("a plan");
        assert_eq!(plan.delay, Duration::from_millis(25));
        assert!(matches!(plan.ending, Some(Ending::Answer(_))));
        assert_eq!(faults.hits(), [1, 1, 1, 0]);
    }

    #[test]
    fn the_same_seed_hits_the_same_requests() {
        let script = r#"{"seed":5,"rules":[{"at":"after_read","do":"drop","probability":0.3}]}"#;
        let run = || -> Vec<bool> {
            let mut faults = faults(script);
            (1..=200)
                .map(|nth| faults.plan(&sight(nth, b"")).is_some())
                .collect()
        };
        let first = run();
        assert_eq!(first, run());
        let hits = first.iter().filter(|hit| **hit).count();
        assert!((30..=90).contains(&hits), "{hits} of 200 at 0.3");
    }

    #[test]
    fn refusing_a_stream_needs_a_stream() {
        let mut faults = faults(r#"{"rules":[{"at":"after_read","do":"refuse_stream"}]}"#);
        let http1 = Sight {
            http2: false,
            ..sight(1, b"")
        };
        assert!(faults.plan(&http1).is_none());
        assert!(faults.plan(&sight(2, b"")).is_some());
    }
}
