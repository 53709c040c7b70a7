//! What a client may say about an API key that shall be made.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    FieldError, FieldReader, Name, Permission, Permissions,
    fields::{Given, kind},
};

/// A key that shall be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct NewApiKey {
    /// What it is for. Required.
    pub name: Name,
    /// What may be done with it: `read`, `stock`, `items` or `monitors`, each once, and nothing that you may not do yourself.
    /// Required.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, min_items = 1, max_items = 4))]
    pub scopes: Permissions,
    /// When it ends by itself; never, if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// Addresses and networks, such as `203.0.113.0/24`, that it may be used from; anywhere, if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false, min_items = 1, max_items = 50))]
    pub addresses: Vec<IpNet>,
}

impl NewApiKey {
    /// The most networks that one key may name.
    pub const MOST_ADDRESSES: usize = 50;

    /// Reads a request's body that comes at this time.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let name = fields.required("name", name);
        let scopes = fields.required("scopes", |value| list(value, Permission::SCOPES.len()));
        let scopes = scopes.map(|values| fields.entries("scopes", values, |value| scope(text(&value)?)));
        let expires_at = match fields.take("expires_at", |value| end(value, now)) {
            Given::Value(end) => Some(end),
            Given::Absent | Given::Null => None,
        };
        let addresses = match fields.take("addresses", |value| list(value, Self::MOST_ADDRESSES)) {
            Given::Value(values) => fields.entries("addresses", values, |value| network(text(&value)?)),
            Given::Absent | Given::Null => Vec::new(),
        };
        fields.finish()?;
        let (Some(name), Some(scopes)) = (name, scopes) else { return Err(Vec::new()) };
        Ok(Self { name, scopes: Permissions::of(scopes), expires_at, addresses })
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("must be a string, not {}", kind(value)))
}

fn name(value: Value) -> Result<Name, String> {
    Name::parse(text(&value)?).map_err(|error| error.to_string())
}

/// A list with something in it: none at all could be taken for everything.
fn list(value: Value, most: usize) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(values) if values.is_empty() => Err("must not be empty".into()),
        Value::Array(values) if values.len() > most => {
            Err(format!("must have at most {most} entries, has {}", values.len()))
        }
        Value::Array(values) => Ok(values),
        other => Err(format!("must be an array, not {}", kind(&other))),
    }
}

fn scope(word: &str) -> Result<Permission, String> {
    let known = Permission::SCOPES.into_iter().find(|scope| scope.as_str() == word);
    known.ok_or_else(|| "must be read, stock, items or monitors".into())
}

fn end(value: Value, now: Timestamp) -> Result<Timestamp, String> {
    let end: Timestamp =
        text(&value)?.parse().map_err(|_| "must be a time such as 2026-11-22T08:30:00Z".to_owned())?;
    if end > now { Ok(end) } else { Err("must not be in the past".into()) }
}

/// An address or a network, in the one form in which addresses of clients are compared with it.
fn network(text: &str) -> Result<IpNet, String> {
    let read = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let network: IpNet = read.ok_or("must be an address or a network such as 203.0.113.0/24")?;
    if network != network.trunc() {
        // Whether the one address is meant or all of the network, nobody can say.
        return Err(format!("has bits behind its prefix; the network is {}", network.trunc()));
    }
    Ok(canonical(network))
}

/// IPv4 that is written as IPv6 (`::ffff:0:0/96`) becomes IPv4, as addresses of clients do.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    let unmapped = |network: Ipv6Net| {
        let address: Ipv6Addr = network.addr();
        let length = network.prefix_len().checked_sub(MAPPED)?;
        Ipv4Net::new(address.to_ipv4_mapped()?, length).ok()
    };
    match network {
        IpNet::V6(v6) => unmapped(v6).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T08:30:00Z".parse().unwrap()
    }

    fn pointers(body: Value) -> Vec<String> {
        let errors = NewApiKey::from_json(body, now()).unwrap_err();
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_key_needs_a_name_and_scopes_and_no_more() {
        let key =
            NewApiKey::from_json(json!({"name": " till ", "scopes": ["stock", "read"]}), now()).unwrap();
        assert_eq!(key.name.as_str(), "till");
        assert_eq!(key.scopes, Permissions::of([Permission::Read, Permission::Stock]));
        assert_eq!((key.expires_at, key.addresses.len()), (None, 0));
        assert_eq!(pointers(json!({})), ["/name", "/scopes"]);
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let body = json!({
            "name": "", "scopes": ["read", "keys", "read"], "expires_at": "2026-11-22T08:29:59Z",
            "addresses": ["203.0.113.0/24", "203.0.113.1/24", "x", 5, "::ffff:203.0.113.0/120"], "role": "owner"
        });
        let expected = [
            "/name",
            "/scopes/1",
            "/scopes/2",
            "/expires_at",
            "/addresses/1",
            "/addresses/2",
            "/addresses/3",
            "/addresses/4",
            "/role",
        ];
        assert_eq!(pointers(body), expected);
    }

    #[test]
    fn scopes_are_a_short_list_of_what_programs_may_do() {
        for scopes in [
            json!([]),
            json!("read"),
            json!(null),
            json!(["users"]),
            json!(["Read"]),
            json!(["read items"]),
            json!([["read"]]),
            json!(["read", "stock", "items", "monitors", "read"]),
        ] {
            assert_eq!(pointers(json!({"name": "x", "scopes": scopes})).len(), 1, "{scopes}");
        }
    }

    #[test]
    fn networks_are_written_as_clients_addresses_are() {
        let read = |text: &str| network(text).map(|network| network.to_string());
        assert_eq!(read("203.0.113.7"), Ok("203.0.113.7/32".into()));
        assert_eq!(read("203.0.113.0/24"), Ok("203.0.113.0/24".into()));
        assert_eq!(read("::ffff:203.0.113.0/120"), Ok("203.0.113.0/24".into()));
        assert_eq!(read("::ffff:203.0.113.7"), Ok("203.0.113.7/32".into()));
        assert_eq!(read("2001:DB8::/32"), Ok("2001:db8::/32".into()));
        assert_eq!(read("::/0"), Ok("::/0".into()));
        for text in
            ["", "203.0.113", "203.0.113.0/33", "203.0.113.1/24", "host.example", "203.0.113.7:80", " ::1"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_of_addresses_are_bounded_and_never_empty() {
        let with = |addresses: Vec<String>| {
            NewApiKey::from_json(json!({"name": "x", "scopes": ["read"], "addresses": addresses}), now())
        };
        let many = |count: usize| (0..count).map(|number| format!("10.0.0.{number}")).collect();
        assert_eq!(with(many(NewApiKey::MOST_ADDRESSES)).unwrap().addresses.len(), 50);
        assert_eq!(with(many(NewApiKey::MOST_ADDRESSES + 1)).unwrap_err()[0].pointer, "/addresses");
        assert_eq!(with(Vec::new()).unwrap_err()[0].pointer, "/addresses");
    }

    #[test]
    fn an_end_lies_ahead() {
        let with = |end: &str| {
            NewApiKey::from_json(json!({"name": "x", "scopes": ["read"], "expires_at": end}), now())
        };
        assert!(with("2026-11-22T08:30:01Z").is_ok());
        assert!(with("2026-11-22T09:30:01+01:00").is_ok());
        for text in ["2026-11-22T08:30:00Z", "2026-11-22", "tomorrow", "", "+99999-01-01T00:00:00Z"] {
            assert!(with(text).is_err(), "{text}");
        }
    }
}
