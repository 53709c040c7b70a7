//! Trading: people who sell, deliver, count and reprice, one change at a time, until the task is dropped.
//!
//! Others may change the same items meanwhile. What a trader believes about an item is therefore only a guess: every
//! write names the version that it was worked out from, and is worked out anew from what the item has become.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use domain::{Item, ItemPatch, NewItem, Price, Quantity, Sku, WriteContext};
use store::{Error, Expected, ItemFilter, ItemSort, Store, WriteOutcome};
use tokio::time::{Instant, sleep, sleep_until};

use super::{TENANT, catalogue, random_numbers::RandomNumbers, written_by};

/// What is behind by more than this is not made up for: the shop was closed.
const MOST_BEHIND: Duration = Duration::from_secs(1);
/// The bounds of the pause before the database is asked again.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Somebody else changed the item first: so often a write is worked out anew before it is let be.
const ATTEMPTS: usize = 10;
/// Items read at once.
const PAGE: u16 = 500;
/// How many changes happen between an order and its delivery.
const DELIVERY: (i64, i64) = (20, 120);

/// Trades at `rate` changes a second, forever; at no rate, or one that isn't positive, never. The changes are made one
/// after the other, so that a database has its own idea of the highest rate.
pub async fn trade(store: Store, rate: f64) {
    if !(rate.is_finite() && rate > 0.0) {
        return std::future::pending().await;
    }
    let mut numbers = RandomNumbers::new(clock());
    let mut pause = SHORTEST_PAUSE;
    loop {
        let Err(error) = open_shop(&store, rate, &mut numbers, &mut pause).await;
        tracing::warn!(
            source = &error as &dyn std::error::Error,
            pause_ms = pause.as_millis(),
            "the demo can't trade, trying again"
        );
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Customers of another start come at other times.
fn clock() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Trades until something fails.
async fn open_shop(
    store: &Store,
    rate: f64,
    numbers: &mut RandomNumbers,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, Error> {
    let mut shop = Shop::open(store.clone(), numbers.clone()).await?;
    // Whoever has none of our items has a real stock, which is none of our business.
    while shop.shelves.is_empty() {
        sleep(LONGEST_PAUSE).await;
        shop = Shop::open(store.clone(), numbers.clone()).await?;
    }
    let mut next = Instant::now();
    loop {
        shop.next_event().await?;
        *pause = SHORTEST_PAUSE;
        // Customers don't come by the clock; an exponential wait is what strangers look like.
        let wait =
            Duration::try_from_secs_f64(-(1.0 - numbers.fraction()).ln() / rate).unwrap_or(LONGEST_PAUSE);
        let now = Instant::now();
        next = (next + wait).max(now.checked_sub(MOST_BEHIND).unwrap_or(now));
        sleep_until(next).await;
    }
}

/// Something ordered that is on its way.
#[derive(Debug)]
struct Order {
    /// The number of the event that it arrives before.
    due: i64,
    sku: Sku,
}

/// What the traders know.
struct Shop {
    store: Store,
    numbers: RandomNumbers,
    /// On the shelves, the most popular first, as last seen.
    shelves: Vec<Item>,
    /// In the catalogue, but not on the shelves.
    absent: Vec<NewItem>,
    orders: VecDeque<Order>,
    events: i64,
    receipt: i64,
}

/// What somebody does to an item: nothing if it makes no sense any more.
type Plan<'a> = &'a (dyn Fn(&Item) -> Option<ItemPatch> + Sync);

impl Shop {
    /// Looks at what is on the shelves. What the catalogue doesn't name belongs to somebody else.
    async fn open(store: Store, mut numbers: RandomNumbers) -> Result<Self, Error> {
        let catalogue = catalogue::all();
        let skus: Vec<&Sku> = catalogue.iter().filter_map(|item| item.sku.as_ref()).collect();
        let mut shelves = Vec::new();
        let mut after = None;
        loop {
            let sort = ItemSort::default();
            let page = store.item_list(TENANT, &ItemFilter::default(), sort, after.as_ref(), PAGE).await?;
            let ours = |item: &Item| item.sku.as_ref().is_some_and(|sku| skus.contains(&sku));
            // What can't be taken apart was written past our rules, and is nobody's to trade with.
            let readable = page.items.iter().filter_map(|document| document.parse().ok());
            shelves.extend(readable.filter(ours));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        // Popularity goes by place, and has nothing to do with the order of the catalogue.
        shelves.sort_by_key(|item| item.id.get().unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let present: BTreeSet<&str> =
            shelves.iter().filter_map(|item| item.sku.as_ref()).map(Sku::as_str).collect();
        let is_absent = |item: &NewItem| item.sku.as_ref().is_some_and(|sku| !present.contains(sku.as_str()));
        let absent = catalogue.iter().filter(|item| is_absent(item)).cloned().collect();
        let receipt = numbers.between(10_000, 89_999);
        let mut shop = Self { store, numbers, shelves, absent, orders: VecDeque::new(), events: 0, receipt };
        for place in 0..shop.shelves.len() {
            shop.order_if_low(place);
        }
        Ok(shop)
    }

    /// One thing that happens; now and then nothing does.
    async fn next_event(&mut self) -> Result<(), Error> {
        self.events += 1;
        if self.orders.front().is_some_and(|order| order.due <= self.events)
            && let Some(order) = self.orders.pop_front()
        {
            return self.deliver(&order.sku).await;
        }
        match self.numbers.between(1, 1000) {
            1..=15 => self.correct().await,
            16..=22 => self.reprice().await,
            23..=24 => self.take_up().await,
            25 => self.discontinue().await,
            _ => self.sell().await,
        }
    }

    async fn sell(&mut self) -> Result<(), Error> {
        let place = self.numbers.favourite(self.shelves.len());
        let most = if self.numbers.between(1, 10) == 1 { 12 } else { 3 };
        let wanted = self.numbers.between(1, most);
        self.receipt += 1;
        let till = format!("demo:till-{}", self.numbers.between(1, 4));
        let context = written_by(&till, format!("sale, receipt {}", self.receipt));
        let sale = |item: &Item| stock(item.quantity.get() - wanted.min(item.quantity.get()), item);
        self.change(place, &context, &sale).await
    }

    async fn deliver(&mut self, sku: &Sku) -> Result<(), Error> {
        let Some(place) = self.shelves.iter().position(|item| item.sku.as_ref() == Some(sku)) else {
            return Ok(());
        };
        let parts = self.numbers.between(30, 45);
        let reason = format!("delivery note {}", 70_000 + self.numbers.between(0, 9999));
        let arrival = |item: &Item| {
            let level = item.reorder_point.map_or(10, Quantity::get).max(1);
            stock(item.quantity.get() + level * parts / 10, item)
        };
        self.change(place, &written_by("demo:warehouse", reason), &arrival).await
    }

    /// Somebody counts and finds a few more or fewer.
    async fn correct(&mut self) -> Result<(), Error> {
        let place = self.any_place();
        let found = match self.numbers.between(-4, 2) {
            0.. => self.numbers.between(1, 2),
            missing => missing,
        };
        let difference = if found < 0 { format!("{} missing", -found) } else { format!("{found} too many") };
        let context = written_by("demo:warehouse", format!("stocktake, {difference}"));
        let count = |item: &Item| stock((item.quantity.get() + found).max(0), item);
        self.change(place, &context, &count).await
    }

    async fn reprice(&mut self) -> Result<(), Error> {
        let place = self.any_place();
        let percent = self.numbers.between(-8, 9);
        let reason = if percent < 0 { "special offer" } else { "new price list of the supplier" };
        let change = |item: &Item| {
            let price = repriced(item.price?, percent).filter(|price| Some(*price) != item.price)?;
            Some(ItemPatch { price: Some(Some(price)), ..ItemPatch::default() })
        };
        self.change(place, &written_by("demo:office", reason), &change).await
    }

    /// Takes up something that the catalogue has and the shelves haven't.
    async fn take_up(&mut self) -> Result<(), Error> {
        let place = self.numbers.favourite(self.absent.len());
        if place >= self.absent.len() {
            return self.sell().await;
        }
        let new = self.absent.swap_remove(place);
        match self.store.create_item(TENANT, &new, &written_by("demo:office", "new in the range")).await {
            Ok(created) => {
                let middle = self.shelves.len() / 2;
                self.shelves.splice(middle..middle, created.parse());
            }
            // Somebody else uses this sku: it is not ours to sell.
            Err(Error::DuplicateSku) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives up something that hardly anybody buys, unless the shelves get empty.
    async fn discontinue(&mut self) -> Result<(), Error> {
        if self.shelves.len() < 3 * self.absent.len() {
            return self.sell().await;
        }
        let from_behind = self.numbers.favourite(self.shelves.len()) + 1;
        let Some(place) = self.shelves.len().checked_sub(from_behind) else { return Ok(()) };
        let item = self.shelves.remove(place);
        let context = written_by("demo:office", "discontinued");
        let expected = Expected::Versions(vec![item.version]);
        match self.store.delete_item(TENANT, item.id, &expected, &context).await? {
            WriteOutcome::Done(_) | WriteOutcome::NotFound => self.remember_absent(&item),
            // Somebody just did something with it, so somebody needs it.
            WriteOutcome::Mismatch(current) => self.shelves.extend(current.parse()),
        }
        Ok(())
    }

    /// Does to an item what somebody planned, without losing what others did to it meanwhile.
    async fn change(&mut self, place: usize, context: &WriteContext, plan: Plan<'_>) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let Some(item) = self.shelves.get_mut(place) else { return Ok(()) };
            let Some(patch) = plan(item) else { break };
            let expected = Expected::Versions(vec![item.version]);
            let outcome = self.store.update_item(TENANT, item.id, &patch, &expected, context).await?;
            let done = matches!(outcome, WriteOutcome::Done(_));
            let (WriteOutcome::Done(found) | WriteOutcome::Mismatch(found)) = outcome else {
                let gone = self.shelves.remove(place);
                self.remember_absent(&gone);
                return Ok(());
            };
            let Ok(found) = found.parse() else {
                // Somebody made of it what we can't take apart.
                self.shelves.remove(place);
                return Ok(());
            };
            *item = found;
            if done {
                break;
            }
        }
        self.order_if_low(place);
        Ok(())
    }

    fn order_if_low(&mut self, place: usize) {
        let Some(item) = self.shelves.get(place) else { return };
        let low = item.reorder_point.is_some_and(|point| item.quantity <= point);
        let Some(sku) = item.sku.clone().filter(|_| low) else { return };
        if self.orders.iter().all(|order| order.sku != sku) {
            let due = self.events + self.numbers.between(DELIVERY.0, DELIVERY.1);
            let behind = self.orders.partition_point(|order| order.due <= due);
            self.orders.insert(behind, Order { due, sku });
        }
    }

    fn remember_absent(&mut self, gone: &Item) {
        self.absent.extend(catalogue::all().into_iter().filter(|item| item.sku == gone.sku));
    }

    /// Counting and pricing don't go by popularity.
    fn any_place(&mut self) -> usize {
        let last = i64::try_from(self.shelves.len()).unwrap_or(i64::MAX) - 1;
        usize::try_from(self.numbers.between(0, last.max(0))).unwrap_or(0)
    }
}

/// A new quantity, unless it is the old one.
fn stock(quantity: i64, item: &Item) -> Option<ItemPatch> {
    let quantity = Quantity::new(quantity).ok().filter(|quantity| *quantity != item.quantity)?;
    Some(ItemPatch { quantity: Some(quantity), ..ItemPatch::default() })
}

/// A price that is so much higher or lower, in whole cents, and never nothing.
fn repriced(price: Price, percent: i64) -> Option<Price> {
    // Always written with four places.
    let ten_thousandths: i64 = price.to_string().replace('.', "").parse().ok()?;
    let cents = ((ten_thousandths / 100).checked_mul(100 + percent)? / 100).max(1);
    Price::parse(&format!("{}.{:02}", cents / 100, cents % 100)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_stays_a_price() {
        let price = |text| Price::parse(text).unwrap();
        assert_eq!(repriced(price("12.39"), -8), Some(price("11.39")));
        assert_eq!(repriced(price("999999999999999.9999"), 9), None);
        assert_eq!(repriced(price("0.01"), -8), Some(price("0.01")));
    }
}
