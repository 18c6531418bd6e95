//! Exact money: decimals, never floats.
//!
//! Sources: Octopush's pages show costs as JSON numbers with up to 8 decimals (5.00502839); they are read from the
//! raw token, exponents included, and kept to the last digit.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use rust_decimal::Decimal;

/// An exact amount, not negative, in some [`Currency`] that stands beside it. Prints without exponent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(Decimal);

/// Why a token is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Below zero.
    #[error("negative")]
    Negative,
    /// No decimal number, or one that does not fit exactly into 28 digits.
    #[error("no exact decimal number")]
    NotDecimal,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// A whole number of units at this price each.
    ///
    /// # Errors
    /// [`AmountError::NotDecimal`] if the product needs more than 28 digits.
    pub fn times(self, units: u64) -> Result<Self, AmountError> {
        self.0
            .checked_mul(Decimal::from(units))
            .map(Self)
            .ok_or(AmountError::NotDecimal)
    }

    /// The difference, or zero where the other is larger.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        if other > self {
            Self::ZERO
        } else {
            Self(self.0 - other.0)
        }
    }

    /// The decimal, for arithmetic that is not money.
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl TryFrom<Decimal> for Amount {
    type Error = AmountError;

    fn try_from(decimal: Decimal) -> Result<Self, AmountError> {
        if decimal.is_sign_negative() && !decimal.is_zero() {
            return Err(AmountError::Negative);
        }
        Ok(Self(decimal.abs()))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads a decimal as JSON writes numbers: `12`, `0.0495`, `5e-3`.
    fn from_str(token: &str) -> Result<Self, AmountError> {
        let plain = token.strip_prefix('-').unwrap_or(token);
        if !plain.starts_with(|first: char| first.is_ascii_digit()) || token.contains('_') {
            return Err(AmountError::NotDecimal);
        }
        let decimal = match token.split_once(['e', 'E']) {
            None => Decimal::from_str_exact(token).map_err(|_| AmountError::NotDecimal)?,
            Some((mantissa, exponent)) => scaled(mantissa, exponent).ok_or(AmountError::NotDecimal)?,
        };
        Self::try_from(decimal)
    }
}

/// A mantissa shifted by a power of ten, exactly.
fn scaled(mantissa: &str, exponent: &str) -> Option<Decimal> {
    let decimal = Decimal::from_str_exact(mantissa).ok()?;
    if decimal.is_zero() {
        return Some(Decimal::ZERO);
    }
    let places = i64::from(decimal.scale()) - i64::from(exponent.parse::<i32>().ok()?);
    if let Ok(scale) = u32::try_from(places) {
        return Decimal::try_from_i128_with_scale(decimal.mantissa(), scale).ok();
    }
    let factor = 10_i128.checked_pow(u32::try_from(-places).ok()?)?;
    Decimal::try_from_i128_with_scale(decimal.mantissa().checked_mul(factor)?, 0).ok()
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

impl Add for Amount {
    type Output = Self;

    /// The sum; at the largest decimal it stays there: a senseless cost in an answer must end in a limit, not in a
    /// panic.
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).unwrap_or(Decimal::MAX))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// An ISO 4217 code.
///
/// What is in [`Currency::NONE`] is in the currency of the provider's account, whichever that is: an account has one, and
/// some providers tell it with their first price only. So it adds up with amounts of that one, in that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro: the currency of every Octopush amount (sub-account page, "amount in euros").
    pub const EUR: Self = Self(*b"EUR");

    /// No currency that is known yet: ISO 4217's code for that.
    pub const NONE: Self = Self(*b"XXX");

    /// The currency in which amounts in this one and in the other add up; `None` if they do not.
    #[must_use]
    pub fn with(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::NONE, known) | (known, Self::NONE) => Some(known),
            (one, other) => (one == other).then_some(one),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = AmountError;

    fn from_str(code: &str) -> Result<Self, AmountError> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(AmountError::NotDecimal),
        }
    }
}

/// Where a booked cost comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CostSource {
    /// The provider's answer.
    Provider,
    /// Our estimate, from `unit_price` or from the batch's siblings.
    Estimated,
    /// The operator's word.
    Operator,
}

impl CostSource {
    /// The source's name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::Operator => "operator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(token: &str, expected: Result<&str, AmountError>) {
        assert_eq!(
            token.parse::<Amount>().map(|amount| amount.to_string()),
            expected.map(str::to_owned),
            "{token}"
        );
    }

    #[test]
    fn a_sum_of_senseless_costs_stays_at_the_largest_decimal() {
        let most: Amount = Decimal::MAX.try_into().unwrap();
        assert_eq!(most + "1".parse().unwrap(), most);
        assert_eq!([most, most].into_iter().sum::<Amount>(), most);
    }

    #[test]
    fn what_is_in_no_known_currency_adds_up_with_any_one_but_two_known_ones_never_do() {
        let [euro, rupee] = ["EUR", "INR"].map(|code| code.parse::<Currency>().unwrap());
        let none: Currency = "XXX".parse().unwrap();
        assert_eq!((none, euro), (Currency::NONE, Currency::EUR));
        assert_eq!(none.with(none), Some(none));
        assert_eq!((none.with(euro), rupee.with(none)), (Some(euro), Some(rupee)));
        assert_eq!((euro.with(euro), euro.with(rupee)), (Some(euro), None));
    }

    #[test]
    fn costs_are_read_to_the_last_digit() {
        check("5.00502839", Ok("5.00502839"));
        check("0", Ok("0"));
        check("12", Ok("12"));
        check("5e-3", Ok("0.005"));
        check("1.25E2", Ok("125"));
        check("1.250E+1", Ok("12.50"));
        check("-0.0", Ok("0.0"));
        check("0e99999", Ok("0"));
        check("-0.01", Err(AmountError::Negative));
        for token in [
            "",
            "abc",
            "1e400",
            "1e-400",
            "0.12345678901234567890123456789",
            "NaN",
            "1_000",
            "+1",
            "\"1\"",
            "1e",
        ] {
            check(token, Err(AmountError::NotDecimal));
        }
    }

    proptest! {
        #[test]
        fn exponents_change_the_writing_and_not_the_value(mantissa in 0_u64..1_000_000_000, places in 0_u32..9) {
            let plain: Amount = Decimal::from_i128_with_scale(i128::from(mantissa), places).try_into().unwrap();
            let written: Amount = format!("{mantissa}e-{places}").parse().unwrap();
            prop_assert_eq!(plain, written);
        }
    }
}
