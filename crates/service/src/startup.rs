//! The line that a service begins its log with: its version, what it listens on and connects to, and every setting that
//! isn't as compiled in. What is secret is only said to be set.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::Settings;

/// Writes the line: of the addresses only those that this service has to do with.
pub(crate) fn announce(service: &'static str, settings: &Settings) {
    let Settings { http, database, notifier, api, hub, telemetry, .. } = settings;
    let of = |services: &[&str]| services.contains(&service);
    let (api_is_here, notifier_is_here, hub_is_here) =
        (of(&["inventory-api", "stockwire"]), of(&["notifier"]), of(&["hub"]));
    tracing::info!(
        service,
        version = crate::VERSION,
        database = (!hub_is_here).then(|| database_name(database.url.expose())),
        http.listen = api_is_here.then(|| http.listen.to_string()),
        notifier.listen = notifier_is_here.then(|| notifier.listen.to_string()),
        hub.listen = hub_is_here.then(|| hub.listen.to_string()),
        notifier.url = hub_is_here.then_some(&*notifier.url),
        api.url = hub_is_here.then_some(&*api.url),
        telemetry.otlp_endpoint = (!telemetry.otlp_endpoint.is_empty()).then_some(&*telemetry.otlp_endpoint),
        settings = changed(settings),
        "starting"
    );
}

/// User, host, port and name of a database. Of anything but a URL, nothing is shown: a password may be anywhere in it.
fn database_name(url: &str) -> String {
    if url.is_empty() {
        return "(not set)".to_owned();
    }
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    // Behind the question mark there may be a password, too.
    let Some(rest) = rest else { return "(set)".to_owned() };
    let (place, behind) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    // And before the @, if it wasn't encoded.
    if behind.contains('@') {
        return "(set)".to_owned();
    }
    // A password may hold an @ that wasn't encoded.
    match place.rsplit_once('@') {
        Some((user, place)) => format!("{}@{place}", user.split(':').next().unwrap_or_default()),
        None => place.to_owned(),
    }
}

/// What differs from the defaults, as `key=value`.
fn changed(settings: &Settings) -> String {
    let defaults = Settings::load(None, HashMap::new()).map(|defaults| flat(&defaults)).unwrap_or_default();
    let differs = |(key, value): (String, String)| {
        (defaults.get(&key) != Some(&value)).then(|| format!("{key}={value}"))
    };
    flat(settings).into_iter().filter_map(differs).collect::<Vec<_>>().join(" ")
}

/// All settings by their dotted keys.
fn flat(settings: &Settings) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    flatten("", &serde_json::to_value(settings).unwrap_or_default(), &mut found);
    found
}

fn flatten(key: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&key, value, found);
            }
        }
        Value::Null => {}
        value => {
            found.insert(key.to_owned(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_without_its_password() {
        for (url, shown) in [
            ("postgres://clerk:hunter2@db.example:5433/stock", "clerk@db.example:5433/stock"),
            ("postgresql://clerk:hunter2@db/stock?password=hunter2", "clerk@db/stock"),
            ("postgres://clerk:hunt@er2@db/stock", "clerk@db/stock"),
            ("postgres://clerk:hun?ter2@db/stock", "(set)"),
            ("postgres://clerk:hun#ter2@db/stock", "(set)"),
            ("postgres://db/stock?password=hun@ter2", "(set)"),
            ("postgres://db/stock", "db/stock"),
            ("host=db password=hunter2", "(set)"),
            ("", "(not set)"),
        ] {
            assert_eq!(database_name(url), shown);
        }
    }

    #[test]
    fn only_what_was_changed_is_listed_and_no_secret() {
        let environment = [
            ("STOCKWIRE__HTTP__WORKERS", "3"),
            ("STOCKWIRE__HUB__ALLOWED_ORIGINS", "https://a.example"),
            ("STOCKWIRE__DATABASE__URL", "postgres://clerk:hunter2@db/stock"),
            ("STOCKWIRE__INTERNAL__SECRET", "hunter2 hunter2 hunter2"),
            ("STOCKWIRE__AUTH__TOKEN_SECRET", "hunter2 hunter2 hunter2 hunter2 hunter2"),
        ];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let listed = changed(&Settings::load(None, environment).unwrap());
        assert_eq!(
            listed,
            "auth.token_secret=\"(set)\" database.url=\"(set)\" http.workers=3 \
             hub.allowed_origins=[\"https://a.example\"] internal.secret=\"(set)\""
        );
        assert_eq!(changed(&Settings::load(None, HashMap::new()).unwrap()), "");
    }
}
