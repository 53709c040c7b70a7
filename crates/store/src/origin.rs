//! On whose behalf a statement runs: a comment in its text, in the form of sqlcommenter, so that Postgres' own log and
//! `pg_stat_activity` lead back to the request.
//!
//! The comment stands behind the one that names the function, at the beginning: `pg_stat_activity` cuts long texts at
//! their end. A text that differs for each request can't be a prepared statement, and Postgres has to parse and plan it
//! anew: what that costs is measured by `bench comments`, and [`Comments`] says for which requests it is paid.

use std::{borrow::Cow, sync::Arc};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Which requests' statements carry a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Comments {
    /// Nobody's.
    #[default]
    None,
    /// Those of requests whose trace is recorded.
    Sampled,
    /// Those of all requests.
    All,
}

/// The request that a statement runs for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The request's id; its first 128 characters are shown.
    pub request_id: Arc<str>,
    /// The trace that it belongs to, as the header `traceparent` (W3C Trace Context) has it.
    pub traceparent: Option<Arc<str>>,
    /// Whether that trace is recorded.
    pub sampled: bool,
}

/// Tells on whose behalf the current task works. Asked once before each statement, so it must be quick.
pub type WhoAsks = fn() -> Option<Origin>;

/// Longer ids are cut, in characters.
const LONGEST_ID: usize = 128;

/// What stays as it is in a value; nothing else does, so that no value can end the comment.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which statements are commented on, and who knows for whom they run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Attribution {
    pub(crate) comments: Comments,
    pub(crate) who_asks: Option<WhoAsks>,
}

impl Attribution {
    /// The statement's text with the comment of the request that is being answered, if it shall have one.
    pub(crate) fn comment(self, statement: &str) -> Option<String> {
        if self.comments == Comments::None {
            return None;
        }
        let origin = self.who_asks?()?;
        (self.comments == Comments::All || origin.sampled).then(|| commented(statement, &origin))
    }
}

fn commented(statement: &str, origin: &Origin) -> String {
    // Without a name, the comment stands before everything.
    let (name, rest) = match statement.strip_prefix("/*").and_then(|inner| inner.find("*/")) {
        Some(end) => statement.split_at(end + 4),
        None => ("", statement),
    };
    let request_id = match origin.request_id.char_indices().nth(LONGEST_ID) {
        Some((end, _)) => &origin.request_id[..end],
        None => &*origin.request_id,
    };
    let request_id = escape(request_id);
    match &origin.traceparent {
        Some(traceparent) => {
            let traceparent = escape(traceparent);
            format!("{name} /*request_id='{request_id}',traceparent='{traceparent}'*/{rest}")
        }
        None => format!("{name} /*request_id='{request_id}'*/{rest}"),
    }
}

fn escape(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, ESCAPED).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(request_id: &str) -> Origin {
        Origin { request_id: request_id.into(), traceparent: None, sampled: false }
    }

    #[test]
    fn the_comment_stands_behind_the_name() {
        let text = commented("/* store::item */\n select 1", &origin("r-1"));
        assert_eq!(text, "/* store::item */ /*request_id='r-1'*/\n select 1");
        assert_eq!(commented("select 1", &origin("r-1")), " /*request_id='r-1'*/select 1");
        let traced = Origin { traceparent: Some("00-ab-cd-01".into()), ..origin("r") };
        let text = commented("/* f */ select 1", &traced);
        assert_eq!(text, "/* f */ /*request_id='r',traceparent='00-ab-cd-01'*/ select 1");
    }

    #[test]
    fn no_id_ends_the_comment() {
        for id in ["*/ drop table items; --", "'*/*'", "/*", "a'b\\'c", "ü*/\0", &"*/".repeat(500)] {
            let text = commented("/* f */ select 1", &origin(id));
            let inside = text.strip_prefix("/* f */ /*request_id='").unwrap();
            let inside = inside.strip_suffix("'*/ select 1").unwrap();
            assert!(
                inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)),
                "{inside}"
            );
            assert!(inside.len() <= 3 * 4 * LONGEST_ID);
        }
    }

    #[test]
    fn comments_are_for_those_who_were_chosen() {
        let nobody = Attribution { comments: Comments::All, who_asks: Some(|| None) };
        assert_eq!(nobody.comment("select 1"), None);
        for (comments, sampled, expected) in [
            (Comments::None, true, false),
            (Comments::Sampled, false, false),
            (Comments::Sampled, true, true),
            (Comments::All, false, true),
        ] {
            let who_asks: WhoAsks = if sampled {
                || Some(Origin { request_id: "r".into(), traceparent: None, sampled: true })
            } else {
                || Some(Origin { request_id: "r".into(), traceparent: None, sampled: false })
            };
            let attribution = Attribution { comments, who_asks: Some(who_asks) };
            assert_eq!(attribution.comment("select 1").is_some(), expected, "{comments:?} {sampled}");
        }
    }
}
