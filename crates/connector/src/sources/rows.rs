//! What an answer says, row by row: which item, and its quantity and price, as strictly as the API takes them.

use domain::{ItemId, ItemMatch, Mapping, Price, Quantity, RowError, Sku, SourceFormat, SourceReport};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{csv_rows, json_rows};

/// So many rows are read of one answer.
pub const MOST_ROWS: u64 = 200_000;

/// Longer texts than this are cut where an error repeats them.
const MOST_REPEATED: usize = 100;

/// The rows of an answer.
#[derive(Debug, Default)]
pub struct Rows {
    /// Those that can be used.
    pub good: Vec<GoodRow>,
    /// How many were read, how many can't be used, and why.
    pub report: SourceReport,
}

/// A row that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodRow {
    /// Its number: the first is 1.
    pub number: u64,
    /// What it says of the item.
    pub key: String,
    /// How much there is, if it says that.
    pub quantity: Option<Quantity>,
    /// What one costs, if it says that.
    pub price: Option<Price>,
}

/// An answer that can't be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It isn't what the format says, or rows aren't where the mapping says.
    #[error("{0}")]
    Malformed(String),
    /// There are more rows than are read.
    #[error("there are more than {MOST_ROWS} rows")]
    TooMany,
    /// Rows there are, and none that can be used.
    #[error("none of the {rows} rows can be used; row {number}: {first}")]
    NoneIsGood {
        /// How many there are.
        rows: u64,
        /// The first one's number.
        number: u64,
        /// What is wrong with it.
        first: String,
    },
}

/// What a row has in the fields that the mapping names, as text; a field that is absent, null or empty says nothing.
#[derive(Debug, Default, Clone)]
pub(super) struct Fields {
    pub(super) key: Option<String>,
    pub(super) quantity: Option<String>,
    pub(super) price: Option<String>,
}

/// Reads an answer, on a thread that may be kept busy for a while.
///
/// # Errors
/// See [`ReadError`].
pub fn read(format: SourceFormat, mapping: &Mapping, body: &[u8]) -> Result<Rows, ReadError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| ReadError::Malformed(format!("it is not UTF-8 at byte {}", error.valid_up_to())))?;
    // Some programs for tables begin with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading { mapping, factor: factor(mapping), rows: Rows::default() };
    match format {
        SourceFormat::Json => json_rows::read(text, mapping, &mut reading)?,
        SourceFormat::Csv => csv_rows::read(text, mapping, &mut reading)?,
    }
    let rows = reading.rows;
    if let (true, [first, ..]) = (rows.good.is_empty(), rows.report.errors.as_slice()) {
        let (number, first) = (first.row, first.detail.clone());
        return Err(ReadError::NoneIsGood { rows: rows.report.read, number, first });
    }
    Ok(rows)
}

/// What prices are multiplied by, if anything: checked when the source was made.
fn factor(mapping: &Mapping) -> Option<Decimal> {
    mapping.price_factor.as_deref().and_then(|factor| Decimal::from_str_exact(factor).ok())
}

/// Takes rows as they come.
pub(super) struct Reading<'a> {
    mapping: &'a Mapping,
    factor: Option<Decimal>,
    rows: Rows,
}

impl Reading<'_> {
    /// Takes a row's fields, or what is wrong with it as a whole.
    pub(super) fn take(&mut self, fields: Result<Fields, String>) -> Result<(), ReadError> {
        if self.rows.report.read == MOST_ROWS {
            return Err(ReadError::TooMany);
        }
        self.rows.report.read += 1;
        let number = self.rows.report.read;
        let item = fields.as_ref().ok().and_then(|fields| fields.key.clone());
        match fields.and_then(|fields| self.row(number, fields)) {
            Ok(row) => self.rows.good.push(row),
            Err(detail) => {
                self.rows.report.invalid += 1;
                self.rows.report.note(RowError { row: number, item: item.map(|item| cut(&item)), detail });
            }
        }
        Ok(())
    }

    fn row(&self, number: u64, fields: Fields) -> Result<GoodRow, String> {
        let key = fields.key.ok_or("it doesn't say which item")?;
        let key = match self.mapping.item.by {
            ItemMatch::Sku => {
                Sku::parse(&key).map(String::from).map_err(|error| format!("the sku {error}"))?
            }
            ItemMatch::Id => {
                key.trim().parse::<ItemId>().map(|id| id.to_string()).map_err(|_| "the id is none")?
            }
            ItemMatch::Attribute if key.contains('\0') => {
                return Err("the item contains the NUL character".into());
            }
            ItemMatch::Attribute => key.trim().to_owned(),
        };
        let quantity = fields.quantity.map(|text| quantity(&text)).transpose();
        let quantity = quantity.map_err(|error| format!("the quantity {error}"))?;
        let price = fields.price.map(|text| self.price(&text)).transpose();
        let price = price.map_err(|error| format!("the price {error}"))?;
        if quantity.is_none() && price.is_none() {
            return Err("it has no value".into());
        }
        Ok(GoodRow { number, key, quantity, price })
    }

    fn price(&self, text: &str) -> Result<Price, String> {
        let text = text.trim();
        let pointed;
        let text = if self.mapping.decimal_comma {
            // What the point means there is anybody's guess.
            if text.contains('.') {
                return Err(format!("must have a comma and no point, is {:?}", cut(text)));
            }
            pointed = text.replacen(',', ".", 1);
            &pointed
        } else {
            text
        };
        let refused = |error: &str| format!("{error}, not {:?}", cut(text));
        let Some(factor) = self.factor else { return Price::parse(text).map_err(refused) };
        // More places than a price has may come out right in the end.
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let given = if plain { Decimal::from_str_exact(text).ok() } else { None };
        let product = given.and_then(|given| given.checked_mul(factor));
        let product = product.ok_or_else(|| refused("must be a decimal that is not negative"))?;
        let rounded = product.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
        Price::parse(&rounded.to_string()).map_err(refused)
    }
}

fn quantity(text: &str) -> Result<Quantity, String> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("must be an integer, without a fraction or an exponent, not {:?}", cut(text)));
    }
    // What has too many digits for the type is out of range all the same.
    let number = text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX });
    Quantity::new(number).map_err(|error| format!("{error}, not {:?}", cut(text)))
}

/// As a report repeats it: not too long, and without the NUL character, which Postgres can't store.
fn cut(text: &str) -> String {
    let cut = match text.char_indices().nth(MOST_REPEATED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    cut.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping(document: serde_json::Value) -> Mapping {
        serde_json::from_value(document).unwrap()
    }

    /// Key, quantity and price of each good row, then what was wrong.
    fn read_all(format: SourceFormat, document: serde_json::Value, body: &str) -> (Vec<String>, Vec<String>) {
        let rows = read(format, &mapping(document), body.as_bytes()).unwrap();
        let shown = |row: &GoodRow| {
            let quantity = row.quantity.map_or_else(String::new, |quantity| quantity.get().to_string());
            let price = row.price.map_or_else(String::new, |price| price.to_string());
            format!("{} {} {quantity} {price}", row.number, row.key)
        };
        let errors = rows.report.errors.iter().map(|error| format!("{} {}", error.row, error.detail));
        (rows.good.iter().map(shown).collect(), errors.collect())
    }

    #[test]
    fn numbers_of_json_are_read_as_they_are_written() {
        let by_price = json!({"rows": "/data/list", "item": {"field": "sku", "match": "sku"}, "price": "/price/net",
            "quantity": "stock"});
        let body = r#"{"data":{"list":[
            {"sku":"A","price":{"net":999999999999999.9999},"stock":9007199254740991},
            {"sku":4711,"price":{"net":"12.5"},"stock":"3"},
            {"sku":"B","price":{"net":null},"stock":7},
            {"sku":"C","price":{"net":0.1}},
            {"sku":"D","price":{"net":1e2}},
            {"sku":"E","stock":1.0},
            {"sku":"F","stock":-1},
            {"sku":"G"},
            {"sku":null,"stock":1},
            {"sku":"H","stock":true},
            {"sku":"I","price":{"net":12.34567}},
            {"sku":"J","stock":9007199254740992},
            17
        ]},"more":[]}"#;
        let (good, errors) = read_all(SourceFormat::Json, by_price, body);
        assert_eq!(
            good,
            ["1 A 9007199254740991 999999999999999.9999", "2 4711 3 12.5000", "3 B 7 ", "4 C  0.1000"]
        );
        assert_eq!(errors.len(), 9, "{errors:?}");
        assert!(errors[0].starts_with("5 the price") && errors[8].starts_with("13 "), "{errors:?}");
    }

    #[test]
    fn members_of_an_object_are_rows_named_by_their_items() {
        let by_member = json!({"item": {"match": "sku"}, "price": "eur", "price_factor": "0.01"});
        let (good, errors) =
            read_all(SourceFormat::Json, by_member, r#"{"A":{"eur":1250},"B":{"eur":0.5},"C":{"eur":-1}}"#);
        assert_eq!(good, ["1 A  12.5000", "2 B  0.0050"]);
        assert_eq!(errors.len(), 1, "{errors:?}");
    }

    #[test]
    fn columns_are_found_by_their_names_and_commas_are_points_where_that_is_said() {
        let columns = json!({"item": {"field": "Art.-Nr.", "match": "attribute", "attribute": "no"},
            "price": "Preis", "quantity": "Bestand", "delimiter": ";", "decimal_comma": true});
        let body = "\u{feff}Bestand;Name;Preis;Art.-Nr.\r\n3;\"Mutter; M8\";1234,50;00-7\r\n;x;12.5;8\r\n4;y;;9\r\n1;z\r\n";
        let (good, errors) = read_all(SourceFormat::Csv, columns, body);
        assert_eq!(good, ["1 00-7 3 1234.5000", "3 9 4 "]);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].starts_with("2 the price must have a comma"), "{errors:?}");
    }

    #[test]
    fn what_is_no_list_of_rows_is_no_answer() {
        let json_mapping =
            json!({"rows": "/prices", "item": {"field": "sku", "match": "sku"}, "price": "price"});
        let csv_mapping = json!({"item": {"field": "sku", "match": "sku"}, "price": "price"});
        for (format, document, body) in [
            (SourceFormat::Json, &json_mapping, "<!doctype html><title>Sign in</title>"),
            (SourceFormat::Json, &json_mapping, ""),
            (SourceFormat::Json, &json_mapping, r#"{"prices":7}"#),
            (SourceFormat::Json, &json_mapping, r#"{"items":[]}"#),
            (SourceFormat::Json, &json_mapping, r#"{"prices":[{"sku":"A","price":"1"}]"#),
            (SourceFormat::Json, &json_mapping, r#"{"prices":[{"sku":"A","cost":"1"}]}"#),
            (SourceFormat::Csv, &csv_mapping, "<!doctype html>\n<title>Sign in</title>"),
            (SourceFormat::Csv, &csv_mapping, ""),
            (SourceFormat::Csv, &csv_mapping, "sku,price,price\nA,1,2\n"),
            (SourceFormat::Csv, &csv_mapping, "sku,price\nA,one\n"),
        ] {
            let read = read(format, &mapping(document.clone()), body.as_bytes());
            assert!(read.is_err(), "{body}: {read:?}");
        }
        let nothing = read(SourceFormat::Json, &mapping(json_mapping), br#"{"prices":[]}"#).unwrap();
        assert_eq!(nothing.report, SourceReport::default());
        assert!(read(SourceFormat::Csv, &mapping(csv_mapping), b"\xff\xfe\x00").is_err());
    }

    #[test]
    fn rows_past_the_most_are_neither_kept_nor_overlooked() {
        let mapping = mapping(json!({"item": {"match": "sku"}, "price": "price"}));
        let rows = usize::try_from(MOST_ROWS).unwrap() + 1;
        for body in
            [format!("[{}0]", "0,".repeat(rows - 1)), format!("{{{}\"A\":0}}", r#""A":0,"#.repeat(rows - 1))]
        {
            let read = read(SourceFormat::Json, &mapping, body.as_bytes());
            assert_eq!(read.unwrap_err(), ReadError::TooMany, "{}", &body[..10]);
        }
    }

    #[test]
    fn the_first_fifty_errors_are_kept_and_all_are_counted() {
        let body = format!("[{}1]", r#"{"sku":"A","price":"x"},"#.repeat(99));
        let body = body.replacen(r#""x""#, r#""1""#, 1);
        let rows = read(
            SourceFormat::Json,
            &mapping(json!({"item": {"field": "sku", "match": "sku"}, "price": "price"})),
            body.as_bytes(),
        );
        let report = rows.unwrap().report;
        assert_eq!((report.read, report.invalid, report.errors.len()), (100, 99, 50));
    }
}
