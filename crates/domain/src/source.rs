//! Data sources: where prices and quantities come from, how their rows are read, and how it went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ItemId, Name, Price, Quantity, Version};

/// How rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SourceKind {
    /// We ask for them on a schedule.
    Pull,
    /// Others send them.
    Push,
}

impl SourceKind {
    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pull, Self::Push].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SourceFormat {
    /// JSON.
    Json,
    /// Comma-separated values with a line of column names.
    Csv,
}

impl SourceFormat {
    /// The word on the wire and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Json, Self::Csv].into_iter().find(|format| format.as_str() == word)
    }
}

/// By what the items of rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ItemMatch {
    /// The stock keeping unit.
    Sku,
    /// The item's id here.
    Id,
    /// One of the item's own attributes, at the top level.
    Attribute,
}

impl ItemMatch {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "sku" => Some(Self::Sku),
            "id" => Some(Self::Id),
            "attribute" => Some(Self::Attribute),
            _ => None,
        }
    }
}

/// Where a row says which item it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemMapping {
    /// The field. Left out where rows are the members of an object: then their names say it.
    #[serde(default)]
    pub field: Option<String>,
    /// What it is compared with.
    #[serde(rename = "match")]
    pub by: ItemMatch,
    /// Which attribute; for `attribute` only.
    #[serde(default)]
    pub attribute: Option<String>,
}

/// Where rows and their fields are. A field is the name of a member or column; one that begins with `/` is a JSON pointer
/// into the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mapping {
    /// JSON pointer to an array of rows, or to an object whose members are rows; the whole document if left out.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub rows: String,
    /// Which item a row is about.
    pub item: ItemMapping,
    /// The field with the quantity. This or `price` must be there.
    #[serde(default)]
    pub quantity: Option<String>,
    /// The field with the price.
    #[serde(default)]
    pub price: Option<String>,
    /// What prices are multiplied by, such as `0.01` for cents. The product is rounded to four places.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(pattern = r"^\d{1,15}(\.\d{1,9})?$"))]
    pub price_factor: Option<String>,
    /// What stands between the columns of CSV: `,`, `;` or a tab; a comma if left out.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1))]
    pub delimiter: Option<String>,
    /// Whether prices in CSV have a comma where others have a point.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = false, default = false))]
    pub decimal_comma: bool,
}

/// What a client says about a source, but for the secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceDefinition {
    /// What people call it; the reason of what it changes.
    pub name: Name,
    /// How rows come. Never changed.
    pub kind: SourceKind,
    /// How they are written.
    pub format: SourceFormat,
    /// Where a pulled source is read, `http` or `https`. Those who may only read see it without its query.
    pub url: Option<String>,
    /// Seconds from the beginning of a run of a pulled source to that of the next.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 604_800))]
    pub interval_seconds: Option<u32>,
    /// A run that takes more seconds has failed.
    #[cfg_attr(feature = "openapi", schema(required = false, default = 30, minimum = 1, maximum = 300))]
    pub timeout_seconds: u32,
    /// Where rows and fields are.
    pub mapping: Mapping,
    /// A price that differs by more percent from the item's is refused as implausible; null believes all.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, pattern = r"^\d{1,5}(\.\d{1,4})?$"))]
    pub max_change_percent: Option<Price>,
    /// Where several sources give a value of an item, the one with the lower number counts; of equals, the older one.
    #[cfg_attr(feature = "openapi", schema(required = false, default = 100, minimum = 0, maximum = 1000))]
    pub priority: u32,
    /// For so many seconds a value that it gave keeps values of worse sources out: three intervals, or a day for one that
    /// is pushed to, unless something else is said.
    #[cfg_attr(feature = "openapi", schema(required = false, minimum = 1, maximum = 2_592_000))]
    pub fresh_for_seconds: u32,
    /// Whether it runs, or takes rows.
    #[cfg_attr(feature = "openapi", schema(required = false, default = true))]
    pub enabled: bool,
}

/// How a source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SourceState {
    /// The last run went well.
    Ok,
    /// It failed a few times in a row, and is tried again soon.
    Failing,
    /// It failed five times in a row or more, and is tried now and then.
    Open,
    /// It is being tried again.
    HalfOpen,
    /// It doesn't run.
    Stopped,
    /// It hasn't run yet.
    NeverRan,
}

/// Something in a row that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowError {
    /// Which row: 1 is the first behind the column names.
    pub row: u64,
    /// What it says of the item.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub item: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

/// What became of rows: each counts in one of the numbers behind `read`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceReport {
    /// Rows that were there.
    pub read: u64,
    /// Those by which an item was changed.
    pub applied: u64,
    /// Those that say what the item says already.
    pub unchanged: u64,
    /// Those about items that aren't there.
    pub unknown_items: u64,
    /// Those that can't be understood.
    pub invalid: u64,
    /// Those with a price that is too far from the item's.
    pub implausible: u64,
    /// Those whose values a better source gives.
    pub shadowed: u64,
    /// What was wrong, of the first 50 rows with something wrong.
    pub errors: Vec<RowError>,
}

impl SourceReport {
    /// So many errors are kept; the rest is counted.
    pub const MOST_ERRORS: usize = 50;

    /// Keeps an error, if there is room.
    pub fn note(&mut self, error: RowError) {
        if self.errors.len() < Self::MOST_ERRORS {
            self.errors.push(error);
        }
    }
}

/// A source, and how it does. Its secret is not in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// Given by the database; `source:<id>` is the actor of what it changes.
    pub id: i64,
    /// What was said about it.
    #[serde(flatten)]
    pub definition: SourceDefinition,
    /// The name of the header that is sent along; its value is never shown.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub header: Option<SourceHeaderName>,
    /// How it does.
    pub state: SourceState,
    /// When it last ran, or rows last came.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub last_attempt_at: Option<Timestamp>,
    /// When that last went well.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub last_success_at: Option<Timestamp>,
    /// Why it last failed; null after a success.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_error: Option<String>,
    /// How often it failed since the last success.
    pub consecutive_failures: i32,
    /// When it is due; null for one that is pushed to, or stopped.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>, format = DateTime))]
    pub next_run_at: Option<Timestamp>,
    /// What became of the rows of the last run that went well.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_run: Option<SourceReport>,
    /// Counts the definitions, for `If-Match`.
    pub version: Version,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
}

/// What is shown of a header that carries a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceHeaderName {
    /// Its name.
    pub name: String,
}

impl Source {
    /// As those see it who may only read: what a URL asks for may be a secret, too.
    #[must_use]
    pub fn without_query(mut self) -> Self {
        if let Some(url) = &mut self.definition.url
            && let Some(end) = url.find(['?', '#'])
        {
            url.truncate(end);
        }
        self
    }
}

/// What a row says of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemValues {
    /// Which item.
    pub item: ItemId,
    /// How much there is, if it says that.
    pub quantity: Option<Quantity>,
    /// What one costs, if it says that.
    pub price: Option<Price>,
}

/// What a row would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewedChange {
    /// Which item.
    pub item_id: ItemId,
    /// Its sku.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sku: Option<String>,
    /// What there is now.
    pub quantity: Quantity,
    /// What there would be; null leaves it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub new_quantity: Option<Quantity>,
    /// What it costs now.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub price: Option<Price>,
    /// What it would cost; null leaves it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub new_price: Option<Price>,
}

/// What would become of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourcePreview {
    /// What would become of each.
    pub report: SourceReport,
    /// What would be changed, of the first 50 items.
    pub changes: Vec<PreviewedChange>,
}

impl SourcePreview {
    /// So many changes are shown.
    pub const MOST_CHANGES: usize = 50;
}
