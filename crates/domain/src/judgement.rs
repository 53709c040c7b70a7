//! What decides whether a monitor tells of a value: measure, condition and hysteresis, which mean something only together,
//! and so are read and checked together.

use serde_json::Value;

use crate::{
    Amount, Condition, FieldError, FieldReader, Measure,
    fields::kind,
    item_input::{price, quantity, text},
};

/// A year.
pub(crate) const MOST_SECONDS: u32 = 31_536_000;

/// The most that anything rises by.
const MOST_PERCENT: i64 = 1_000_000;

/// A measure, and a condition and a hysteresis that fit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What is looked at.
    pub measure: Measure,
    /// What must be true of it.
    pub condition: Condition,
    /// How far it must come back.
    pub hysteresis: Amount,
}

/// What a hysteresis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// What the measure counts.
    Of(Measure),
    /// Percentage points.
    Points,
    /// Nothing: there is none.
    Nothing,
}

impl Unit {
    const fn of(measure: Measure, condition: &Condition) -> Self {
        match condition {
            Condition::RisesBy { .. } | Condition::FallsBy { .. } => Self::Points,
            Condition::ChangesBy { .. } | Condition::UnchangedFor { .. } => Self::Nothing,
            Condition::Below { .. }
            | Condition::Above { .. }
            | Condition::Outside { .. }
            | Condition::AtReorderPoint {} => Self::Of(measure),
        }
    }
}

impl Judgement {
    /// Puts together what a patch says and what is stored, where it says nothing.
    ///
    /// # Errors
    /// What doesn't go together, each with its pointer.
    pub(crate) fn merge(
        stored: &StoredJudgement<'_>,
        measure: Option<Measure>,
        condition: Option<&Value>,
        hysteresis: Option<&Value>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(Value::Object(serde_json::Map::new()))?;
        let measure = measure.unwrap_or(stored.measure);
        let document = condition.unwrap_or(stored.condition).clone();
        let condition = fields.nested("condition", document, |fields| read_condition(fields, Some(measure)));
        let hysteresis = match (&condition, hysteresis) {
            (Some(condition), None) => stored.kept_hysteresis(measure, condition),
            (condition, said) => {
                let said = said.unwrap_or(stored.hysteresis).clone();
                read_hysteresis(said, Some(measure), condition.as_ref())
            }
        };
        let hysteresis = hysteresis.map_err(|detail| fields.error("hysteresis", detail));
        fields.finish()?;
        match (condition, hysteresis) {
            (Some(condition), Ok(hysteresis)) => Ok(Self { measure, condition, hysteresis }),
            _ => Err(Vec::new()),
        }
    }
}

/// The three as a monitor's document has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredJudgement<'a> {
    pub(crate) measure: Measure,
    pub(crate) condition: &'a Value,
    pub(crate) hysteresis: &'a Value,
}

impl StoredJudgement<'_> {
    /// The hysteresis that is there, if it means the same under another condition, and fits it.
    fn kept_hysteresis(&self, measure: Measure, condition: &Condition) -> Result<Amount, String> {
        if Amount::from_json(self.hysteresis) == Ok(Amount::ZERO) {
            return Ok(Amount::ZERO);
        }
        let before: Option<Condition> = serde_json::from_value(self.condition.clone()).ok();
        let before = before.map(|before| Unit::of(self.measure, &before));
        if before != Some(Unit::of(measure, condition)) {
            let detail = "must be given, too: the one that is there means something else with this condition";
            return Err(detail.into());
        }
        read_hysteresis(self.hysteresis.clone(), Some(measure), Some(condition))
    }
}

/// Reads a condition. Where nobody knows yet of which measure, amounts may be of either. `None` means that errors were
/// recorded.
pub(crate) fn read_condition(fields: &mut FieldReader, measure: Option<Measure>) -> Option<Condition> {
    let word = fields.required("kind", |value| known(value, measure));
    let Some(word) = word else {
        fields.pass_over();
        return None;
    };
    let one = |value| amount(value, measure);
    match word {
        "below" => fields.required("threshold", one).map(|threshold| Condition::Below { threshold }),
        "above" => fields.required("threshold", one).map(|threshold| Condition::Above { threshold }),
        "outside" => {
            let (low, high) = (fields.required("low", one), fields.required("high", one));
            let (low, high) = (low?, high?);
            // Both ends belong to the range, so that of a single value is one: whatever differs lies outside.
            if high < low {
                fields.error("high", "must not be less than low".into());
            }
            Some(Condition::Outside { low, high })
        }
        "rises_by" => {
            let percent = fields.required("percent", |value| percentage(value, MOST_PERCENT));
            let base = base(fields, measure);
            Some(Condition::RisesBy { percent: percent?, base })
        }
        "falls_by" => {
            let percent = fields.required("percent", |value| percentage(value, 100));
            let base = base(fields, measure);
            Some(Condition::FallsBy { percent: percent?, base })
        }
        "changes_by" => {
            let percent = fields.required("percent", |value| percentage(value, MOST_PERCENT));
            let window = fields.required("window_seconds", |value| seconds(value, 1));
            Some(Condition::ChangesBy { percent: percent?, window_seconds: window? })
        }
        "unchanged_for" => {
            let seconds = fields.required("seconds", |value| seconds(value, 1));
            seconds.map(|seconds| Condition::UnchangedFor { seconds })
        }
        _ => Some(Condition::AtReorderPoint {}),
    }
}

/// Reads a hysteresis: nothing, or what fits the condition, as far as it is known.
///
/// # Errors
/// What it must be.
pub(crate) fn read_hysteresis(
    value: Value,
    measure: Option<Measure>,
    condition: Option<&Condition>,
) -> Result<Amount, String> {
    let any = Amount::from_json(&value);
    if any == Ok(Amount::ZERO) {
        return Ok(Amount::ZERO);
    }
    let Some(condition) = condition else {
        return any
            .and_then(|any| if any < Amount::ZERO { Err("must not be negative".into()) } else { Ok(any) });
    };
    let hysteresis = match measure.map(|measure| Unit::of(measure, condition)) {
        Some(Unit::Nothing) => return Err(format!("must be 0 with {}", condition.kind())),
        Some(Unit::Points) => percentage(value, MOST_PERCENT)?,
        Some(Unit::Of(measure)) => amount(value, Some(measure))?,
        None => any?,
    };
    let refuse = |detail: &str| Err(format!("must be {detail}: else nothing comes back far enough"));
    match condition {
        Condition::Above { threshold } if hysteresis > *threshold => refuse("at most the threshold"),
        Condition::Outside { low, high } if hysteresis.plus(hysteresis) > high.minus(*low) => {
            refuse("at most half as wide as the range")
        }
        Condition::RisesBy { percent, .. } | Condition::FallsBy { percent, .. } if hysteresis >= *percent => {
            refuse("less than percent")
        }
        _ => Ok(hysteresis),
    }
}

fn known(value: Value, measure: Option<Measure>) -> Result<&'static str, String> {
    const WORDS: [&str; 8] = [
        "below",
        "above",
        "outside",
        "rises_by",
        "falls_by",
        "changes_by",
        "unchanged_for",
        "at_reorder_point",
    ];
    let word = text(value)?;
    match WORDS.into_iter().find(|known| *known == word) {
        Some("at_reorder_point") if measure == Some(Measure::Price) => {
            Err("at_reorder_point is a condition of the quantity only".into())
        }
        Some(known) => Ok(known),
        None => Err(format!("must be one of {}", WORDS.join(", "))),
    }
}

fn amount(value: Value, measure: Option<Measure>) -> Result<Amount, String> {
    match (measure, &value) {
        (Some(Measure::Quantity), _) | (None, Value::Number(_)) => quantity(value).map(Amount::from),
        (Some(Measure::Price), _) | (None, Value::String(_)) => price(value).map(Amount::from),
        (None, other) => Err(format!(
            "must be an integer for a quantity, or a decimal string for a price, not {}",
            kind(other)
        )),
    }
}

fn base(fields: &mut FieldReader, measure: Option<Measure>) -> Option<Amount> {
    let positive = |value| match amount(value, measure)? {
        Amount::ZERO => Err("must be more than 0: nothing is a percentage of it".to_owned()),
        amount => Ok(amount),
    };
    fields.optional("base", positive)
}

fn percentage(value: Value, most: i64) -> Result<Amount, String> {
    const FORM: &str = "must be a decimal string such as \"7.5\", with at most 4 places";
    let text = match value {
        Value::String(text) => text,
        other => return Err(format!("{FORM}, not {}", kind(&other))),
    };
    let percent: Amount = text.parse().map_err(|_| FORM.to_owned())?;
    if percent <= Amount::ZERO {
        Err("must be more than 0".into())
    } else if percent > Amount::whole(most) {
        Err(format!("must be at most {most}"))
    } else {
        Ok(percent)
    }
}

/// Reads a number of seconds up to a year.
pub(crate) fn seconds(value: Value, least: u32) -> Result<u32, String> {
    let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
    seconds
        .filter(|seconds| (least..=MOST_SECONDS).contains(seconds))
        .ok_or_else(|| format!("must be an integer from {least} to {MOST_SECONDS}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(measure: Option<Measure>, condition: &Value) -> Result<Condition, Vec<String>> {
        let mut fields = FieldReader::new(json!({})).unwrap();
        let read = fields.nested("", condition.clone(), |fields| read_condition(fields, measure));
        fields
            .finish()
            .map_err(|errors| errors.into_iter().map(|error| error.pointer).collect::<Vec<_>>())?;
        Ok(read.unwrap())
    }

    #[test]
    fn every_condition_is_read_as_it_is_written() {
        for (measure, document) in [
            (Measure::Quantity, json!({"kind": "below", "threshold": 10})),
            (Measure::Quantity, json!({"kind": "above", "threshold": 9_007_199_254_740_991_i64})),
            (Measure::Price, json!({"kind": "outside", "low": "9.9900", "high": "9.9900"})),
            (Measure::Price, json!({"kind": "rises_by", "percent": "1000000", "base": "100.0000"})),
            (Measure::Quantity, json!({"kind": "falls_by", "percent": "100", "base": null})),
            (
                Measure::Price,
                json!({"kind": "changes_by", "percent": "0.0001", "window_seconds": 31_536_000}),
            ),
            (Measure::Quantity, json!({"kind": "unchanged_for", "seconds": 1})),
            (Measure::Quantity, json!({"kind": "at_reorder_point"})),
        ] {
            for known in [Some(measure), None] {
                assert_eq!(read(known, &document).unwrap().document(measure), document);
            }
        }
    }

    #[test]
    fn what_is_no_condition_of_the_measure_is_named() {
        use Measure::{Price, Quantity};
        for (measure, document, pointers) in [
            (Quantity, json!({}), vec!["//kind"]),
            (Quantity, json!({"kind": "Below", "threshold": 1}), vec!["//kind"]),
            (Quantity, json!({"kind": "below"}), vec!["//threshold"]),
            (Quantity, json!({"kind": "below", "threshold": "1"}), vec!["//threshold"]),
            (Quantity, json!({"kind": "below", "threshold": 1.5}), vec!["//threshold"]),
            (Quantity, json!({"kind": "below", "threshold": -1, "low": 1}), vec!["//threshold", "//low"]),
            (Quantity, json!({"kind": "above", "threshold": 9_007_199_254_740_992_i64}), vec!["//threshold"]),
            (Price, json!({"kind": "below", "threshold": 1}), vec!["//threshold"]),
            (Price, json!({"kind": "below", "threshold": "-1"}), vec!["//threshold"]),
            (Price, json!({"kind": "outside", "low": "2", "high": "1.9999"}), vec!["//high"]),
            (Price, json!({"kind": "outside", "low": null}), vec!["//low", "//high"]),
            (Price, json!({"kind": "rises_by", "percent": "0", "base": "0"}), vec!["//percent", "//base"]),
            (Price, json!({"kind": "rises_by", "percent": 20}), vec!["//percent"]),
            (Price, json!({"kind": "rises_by", "percent": "1000000.0001"}), vec!["//percent"]),
            (Quantity, json!({"kind": "falls_by", "percent": "100.0001"}), vec!["//percent"]),
            (
                Quantity,
                json!({"kind": "falls_by", "percent": "-1", "base": "5"}),
                vec!["//percent", "//base"],
            ),
            (
                Quantity,
                json!({"kind": "changes_by", "percent": "1.00001"}),
                vec!["//percent", "//window_seconds"],
            ),
            (Quantity, json!({"kind": "unchanged_for", "seconds": 0}), vec!["//seconds"]),
            (Quantity, json!({"kind": "unchanged_for", "seconds": 31_536_001}), vec!["//seconds"]),
            (Price, json!({"kind": "at_reorder_point"}), vec!["//kind"]),
        ] {
            assert_eq!(read(Some(measure), &document).unwrap_err(), pointers, "{document}");
        }
    }

    #[test]
    fn a_hysteresis_lets_values_come_back() {
        use Measure::{Price, Quantity};
        for (measure, condition, fits, does_not) in [
            (Quantity, json!({"kind": "below", "threshold": 1}), json!(7), json!("7")),
            (Quantity, json!({"kind": "above", "threshold": 7}), json!(7), json!(8)),
            (Price, json!({"kind": "outside", "low": "1", "high": "2"}), json!("0.5"), json!("0.5001")),
            (Price, json!({"kind": "rises_by", "percent": "5"}), json!("4.9999"), json!("5")),
            (Quantity, json!({"kind": "falls_by", "percent": "5"}), json!("4"), json!(4)),
            (Quantity, json!({"kind": "unchanged_for", "seconds": 5}), json!(0), json!(1)),
            (
                Price,
                json!({"kind": "changes_by", "percent": "5", "window_seconds": 5}),
                json!("0"),
                json!("0.0001"),
            ),
            (Quantity, json!({"kind": "at_reorder_point"}), json!(5), json!(-5)),
        ] {
            let read = read(Some(measure), &condition).unwrap();
            let hysteresis = |value| read_hysteresis(value, Some(measure), Some(&read));
            assert!(hysteresis(fits).is_ok(), "{condition}");
            assert!(hysteresis(does_not).is_err(), "{condition}");
        }
        for value in [json!(null), json!(-1), json!("-0.5"), json!(true), json!(1.5)] {
            assert!(read_hysteresis(value.clone(), None, None).is_err(), "{value}");
        }
    }

    #[test]
    fn a_hysteresis_is_kept_as_long_as_it_means_the_same() {
        let (condition, hysteresis) = (json!({"kind": "rises_by", "percent": "5", "base": null}), json!("2"));
        let measure = Measure::Price;
        let stored = StoredJudgement { measure, condition: &condition, hysteresis: &hysteresis };
        let with = |condition| Judgement::merge(&stored, None, Some(&condition), None);
        let merged = with(json!({"kind": "falls_by", "percent": "3"})).unwrap();
        assert_eq!((merged.hysteresis, merged.measure), (Amount::whole(2), Measure::Price));
        for condition in [
            json!({"kind": "falls_by", "percent": "2"}),
            json!({"kind": "below", "threshold": "10"}),
            json!({"kind": "unchanged_for", "seconds": 5}),
        ] {
            assert_eq!(with(condition).unwrap_err()[0].pointer, "/hysteresis");
        }
        // Percentages of the quantity are percentages, too.
        assert!(Judgement::merge(&stored, Some(Measure::Quantity), None, None).is_ok());
        let both =
            Judgement::merge(&stored, None, Some(&json!({"kind": "below", "threshold": 1})), Some(&json!(1)));
        let pointers: Vec<String> = both.unwrap_err().into_iter().map(|error| error.pointer).collect();
        assert_eq!(pointers, ["/condition/threshold"]);
    }
}
