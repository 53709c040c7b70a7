//! One-time tickets and API keys: a client shows one with its handshake, and inventory-api says whose it is, because only
//! Postgres knows. A ticket is used up with that, whichever hub it is shown to.

use std::{net::IpAddr, sync::Arc, time::Duration};

use domain::{CloseCode, Identity, LogoutReason, ProblemCode, TicketHolder};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Call, CurrentRequest, Settings, settings::Secret};
use tokio::{runtime::Handle, sync::Semaphore};

/// Tickets and keys that are looked up at once: each costs a statement.
const AT_ONCE: usize = 16;
/// A client waits so long for what it shows to be looked up, its turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a client shows that a hub can't judge by itself.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// From the query.
    Ticket(Secret),
    /// From the header `Authorization`, and where the client is.
    Key(Secret, Option<IpAddr>),
}

/// Why a client that shows a ticket or a key isn't let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotRedeemed {
    /// It was used, is too old, or never was one.
    Unusable,
    /// The key is not valid, has expired, or may not be used from where the client is.
    BadKey,
    /// The login that it was asked for with was ended since.
    Ended(LogoutReason),
    /// Nobody can say now.
    Unavailable,
}

impl NotRedeemed {
    /// For developers.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Unusable => "The ticket was used, is too old, or never was one.",
            Self::BadKey => "The API key is not valid, has expired, or may not be used from this address.",
            Self::Ended(reason) => reason.message(),
            Self::Unavailable => "Tickets and keys can't be looked up at the moment.",
        }
    }

    /// How a socket is closed.
    pub(crate) const fn close_code(self) -> CloseCode {
        match self {
            Self::Unusable | Self::BadKey => CloseCode::NotAuthenticated,
            Self::Ended(_) => CloseCode::ForcedLogout,
            Self::Unavailable => CloseCode::TryLater,
        }
    }
}

/// Has tickets looked up; one for all shards of a hub.
#[derive(Debug)]
pub(crate) struct Tickets {
    client: reqwest::Client,
    url: String,
    secret: Secret,
    /// Calls run here, wherever they are asked for.
    runtime: Handle,
    turns: Semaphore,
}

/// What a problem document says that matters here.
#[derive(Deserialize)]
struct Said {
    code: String,
    logout_reason: Option<LogoutReason>,
}

impl Tickets {
    pub(crate) fn new(settings: &Settings, secret: Secret, runtime: Handle) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().connect_timeout(Duration::from_secs(2)).no_proxy().build()?;
        let url = format!("{}/internal/v1", settings.api.url.trim_end_matches('/'));
        Ok(Self { client, url, secret, runtime, turns: Semaphore::new(AT_ONCE) })
    }

    /// Who shows this. Nobody can use a ticket after that: a call that fails is not repeated, and the client asks for
    /// another one.
    pub(crate) async fn redeem(self: &Arc<Self>, shown: Shown) -> Result<Identity, NotRedeemed> {
        if matches!(&shown, Shown::Ticket(ticket) if !domain::is_ticket(ticket.expose())) {
            return Err(NotRedeemed::Unusable);
        }
        let this = self.clone();
        let asking = self.runtime.spawn(CurrentRequest::carry(async move {
            let in_turn = async {
                // Never closed, so this can't fail.
                let _turn = this.turns.acquire().await;
                this.ask(&shown).await
            };
            tokio::time::timeout(PATIENCE, in_turn).await
        }));
        match asking.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                tracing::warn!("inventory-api doesn't say in time whose a ticket or key is");
                Err(NotRedeemed::Unavailable)
            }
            Err(_) => Err(NotRedeemed::Unavailable),
        }
    }

    async fn ask(&self, shown: &Shown) -> Result<Identity, NotRedeemed> {
        let call = Call::begin(shown.call());
        let url = format!("{}{}", self.url, shown.path());
        let request = self.client.post(url).bearer_auth(self.secret.expose()).json(&shown.body());
        let request = call.headers().fold(request, |request, (name, value)| request.header(name, value));
        let receive = async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        };
        let (status, body) = call.run(receive).await.map_err(|error| {
            let error = error.without_url();
            tracing::warn!(source = &error as &dyn std::error::Error, "a ticket or key can't be looked up");
            NotRedeemed::Unavailable
        })?;
        shown.read(status, &body).inspect_err(|refused| {
            if *refused == NotRedeemed::Unavailable {
                tracing::warn!(http.status = status.as_u16(), "a ticket or key can't be looked up");
            }
        })
    }
}

impl Shown {
    const fn call(&self) -> &'static str {
        match self {
            Self::Ticket(_) => "POST /internal/v1/tickets/redeem",
            Self::Key(..) => "POST /internal/v1/keys/check",
        }
    }

    const fn path(&self) -> &'static str {
        match self {
            Self::Ticket(_) => "/tickets/redeem",
            Self::Key(..) => "/keys/check",
        }
    }

    fn body(&self) -> Value {
        match self {
            Self::Ticket(ticket) => json!({"ticket": ticket.expose()}),
            Self::Key(key, None) => json!({"key": key.expose()}),
            Self::Key(key, Some(address)) => json!({"key": key.expose(), "address": address}),
        }
    }

    /// What inventory-api answers.
    fn read(&self, status: StatusCode, body: &[u8]) -> Result<Identity, NotRedeemed> {
        if status.is_success() {
            let holder = serde_json::from_slice::<TicketHolder>(body);
            return holder.map(Identity::from).map_err(|_| NotRedeemed::Unavailable);
        }
        let Ok(Said { code, logout_reason }) = serde_json::from_slice(body) else {
            return Err(NotRedeemed::Unavailable);
        };
        let refused = [ProblemCode::NotAuthenticated, ProblemCode::Forbidden]
            .iter()
            .any(|known| code == known.as_str());
        Err(match (logout_reason, self) {
            (Some(reason), _) => NotRedeemed::Ended(reason),
            (None, Self::Ticket(_)) if refused => NotRedeemed::Unusable,
            (None, Self::Key(..)) if refused => NotRedeemed::BadKey,
            _ => NotRedeemed::Unavailable,
        })
    }
}
