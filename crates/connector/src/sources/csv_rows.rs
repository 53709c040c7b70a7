//! Rows of CSV: the first line names the columns.

use csv::{ReaderBuilder, StringRecord};
use domain::Mapping;

use super::rows::{Fields, ReadError, Reading};

/// Hands each row to the reading.
pub(super) fn read(text: &str, mapping: &Mapping, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let delimiter = mapping.delimiter.as_deref().and_then(|delimiter| delimiter.bytes().next());
    // Rows of another length are each looked at by themselves.
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter.unwrap_or(b',')).flexible(true).from_reader(text.as_bytes());
    let malformed = |error: csv::Error| ReadError::Malformed(format!("it is not valid CSV: {error}"));
    let names = reader.headers().map_err(malformed)?.clone();
    let column = |name: &Option<String>| name.as_deref().map(|name| place(&names, name)).transpose();
    let item = column(&mapping.item.field)?;
    let (quantity, price) = (column(&mapping.quantity)?, column(&mapping.price)?);
    let mut row = StringRecord::new();
    while reader.read_record(&mut row).map_err(malformed)? {
        let fields = if row.len() == names.len() {
            Ok(Fields { key: value(&row, item), quantity: value(&row, quantity), price: value(&row, price) })
        } else {
            Err(format!("it has {} columns, not {}", row.len(), names.len()))
        };
        reading.take(fields)?;
    }
    Ok(())
}

/// Where a column is: which of two with one name was meant can't be known.
fn place(names: &StringRecord, name: &str) -> Result<usize, ReadError> {
    let mut places = names.iter().enumerate().filter(|(_, found)| found.trim() == name);
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        (None, _) => Err(ReadError::Malformed(format!("there is no column {name:?}"))),
        (Some(_), Some(_)) => Err(ReadError::Malformed(format!("there are two columns {name:?}"))),
    }
}

fn value(row: &StringRecord, place: Option<usize>) -> Option<String> {
    row.get(place?).map(str::trim).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}
