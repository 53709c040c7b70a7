//! Reads a JSON object field by field and collects everything that is wrong with it, each with its JSON pointer,
//! so that an integrator sees all mistakes of a request at once.

use serde::Serialize;
use serde_json::{Map, Value};

/// One thing that is wrong with a request's body or query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// What is wrong, as a sentence for a developer.
    pub detail: String,
    /// Where: a JSON pointer into the body (RFC 6901), or the name of a query parameter.
    pub pointer: String,
}

/// What a body says of a field: nothing, null, or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// The field is absent.
    Absent,
    /// The field is null.
    Null,
    /// The field has a valid value.
    Value(T),
}

/// Takes fields out of an object; what is left at the end is unknown and an error.
#[derive(Debug)]
pub struct FieldReader {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl FieldReader {
    /// Starts on a body.
    ///
    /// # Errors
    /// The body is not an object.
    pub fn new(body: Value) -> Result<Self, Vec<FieldError>> {
        match body {
            Value::Object(object) => Ok(Self { object, errors: Vec::new() }),
            other => {
                let detail = format!("expected an object, got {}", kind(&other));
                Err(vec![FieldError { detail, pointer: String::new() }])
            }
        }
    }

    pub(crate) fn take<T>(
        &mut self,
        field: &str,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> Given<T> {
        match self.object.remove(field) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => match parse(value) {
                Ok(value) => Given::Value(value),
                Err(detail) => {
                    self.error(field, detail);
                    Given::Absent
                }
            },
        }
    }

    /// A field that must be there and not null. `None` means that an error was recorded.
    pub fn required<T>(&mut self, field: &str, parse: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        let errors = self.errors.len();
        match self.take(field, parse) {
            Given::Value(value) => return Some(value),
            Given::Null => self.error(field, "must not be null".into()),
            Given::Absent if self.errors.len() == errors => self.error(field, "is required".into()),
            Given::Absent => {}
        }
        None
    }

    /// A field that must be there, and may be null. `None` means that an error was recorded.
    pub(crate) fn required_or_null<T>(
        &mut self,
        field: &str,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let errors = self.errors.len();
        match self.take(field, parse) {
            Given::Value(value) => return Some(Some(value)),
            Given::Null => return Some(None),
            Given::Absent if self.errors.len() == errors => self.error(field, "is required".into()),
            Given::Absent => {}
        }
        None
    }

    /// A field that may be absent but not null.
    pub fn present<T>(&mut self, field: &str, parse: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        match self.take(field, parse) {
            Given::Value(value) => Some(value),
            Given::Absent => None,
            Given::Null => {
                self.error(field, "must not be null".into());
                None
            }
        }
    }

    /// A field that may be absent or null.
    pub(crate) fn optional<T>(
        &mut self,
        field: &str,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<T> {
        match self.take(field, parse) {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Null => None,
        }
    }

    pub(crate) fn error(&mut self, field: &str, detail: String) {
        let pointer = format!("/{}", field.replace('~', "~0").replace('/', "~1"));
        self.errors.push(FieldError { detail, pointer });
    }

    /// Whether something is wrong with a field already.
    pub(crate) fn has_error(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.pointer.strip_prefix('/') == Some(field))
    }

    /// An error in an entry of a list.
    pub(crate) fn entry_error(&mut self, field: &'static str, place: usize, detail: String) {
        self.errors.push(FieldError { detail, pointer: format!("/{field}/{place}") });
    }

    /// Reads the entries of a list, each with a pointer of its own to what is wrong with it; one that is there twice is
    /// wrong, too.
    pub(crate) fn entries<T: PartialEq>(
        &mut self,
        field: &'static str,
        values: Vec<Value>,
        parse: impl Fn(Value) -> Result<T, String>,
    ) -> Vec<T> {
        let mut entries = Vec::with_capacity(values.len());
        for (place, value) in values.into_iter().enumerate() {
            match parse(value) {
                Ok(entry) if entries.contains(&entry) => {
                    self.entry_error(field, place, "is there twice".into());
                }
                Ok(entry) => entries.push(entry),
                Err(detail) => self.entry_error(field, place, detail),
            }
        }
        entries
    }

    /// Reads an object inside of this one. What is wrong with it is wrong here, with the field before its pointer.
    pub(crate) fn nested<T>(
        &mut self,
        field: &'static str,
        value: Value,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let read = Self::new(value).and_then(|mut inner| {
            let read = read(&mut inner);
            inner.finish().map(|()| read)
        });
        read.unwrap_or_else(|errors| {
            self.errors.extend(
                errors
                    .into_iter()
                    .map(|error| FieldError { pointer: format!("/{field}{}", error.pointer), ..error }),
            );
            None
        })
    }

    /// Passes over what is left, where nobody can say what it should be.
    pub(crate) fn pass_over(&mut self) {
        self.object.clear();
    }

    /// An error inside of a field's own object.
    pub(crate) fn nested_error(&mut self, field: &'static str, error: FieldError) {
        self.errors.push(FieldError { pointer: format!("/{field}{}", error.pointer), ..error });
    }

    /// Ends the reading: whatever was not taken is unknown.
    pub fn finish(mut self) -> Result<(), Vec<FieldError>> {
        let unknown: Vec<String> = self.object.keys().cloned().collect();
        for field in unknown {
            self.error(&field, "is not a known field".into());
        }
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}

/// A word for what a JSON value is.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
