//! Reads a query string parameter by parameter and collects everything that is wrong with it, so that an
//! integrator sees all mistakes at once. Unknown and repeated parameters are mistakes too.

use domain::{FieldError, Problem, ProblemCode};
use percent_encoding::percent_decode;

use crate::ApiError;

/// Takes parameters out of a query string; what is left at the end is unknown and an error.
#[derive(Debug)]
pub struct QueryReader {
    parameters: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl QueryReader {
    /// Reads `name=value` pairs joined by `&`, percent-encoded.
    #[must_use]
    pub fn new(query: &str) -> Self {
        let mut reader = Self { parameters: Vec::new(), known: Vec::new(), errors: Vec::new() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            reader.add(name, value);
        }
        reader
    }

    /// A parameter's value, if it is there and valid.
    pub fn take<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        let place = self.parameters.iter().position(|(given, _)| given == name)?;
        let (_, value) = self.parameters.swap_remove(place);
        match parse(&value) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.error(name, detail);
                None
            }
        }
    }

    /// A parameter that must be there. `None` means that an error was recorded.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let errors = self.errors.len();
        let value = self.take(name, parse);
        if value.is_none() && self.errors.len() == errors {
            self.error(name, "is required".into());
        }
        value
    }

    /// Ends the reading: whatever was not taken is unknown.
    ///
    /// # Errors
    /// Everything that is wrong with the query, in one problem document.
    pub fn finish(mut self) -> Result<(), ApiError> {
        let known = self.known.join(", ");
        for (name, _) in std::mem::take(&mut self.parameters) {
            self.error(&name, format!("is not a known parameter; there are {known}"));
        }
        match self.errors.as_slice() {
            [] => Ok(()),
            [only] => Err(ApiError::parameter(&only.pointer, only.detail.as_str())),
            several => {
                let names: Vec<&str> = several.iter().map(|error| error.pointer.as_str()).collect();
                let detail = format!("Several parameters are not valid: {}", names.join(", "));
                Err(Problem::new(ProblemCode::InvalidParameter, detail).with_errors(self.errors).into())
            }
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        let Some(name) = decode(name).filter(|name| !name.contains('\0')) else {
            return self.error("(name)", "a parameter's name is not UTF-8, or has a NUL character".into());
        };
        match decode(value) {
            None => self.error(&name, "must be UTF-8, percent-encoded".into()),
            Some(value) if value.contains('\0') => {
                self.error(&name, "must not contain the NUL character".into());
            }
            Some(_) if self.parameters.iter().any(|(given, _)| *given == name) => {
                self.error(&name, "must be given once".into());
            }
            Some(value) => self.parameters.push((name, value)),
        }
    }

    fn error(&mut self, name: &str, detail: String) {
        self.errors.push(FieldError { detail, pointer: name.to_owned() });
    }
}

/// As forms encode: a plus is a space.
fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    Some(percent_decode(text.as_bytes()).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Result<String, String> {
        Ok(value.to_owned())
    }

    #[test]
    fn values_are_decoded_as_forms_encode_them() {
        let mut query = QueryReader::new("q=50%25+off%2B&empty=&flag");
        assert_eq!(query.take("q", text).unwrap(), "50% off+");
        assert_eq!(query.take("empty", text).unwrap(), "");
        assert_eq!(query.take("flag", text).unwrap(), "");
        assert_eq!(query.take("absent", text), None);
        query.finish().unwrap();
    }

    #[test]
    fn every_mistake_is_named() {
        for query in ["x=1", "q=%00", "q=%ff", "q=1&q=2", "%ff=1"] {
            let mut reader = QueryReader::new(query);
            reader.take("q", text);
            assert!(reader.finish().is_err(), "{query}");
        }
    }
}
