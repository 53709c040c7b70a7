//! Whether a value meets a condition, in whole numbers of ten-thousandths, so that nothing is rounded.

use domain::{Amount, Condition};

/// What a value is compared with besides the condition's own numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Against {
    /// What percentages are reckoned from.
    pub(crate) base: Option<Amount>,
    /// The item's reorder point.
    pub(crate) reorder_point: Option<Amount>,
}

/// Whether a value meets a condition, or comes nearer to it than `slack`: in the measure's unit, or in percentage points.
pub(crate) fn meets(condition: &Condition, value: Amount, against: Against, slack: Amount) -> bool {
    match *condition {
        Condition::Below { threshold } => value < threshold.plus(slack),
        Condition::Above { threshold } => value > threshold.minus(slack),
        Condition::Outside { low, high } => value < low.plus(slack) || value > high.minus(slack),
        Condition::RisesBy { percent, base } => {
            let base = base.or(against.base);
            base.is_some_and(|base| value > base && differs_by(value.minus(base), base, percent.minus(slack)))
        }
        Condition::FallsBy { percent, base } => {
            let base = base.or(against.base);
            base.is_some_and(|base| value < base && differs_by(base.minus(value), base, percent.minus(slack)))
        }
        Condition::AtReorderPoint {} => against.reorder_point.is_some_and(|point| value <= point.plus(slack)),
        // These look at more than one value.
        Condition::ChangesBy { .. } | Condition::UnchangedFor { .. } => false,
    }
}

/// Whether a difference is so many percent of the base or more. Whatever is more than nothing is. Products of numbers that
/// no item and no form has, but a monitor that was written by hand, stay at the bounds.
pub(crate) const fn differs_by(difference: Amount, base: Amount, percent: Amount) -> bool {
    const HUNDRED: i128 = 100 * 10_000;
    let of_base = base.ten_thousandths().saturating_mul(percent.ten_thousandths());
    difference.ten_thousandths().saturating_mul(HUNDRED) >= of_base
}

/// The base and so many percent of it more (or fewer, if negative), rounded towards nothing; none where that is no
/// amount.
pub(crate) const fn percent_more(base: Amount, percent: Amount) -> Option<Amount> {
    const HUNDRED: i128 = 100 * 10_000;
    let scaled = base.ten_thousandths().saturating_mul(HUNDRED.saturating_add(percent.ten_thousandths()));
    let more = Amount::from_ten_thousandths(scaled / HUNDRED);
    if more.is_within_bounds() { Some(more) } else { None }
}

/// What the value was compared with, and what that was reckoned from, for people to read.
pub(crate) fn compared_with(
    condition: &Condition,
    value: Amount,
    against: Against,
) -> (Option<Amount>, Option<Amount>) {
    match *condition {
        Condition::Below { threshold } | Condition::Above { threshold } => (Some(threshold), None),
        Condition::Outside { low, high } => (Some(if value < low { low } else { high }), None),
        Condition::RisesBy { percent, base } => {
            let base = base.or(against.base);
            (base.and_then(|base| percent_more(base, percent)), base)
        }
        Condition::FallsBy { percent, base } => {
            let base = base.or(against.base);
            (base.and_then(|base| percent_more(base, Amount::ZERO.minus(percent))), base)
        }
        Condition::AtReorderPoint {} => (against.reorder_point, None),
        Condition::ChangesBy { .. } | Condition::UnchangedFor { .. } => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn met(condition: &Condition, values: &[&str], against: Against) -> Vec<bool> {
        values.iter().map(|value| meets(condition, amount(value), against, Amount::ZERO)).collect()
    }

    #[test]
    fn a_threshold_itself_is_neither_below_nor_above_nor_outside() {
        let ten = amount("10");
        let none = Against::default();
        let values = ["9.9999", "10", "10.0001"];
        assert_eq!(met(&Condition::Below { threshold: ten }, &values, none), [true, false, false]);
        assert_eq!(met(&Condition::Above { threshold: ten }, &values, none), [false, false, true]);
        let outside = Condition::Outside { low: ten, high: ten };
        assert_eq!(met(&outside, &values, none), [true, false, true]);
        let low = Against { reorder_point: Some(ten), ..none };
        assert_eq!(met(&Condition::AtReorderPoint {}, &values, low), [true, true, false]);
        assert_eq!(met(&Condition::AtReorderPoint {}, &values, none), [false; 3]);
    }

    #[test]
    fn percentages_are_exact() {
        let third = Condition::RisesBy { percent: amount("33.3333"), base: Some(amount("3")) };
        assert_eq!(met(&third, &["3.9999", "4", "3"], Against::default()), [false, true, false]);
        let tenth = Condition::FallsBy { percent: amount("10"), base: None };
        let from_hundred = Against { base: Some(amount("100")), ..Against::default() };
        assert_eq!(met(&tenth, &["90.0001", "90", "110"], from_hundred), [false, true, false]);
        assert_eq!(met(&tenth, &["0"], Against::default()), [false], "nothing to reckon from");
        let largest =
            Condition::RisesBy { percent: amount("1000000"), base: Some(amount("9007199254740991")) };
        assert_eq!(met(&largest, &["9007199254740991"], Against::default()), [false]);
        // From nothing, anything is more.
        let nothing = Condition::RisesBy { percent: amount("20"), base: Some(Amount::ZERO) };
        assert_eq!(met(&nothing, &["0", "0.0001"], Against::default()), [false, true]);
    }

    #[test]
    fn what_only_a_hand_could_have_written_overflows_nothing() {
        let (most, least) = (amount("9007199254740991"), amount("-9007199254740991"));
        let fall = Condition::FallsBy { percent: most, base: Some(least) };
        let rise = Condition::RisesBy { percent: most, base: Some(least) };
        for condition in [fall, rise] {
            for value in [most, least, Amount::ZERO] {
                let met = meets(&condition, value, Against::default(), least);
                let (threshold, _) = compared_with(&condition, value, Against::default());
                assert_eq!((met, threshold), (value > least && condition.kind() == "rises_by", None));
            }
        }
    }

    #[test]
    fn slack_brings_the_threshold_nearer() {
        let below = Condition::Below { threshold: amount("10") };
        assert!(meets(&below, amount("11.9"), Against::default(), amount("2")));
        assert!(!meets(&below, amount("12"), Against::default(), amount("2")));
        let rise = Condition::RisesBy { percent: amount("20"), base: Some(amount("100")) };
        assert!(meets(&rise, amount("115"), Against::default(), amount("5")));
        assert!(!meets(&rise, amount("114.99"), Against::default(), amount("5")));
    }
}
