//! A campaign's batches by day, by country and by refusal, and how fast they went: what the totals do not tell.
//!
//! Days are UTC's, by when what came of a batch was booked. A ticket has one price: where its numbers are of several
//! countries, it is shared out by how many each has, to the last digit, so that the countries add up to the total.
//! Not here: doubts, which are no outcome yet.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};
use volley_intake::{Normalizer, NumberRule};
use volley_ledger::{BatchRecord, LedgerError, Numbers, Reader, RunId};
use volley_model::{Amount, BatchState, Msisdn};

/// A country that nobody has a name for.
pub(super) const NO_COUNTRY: &str = "other";
/// As many digits in a row are taken for a phone number.
const NUMBER_DIGITS_MIN: usize = 6;
/// Decimals of a price, as the provider gives them.
const PRICE_DECIMALS: u32 = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Breakdown {
    pub(super) days: BTreeMap<Date, Totals>,
    /// `None` where numbers were not looked at.
    pub(super) countries: Option<BTreeMap<String, Totals>>,
    pub(super) refusals: BTreeMap<Refusal, Refused>,
    paces: BTreeMap<RunId, Pace>,
    /// One for each batch that was handed over, as they were booked.
    pub(super) moments: Vec<Moment>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) batches: u64,
    pub(super) recipients: u64,
    pub(super) cost: Amount,
    /// The part of `cost` that was shared out.
    pub(super) shared: Amount,
}

/// Why the provider refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refusal {
    pub(super) status: Option<u16>,
    pub(super) code: Option<u32>,
    pub(super) reason: String,
}

/// Whom it refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) batches: u64,
    pub(super) recipients: u64,
}

/// A batch that was handed over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    pub(super) run: RunId,
    /// When it was handed over, the last time.
    pub(super) at: Timestamp,
    pub(super) recipients: u64,
    /// From hand-over to evidence.
    pub(super) seconds: f64,
}

/// How a run's batches followed one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    first: Timestamp,
    last: Timestamp,
    batches: u64,
}

impl Breakdown {
    /// Of the campaign of that name.
    pub(super) fn of(reader: &Reader, name: &str, numbers: Numbers) -> Result<Self, LedgerError> {
        let normalizer = Normalizer::new(None, NumberRule::Any, None);
        let mut breakdown = Self {
            countries: (numbers == Numbers::Wanted).then(BTreeMap::new),
            ..Self::default()
        };
        reader.export(Some(name), numbers, &mut |batch, members| {
            breakdown.add(batch, members, &normalizer);
            ControlFlow::Continue(())
        })?;
        Ok(breakdown)
    }

    /// Requests a second of a run, from its first hand-over to its last; `None` where there was but one moment.
    pub(super) fn pace(&self, run: RunId) -> Option<f64> {
        let pace = self.paces.get(&run)?;
        let seconds = pace.last.duration_since(pace.first).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a speed for a display")]
        (seconds > 0.0).then(|| (pace.batches - 1) as f64 / seconds)
    }

    fn add(&mut self, batch: &BatchRecord, members: &[Msisdn], normalizer: &Normalizer) {
        self.note_pace(batch);
        let was_sent = match batch.state {
            BatchState::Accepted
            | BatchState::Unticketed
            | BatchState::DeclaredSent
            | BatchState::Abandoned
            | BatchState::Withdrawn => true,
            BatchState::Refused => {
                self.refuse(batch, batch.recipients);
                false
            }
            BatchState::Split => {
                self.refuse(batch, 1);
                false
            }
            BatchState::Intended
            | BatchState::InDoubt
            | BatchState::Released
            | BatchState::Simulated
            | BatchState::DeclaredNotSent => false,
        };
        let Some(at) = batch.concluded_at.filter(|_| was_sent) else {
            return;
        };
        let cost = batch.cost.or(batch.reserved).unwrap_or_default();
        // What was withdrawn reached nobody; whether the provider gives back what it cost is not known.
        let reached = batch.state != BatchState::Withdrawn;
        let recipients = if reached { batch.recipients } else { 0 };
        self.days
            .entry(at.to_zoned(TimeZone::UTC).date())
            .or_default()
            .add(recipients, cost, Amount::ZERO);
        self.add_countries(cost, members, reached, normalizer);
    }

    fn refuse(&mut self, batch: &BatchRecord, recipients: u64) {
        let refusal = Refusal {
            status: batch.status,
            code: batch.code,
            reason: batch.reason.as_deref().map(without_numbers).unwrap_or_default(),
        };
        let refused = self.refusals.entry(refusal).or_default();
        refused.batches += 1;
        refused.recipients += recipients;
    }

    fn note_pace(&mut self, batch: &BatchRecord) {
        let (Some(handed_over_at), Some(ended_at)) = (batch.attempts.handed_over_at, batch.attempts.ended_at)
        else {
            return;
        };
        self.moments.push(Moment {
            run: batch.run,
            at: handed_over_at,
            recipients: batch.recipients,
            seconds: ended_at.duration_since(handed_over_at).as_secs_f64(),
        });
        let pace = self.paces.entry(batch.run).or_insert(Pace {
            first: handed_over_at,
            last: handed_over_at,
            batches: 0,
        });
        pace.first = pace.first.min(handed_over_at);
        pace.last = pace.last.max(handed_over_at);
        pace.batches += 1;
    }

    fn add_countries(&mut self, cost: Amount, members: &[Msisdn], reached: bool, normalizer: &Normalizer) {
        let Some(countries) = &mut self.countries else {
            return;
        };
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for number in members {
            let region = normalizer.region_of(*number);
            let name = region.map_or_else(|| NO_COUNTRY.to_owned(), |region| region.to_string());
            *counts.entry(name).or_default() += 1;
        }
        let several = counts.len() > 1;
        let costs = shares(cost, counts.values().copied());
        for ((country, recipients), share) in counts.into_iter().zip(costs) {
            let shared = if several { share } else { Amount::ZERO };
            countries
                .entry(country)
                .or_default()
                .add(if reached { recipients } else { 0 }, share, shared);
        }
    }
}

impl Totals {
    fn add(&mut self, recipients: u64, cost: Amount, shared: Amount) {
        self.batches += 1;
        self.recipients += recipients;
        self.cost += cost;
        self.shared += shared;
    }
}

/// What a provider says of a refusal, without the number that it may name: many refusals are one reason.
pub(super) fn without_numbers(reason: &str) -> String {
    let mut out = String::new();
    let mut rest = reason;
    while let Some(at) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        // Digits with what people write between them.
        let is_part = |character: char| character.is_ascii_digit() || " .-/()\u{a0}".contains(character);
        let run = &digits[..digits
            .find(|character| !is_part(character))
            .unwrap_or(digits.len())];
        let end = run
            .trim_end_matches(|character: char| !character.is_ascii_digit())
            .len();
        let count = run.chars().filter(char::is_ascii_digit).count();
        out.push_str(before);
        out.push_str(if count < NUMBER_DIGITS_MIN {
            &digits[..end]
        } else {
            "…"
        });
        rest = &digits[end..];
    }
    out + rest
}

/// A cost shared out by these counts; what rounding down leaves goes to the last, so that the shares add up to it.
fn shares(cost: Amount, counts: impl Iterator<Item = u64> + Clone) -> Vec<Amount> {
    let all: u64 = counts.clone().sum();
    let mut left = cost;
    let mut shares: Vec<Amount> = counts
        .map(|count| {
            let (count, all) = (Decimal::from(count), Decimal::from(all.max(1)));
            // A senseless cost may be too large to be multiplied first.
            let product = cost.decimal().checked_mul(count);
            let share = product.map_or_else(|| cost.decimal() / all * count, |product| product / all);
            let share = share.round_dp_with_strategy(PRICE_DECIMALS, RoundingStrategy::ToZero);
            let share = Amount::try_from(share).unwrap_or_default();
            left = left.saturating_sub(share);
            share
        })
        .collect();
    if let Some(last) = shares.last_mut() {
        *last += left;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn one_country_has_all_of_a_price() {
        assert_eq!(
            shares(amount("52.31012345"), [930].into_iter()),
            [amount("52.31012345")]
        );
        assert_eq!(
            shares(amount("1"), [1, 2].into_iter()),
            [amount("0.33333333"), amount("0.66666667")]
        );
        assert_eq!(shares(amount("1"), [].into_iter()), []);
        let senseless = Amount::try_from(Decimal::MAX).unwrap();
        assert_eq!(shares(senseless, [3, 4].into_iter()).len(), 2);
    }

    #[test]
    fn a_reason_is_the_same_whichever_number_it_names() {
        for (reason, told) in [
            ("invalid number +33612345678", "invalid number +…"),
            ("1005: 33612345678, 44791112345 are bad", "1005: …, … are bad"),
            (
                "bad +33 6 00 00 01 30, 06.12.34.56.78 and 400",
                "bad +…, … and 400",
            ),
            ("HTTP 400 at 12:30 (5 of 500)", "HTTP 400 at 12:30 (5 of 500)"),
            ("bad text", "bad text"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(reason), told);
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_price(units in 0_u64..1_000_000_000_000, counts in prop::collection::vec(1_u64..600, 1..9)) {
            let cost = Amount::try_from(Decimal::new(units.cast_signed(), PRICE_DECIMALS)).unwrap();
            let shares = shares(cost, counts.iter().copied());
            prop_assert_eq!(shares.len(), counts.len());
            prop_assert_eq!(shares.into_iter().sum::<Amount>(), cost);
        }
    }
}
