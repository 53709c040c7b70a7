//! The monitors that a demo starts with, one of each sort, so that there is something to be told of within a minute.

use domain::{FieldError, NewMonitor};
use serde_json::{Value, json};
use store::{Error, Store};

use super::{TENANT, written_by};

/// Makes them, behind the opening stock, which is no news.
pub(super) async fn make(store: &Store) -> Result<(), Error> {
    // What can't be read is left out; a test sees to it that there is no such thing.
    for monitor in read().filter_map(Result::ok) {
        store.create_monitor(TENANT, &monitor, &written_by("demo:office", "what to look out for")).await?;
    }
    Ok(())
}

fn read() -> impl Iterator<Item = Result<NewMonitor, Vec<FieldError>>> {
    documents().into_iter().map(NewMonitor::from_json)
}

/// Monitors as an integrator would send them. Envelopes sell best of all, tools have prices on the market, and hardly
/// anybody buys a hammer.
fn documents() -> [Value; 3] {
    [
        json!({
            "name": "Envelopes run low",
            "scope": {"kind": "sku_prefix", "prefix": "ENV-"},
            "measure": "quantity",
            "condition": {"kind": "below", "threshold": 10},
            "hysteresis": 5,
            "severity": "critical",
            "message": "{item.name}: {value} × {item.unit} left, fewer than {threshold}",
        }),
        json!({
            "name": "Tools' prices move",
            "scope": {"kind": "attribute", "name": "department", "value": "tools"},
            "measure": "price",
            "condition": {"kind": "changes_by", "percent": "3", "window_seconds": 60},
            "cooldown_seconds": 60,
        }),
        json!({
            "name": "Hammers don't sell",
            "scope": {"kind": "sku_prefix", "prefix": "HMR-"},
            "measure": "quantity",
            "condition": {"kind": "unchanged_for", "seconds": 60},
            "severity": "info",
        }),
    ]
}

#[cfg(test)]
mod tests {
    use domain::Scope;

    use super::{super::catalogue, *};

    #[test]
    fn every_one_is_valid_and_looks_at_something_that_the_shop_sells() {
        let items = catalogue::all();
        for monitor in read().map(Result::unwrap) {
            let looked_at = items.iter().filter(|item| match &monitor.scope {
                Scope::SkuPrefix { prefix } => {
                    item.sku.as_ref().unwrap().as_str().starts_with(prefix.as_str())
                }
                Scope::Attribute { name, value } => item.attributes.get().get(name.as_str()) == Some(value),
                Scope::All {} | Scope::Item { .. } => true,
            });
            assert!((3..60).contains(&looked_at.count()), "{}", monitor.name.as_str());
        }
    }
}
