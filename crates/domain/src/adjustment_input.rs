//! What a client may say about a quantity without knowing it: by how much it changes.

use serde_json::Value;

use crate::{FieldError, FieldReader, Quantity, fields::kind};

/// By how much a quantity changes: an integer, not 0, from -(2^53-1) to 2^53-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct Adjustment {
    /// Received if it is above 0, taken if it is below; never 0.
    #[cfg_attr(feature = "openapi", schema(
        minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64, example = -3
    ))]
    by: i64,
}

impl Adjustment {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let by = fields.required("by", by);
        fields.finish()?;
        by.map(|by| Self { by }).ok_or_else(Vec::new)
    }

    /// The number.
    #[must_use]
    pub const fn by(self) -> i64 {
        self.by
    }
}

fn by(value: Value) -> Result<i64, String> {
    let Value::Number(number) = &value else {
        return Err(format!("must be an integer, not {}", kind(&value)));
    };
    if number.is_f64() {
        return Err("must be an integer, without a fraction or an exponent".into());
    }
    match number.as_i64() {
        Some(0) => Err("must not be 0".into()),
        Some(by) if by.unsigned_abs() <= Quantity::MAX.unsigned_abs() => Ok(by),
        _ => Err("must be from -9007199254740991 to 9007199254740991 (2^53-1)".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adjustment_is_an_integer_that_changes_something() {
        let read = |text: &str| Adjustment::from_json(serde_json::from_str(text).unwrap());
        for (text, by) in [(r#"{"by":-3}"#, -3), (r#"{"by":9007199254740991}"#, Quantity::MAX)] {
            assert_eq!(read(text).unwrap().by(), by);
        }
        for (text, pointer) in [
            (r#"{"by":0}"#, "/by"),
            (r#"{"by":1.0}"#, "/by"),
            (r#"{"by":1e3}"#, "/by"),
            (r#"{"by":"3"}"#, "/by"),
            (r#"{"by":null}"#, "/by"),
            (r#"{"by":9007199254740992}"#, "/by"),
            (r#"{"by":-9007199254740992}"#, "/by"),
            (r#"{"by":18446744073709551615}"#, "/by"),
            ("{}", "/by"),
            ("[]", ""),
            (r#"{"by":1,"unit":"box"}"#, "/unit"),
        ] {
            let errors = read(text).unwrap_err();
            assert_eq!(errors.len(), 1, "{text}: {errors:?}");
            assert_eq!(errors[0].pointer, pointer, "{text}");
        }
    }
}
