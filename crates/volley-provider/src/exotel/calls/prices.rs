//! What calls cost, by the older API: prices by sid, and a sum that says whether it is whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use volley_model::{Amount, Answer, AnswerBody, Evidence};

use super::super::judge::succeeded;
use super::super::reply;
use super::super::wire::Members;
use crate::Reply;

/// What came of asking for the prices of calls.
#[derive(Debug, Clone)]
pub enum Prices {
    /// The calls that the provider knows of.
    Known(Vec<CallPrice>),
    /// Anything else; never [`Reply::Done`].
    Other(Reply),
}

/// What a call cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPrice {
    /// The call.
    pub sid: String,
    /// What it cost, in the account's currency; `None` until it is billed, or where it is no exact amount.
    pub price: Option<Amount>,
    /// How long it was, in seconds.
    pub duration_seconds: Option<u64>,
}

/// What calls cost together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceSum {
    /// All are priced.
    Whole(Amount),
    /// Some are not.
    Unfinished {
        /// What the others cost.
        priced: Amount,
        /// Those without a price, in the order they were asked for.
        unpriced: Vec<String>,
    },
}

impl Prices {
    /// What the evidence says.
    pub(in crate::exotel) fn of(evidence: &Evidence) -> Self {
        if let Evidence::Answered(answer) = evidence
            && let AnswerBody::Whole(_) = answer.body
            && succeeded(answer)
        {
            return match known(answer) {
                Some(prices) => Self::Known(prices),
                None => Self::Other(Reply::Unknown {
                    reason: format!("{}, without readable calls", evidence.summary()),
                }),
            };
        }
        Self::Other(reply::reply_of(evidence))
    }
}

/// `{"Calls":[{"Sid":"…","Price":"1.500",…}]}`, or `{"Call":{…}}` of a single one. A call without a sid is left out: it will be
/// missing from the sum.
fn known(answer: &Answer) -> Option<Vec<CallPrice>> {
    let members = Members::of(answer)?;
    if let Some(call) = members.object("Call") {
        return Some(CallPrice::of(&call).into_iter().collect());
    }
    let calls: Vec<&RawValue> = serde_json::from_str(members.token("Calls")?).ok()?;
    let objects = calls.into_iter().filter_map(|call| Members::of_json(call.get()));
    Some(
        objects
            .filter_map(|call| CallPrice::of(&call.object("Call").unwrap_or(call)))
            .collect(),
    )
}

impl CallPrice {
    fn of(call: &Members<'_>) -> Option<Self> {
        Some(Self {
            sid: call.text("Sid")?,
            price: call.amount("Price"),
            duration_seconds: call.count("Duration"),
        })
    }
}

/// What these calls cost together. A call counts once, however often it was priced; two prices for it are none.
pub fn price_sum<'a>(sids: impl IntoIterator<Item = &'a str>, prices: &[CallPrice]) -> PriceSum {
    let mut by_sid: BTreeMap<&str, Option<Amount>> = BTreeMap::new();
    for price in prices {
        by_sid
            .entry(&price.sid)
            .and_modify(|known| *known = known.filter(|known| Some(*known) == price.price))
            .or_insert(price.price);
    }
    let mut counted = BTreeSet::new();
    let mut sum = Amount::ZERO;
    let mut unpriced = Vec::new();
    for sid in sids {
        if !counted.insert(sid) {
            continue;
        }
        match by_sid.get(sid).copied().flatten() {
            Some(price) => sum += price,
            None => unpriced.push(sid.to_owned()),
        }
    }
    if unpriced.is_empty() {
        PriceSum::Whole(sum)
    } else {
        PriceSum::Unfinished {
            priced: sum,
            unpriced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prices(status: u16, body: &str) -> Prices {
        Prices::of(&Evidence::Answered(Answer {
            status,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.to_owned().into()),
        }))
    }

    fn known(body: &str) -> Vec<CallPrice> {
        match prices(200, body) {
            Prices::Known(prices) => prices,
            Prices::Other(other) => panic!("{body}: {other:?}"),
        }
    }

    fn price(sid: &str, price: Option<&str>) -> CallPrice {
        CallPrice {
            sid: sid.to_owned(),
            price: price.map(|price| price.parse().unwrap()),
            duration_seconds: None,
        }
    }

    #[test]
    fn prices_are_read_to_the_last_digit_or_not_at_all() {
        let check = |token: &str, expected: Option<&str>| {
            let body = format!(r#"{{"Calls":[{{"Sid":"s1","Price":{token}}}]}}"#);
            let price = known(&body)[0].price.map(|price| price.to_string());
            assert_eq!(price.as_deref(), expected, "{token}");
        };
        check("\"1.500\"", Some("1.500"));
        check("1.50000000", Some("1.50000000"));
        check("\"0\"", Some("0"));
        for token in [
            "null", "\"\"", "\"-1\"", "-1", "\"1,5\"", "\"₹1\"", "true", "1e400", "{}", "[1]",
        ] {
            check(token, None);
        }
    }

    #[test]
    fn calls_are_read_one_or_many_wrapped_or_not() {
        let one = CallPrice {
            duration_seconds: Some(12),
            ..price("s1", Some("1.500"))
        };
        for body in [
            r#"{"Calls":[{"Sid":"s1","Price":"1.500","Duration":"12"}]}"#,
            r#"{"Call":{"Sid":"s1","Price":"1.500","Duration":12}}"#,
            r#"{"Metadata":{"Total":1},"Calls":[{"Call":{"Sid":"s1","Price":1.500,"Duration":12}},{"Price":"9"},7]}"#,
        ] {
            assert_eq!(known(body), std::slice::from_ref(&one), "{body}");
        }
        assert_eq!(known(r#"{"Calls":[]}"#), []);
    }

    #[test]
    fn what_has_no_calls_is_no_price() {
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, r#"{"Calls":null}"#),
            (404, ""),
            (
                401,
                r#"{"RestException":{"Status":401,"Message":"Authentication is required"}}"#,
            ),
            (500, r#"{"Calls":[]}"#),
        ] {
            let Prices::Other(reply) = prices(status, body) else {
                panic!("{status} {body}");
            };
            assert!(!matches!(reply, Reply::Done(_)), "{status} {body}");
        }
    }

    #[test]
    fn a_sum_is_whole_or_says_what_is_missing() {
        let check = |sids: &[&str], prices: &[CallPrice], expected: Result<&str, (&str, &[&str])>| {
            let expected = match expected {
                Ok(whole) => PriceSum::Whole(whole.parse().unwrap()),
                Err((priced, unpriced)) => PriceSum::Unfinished {
                    priced: priced.parse().unwrap(),
                    unpriced: unpriced.iter().map(|&sid| sid.to_owned()).collect(),
                },
            };
            assert_eq!(
                price_sum(sids.iter().copied(), prices),
                expected,
                "{sids:?} {prices:?}"
            );
        };
        let (one, two) = (price("s1", Some("1.500")), price("s2", Some("0.25")));
        check(&[], &[], Ok("0"));
        check(&["s1", "s2"], &[two.clone(), one.clone()], Ok("1.750"));
        // Once each, however often it is asked for or told; and nothing that was not asked for.
        check(
            &["s1", "s1"],
            &[one.clone(), one.clone(), two.clone()],
            Ok("1.500"),
        );
        check(&["s1", "s2"], std::slice::from_ref(&one), Err(("1.500", &["s2"])));
        check(
            &["s2", "s1"],
            &[one.clone(), price("s2", None)],
            Err(("1.500", &["s2"])),
        );
        check(
            &["s1"],
            &[one.clone(), price("s1", Some("1.6"))],
            Err(("0", &["s1"])),
        );
        check(&["s1"], &[one, price("s1", None)], Err(("0", &["s1"])));
    }

    proptest! {
        #[test]
        fn a_whole_sum_is_that_of_its_prices(cents in proptest::collection::vec(0_u64..100_000, 0..20)) {
            let sids: Vec<String> = (0..cents.len()).map(|at| format!("s{at}")).collect();
            let prices: Vec<CallPrice> = sids
                .iter()
                .zip(&cents)
                .map(|(sid, cents)| price(sid, Some(&format!("{cents}e-2"))))
                .collect();
            let expected: Amount = format!("{}e-2", cents.iter().sum::<u64>()).parse().unwrap();
            prop_assert_eq!(price_sum(sids.iter().map(String::as_str), &prices), PriceSum::Whole(expected));
        }
    }
}
