//! The account's credit, as the provider's answers tell it: what is left, when that is little, when it is too little.
//!
//! What is known lags behind by what is in flight, and what that may cost at most is held back: no further batch is taken
//! while those under way could bring the credit below `min_credit`. With `min_credit` the balance is asked for, once and
//! for free, before the first batch. Answers may overtake each other: while others are under way the lower one counts.
//! Bounds: without a `unit_price` nobody knows what is in flight, and nothing is held back; the next batch itself is not
//! counted, so that the last one may pass the border by what it costs.

use std::cell::Cell;

use volley_model::Amount;
use volley_provider::octopush::CURRENCY;

/// Credit for fewer batches like the last one is worth a warning: at the default rate, half a second's.
const BATCHES_LEFT_MIN: u64 = 10;
/// Credit below so many times `min_credit` is worth one, too.
const MIN_CREDITS_LEFT_MIN: u64 = 2;

/// What is known of the credit in a run.
pub(super) struct Credit {
    /// `min_credit`: the run stops below it.
    least: Option<Amount>,
    left: Cell<Option<Amount>>,
    /// What the last batch with a price cost.
    last_cost: Cell<Option<Amount>>,
    /// Reserved for batches that were taken and have not ended.
    under_way: Cell<Amount>,
    warned: Cell<bool>,
}

/// What an answer says of the credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Level {
    /// Enough, or nobody knows, or what is to be said was said.
    Enough,
    /// Little, for the first time in this run.
    Low(String),
    /// Below `min_credit`.
    TooLow(String),
}

impl Credit {
    pub(super) fn new(least: Option<Amount>) -> Self {
        Self {
            least,
            left: Cell::default(),
            last_cost: Cell::default(),
            under_way: Cell::default(),
            warned: Cell::new(false),
        }
    }

    /// Whether a limit is to be held.
    pub(super) fn is_limited(&self) -> bool {
        self.least.is_some()
    }

    /// The last that was heard of it.
    pub(super) fn left(&self) -> Option<Amount> {
        self.left.get()
    }

    /// Whether another batch may be taken: what is under way leaves at least `min_credit`.
    pub(super) fn allows_another(&self) -> bool {
        match (self.left.get(), self.least) {
            (Some(left), Some(least)) => left >= least + self.under_way.get(),
            _ => true,
        }
    }

    /// A batch was taken for which so much is reserved.
    pub(super) fn hold(&self, reserved: Amount) {
        self.under_way.set(self.under_way.get() + reserved);
    }

    /// It has ended, one way or another.
    pub(super) fn let_go(&self, reserved: Amount) {
        self.under_way.set(self.under_way.get().saturating_sub(reserved));
    }

    /// Takes in what an answer says; `own` is what is held for the batch that it answers.
    pub(super) fn hear(&self, left: Option<Amount>, cost: Option<Amount>, own: Amount) -> Level {
        self.last_cost.set(cost.or(self.last_cost.get()));
        let Some(left) = left else { return Level::Enough };
        let others_are_under_way = self.under_way.get() > own;
        let left = match self.left.get() {
            Some(known) if others_are_under_way => known.min(left),
            _ => left,
        };
        self.left.set(Some(left));
        if let Some(least) = self.least.filter(|least| left < *least) {
            return Level::TooLow(format!("{left} left, at least {least} wanted"));
        }
        match self.low(left) {
            Some(why) if !self.warned.replace(true) => Level::Low(why),
            _ => Level::Enough,
        }
    }

    fn low(&self, left: Amount) -> Option<String> {
        let currency = CURRENCY.code();
        let is_below = |amount: Amount, times: u64| amount.times(times).is_ok_and(|border| left < border);
        if let Some(cost) = self
            .last_cost
            .get()
            .filter(|cost| is_below(*cost, BATCHES_LEFT_MIN))
        {
            return Some(format!(
                "{left} {currency} left, and the last batch cost {cost} {currency}"
            ));
        }
        let least = self
            .least
            .filter(|least| is_below(*least, MIN_CREDITS_LEFT_MIN))?;
        Some(format!(
            "{left} {currency} left, and the run stops below {least} {currency} (min_credit)"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    /// What an answer with this credit and cost says first in a run.
    fn check(min_credit: Option<&str>, left: &str, cost: Option<&str>, expected: fn(&Level) -> bool) {
        let credit = Credit::new(min_credit.map(amount));
        let level = credit.hear(Some(amount(left)), cost.map(amount), Amount::ZERO);
        assert!(expected(&level), "{min_credit:?} {left} {cost:?}: {level:?}");
        assert_eq!(credit.left(), Some(amount(left)));
    }

    #[test]
    fn credit_is_low_below_ten_batches_or_twice_min_credit_and_too_low_below_it() {
        let enough = |level: &Level| *level == Level::Enough;
        let low = |level: &Level| matches!(level, Level::Low(_));
        let too_low = |level: &Level| matches!(level, Level::TooLow(_));
        check(None, "5", Some("0.5"), enough);
        check(None, "4.999", Some("0.5"), low);
        check(None, "0", None, enough);
        check(Some("10"), "20", None, enough);
        check(Some("10"), "19.99", None, low);
        check(Some("10"), "10", None, low);
        check(Some("10"), "9.99", None, too_low);
        check(Some("10"), "25", Some("2.6"), low);
    }

    #[test]
    fn low_credit_is_told_once_and_an_answer_without_it_changes_nothing() {
        let credit = Credit::new(None);
        assert_eq!(credit.hear(None, Some(amount("1")), Amount::ZERO), Level::Enough);
        assert_eq!(credit.left(), None);
        // The cost of an earlier batch is the measure where this one has no price.
        assert!(matches!(
            credit.hear(Some(amount("9")), None, Amount::ZERO),
            Level::Low(_)
        ));
        assert_eq!(credit.hear(Some(amount("8")), None, Amount::ZERO), Level::Enough);
        assert_eq!(credit.hear(None, None, Amount::ZERO), Level::Enough);
        assert_eq!(credit.left(), Some(amount("8")));
    }

    #[test]
    fn what_is_under_way_is_held_back_from_min_credit() {
        let credit = Credit::new(Some(amount("10")));
        credit.hold(amount("100"));
        assert!(credit.allows_another(), "nobody knows what is left");
        credit.let_go(amount("100"));
        credit.hear(Some(amount("12")), None, Amount::ZERO);
        credit.hold(amount("2"));
        assert!(credit.allows_another());
        credit.hold(amount("0.01"));
        assert!(!credit.allows_another());
        credit.let_go(amount("0.01"));
        assert!(credit.allows_another());
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_raise_the_credit() {
        let credit = Credit::new(None);
        credit.hold(amount("1"));
        credit.hear(Some(amount("98")), None, Amount::ZERO);
        credit.hear(Some(amount("99")), None, Amount::ZERO);
        assert_eq!(credit.left(), Some(amount("98")));
        credit.let_go(amount("1"));
        credit.hear(Some(amount("200")), None, Amount::ZERO);
        assert_eq!(credit.left(), Some(amount("200")), "topped up meanwhile");
    }

    #[test]
    fn without_min_credit_nothing_is_held_back() {
        let credit = Credit::new(None);
        credit.hear(Some(Amount::ZERO), None, Amount::ZERO);
        credit.hold(amount("1"));
        assert!(credit.allows_another());
    }
}
