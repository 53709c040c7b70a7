//! One-time tickets: a client shows one in the query, and inventory-api says who asked for it. It is used up with that,
//! whichever hub it is shown to.

use std::{sync::Arc, time::Duration};

use domain::{CloseCode, Identity, LogoutReason, ProblemCode, TicketHolder};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use service::{Call, CurrentRequest, Settings, settings::Secret};
use tokio::{runtime::Handle, sync::Semaphore};

/// Tickets that are looked up at once: each costs a statement.
const AT_ONCE: usize = 16;
/// A client waits so long for its ticket to be looked up, its turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a client that shows a ticket isn't let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotRedeemed {
    /// It was used, is too old, or never was one.
    Unusable,
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
            Self::Ended(reason) => reason.message(),
            Self::Unavailable => "The ticket can't be looked up at the moment.",
        }
    }

    /// How a socket is closed.
    pub(crate) const fn close_code(self) -> CloseCode {
        match self {
            Self::Unusable => CloseCode::NotAuthenticated,
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
        let url = format!("{}/internal/v1/tickets/redeem", settings.api.url.trim_end_matches('/'));
        Ok(Self { client, url, secret, runtime, turns: Semaphore::new(AT_ONCE) })
    }

    /// Who asked for a ticket. Nobody can use it after that: a call that fails is not repeated, and the client asks for
    /// another ticket.
    pub(crate) async fn redeem(self: &Arc<Self>, ticket: Secret) -> Result<Identity, NotRedeemed> {
        if !domain::is_ticket(ticket.expose()) {
            return Err(NotRedeemed::Unusable);
        }
        let this = self.clone();
        let asking = self.runtime.spawn(CurrentRequest::carry(async move {
            let in_turn = async {
                // Never closed, so this can't fail.
                let _turn = this.turns.acquire().await;
                this.ask(&ticket).await
            };
            tokio::time::timeout(PATIENCE, in_turn).await
        }));
        match asking.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                tracing::warn!("inventory-api doesn't say in time whose a ticket is");
                Err(NotRedeemed::Unavailable)
            }
            Err(_) => Err(NotRedeemed::Unavailable),
        }
    }

    async fn ask(&self, ticket: &Secret) -> Result<Identity, NotRedeemed> {
        let call = Call::begin("POST /internal/v1/tickets/redeem");
        let request = self.client.post(&self.url).bearer_auth(self.secret.expose());
        let request = request.json(&json!({"ticket": ticket.expose()}));
        let request = call.headers().fold(request, |request, (name, value)| request.header(name, value));
        let receive = async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        };
        let (status, body) = call.run(receive).await.map_err(|error| {
            let error = error.without_url();
            tracing::warn!(source = &error as &dyn std::error::Error, "a ticket can't be looked up");
            NotRedeemed::Unavailable
        })?;
        read(status, &body).inspect_err(|refused| {
            if *refused == NotRedeemed::Unavailable {
                tracing::warn!(http.status = status.as_u16(), "a ticket can't be looked up");
            }
        })
    }
}

fn read(status: StatusCode, body: &[u8]) -> Result<Identity, NotRedeemed> {
    if status.is_success() {
        let holder = serde_json::from_slice::<TicketHolder>(body).map_err(|_| NotRedeemed::Unavailable)?;
        return Ok(holder.into());
    }
    let Ok(Said { code, logout_reason }) = serde_json::from_slice(body) else {
        return Err(NotRedeemed::Unavailable);
    };
    Err(match logout_reason {
        Some(reason) => NotRedeemed::Ended(reason),
        None if code == ProblemCode::NotAuthenticated.as_str() => NotRedeemed::Unusable,
        None => NotRedeemed::Unavailable,
    })
}
