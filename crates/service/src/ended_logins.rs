//! The logins that were ended and whose tokens may not have expired: kept in memory by whoever checks tokens.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use domain::{EndedLogin, Identity, LONGEST_TOKEN, Login, LogoutReason};

use crate::access::Refused;

/// Longer than any token of a login, whatever clocks say.
const KEPT: Duration = LONGEST_TOKEN.saturating_add(Duration::from_secs(600));
/// How often what is too old is forgotten.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(60);

/// A set that forgets what no token can name any more: some 50 bytes for each login that was ended within the last hour.
#[derive(Debug, Default)]
pub struct EndedLogins {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ended: HashMap<Login, (LogoutReason, Instant)>,
    forgotten_at: Option<Instant>,
}

impl EndedLogins {
    /// Remembers some more. Who was ended before keeps the first reason.
    pub fn add(&self, ended: impl IntoIterator<Item = EndedLogin>) {
        let now = Instant::now();
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        for EndedLogin { login, reason } in ended {
            inner.ended.entry(login).or_insert((reason, now));
        }
        if inner.forgotten_at.is_none_or(|last| now.duration_since(last) > FORGOTTEN_EVERY) {
            inner.forgotten_at = Some(now);
            inner.ended.retain(|_, (_, since)| now.duration_since(*since) < KEPT);
        }
    }

    /// Remembers these and nothing else: the log is another one now, and its logins are others.
    pub fn replace(&self, ended: impl IntoIterator<Item = EndedLogin>) {
        let now = Instant::now();
        let ended = ended.into_iter().map(|EndedLogin { login, reason }| (login, (reason, now))).collect();
        self.inner.write().unwrap_or_else(PoisonError::into_inner).ended = ended;
    }

    /// Why a login was ended, if it was.
    #[must_use]
    pub fn reason(&self, login: Login) -> Option<LogoutReason> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.ended.get(&login).map(|(reason, _)| *reason)
    }

    /// Lets an identity pass whose login goes on.
    ///
    /// # Errors
    /// It was ended.
    pub fn check(&self, identity: Identity) -> Result<Identity, Refused> {
        match identity.login.and_then(|login| self.reason(login)) {
            Some(reason) => Err(Refused::Ended(reason)),
            None => Ok(identity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_login_stays_ended_for_its_first_reason() {
        let logins = EndedLogins::default();
        let of = |login| Identity { login, ..Identity::anonymous() };
        let (first, again) = (LogoutReason::OtherDeviceLogin, LogoutReason::Revoked);
        for reason in [first, again] {
            logins.add([EndedLogin { login: Login::Session(7), reason }]);
        }
        assert_eq!(logins.check(of(Some(Login::Session(7)))), Err(Refused::Ended(first)));
        for other in [None, Some(Login::Session(8)), Some(Login::Key(7))] {
            assert!(logins.check(of(other)).is_ok());
        }
        logins.replace([EndedLogin { login: Login::Session(8), reason: again }]);
        assert!(logins.check(of(Some(Login::Session(7)))).is_ok());
        assert_eq!(logins.check(of(Some(Login::Session(8)))), Err(Refused::Ended(again)));
    }
}
