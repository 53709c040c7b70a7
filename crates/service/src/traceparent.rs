//! The header `traceparent` (W3C Trace Context): which trace a request belongs to, and which span caused it.

use std::{fmt, str::FromStr};

use actix_http::header::{HeaderMap, HeaderName};

/// The header's name.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A place in a trace. Neither id is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace_id: u128,
    /// The span that causes what follows.
    pub span_id: u64,
    /// Whether the caller records this trace.
    pub sampled: bool,
}

/// Not a `traceparent` as the standard has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct ParseTraceParentError;

impl TraceParent {
    /// What a request says, if it says it once and in the standard's form. Anything else counts as nothing: a trace that
    /// can't be continued is no reason to refuse a request.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(&TRACEPARENT);
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then(|| value.parse().ok())?
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = ParseTraceParentError;

    fn from_str(text: &str) -> Result<Self, ParseTraceParentError> {
        let mut parts = text.splitn(5, '-');
        let mut part = |digits| hexadecimal(parts.next(), digits);
        let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // Later versions may add parts, the first one has none.
        let unknown = version == 0xff || (version == 0 && parts.next().is_some());
        if unknown || trace_id == 0 || span_id == 0 {
            return Err(ParseTraceParentError);
        }
        let span_id = u64::try_from(span_id).map_err(|_| ParseTraceParentError)?;
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

/// So many lower-case digits and nothing else.
fn hexadecimal(part: Option<&str>, digits: usize) -> Result<u128, ParseTraceParentError> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let part = part.filter(|part| part.len() == digits && part.bytes().all(is_digit));
    part.and_then(|part| u128::from_str_radix(part, 16).ok()).ok_or(ParseTraceParentError)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        let read: TraceParent = EXAMPLE.parse().unwrap();
        assert_eq!((read.span_id, read.sampled), (0xb7ad_6b71_6920_3331, true));
        assert_eq!(read.to_string(), EXAMPLE);
        let later: TraceParent = EXAMPLE.replacen("00-", "01-", 1).parse().unwrap();
        assert_eq!(later, read);
        assert!(format!("01{}-more", &EXAMPLE[2..]).parse::<TraceParent>().is_ok());
    }

    #[test]
    fn what_is_none_is_not_read() {
        let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let no_span = "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01";
        let upper = EXAMPLE.to_uppercase();
        let more = format!("{EXAMPLE}-00");
        let other = EXAMPLE.replacen("00-", "ff-", 1);
        for text in ["", "00", &EXAMPLE[..54], zero, no_span, &upper, &more, &other, "00-é-b-01"] {
            assert_eq!(text.parse::<TraceParent>(), Err(ParseTraceParentError), "{text}");
        }
    }
}
