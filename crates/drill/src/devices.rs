//! Two devices of one user, on two hubs: the second sign-in ends the first one's sockets, wherever they are, and its
//! tokens, whichever inventory-api is asked.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testkit::{SocketClient, SocketOptions, waiting};
use tokio::time::Instant;

use crate::compose::{Compose, Container};

const EMAIL: &str = "drill@localhost";
const PASSWORD: &str = "a password for the drill";
const HUB: u16 = 8082;
const API: u16 = 8080;

/// Signs in on one device after the other, and says how long it took until everybody knew.
///
/// # Errors
/// The first device goes on somewhere.
pub(crate) async fn second_sign_in(compose: &Compose) -> Result<()> {
    let http = Client::new();
    let gateway = format!("http://{}/api/v1", compose.gateway());
    let link = compose.owner_link(EMAIL).await?;
    let (_, secret) = link.trim().split_once('#').context("a link without a secret")?;
    let chosen = json!({"link": secret, "password": PASSWORD});
    let first = tokens(&http, &format!("{gateway}/password"), &chosen).await?;
    let hubs = compose.containers("hub").await?;
    let mut sockets = Vec::new();
    for hub in &hubs {
        sockets.push((hub.number, connect(hub, &first).await?));
    }

    let sessions = format!("{gateway}/sessions");
    let began = Instant::now();
    let signs_in = json!({"email": EMAIL, "password": PASSWORD});
    let (signing_in, told) = tokio::join!(
        tokens(&http, &sessions, &signs_in),
        futures_util::future::join_all(sockets.into_iter().map(|(number, socket)| ended(number, socket)))
    );
    let (second, answered) = (signing_in?, began.elapsed());
    let mut refused = Vec::new();
    for api in compose.containers("inventory-api").await? {
        refused.push(refuses(&http, &api, &first).await?.saturating_duration_since(began));
    }
    println!("a second device signs in: answered after {} ms", answered.as_millis());
    for told in told {
        let (number, at) = told?;
        let after = at.saturating_duration_since(began).as_millis();
        println!("  hub-{number} ended the first one's socket after {after} ms");
    }
    for (place, after) in (1..).zip(refused) {
        println!("  inventory-api-{place} refused its token when asked after {} ms", after.as_millis());
    }

    let hub = hubs.first().context("no hub")?;
    compose.kill_and_start(hub).await?;
    compose.healthy("hub").await?;
    let hub = &compose.containers("hub").await?[0];
    ended(hub.number, connect_any(hub, &first).await?).await.context("on a hub that was killed meanwhile")?;
    connect(hub, &second).await?;
    println!("  hub-{} was killed (-9), came back, and still refuses it", hub.number);
    Ok(())
}

/// The access token that a sign-in is answered with.
async fn tokens(http: &Client, url: &str, body: &Value) -> Result<String> {
    let answer = http.post(url).json(body).send().await?;
    let (status, body) = (answer.status(), answer.json::<Value>().await?);
    ensure!(status == StatusCode::CREATED, "{status}: {body}");
    Ok(body["access_token"].as_str().context("no access token")?.to_owned())
}

async fn connect_any(hub: &Container, token: &str) -> Result<SocketClient> {
    let options = SocketOptions { token: Some(token.to_owned()), ..SocketOptions::default() };
    Ok(SocketClient::connect(address(hub, HUB)?, &options).await?)
}

async fn connect(hub: &Container, token: &str) -> Result<SocketClient> {
    let mut socket = connect_any(hub, token).await?;
    socket.expect("connected").await?;
    socket.subscribe_with_snapshot("items").await?;
    Ok(socket)
}

/// Reads until the socket is told that its login has ended, and is closed for good; says when.
async fn ended(number: u32, mut socket: SocketClient) -> Result<(u32, Instant)> {
    let reason = socket.logged_out().await.with_context(|| format!("hub-{number}"))?;
    ensure!(reason == "other_device_login", "hub-{number}: {reason}");
    Ok((number, Instant::now()))
}

/// Asks until a token is refused because its login was ended; says when.
async fn refuses(http: &Client, api: &Container, token: &str) -> Result<Instant> {
    let url = format!("http://{}/api/v1/me", address(api, API)?);
    let refused = waiting::until(Duration::from_secs(10), "the first token to be refused", async || {
        let answer = http.get(&url).bearer_auth(token).send().await?;
        match (answer.status(), answer.json::<Value>().await?) {
            (StatusCode::OK, _) => Ok(None),
            (StatusCode::UNAUTHORIZED, body) if body["code"] == "session_ended" => Ok(Some(Instant::now())),
            (status, body) => bail!("{status}: {body}"),
        }
    });
    Ok(refused.await?.0)
}

/// Where a container is on the network that it shares with the gateway: the one that is reached from here.
fn address(container: &Container, port: u16) -> Result<SocketAddr> {
    let address = container.addresses.iter().find_map(|address| {
        let address = SocketAddr::new(address.parse().ok()?, port);
        std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok().then_some(address)
    });
    address.with_context(|| format!("container {} can't be reached", container.number))
}
