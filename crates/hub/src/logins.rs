//! Ending the connections of a login that was ended: all of them, in whatever state they are, and those of no other.

use std::sync::Arc;

use domain::{CloseCode, EndedLogin, Identity, Login, LogoutReason, Permission};

use crate::{connection::Phase, state::State, wire};

impl State {
    /// Says who a connection belongs to from now on, unless that login was ended: says whether it goes on. The feed puts
    /// an ended login into the set before this shard hears of it. So whoever is let in before this shard has heard of it
    /// is found in the index then, and whoever comes later is refused here.
    pub(crate) fn identify(&mut self, key: usize, identity: Identity) -> bool {
        let ended = identity.login.and_then(|login| self.ended.reason(login));
        if let Some(reason) = ended {
            self.log_out(key, reason);
            return false;
        }
        let Some(connection) = self.connections.get_mut(key) else { return false };
        // A client that came without a token may say who it is later.
        if let Some(before) = connection.identity().and_then(|identity| identity.login) {
            self.logins.remove(&(before, key));
        }
        if let Some(login) = identity.login {
            self.logins.insert((login, key));
        }
        let identity = Arc::new(identity);
        connection.seat = self.presence.seat(&identity);
        connection.phase = Phase::Known(identity);
        true
    }

    /// A client has a newer token, of the same login.
    pub(crate) fn renew(&mut self, key: usize, identity: Identity) {
        let has_topics = self.connections.get(key).is_some_and(|found| !found.subscriptions.is_empty());
        if has_topics && !identity.may(Permission::Read) {
            return self.close(key, CloseCode::Policy, "the token doesn't allow what this socket follows");
        }
        if self.identify(key, identity) {
            self.reschedule(key);
        }
    }

    /// Ends the connections of a login.
    pub(crate) fn end_login(&mut self, EndedLogin { login, reason }: EndedLogin) {
        let of_login = self.logins.range((login, usize::MIN)..=(login, usize::MAX));
        let keys: Vec<usize> = of_login.map(|(_, key)| *key).collect();
        for key in keys {
            self.log_out(key, reason);
        }
    }

    /// Ends the connections of all logins that were ended, where nobody knows which are new.
    pub(crate) fn end_ended_logins(&mut self) {
        let reason = |login: Login| self.ended.reason(login).map(|reason| EndedLogin { login, reason });
        let mut ended: Vec<EndedLogin> = self.logins.iter().filter_map(|(login, _)| reason(*login)).collect();
        ended.dedup();
        for ended in ended {
            self.end_login(ended);
        }
    }

    /// Tells a client that its login was ended, and closes.
    pub(crate) fn log_out(&mut self, key: usize, reason: LogoutReason) {
        let Some((encoding, _)) = self.begin_to_close(key, CloseCode::ForcedLogout) else { return };
        self.metrics.logged_out(reason);
        self.say_last(key, encoding, wire::force_logout(encoding, reason));
    }
}
