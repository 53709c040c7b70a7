//! Conditional requests (RFC 9110, section 13). An item's entity tag is strong and is its version: `"7"`.

use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use domain::Version;
use service::ApiError;
use store::Expected;

/// The entity tag of a version.
pub(crate) fn entity_tag(version: Version) -> String {
    format!("\"{version}\"")
}

/// What `If-Match` expects of an item that is to be changed. A weak tag, or one that was never ours, is valid
/// and matches nothing.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Expected, ApiError> {
    Ok(match read(headers, &IF_MATCH)? {
        None | Some(Tags::Any) => Expected::Exists,
        Some(Tags::These(tags)) => {
            let strong = tags.iter().filter(|tag| !tag.weak);
            Expected::Versions(strong.filter_map(|tag| version(&tag.opaque)).collect())
        }
    })
}

/// Whether `If-None-Match` says that the client has this version already.
pub(crate) fn is_known(headers: &HeaderMap, current: Version) -> Result<bool, ApiError> {
    Ok(match read(headers, &IF_NONE_MATCH)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(tags)) => tags.iter().any(|tag| version(&tag.opaque) == Some(current)),
    })
}

/// Refuses `If-None-Match` where something is changed: ignoring it might overwrite what the client meant to
/// protect.
pub(crate) fn refuse_if_none_match(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(IF_NONE_MATCH) {
        let detail = "can't be used here: an item is changed only where it exists; use If-Match";
        return Err(ApiError::parameter("If-None-Match", detail));
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Tags {
    Any,
    These(Vec<Tag>),
}

#[derive(Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    opaque: String,
}

fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ApiError> {
    let lines: Vec<&[u8]> = headers.get_all(name).map(|value| value.as_bytes()).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let display = if *name == IF_MATCH { "If-Match" } else { "If-None-Match" };
    let text = lines.join(&b", "[..]);
    let tags = std::str::from_utf8(&text).ok().and_then(parse);
    let detail = "expected * or entity tags in double quotes, as in \"7\"";
    tags.map(Some).ok_or_else(|| ApiError::parameter(display, detail))
}

fn parse(text: &str) -> Option<Tags> {
    if text.trim() == "*" {
        return Some(Tags::Any);
    }
    let mut tags = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (opaque, behind) = quoted.strip_prefix('"')?.split_once('"')?;
        if opaque.chars().any(|character| character.is_control() || character == ' ') {
            return None;
        }
        tags.push(Tag { weak, opaque: opaque.to_owned() });
        let behind = behind.trim_start();
        if !behind.is_empty() && !behind.starts_with(',') {
            return None;
        }
        // Empty elements of a list are to be ignored.
        rest = behind.trim_start_matches([',', ' ', '\t']);
    }
    (!tags.is_empty()).then_some(Tags::These(tags))
}

/// The version that a tag names, if it is one that we could have written.
fn version(opaque: &str) -> Option<Version> {
    let number: i64 = opaque.parse().ok()?;
    (number.to_string() == opaque).then(|| Version::new(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(weak: bool, opaque: &str) -> Tag {
        Tag { weak, opaque: opaque.to_owned() }
    }

    #[test]
    fn lists_of_entity_tags_are_read() {
        assert_eq!(parse(" * "), Some(Tags::Any));
        assert_eq!(parse("\"7\""), Some(Tags::These(vec![tag(false, "7")])));
        assert_eq!(
            parse("W/\"7\" ,, \"a,b\",\"\","),
            Some(Tags::These(vec![tag(true, "7"), tag(false, "a,b"), tag(false, "")]))
        );
    }

    #[test]
    fn what_is_no_entity_tag_is_refused() {
        for text in ["", ",", "7", "\"7", "7\"", "\"7\" \"8\"", "\"7\", *", "w/\"7\"", "\"a b\"", "\"7\"x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_our_own_way_of_writing_a_version_names_it() {
        assert_eq!(version("7"), Some(Version::new(7)));
        for text in ["07", "+7", "7.0", "", "9223372036854775808"] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
