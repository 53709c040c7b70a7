//! How a one-time link gets to whom it is for: in a letter where a mail server is set, else shown to whoever asked for it.

use std::{slice, sync::Arc, time::Duration};

use connector::{Letter, Mail};
use domain::{Email, User, WriteContext};
use jiff::Timestamp;
use serde::Serialize;
use service::{ApiError, Context, Fatal};
use store::{Credential, Store};
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;

use crate::links::{OneTimeLink, link_lifetime, public_url};

/// So many letters to people who forgot their passwords may be under way. More are not sent.
const MOST_UNDER_WAY: usize = 20;

/// How a link was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HandedOver {
    /// By letter.
    Email,
    /// It is in this answer.
    Shown,
    /// The mail server didn't take the letter: ask for another link.
    Failed,
}

/// A one-time link that was made for somebody.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// How it was handed over.
    delivery: HandedOver,
    /// The link, where no mail server is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// Until when it can be used, once.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Hands links over. Clones share everything.
#[derive(Clone)]
pub(crate) struct Invitations {
    mail: Option<Mail>,
    public_url: Arc<str>,
    lifetime: Duration,
    /// Where letters are sent that nobody waits for.
    runtime: Handle,
    tasks: TaskTracker,
    under_way: Arc<Semaphore>,
}

impl Invitations {
    /// # Errors
    /// There is no runtime.
    pub(crate) fn new(context: &Context, mail: Option<Mail>) -> Result<Self, Fatal> {
        let settings = &context.settings;
        Ok(Self {
            mail,
            public_url: public_url(settings).into(),
            lifetime: link_lifetime(settings),
            runtime: Handle::try_current()?,
            tasks: context.tasks.clone(),
            under_way: Arc::new(Semaphore::new(MOST_UNDER_WAY)),
        })
    }

    /// Whether people get letters.
    pub(crate) const fn sends_letters(&self) -> bool {
        self.mail.is_some()
    }

    /// A link to keep and to hand over.
    pub(crate) fn link(&self) -> Result<OneTimeLink, ApiError> {
        OneTimeLink::random(self.lifetime).map_err(ApiError::internal)
    }

    /// Hands a link over that was kept, and waits for it.
    pub(crate) async fn hand_over(&self, user: &User, link: &OneTimeLink) -> Result<Invitation, ApiError> {
        let expires_at = Timestamp::now().checked_add(self.lifetime).map_err(ApiError::internal)?;
        let url = link.url(&self.public_url);
        let Some(mail) = &self.mail else {
            return Ok(Invitation { delivery: HandedOver::Shown, link: Some(url), expires_at });
        };
        let sent = mail.send(slice::from_ref(&user.email), letter(user, &url, expires_at)).await;
        if let Err(error) = &sent {
            let source: &(dyn std::error::Error + 'static) = error.as_ref();
            tracing::error!(source, "a letter can't be sent");
        }
        let delivery = if sent.is_ok() { HandedOver::Email } else { HandedOver::Failed };
        Ok(Invitation { delivery, link: None, expires_at })
    }

    /// Makes a link for somebody who may have forgotten their password, and sends it: all of it behind the answer, so that
    /// nobody can tell by the time it takes whether there is such a user.
    pub(crate) fn send_reset(&self, store: Store, tenant: String, email: Email, context: WriteContext) {
        let Ok(place) = self.under_way.clone().try_acquire_owned() else {
            tracing::warn!("too many letters are under way, one isn't sent");
            return;
        };
        let invitations = self.clone();
        let sending = async move {
            let sent = invitations.reset(&store, &tenant, &email, &context).await;
            if let Err(error) = sent {
                let source: &(dyn std::error::Error + 'static) = error.as_ref();
                tracing::error!(source, "a forgotten password can't be replaced");
            }
            drop(place);
        };
        self.tasks.spawn_on(sending, &self.runtime);
    }

    async fn reset(
        &self,
        store: &Store,
        tenant: &str,
        email: &Email,
        context: &WriteContext,
    ) -> Result<(), Fatal> {
        let Some(Credential { tenant, user, disabled: false, .. }) = store.credential(tenant, email).await?
        else {
            return Ok(());
        };
        let link = OneTimeLink::random(self.lifetime)?;
        let Some(user) = store.create_link(tenant, user, link.kept(), context).await? else { return Ok(()) };
        // What goes wrong with the letter was logged.
        let _ = self.hand_over(&user, &link).await;
        Ok(())
    }
}

fn letter(user: &User, url: &str, expires_at: Timestamp) -> Letter {
    let User { name, role, .. } = user;
    let until = expires_at.strftime("%Y-%m-%d %H:%M UTC");
    let (subject, why) = if user.has_password {
        let why = "somebody, perhaps you, asked for a new password of yours. Choose one here:";
        ("A new password for Stockwire", why.to_owned())
    } else {
        let why = format!("you have been invited to Stockwire, as {role}. Choose a password here:");
        ("Your account at Stockwire", why)
    };
    let text = format!(
        "Hello {name},\n\n{why}\n\n{url}\n\nThe link can be used once, until {until}. \
         If you didn't expect this letter, do nothing.\n"
    );
    Letter { subject: subject.to_owned(), text, id: None }
}
