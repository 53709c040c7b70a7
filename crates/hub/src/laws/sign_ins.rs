//! Who the clients are: each is signed in, some share a login as the tabs of a browser do, and logins are ended. The set
//! of ended logins knows it first, the shard hears of it later.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use domain::{EndedLogin, Identity, Login, LogoutReason};
use serde_json::Value;
use service::EndedLogins;

use super::World;

/// The login of each client, and what was ended.
pub(super) struct SignIns {
    logins: Vec<Login>,
    next: i64,
    ended: Arc<EndedLogins>,
    unheard: VecDeque<EndedLogin>,
}

impl SignIns {
    /// The clients with the numbers 0 and 3, 1 and 4, 2 and 5 share a login.
    pub(super) fn new(ended: Arc<EndedLogins>) -> Self {
        let logins = (0..6).map(|number| Login::Session(number % 3)).collect();
        Self { logins, next: 6, ended, unheard: VecDeque::new() }
    }

    pub(super) fn identity(&self, number: usize) -> Identity {
        Identity { login: Some(self.logins[number]), ..Identity::anonymous() }
    }

    /// A client was told that its login was ended: that must be true. It signs in again.
    pub(super) fn logged_out(&mut self, number: usize, frame: &Value) {
        let reason = self.ended.reason(self.logins[number]).map(LogoutReason::as_str);
        assert_eq!(frame["reason"].as_str(), reason, "{frame} to client {number}");
        self.logins[number] = Login::Session(self.next);
        self.next += 1;
    }
}

impl World {
    /// Ends the login of some client.
    pub(super) fn end_a_login(&mut self) {
        let number = self.chance.below(self.clients.len());
        let reason = LogoutReason::ALL[self.chance.below(LogoutReason::ALL.len())];
        let ended = EndedLogin { login: self.sign_ins.logins[number], reason };
        self.sign_ins.ended.add([ended]);
        self.sign_ins.unheard.push_back(ended);
    }

    /// The shard hears of what was ended: one by one, or that something was. Then nobody of that login is connected.
    pub(super) fn hear_of_ended_logins(&mut self) {
        let one_by_one = self.chance.below(2) == 0;
        let heard = std::mem::take(&mut self.sign_ins.unheard);
        if !one_by_one {
            self.state.end_ended_logins();
        }
        for ended in heard {
            if one_by_one {
                self.state.end_login(ended);
            }
            let mut known = self.state.connections.iter().filter_map(|(_, found)| found.identity());
            assert!(known.all(|identity| identity.login != Some(ended.login)), "{ended:?} goes on");
        }
    }

    /// The index names those who are connected, and nobody else.
    pub(super) fn check_logins(&self) {
        let connections = self.state.connections.iter();
        let known = connections.filter_map(|(key, found)| Some((found.identity()?.login?, key)));
        assert_eq!(self.state.logins, known.collect::<BTreeSet<_>>());
    }
}
