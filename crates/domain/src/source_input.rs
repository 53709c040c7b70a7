//! What a client may say about a data source: a whole one (`POST`), or what shall be different (`PATCH`, a JSON merge
//! patch by RFC 7396, which reaches into `mapping`).

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::{
    FieldError, FieldReader, ItemMapping, ItemMatch, Mapping, Price, SourceDefinition, SourceFormat,
    SourceKind,
    fields::Given,
    user_input::{boolean, name, text},
};

/// A header that is sent along with requests, with its secret value.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct SourceHeader {
    /// Its name, such as `Authorization`.
    pub name: String,
    /// Its value: never shown again.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub value: String,
}

/// Without the value.
impl std::fmt::Debug for SourceHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceHeader").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is to become of the header that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderChange {
    /// It stays.
    Keep,
    /// There is none any more.
    Forget,
    /// Another one.
    Replace(SourceHeader),
}

/// What a body says about a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceInput {
    /// All but the header.
    pub definition: SourceDefinition,
    /// The header.
    pub header: HeaderChange,
}

/// The headers that say how a request itself goes, which are ours.
const OUR_HEADERS: [&str; 13] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const LONGEST_INTERVAL: u32 = 604_800;
const LONGEST_TIMEOUT: u32 = 300;
const LONGEST_FRESH: u32 = 2_592_000;
const USUAL_TIMEOUT: u32 = 30;
const USUAL_PRIORITY: u32 = 100;
/// Without a word about it, a value counts for three runs, or a day where rows are pushed.
const USUAL_RUNS_FRESH: u32 = 3;
const DAY: u32 = 86_400;
const MOST_FIELD_CHARACTERS: usize = 200;

impl SourceInput {
    /// Reads the body of a request that makes a source. `check_url` says what is wrong with a URL.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(
        body: Value,
        check_url: impl FnOnce(&str) -> Result<(), String>,
    ) -> Result<Self, Vec<FieldError>> {
        read(body, None, check_url)
    }

    /// Reads a merge patch on what is there.
    ///
    /// # Errors
    /// Everything that is wrong with what comes of it, each with its pointer; a patch that says nothing is wrong too.
    pub fn from_patch(
        current: &SourceDefinition,
        patch: Value,
        check_url: impl FnOnce(&str) -> Result<(), String>,
    ) -> Result<Self, Vec<FieldError>> {
        let Value::Object(patch) = patch else { return read(patch, None, check_url) };
        if patch.is_empty() {
            let detail = "expected at least one field to change".to_owned();
            return Err(vec![FieldError { detail, pointer: String::new() }]);
        }
        // What serialises is a document of ours, whose keys are strings.
        let mut whole = serde_json::to_value(current).unwrap_or_default();
        merge(&mut whole, Value::Object(patch.clone()));
        // Of the header nothing is there to merge with, and null says something.
        if let (Value::Object(whole), Some(header)) = (&mut whole, patch.get("header")) {
            whole.insert("header".to_owned(), header.clone());
        }
        read(whole, Some(current), check_url)
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(&key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn read(
    body: Value,
    current: Option<&SourceDefinition>,
    check_url: impl FnOnce(&str) -> Result<(), String>,
) -> Result<SourceInput, Vec<FieldError>> {
    let mut fields = FieldReader::new(body)?;
    let name = fields.required("name", name);
    let kind = fields.required("kind", |value| same_kind(value, current));
    let format = fields.required("format", |value| {
        SourceFormat::parse(text(&value)?).ok_or_else(|| "must be json or csv".to_owned())
    });
    let url = optional(fields.take("url", |value| url(value, check_url)));
    let interval_seconds =
        optional(fields.take("interval_seconds", |value| number(&value, 1, LONGEST_INTERVAL)));
    let timeout_seconds =
        optional(fields.take("timeout_seconds", |value| number(&value, 1, LONGEST_TIMEOUT)));
    let mapping = fields.required("mapping", Ok).and_then(|value| {
        let refuse = |errors: Vec<FieldError>| {
            errors.into_iter().for_each(|error| fields.nested_error("mapping", error));
        };
        mapping(value, format).map_err(refuse).ok()
    });
    let max_change_percent = optional(fields.take("max_change_percent", percent));
    let priority = optional(fields.take("priority", |value| number(&value, 0, 1000)));
    let fresh_for_seconds =
        optional(fields.take("fresh_for_seconds", |value| number(&value, 1, LONGEST_FRESH)));
    let enabled = optional(fields.take("enabled", boolean));
    let header = header_change(&mut fields);
    if let Some(kind) = kind {
        let given = [("url", url.is_some()), ("interval_seconds", interval_seconds.is_some())];
        check_pulled(&mut fields, kind, given, &header);
    }
    fields.finish()?;
    let (Some(name), Some(kind), Some(format), Some(mapping)) = (name, kind, format, mapping) else {
        return Err(Vec::new());
    };
    let usual_fresh = interval_seconds.map_or(DAY, |seconds| (seconds * USUAL_RUNS_FRESH).min(LONGEST_FRESH));
    let definition = SourceDefinition {
        name,
        kind,
        format,
        url,
        interval_seconds,
        timeout_seconds: timeout_seconds.unwrap_or(USUAL_TIMEOUT),
        mapping,
        max_change_percent,
        priority: priority.unwrap_or(USUAL_PRIORITY),
        fresh_for_seconds: fresh_for_seconds.unwrap_or(usual_fresh),
        enabled: enabled.unwrap_or(true),
    };
    Ok(SourceInput { definition, header })
}

fn header_change(fields: &mut FieldReader) -> HeaderChange {
    match fields.take("header", Ok) {
        Given::Absent => HeaderChange::Keep,
        Given::Null => HeaderChange::Forget,
        Given::Value(value) => match header(value) {
            Ok(header) => HeaderChange::Replace(header),
            Err(errors) => {
                errors.into_iter().for_each(|error| fields.nested_error("header", error));
                HeaderChange::Keep
            }
        },
    }
}

/// What only a source has that is pulled, and what it must have.
fn check_pulled(
    fields: &mut FieldReader,
    kind: SourceKind,
    given: [(&'static str, bool); 2],
    header: &HeaderChange,
) {
    let pulled = kind == SourceKind::Pull;
    for (field, given) in given {
        match (pulled, given) {
            (true, false) if !fields.has_error(field) => {
                fields.error(field, "is required for a source that is pulled".into());
            }
            (false, true) => fields.error(field, "is for sources that are pulled".into()),
            _ => {}
        }
    }
    if !pulled && matches!(header, HeaderChange::Replace(_)) {
        fields.error("header", "is for sources that are pulled".into());
    }
}

fn optional<T>(given: Given<T>) -> Option<T> {
    match given {
        Given::Absent | Given::Null => None,
        Given::Value(value) => Some(value),
    }
}

fn same_kind(value: Value, current: Option<&SourceDefinition>) -> Result<SourceKind, String> {
    let kind = SourceKind::parse(text(&value)?).ok_or_else(|| "must be pull or push".to_owned())?;
    match current {
        Some(current) if current.kind != kind => Err("can't be changed; make another source".to_owned()),
        _ => Ok(kind),
    }
}

fn url(value: Value, check: impl FnOnce(&str) -> Result<(), String>) -> Result<String, String> {
    let url = text(&value)?;
    if url.chars().count() > 2000 {
        return Err("must have at most 2000 characters".to_owned());
    }
    // What is no part of a URL would be cut off without a word.
    if url.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err("must not contain spaces or control characters".to_owned());
    }
    check(url).map(|()| url.to_owned())
}

fn number(value: &Value, least: u32, most: u32) -> Result<u32, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let within = number.filter(|number| (least..=most).contains(number));
    within.ok_or_else(|| format!("must be an integer from {least} to {most}"))
}

fn percent(value: Value) -> Result<Price, String> {
    let percent = Price::parse(text(&value)?).ok();
    let within = percent.filter(|percent| !percent.get().is_zero() && percent.get() < Decimal::from(100_000));
    within.ok_or_else(|| "must be a decimal string such as \"25\", more than 0, less than 100000".to_owned())
}

/// A name of a member or column, or a pointer.
fn field(value: Value) -> Result<String, String> {
    let field = text(&value)?;
    if field.is_empty() || field.contains('\0') || field.chars().count() > MOST_FIELD_CHARACTERS {
        return Err(format!("must have 1 to {MOST_FIELD_CHARACTERS} characters, and no NUL character"));
    }
    Ok(field.to_owned())
}

fn mapping(value: Value, format: Option<SourceFormat>) -> Result<Mapping, Vec<FieldError>> {
    let is_csv = format == Some(SourceFormat::Csv);
    let mut fields = FieldReader::new(value)?;
    let rows = optional(fields.take("rows", pointer)).unwrap_or_default();
    let item = match fields.required("item", Ok) {
        Some(value) => match item_mapping(value, is_csv) {
            Ok(item) => Some(item),
            Err(errors) => {
                errors.into_iter().for_each(|error| fields.nested_error("item", error));
                None
            }
        },
        None => None,
    };
    let quantity = optional(fields.take("quantity", field));
    let price = optional(fields.take("price", field));
    if quantity.is_none() && price.is_none() && !fields.has_error("quantity") && !fields.has_error("price") {
        fields.error("price", "is required where there is no quantity".into());
    }
    let price_factor = optional(fields.take("price_factor", factor));
    let delimiter = optional(fields.take("delimiter", delimiter));
    let decimal_comma = optional(fields.take("decimal_comma", boolean)).unwrap_or_default();
    for (field, given) in [("delimiter", delimiter.is_some()), ("decimal_comma", decimal_comma)] {
        if given && !is_csv && format.is_some() {
            fields.error(field, "is for the format csv".into());
        }
    }
    if is_csv && !rows.is_empty() {
        fields.error("rows", "is for the format json".into());
    }
    fields.finish()?;
    let Some(item) = item else { return Err(Vec::new()) };
    Ok(Mapping { rows, item, quantity, price, price_factor, delimiter, decimal_comma })
}

fn item_mapping(value: Value, is_csv: bool) -> Result<ItemMapping, Vec<FieldError>> {
    let mut fields = FieldReader::new(value)?;
    let name = optional(fields.take("field", field));
    if name.is_none() && is_csv && !fields.has_error("field") {
        fields.error("field", "is required for the format csv".into());
    }
    let by = fields.required("match", |value| {
        ItemMatch::parse(text(&value)?).ok_or_else(|| "must be sku, id or attribute".to_owned())
    });
    let attribute = optional(fields.take("attribute", field));
    if let Some(by) = by {
        match (by == ItemMatch::Attribute, attribute.is_some()) {
            (true, false) if !fields.has_error("attribute") => {
                fields.error("attribute", "is required where items are found by an attribute".into());
            }
            (false, true) => fields.error("attribute", "is for items that are found by an attribute".into()),
            _ => {}
        }
    }
    fields.finish()?;
    let Some(by) = by else { return Err(Vec::new()) };
    Ok(ItemMapping { field: name, by, attribute })
}

fn pointer(value: Value) -> Result<String, String> {
    let pointer = text(&value)?;
    let is_pointer = pointer.is_empty() || pointer.starts_with('/');
    if !is_pointer || pointer.contains('\0') || pointer.chars().count() > MOST_FIELD_CHARACTERS {
        return Err("must be a JSON pointer such as /data/prices, or empty".to_owned());
    }
    Ok(pointer.to_owned())
}

fn factor(value: Value) -> Result<String, String> {
    const FORM: &str = "must be a decimal string such as \"0.01\", more than 0, with at most 9 places";
    let given = text(&value)?;
    let (whole, places) = given.split_once('.').unwrap_or((given, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits(whole) && digits(places) && places.len() <= 9 && whole.len() <= 15;
    let positive = plain && Decimal::from_str_exact(given).is_ok_and(|factor| !factor.is_zero());
    if positive { Ok(given.to_owned()) } else { Err(FORM.to_owned()) }
}

fn delimiter(value: Value) -> Result<String, String> {
    match text(&value)? {
        delimiter @ ("," | ";" | "\t") => Ok(delimiter.to_owned()),
        _ => Err("must be a comma, a semicolon or a tab".to_owned()),
    }
}

fn header(value: Value) -> Result<SourceHeader, Vec<FieldError>> {
    let mut fields = FieldReader::new(value)?;
    let name = fields.required("name", |value| {
        let name = text(&value)?;
        let is_token = (1..=100).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_token {
            return Err("must be a header's name: letters, digits, - and _".to_owned());
        }
        if OUR_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err("is a header that requests set themselves".to_owned());
        }
        Ok(name.to_owned())
    });
    let value = fields.required("value", |value| {
        let given = text(&value)?;
        let is_plain = (1..=4096).contains(&given.len())
            && given.trim() == given
            && given.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if is_plain {
            Ok(given.to_owned())
        } else {
            Err("must be 1 to 4096 visible ASCII characters".to_owned())
        }
    });
    fields.finish()?;
    let (Some(name), Some(value)) = (name, value) else { return Err(Vec::new()) };
    Ok(SourceHeader { name, value })
}
