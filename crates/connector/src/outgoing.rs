//! Requests to addresses that users name. Whoever may name one must not be able to reach with it what only this machine
//! can reach: services on loopback, the private network, a cloud's metadata. So the addresses that a name stands for are
//! looked at when the connection is made, and only public ones, or those that the settings name, are used; there are no
//! redirects, and no proxies.

use std::{
    error::Error,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use ipnet::IpNet;
use reqwest::{
    Client, RequestBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
    redirect,
};
use service::{Fatal, client_address::Proxies, settings::Outgoing as OutgoingSettings};
use url::{Host, Url};

/// A connection is made within this or not at all.
const CONNECT: Duration = Duration::from_secs(5);

/// What is behind a head that is all that matters is read for so long, and so many bytes of it.
const REST: Duration = Duration::from_millis(500);
const MOST_REST: usize = 4096;

/// Where requests may go to.
#[derive(Debug, Clone)]
struct Reach {
    allowed: Arc<[IpNet]>,
    /// Whether public addresses will do.
    public: bool,
}

/// Makes requests to addresses that users name.
#[derive(Debug, Clone)]
pub struct Outgoing {
    anywhere: Way,
    /// To addresses only that the settings name.
    near: Way,
}

/// Connections to some part of the world.
#[derive(Debug, Clone)]
struct Way {
    client: Client,
    reach: Reach,
}

/// Why a request couldn't be made, or its answer not be read: in words for the user who named the address.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The address isn't one that requests may go to.
    #[error("{0}")]
    Refused(String),
    /// The other side isn't there, or breaks off.
    #[error("{0}")]
    Failed(String),
    /// It takes too long.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// It says more than is read.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Outgoing {
    /// A client for addresses that users name.
    ///
    /// # Errors
    /// A network in the settings is none, or there are no certificates.
    pub fn new(settings: &OutgoingSettings) -> Result<Self, Fatal> {
        let networks = Proxies::read("outgoing.allowed_networks", &settings.allowed_networks)?;
        let allowed: Arc<[IpNet]> = networks.networks().into();
        Ok(Self { anywhere: Way::new(allowed.clone(), true)?, near: Way::new(allowed, false)? })
    }

    /// Begins a request.
    ///
    /// # Errors
    /// The URL isn't `http` or `https`, or names an address that requests may not go to.
    pub fn request(&self, method: reqwest::Method, url: &str) -> Result<RequestBuilder, OutgoingError> {
        self.anywhere.request(method, check_url(url).map_err(OutgoingError::Refused)?)
    }

    /// Begins a request that nobody else shall read on its way: by `https`, or to an address that the settings name.
    ///
    /// # Errors
    /// As for [`Self::request`], or it is `http` to anywhere else.
    pub fn confidential(&self, method: reqwest::Method, url: &str) -> Result<RequestBuilder, OutgoingError> {
        let url = check_url(url).map_err(OutgoingError::Refused)?;
        let way = if url.scheme() == "https" { &self.anywhere } else { &self.near };
        way.request(method, url)
    }

    /// Sends a request and reads the answer, at most so many bytes, all of it within `patience`.
    ///
    /// # Errors
    /// See [`OutgoingError`]. A status that says of a failure is an answer.
    pub async fn send(
        &self,
        request: RequestBuilder,
        patience: Duration,
        most_bytes: usize,
    ) -> Result<Answer, OutgoingError> {
        let exchange = async {
            let response = request.send().await.map_err(|error| failed(&error))?;
            read(response, most_bytes).await
        };
        tokio::time::timeout(patience, exchange).await.unwrap_or(Err(OutgoingError::TimedOut(patience)))
    }

    /// Sends a request of whose answer only the head matters.
    ///
    /// # Errors
    /// See [`OutgoingError`]. A status that says of a failure is an answer.
    pub async fn hand_over(
        &self,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<(u16, HeaderMap), OutgoingError> {
        let sent = tokio::time::timeout(patience, request.send()).await;
        let response =
            sent.map_err(|_| OutgoingError::TimedOut(patience))?.map_err(|error| failed(&error))?;
        let head = (response.status().as_u16(), response.headers().clone());
        // The connection can be used again if there is little behind the head, and it comes soon.
        let _ = tokio::time::timeout(REST, read(response, MOST_REST)).await;
        Ok(head)
    }
}

impl Way {
    fn new(allowed: Arc<[IpNet]>, public: bool) -> Result<Self, Fatal> {
        let reach = Reach { allowed, public };
        let client = Client::builder()
            .dns_resolver(reach.clone())
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .no_proxy()
            .user_agent(concat!("stockwire/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, reach })
    }

    fn request(&self, method: reqwest::Method, url: Url) -> Result<RequestBuilder, OutgoingError> {
        // A literal address is not looked up, so the resolver doesn't see it.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            _ => None,
        };
        if literal.is_some_and(|address| !self.reach.allows(address)) {
            return Err(OutgoingError::Refused(self.reach.not_allowed().to_string()));
        }
        Ok(self.client.request(method, url))
    }
}

/// What a URL must be for requests to go there, apart from where it leads to.
///
/// # Errors
/// What is wrong with it, for a developer.
pub fn check_url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|_| "must be a URL such as https://shop.example/prices.json".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("must be an http or https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password".to_owned());
    }
    Ok(url)
}

async fn read(response: Response, most: usize) -> Result<Answer, OutgoingError> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let (mut body, mut chunks) = (BytesMut::new(), response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| failed(&error))?;
        if body.len() + chunk.len() > most {
            return Err(OutgoingError::TooLong(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.freeze() })
}

/// The innermost cause says what is wrong; the outer ones repeat the URL.
fn failed(error: &reqwest::Error) -> OutgoingError {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let refused = cause.downcast_ref::<NotAllowed>().is_some();
    let text = cause.to_string();
    if refused { OutgoingError::Refused(text) } else { OutgoingError::Failed(text) }
}

/// All addresses of a name are ones that requests may not go to.
#[derive(Debug, thiserror::Error)]
enum NotAllowed {
    #[error("the address is private, and outgoing.allowed_networks doesn't name it")]
    Private,
    #[error("http is for addresses that outgoing.allowed_networks names; use https")]
    Readable,
}

impl Reach {
    fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        (self.public && is_public(address)) || self.allowed.iter().any(|network| network.contains(&address))
    }

    const fn not_allowed(&self) -> NotAllowed {
        if self.public { NotAllowed::Private } else { NotAllowed::Readable }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).collect();
            if addresses.is_empty() {
                return Err(Box::new(reach.not_allowed()) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the public internet (RFC 6890 and the IANA registries of special addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            let special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || first == 0
                || first >= 240
                || (first == 100 && (64..128).contains(&second))
                || (first == 192 && second == 0 && third == 0)
                || (first == 198 && (second == 18 || second == 19));
            !special
        }
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // What isn't global unicast is special; so are documentation and the ways to IPv4 inside it: 6to4, Teredo.
    let global = segments[0] & 0xe000 == 0x2000;
    let special = (segments[0] == 0x2001 && (segments[1] < 0x200 || segments[1] == 0xdb8))
        || segments[0] == 0x2002
        || (segments[0] == 0x3fff && segments[1] < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(allowed: &[&str]) -> Outgoing {
        let allowed_networks = allowed.iter().map(ToString::to_string).collect();
        Outgoing::new(&OutgoingSettings { allowed_networks }).unwrap()
    }

    #[test]
    fn only_public_addresses_are_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(text.parse::<IpAddr>().unwrap().to_canonical()), "{text}");
        }
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "172.32.0.1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[tokio::test]
    async fn a_private_address_is_refused_by_name_and_by_number_unless_it_is_allowed() {
        let closed = outgoing(&[]);
        for url in ["http://127.0.0.1:1/", "http://[::1]:1/", "http://2130706433/", "http://0x7f.1/"] {
            let refused = closed.request(reqwest::Method::GET, url);
            assert!(matches!(refused, Err(OutgoingError::Refused(_))), "{url}");
        }
        let request = closed.request(reqwest::Method::GET, "http://localhost:1/").unwrap();
        let sent = closed.send(request, Duration::from_secs(5), 100).await;
        assert!(matches!(sent, Err(OutgoingError::Refused(_))), "{sent:?}");
        let open = outgoing(&["127.0.0.0/8", "::1"]);
        let request = open.request(reqwest::Method::GET, "http://localhost:1/").unwrap();
        let sent = open.send(request, Duration::from_secs(5), 100).await;
        assert!(matches!(sent, Err(OutgoingError::Failed(_))), "{sent:?}");
    }

    #[tokio::test]
    async fn what_nobody_else_shall_read_goes_by_https_or_to_an_address_that_is_named() {
        let open = outgoing(&["127.0.0.0/8"]);
        for url in ["http://1.1.1.1/", "http://10.0.0.1/", "https://10.0.0.1/"] {
            let refused = open.confidential(reqwest::Method::POST, url);
            assert!(matches!(refused, Err(OutgoingError::Refused(_))), "{url}");
        }
        for url in
            ["https://1.1.1.1/", "http://127.0.0.1:1/", "https://127.0.0.1:1/", "https://shop.example/"]
        {
            assert!(open.confidential(reqwest::Method::POST, url).is_ok(), "{url}");
        }
        let request = outgoing(&[]).confidential(reqwest::Method::POST, "http://localhost:1/").unwrap();
        let sent = open.hand_over(request, Duration::from_secs(5)).await;
        assert!(matches!(&sent, Err(OutgoingError::Refused(why)) if why.contains("https")), "{sent:?}");
    }

    #[test]
    fn a_url_says_where_and_holds_no_secret() {
        assert!(check_url("https://shop.example/prices.json?of=all").is_ok());
        for text in
            ["", "shop.example", "ftp://shop.example", "https://", "https://a:b@shop.example/", "file:///x"]
        {
            assert!(check_url(text).is_err(), "{text}");
        }
    }
}
