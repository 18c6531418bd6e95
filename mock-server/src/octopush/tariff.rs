//! Prices by destination: exact decimals, the longest prefix counts.
//!
//! *Bounds*: a prefix has one to four digits, so that a country is one look into a table of 10,000.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::config::Price;
use crate::error::MockError;
use crate::record::Number;

/// One index for each value of a number's first four digits.
const TABLE_LEN: usize = 10_000;

/// What a segment costs where.
pub(super) struct Tariff {
    /// Index into `prices`, by the first four digits.
    by_first_digits: Vec<u16>,
    /// The default price first.
    prices: Vec<Decimal>,
}

/// Segments by price; one for each request.
pub(super) struct Meter(Vec<u64>);

impl Tariff {
    pub(super) fn new(default: Price, by_prefix: &BTreeMap<String, Price>) -> Result<Self, MockError> {
        let mut tariff = Self {
            by_first_digits: vec![0; TABLE_LEN],
            prices: vec![default.amount()],
        };
        let mut prefixes: Vec<(&String, &Price)> = by_prefix.iter().collect();
        // Longer ones later: they overwrite their part of the shorter ones.
        prefixes.sort_by_key(|(prefix, _)| prefix.len());
        for (prefix, price) in prefixes {
            let (first, last) = range(prefix).ok_or_else(|| MockError::Setting {
                key: "octopush.prices",
                reason: format!("`{prefix}` is no prefix: write one to four digits"),
            })?;
            let index = u16::try_from(tariff.prices.len()).unwrap_or(u16::MAX);
            tariff.prices.push(price.amount());
            tariff.by_first_digits[first..last].fill(index);
        }
        Ok(tariff)
    }

    pub(super) fn meter(&self) -> Meter {
        Meter(vec![0; self.prices.len()])
    }

    /// Adds a message of so many segments.
    pub(super) fn add(&self, meter: &mut Meter, number: Number, segments: u64) {
        meter.0[usize::from(self.by_first_digits[number.first_four_digits()])] += segments;
    }

    /// The exact sum.
    pub(super) fn cost(&self, meter: &Meter) -> Decimal {
        self.prices
            .iter()
            .zip(&meter.0)
            .map(|(price, segments)| price * Decimal::from(*segments))
            .sum()
    }

    /// Euros a segment for numbers that begin with these digits.
    pub(super) fn price_of_prefix(&self, prefix: &str) -> Decimal {
        let index = range(prefix).map_or(0, |(first, _)| self.by_first_digits[first]);
        self.prices[usize::from(index)]
    }
}

impl Meter {
    pub(super) fn segments(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The first four digits that begin with this prefix, end excluded.
fn range(prefix: &str) -> Option<(usize, usize)> {
    let digits = prefix.len();
    if !(1..=4).contains(&digits) || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let width = TABLE_LEN / 10_usize.pow(u32::try_from(digits).ok()?);
    let first = prefix.parse::<usize>().ok()? * width;
    Some((first, first + width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::try_from(text.to_owned()).expect("a price")
    }

    fn tariff(prices: &[(&str, &str)]) -> Result<Tariff, MockError> {
        let prices = prices
            .iter()
            .map(|(prefix, euros)| ((*prefix).to_owned(), price(euros)))
            .collect();
        Tariff::new(price("0.1"), &prices)
    }

    #[test]
    fn the_longest_prefix_counts_and_sums_are_exact() {
        let tariff = tariff(&[
            ("1", "0.00000001"),
            ("1242", "3"),
            ("33", "0.05"),
            ("336", "0.06"),
        ])
        .expect("a tariff");
        let check = |number: &str, segments: u64, expected: &str| {
            let mut meter = tariff.meter();
            tariff.add(&mut meter, Number::parse(number).expect("a number"), segments);
            assert_eq!(tariff.cost(&meter).normalize().to_string(), expected, "{number}");
            assert_eq!(meter.segments(), segments);
        };
        check("+12025550100", 3, "0.00000003");
        check("+12425550100", 1, "3");
        check("+33112345678", 2, "0.1");
        check("+33612345678", 2, "0.12");
        check("+442038828112", 7, "0.7");
    }

    #[test]
    fn a_prefix_is_one_to_four_digits() {
        let check = |prefix: &str, good: bool| assert_eq!(tariff(&[(prefix, "1")]).is_ok(), good, "{prefix}");
        check("1", true);
        check("1242", true);
        check("12425", false);
        check("", false);
        check("+33", false);
    }
}
