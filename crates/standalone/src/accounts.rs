//! The first people and programs that may come in: who runs the service makes them here, with the right to its database.
//! What is secret goes to standard output, once, and to no log.

use std::fmt::Write as _;

use domain::{Email, Name, NewApiKey, NewUser, Permissions, Role, TenantId, User, WriteContext};
use inventory_api::{
    api_key,
    links::{OneTimeLink, link_lifetime, public_url},
};
use service::{Fatal, Settings};
use store::Store;

/// Who makes what is made on the command line, in the audit trail.
const COMMAND_LINE: &str = "cli";
/// Who makes what is made at the start.
const START: &str = "stockwire";
/// The key for the examples.
const DEMO: &str = "demo";

/// An owner's one-time link.
pub(crate) struct OwnerLink {
    owner: User,
    pub(crate) url: String,
}

impl OwnerLink {
    /// Whose it is.
    pub(crate) fn email(&self) -> &Email {
        &self.owner.email
    }

    /// What the command line says.
    pub(crate) fn message(&self, settings: &Settings) -> String {
        let OwnerLink { owner, url } = self;
        let mut text =
            format!("{url}\n\nSigns {} in, once, within {} h", owner.email, settings.auth.link_hours);
        // Writing into a String can't fail.
        let _ = match owner.has_password {
            true => write!(text, ", and replaces the password."),
            false => write!(text, ": they choose a password with it."),
        };
        text
    }
}

/// Makes a link for an owner, and the owner and the tenant where they are missing.
pub(crate) async fn owner_link(
    store: &Store,
    settings: &Settings,
    tenant: Option<&Name>,
    email: Option<&Email>,
) -> Result<OwnerLink, Fatal> {
    make_link(store, settings, tenant_id(store, tenant).await?, email, COMMAND_LINE).await
}

/// The way in for whoever starts this for the first time: until somebody of the first tenant has a password.
pub(crate) async fn first_link(store: &Store, settings: &Settings) -> Result<Option<OwnerLink>, Fatal> {
    if store.has_passwords(TenantId::DEFAULT).await? {
        return Ok(None);
    }
    make_link(store, settings, TenantId::DEFAULT, None, START).await.map(Some)
}

/// Makes a key and gives its text.
pub(crate) async fn key(
    store: &Store,
    tenant: Option<&Name>,
    name: Name,
    scopes: Permissions,
) -> Result<String, Fatal> {
    make_key(store, tenant_id(store, tenant).await?, name, scopes, COMMAND_LINE).await
}

/// A key for the examples, made anew at each start: the one before is revoked.
pub(crate) async fn demo_key(store: &Store) -> Result<String, Fatal> {
    let context = context(START);
    let mut before = None;
    loop {
        let page = store.api_keys(TenantId::DEFAULT, before, 200).await?;
        for old in page.keys {
            if old.name.as_str() == DEMO && old.created_by == START && old.revoked_at.is_none() {
                store.revoke_api_key(TenantId::DEFAULT, old.id, &context).await?;
            }
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let scopes = Permissions::of(domain::Permission::SCOPES);
    make_key(store, TenantId::DEFAULT, Name::parse(DEMO)?, scopes, START).await
}

async fn make_link(
    store: &Store,
    settings: &Settings,
    tenant: TenantId,
    email: Option<&Email>,
    actor: &str,
) -> Result<OwnerLink, Fatal> {
    let link = OneTimeLink::random(link_lifetime(settings))?;
    let nobody_yet =
        NewUser { email: Email::parse("owner@localhost")?, name: Name::parse("Owner")?, role: Role::Owner };
    let owner = store.ensure_owner(tenant, email, &nobody_yet, link.kept(), &context(actor)).await?;
    Ok(OwnerLink { owner, url: link.url(&public_url(settings)) })
}

async fn make_key(
    store: &Store,
    tenant: TenantId,
    name: Name,
    scopes: Permissions,
    actor: &str,
) -> Result<String, Fatal> {
    let (text, sealed) = api_key::make()?;
    let new = NewApiKey { name, scopes, expires_at: None, addresses: Vec::new() };
    store.create_api_key(tenant, &new, &sealed, &context(actor)).await?;
    Ok(text)
}

async fn tenant_id(store: &Store, name: Option<&Name>) -> Result<TenantId, Fatal> {
    match name {
        Some(name) => Ok(store.ensure_tenant(name).await?),
        None => Ok(TenantId::DEFAULT),
    }
}

fn context(actor: &str) -> WriteContext {
    WriteContext { actor: actor.to_owned(), ..WriteContext::default() }
}
