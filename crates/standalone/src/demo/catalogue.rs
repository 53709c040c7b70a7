//! The catalogue: every family in all its sizes and variants, the same at every start.

use domain::{FieldError, NewItem};
use serde_json::{Value, json};

use super::{
    families::{Department, Family, NEWCOMERS, REGULAR, Size, Variant},
    random_numbers::RandomNumbers,
};

/// The items that a demo starts with.
pub(super) fn regular() -> Vec<NewItem> {
    items(REGULAR)
}

/// Everything that the shop may ever sell: the regular items, then those that come later.
pub(super) fn all() -> Vec<NewItem> {
    items(REGULAR).into_iter().chain(items(NEWCOMERS)).collect()
}

/// What a market has prices for, in cents: every so many of the regular items, so that all departments are among them and
/// what moves can be followed by eye.
pub(crate) fn priced() -> impl Iterator<Item = (String, f64)> {
    regular().into_iter().step_by(16).filter_map(|item| {
        let price: f64 = item.price?.to_string().parse().ok()?;
        Some((item.sku?.as_str().to_owned(), price * 100.0))
    })
}

/// What can't be read is left out; a test sees to it that there is no such thing.
fn items(departments: &[Department]) -> Vec<NewItem> {
    read(departments).filter_map(Result::ok).collect()
}

fn read(departments: &[Department]) -> impl Iterator<Item = Result<NewItem, Vec<FieldError>>> {
    departments
        .iter()
        .flat_map(|department| department.families.iter().map(move |family| (department, family)))
        .flat_map(|(department, family)| {
            family.sizes.iter().flat_map(move |size| {
                family
                    .variants
                    .iter()
                    .map(move |variant| NewItem::from_json(document(department, family, size, variant)))
            })
        })
}

/// An item as an integrator would send it.
fn document(department: &Department, family: &Family, size: &Size, variant: &Variant) -> Value {
    let sku = sku(family, size, variant);
    let mut numbers = RandomNumbers::new(seed(&sku));
    let supplier = numbers.favourite(department.suppliers.len());
    let quantity = family.stock * numbers.between(35, 160) / 100;
    let aisle = char::from(b'A' + u8::try_from(numbers.between(0, 7)).unwrap_or(0));
    let mut attributes = json!({
        "department": department.name,
        "supplier": department.suppliers.get(supplier),
        "bin": format!("{aisle}-{:02}-{}", numbers.between(1, 40), numbers.between(1, 5)),
    });
    if !variant.name.is_empty() {
        attributes["variant"] = variant.name.into();
    }
    json!({
        "name": name(family, size, variant),
        "sku": sku,
        "quantity": quantity,
        "unit": family.unit,
        "price": price(size.cents * variant.percent / 100),
        "reorder_point": (family.stock / 4).max(1),
        "attributes": attributes,
    })
}

fn name(family: &Family, size: &Size, variant: &Variant) -> String {
    let size = if size.name.is_empty() { String::new() } else { format!(" {}", size.name) };
    let variant = if variant.name.is_empty() { String::new() } else { format!(", {}", variant.name) };
    format!("{}{size}{variant}", family.name)
}

/// `BLT-M8X40-A2`: letters, digits and points only, so that it can be typed on any keyboard.
fn sku(family: &Family, size: &Size, variant: &Variant) -> String {
    let plain = |text: &str| -> String {
        let text = text.replace('×', "x").replace('½', "12").replace('⌀', "D");
        let kept = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '.';
        text.chars().filter(kept).map(|letter| letter.to_ascii_uppercase()).collect()
    };
    let parts = [family.code.to_owned(), plain(size.name), variant.code.to_owned()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// Shops like prices that end in 9.
fn price(cents: i64) -> String {
    let cents = if cents > 200 { cents / 10 * 10 + 9 } else { cents };
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// FNV-1a, because the standard library's hash may change with the compiler, and a demo looks the same everywhere.
pub(crate) fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_is_a_valid_item_with_a_sku_and_a_price_of_its_own() {
        let items: Vec<NewItem> = read(REGULAR).chain(read(NEWCOMERS)).collect::<Result<_, _>>().unwrap();
        let skus: BTreeSet<String> =
            items.iter().map(|item| item.sku.as_ref().unwrap().as_str().to_owned()).collect();
        assert_eq!(skus.len(), items.len());
        let names: BTreeSet<&str> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names.len(), items.len());
        assert!(items.iter().all(|item| item.price.is_some() && item.reorder_point.is_some()));
    }

    #[test]
    fn there_are_a_few_hundred_and_some_to_come() {
        let regular = regular().len();
        assert!((200..=600).contains(&regular), "{regular}");
        assert!((10..=60).contains(&(all().len() - regular)));
    }

    #[test]
    fn it_is_the_same_every_time_and_reads_like_a_shop() {
        assert_eq!(all(), all());
        let bolt = regular().into_iter().find(|item| item.sku.as_ref().unwrap().as_str() == "BLT-M8X40-A2");
        let bolt = bolt.unwrap();
        assert_eq!(bolt.name.as_str(), "Hex bolt M8 × 40, stainless A2");
        assert_eq!(bolt.unit.as_str(), "box of 100");
        assert_eq!(bolt.attributes.get()["department"], "fasteners");
    }

    #[test]
    fn prices_end_in_nine_unless_they_are_small() {
        assert_eq!(price(1234), "12.39");
        assert_eq!(price(85), "0.85");
    }
}
