//! One-time tickets: how a client that can't send a header, as a browser's `EventSource`, says who it is. It asks for one
//! with its token, and shows it in the query.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{FieldError, FieldReader, Identity, Login, Permissions, TenantId};

/// How long a ticket may be used.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// 32 bytes as base64url without padding.
const CHARACTERS: usize = 43;

/// Whether a text has the form of a ticket: what hasn't needs no looking up.
#[must_use]
pub fn is_ticket(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == CHARACTERS && text.bytes().all(letter)
}

/// Reads `{"ticket":"…"}`, with which a hub uses one up.
///
/// # Errors
/// Everything that is wrong with it. What was sent is never repeated.
pub fn read_ticket(body: Value) -> Result<String, Vec<FieldError>> {
    let mut reader = FieldReader::new(body)?;
    let ticket = reader.required("ticket", |value| match value {
        Value::String(text) if is_ticket(&text) => Ok(text),
        _ => Err("must be a ticket".to_owned()),
    });
    reader.finish()?;
    // It is there: otherwise the reading ended with an error.
    Ok(ticket.unwrap_or_default())
}

/// Who asked for a ticket, as inventory-api tells the hub that uses it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketHolder {
    /// Whose data.
    pub tenant: TenantId,
    /// Who, as in [`Identity`].
    pub actor: String,
    /// The session or key.
    pub login: Option<Login>,
    /// What it lets do.
    pub scope: Permissions,
    /// When the token ends that it was asked for with, and so what the ticket opens.
    pub token_expires_at: Option<Timestamp>,
}

impl From<TicketHolder> for Identity {
    fn from(holder: TicketHolder) -> Self {
        Self {
            tenant: holder.tenant,
            actor: Arc::from(holder.actor),
            login: holder.login,
            permissions: holder.scope,
            expires_at: holder.token_expires_at,
        }
    }
}

impl From<&Identity> for TicketHolder {
    fn from(identity: &Identity) -> Self {
        Self {
            tenant: identity.tenant,
            actor: identity.actor.to_string(),
            login: identity.login,
            scope: identity.permissions,
            token_expires_at: identity.expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ticket_is_known_by_its_form_and_never_repeated() {
        let ticket = "Ab_-".repeat(10) + "xyz";
        assert_eq!(read_ticket(json!({"ticket": ticket})), Ok(ticket.clone()));
        for wrong in [&ticket[1..], &ticket.replace('-', "+"), "", &"ü".repeat(43)] {
            assert!(!is_ticket(wrong), "{wrong}");
        }
        for body in [json!({}), json!({"ticket": 7}), json!({"ticket": "hunter2"}), json!([])] {
            let errors = format!("{:?}", read_ticket(body).unwrap_err());
            assert!(!errors.contains("hunter2"), "{errors}");
        }
    }

    #[test]
    fn a_holder_is_who_asked() {
        let identity = Identity { login: Some(Login::Session(17)), ..Identity::anonymous() };
        let text = serde_json::to_string(&TicketHolder::from(&identity)).unwrap();
        let holder: TicketHolder = serde_json::from_str(&text).unwrap();
        assert_eq!(Identity::from(holder), identity);
    }
}
