//! `--demo`: a catalogue that looks like a shop's, and people who trade with it, so that there is something to watch.
//!
//! Everything goes through [`store::Store`], as the API's writes do, and carries an actor (`demo:till-3`) and a reason
//! (`sale, receipt 10482`), so that history reads like a shop's too. Only items that the catalogue names are ever
//! touched: a demo that was started on somebody's real stock by mistake changes nothing there.
//!
//! Deliberately not here: load. How fast the system is, is measured by the crate `bench`.

mod catalogue;
mod families;
mod market_source;
mod monitors;
mod random_numbers;
mod trade;

use domain::{TenantId, WriteContext};
use store::{Error, ItemFilter, ItemSort, Store};

pub use market_source::{follow_market, leave_market};
pub use trade::trade;

pub(crate) use catalogue::{priced, seed as seed_of};
pub(crate) use random_numbers::RandomNumbers;

/// The demo is the first tenant's: until there are accounts, everybody sees that one.
const TENANT: TenantId = TenantId::DEFAULT;

/// Creates the catalogue and some monitors if there is no item at all yet, and says how many items that made.
///
/// # Errors
/// The database is away. What was created by then stays, and trading adds the rest of the items bit by bit.
pub async fn fill(store: &Store) -> Result<usize, Error> {
    let any = store.item_list(TENANT, &ItemFilter::default(), ItemSort::default(), None, 1).await?;
    if !any.items.is_empty() {
        return Ok(0);
    }
    let mut created = 0;
    for item in catalogue::regular() {
        match store.create_item(TENANT, &item, &written_by("demo:office", "opening stock")).await {
            Ok(_) => created += 1,
            // Somebody fills at the same time.
            Err(Error::DuplicateSku) => {}
            Err(error) => return Err(error),
        }
    }
    monitors::make(store).await?;
    Ok(created)
}

fn written_by(actor: &str, reason: impl Into<String>) -> WriteContext {
    WriteContext { actor: actor.to_owned(), reason: Some(reason.into()), ..WriteContext::default() }
}
