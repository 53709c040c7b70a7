//! An exact number with at most four places: what monitors compare. Quantities and prices are both some.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::{Measure, Price, Quantity, fields::kind};

/// A decimal from -9007199254740991.9999 to 9007199254740991.9999 with at most four places, kept exactly. The bounds hold
/// every quantity and every price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(i128);

/// The text is no such decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a decimal such as \"12.5\", with at most 4 places and 15 digits before the point")]
pub struct ParseAmountError;

impl Amount {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);
    const PLACES: usize = 4;
    const ONE: i128 = 10_000;
    const MOST: i128 = (Quantity::MAX as i128 + 1) * Self::ONE - 1;

    /// A whole number.
    #[must_use]
    pub const fn whole(number: i64) -> Self {
        Self(number as i128 * Self::ONE)
    }

    /// In ten-thousandths.
    #[must_use]
    pub const fn ten_thousandths(self) -> i128 {
        self.0
    }

    /// From ten-thousandths.
    #[must_use]
    pub const fn from_ten_thousandths(number: i128) -> Self {
        Self(number)
    }

    /// Whether it lies within the bounds: what is reckoned from amounts may not.
    #[must_use]
    pub const fn is_within_bounds(self) -> bool {
        -Self::MOST <= self.0 && self.0 <= Self::MOST
    }

    /// The sum; far from overflowing for two of any quantities and prices.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Whether it has no places.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 % Self::ONE == 0
    }

    /// As documents show a value of this measure: quantities are numbers, prices strings with four places.
    #[must_use]
    pub fn document(self, measure: Measure) -> Value {
        match measure {
            Measure::Quantity if self.is_whole() => {
                i64::try_from(self.0 / Self::ONE).map_or(Value::Null, Value::from)
            }
            Measure::Quantity => Value::from(self.to_string()),
            Measure::Price => Value::from(format!("{self:.4}")),
        }
    }

    /// Reads an integer, or a decimal as a string.
    ///
    /// # Errors
    /// What it must be, for a developer.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => {
                let whole = number.as_i64().map(Self::whole).filter(|amount| amount.0.abs() <= Self::MOST);
                whole.ok_or_else(|| {
                    "must be an integer of at most 2^53-1, or a decimal as a string such as \"12.5\""
                        .to_owned()
                })
            }
            Value::String(text) => text.parse().map_err(|error: ParseAmountError| error.to_string()),
            other => Err(format!("must be an integer, or a decimal as a string, not {}", kind(other))),
        }
    }
}

impl From<Quantity> for Amount {
    fn from(quantity: Quantity) -> Self {
        Self::whole(quantity.get())
    }
}

impl From<Price> for Amount {
    fn from(price: Price) -> Self {
        // A price has a scale of four.
        Self(price.get().mantissa())
    }
}

impl FromStr for Amount {
    type Err = ParseAmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(places) || places.len() > Self::PLACES || whole.len() > 20 {
            return Err(ParseAmountError);
        }
        let number: i128 = format!("{whole}{places:0<4}").parse().map_err(|_| ParseAmountError)?;
        if number > Self::MOST { Err(ParseAmountError) } else { Ok(Self(sign * number)) }
    }
}

/// Without needless zeros; `{:.4}` writes all four places.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, places) = (self.0.abs() / Self::ONE, self.0.abs() % Self::ONE);
        let sign = if self.0 < 0 { "-" } else { "" };
        if f.precision().is_none() && places == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{places:04}");
        let shown = if f.precision().is_none() { places.trim_end_matches('0') } else { &places };
        write!(f, "{sign}{whole}.{shown}")
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_exact_and_strict() {
        for (text, shown) in
            [("12.50", "12.5"), ("0.0001", "0.0001"), ("-3", "-3"), ("007", "7"), ("-0.5", "-0.5")]
        {
            assert_eq!(amount(text).to_string(), shown);
        }
        assert_eq!(format!("{:.4}", amount("12.5")), "12.5000");
        assert_eq!(amount("9007199254740991.9999").to_string(), "9007199254740991.9999");
        for text in ["", "-", ".5", "1.", "1.23456", "1e3", "+1", " 1", "9007199254740992", "--1", "0x1"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    #[test]
    fn quantities_and_prices_are_amounts() {
        assert_eq!(Amount::from(Quantity::new(Quantity::MAX).unwrap()), Amount::whole(Quantity::MAX));
        assert_eq!(Amount::from(Price::parse("12.5").unwrap()), amount("12.5"));
        assert_eq!(amount("12").document(Measure::Quantity), Value::from(12));
        assert_eq!(amount("12").document(Measure::Price), Value::from("12.0000"));
    }

    #[test]
    fn json_numbers_are_whole() {
        assert_eq!(Amount::from_json(&Value::from(5)), Ok(Amount::whole(5)));
        assert_eq!(Amount::from_json(&Value::from("5.5")), Ok(amount("5.5")));
        for value in
            [Value::from(5.5), Value::from(u64::MAX), Value::Null, Value::from(true), Value::from("5,5")]
        {
            assert!(Amount::from_json(&value).is_err(), "{value}");
        }
    }
}
