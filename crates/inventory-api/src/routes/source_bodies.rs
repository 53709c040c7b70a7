//! What clients say about data sources, described for readers of the API. Bodies are read by `domain`.

#![expect(dead_code, reason = "for the document only")]

use domain::{Name, Price, SourceDefinition, SourceFormat, SourceHeader, SourceKind};
use utoipa::ToSchema;

/// A source that shall be made. `url` and `interval_seconds` are needed for one that is pulled, and for no other.
#[derive(ToSchema)]
pub(crate) struct NewSource {
    #[schema(inline)]
    #[serde(flatten)]
    definition: SourceDefinition,
    /// A header that is sent along with requests, such as `Authorization`: its value is never shown again. With one, the
    /// URL may be `http` only where the setting `outgoing.allowed_networks` names the address: it is looked at when the
    /// source is asked.
    header: Option<SourceHeader>,
}

/// A JSON merge patch of a source: absent keeps, null clears.
#[derive(ToSchema)]
pub(crate) struct SourcePatch {
    /// What people call it.
    #[schema(value_type = Name, required = false)]
    name: Option<Name>,
    /// Never changed: only what it is.
    #[schema(value_type = SourceKind, required = false)]
    kind: Option<SourceKind>,
    /// How rows are written.
    #[schema(value_type = SourceFormat, required = false)]
    format: Option<SourceFormat>,
    /// Where a pulled source is read.
    url: Option<String>,
    /// Seconds from the beginning of a run to that of the next.
    #[schema(minimum = 1, maximum = 604_800)]
    interval_seconds: Option<u32>,
    /// A run that takes more seconds has failed.
    #[schema(minimum = 1, maximum = 300)]
    timeout_seconds: Option<u32>,
    /// Where rows and fields are: the members that are named are changed.
    #[schema(required = false)]
    mapping: std::collections::HashMap<String, serde_json::Value>,
    /// A price that differs by more percent from the item's is refused; null believes all.
    #[schema(value_type = Option<String>, pattern = r"^\d{1,5}(\.\d{1,4})?$")]
    max_change_percent: Option<Price>,
    /// Of several sources the one with the lower number counts.
    #[schema(minimum = 0, maximum = 1000)]
    priority: Option<u32>,
    /// For so many seconds a value that it gave keeps values of worse sources out.
    #[schema(minimum = 1, maximum = 2_592_000)]
    fresh_for_seconds: Option<u32>,
    /// Whether it runs, or takes rows.
    enabled: Option<bool>,
    /// A header that is sent along with requests; null sends none any more.
    header: Option<SourceHeader>,
}
