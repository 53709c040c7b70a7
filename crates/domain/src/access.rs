//! Who is asking: what a verified token, or the lack of one, says about a request or a socket.

use std::sync::Arc;

use jiff::Timestamp;

use crate::TenantId;

/// The result of authentication, whatever the means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose data.
    pub tenant: TenantId,
    /// Written into every change: `user:7`, `key:3`, `anonymous`.
    pub actor: Arc<str>,
    /// The login or key that the token belongs to; ending it ends the socket.
    pub session: Option<Arc<str>>,
    /// When the token ends; `None` where nobody needs one.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// Who comes without a token, where the settings allow that.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { tenant: TenantId::DEFAULT, actor: Arc::from("anonymous"), session: None, expires_at: None }
    }
}
