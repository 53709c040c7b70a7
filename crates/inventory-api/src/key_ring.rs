//! API keys at the gate: found, compared, and let in or not. A key that is remembered costs no query. All that are looked up
//! at the same time share one: however many wrong keys come, they take one connection of the pool.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use domain::{Identity, Login, LogoutReason};
use ipnet::IpNet;
use jiff::Timestamp;
use metrics::counter;
use service::{Context, EndedLogins};
use store::{Error, FoundKey, Store};
use tokio::sync::{mpsc, oneshot};

use crate::{
    api_key::{Prefix, ShownKey},
    key_memory::{KeyMemory, Remembered},
    key_uses::KeyUses,
    visitor::Unknown,
};

/// One query looks for so many at most.
const MOST_AT_ONCE: usize = 500;
const CHECKED: &str = "stockwire_api_keys_checked_total";

/// A key as it was found.
#[derive(Debug)]
pub(crate) struct Key {
    login: i64,
    identity: Identity,
    secret_hash: Vec<u8>,
    /// `None` lets it be used from anywhere.
    networks: Option<Vec<IpNet>>,
    revoked: bool,
}

/// Checks keys.
pub(crate) struct KeyRing {
    memory: Arc<KeyMemory>,
    questions: mpsc::Sender<Question>,
    uses: KeyUses,
}

/// Somebody wants to know a key.
struct Question {
    prefix: Prefix,
    answer: oneshot::Sender<Answer>,
}

/// The key, if there is one.
type Answer = Result<Option<Arc<Key>>, Unanswered>;

/// Nobody can say at the moment.
struct Unanswered;

impl KeyRing {
    /// Answers for as long as anybody asks: requests under way do so too while the service stops.
    pub(crate) fn start(context: &Context, store: Store) -> Self {
        describe();
        let memory = Arc::new(KeyMemory::default());
        let (questions, asked) = mpsc::channel(MOST_AT_ONCE);
        tokio::spawn(answer_questions(store.clone(), memory.clone(), asked));
        Self { memory, questions, uses: KeyUses::start(context, store) }
    }

    /// Who shows this key, from this address. That it was revoked or comes from a wrong place is only told to who knows the
    /// secret.
    ///
    /// # Errors
    /// It isn't good, not any more, not from there, or nobody can say.
    pub(crate) async fn identify(
        &self,
        text: &str,
        address: Option<IpAddr>,
        ended: &EndedLogins,
    ) -> Result<Identity, Unknown> {
        let checked = self.check(text, address, ended).await;
        let outcome = match &checked {
            Ok(_) => "accepted",
            Err(Unknown::Ended(..)) => "revoked",
            Err(Unknown::KeyElsewhere(..)) => "address",
            Err(Unknown::KeyUnchecked) => "unavailable",
            Err(_) => "invalid",
        };
        counter!(CHECKED, "outcome" => outcome).increment(1);
        checked
    }

    async fn check(
        &self,
        text: &str,
        address: Option<IpAddr>,
        ended: &EndedLogins,
    ) -> Result<Identity, Unknown> {
        let shown = ShownKey::read(text).ok_or(Unknown::BadKey)?;
        let found = self.find(shown.prefix()).await.map_err(|Unanswered| Unknown::KeyUnchecked)?;
        let key = found.filter(|key| shown.has_secret(&key.secret_hash)).ok_or(Unknown::BadKey)?;
        key.check(address, Timestamp::now(), ended)?;
        self.uses.note(key.login);
        Ok(key.identity.clone())
    }

    async fn find(&self, prefix: Prefix) -> Answer {
        match self.memory.recall(&prefix, Instant::now()) {
            Remembered::Key(key) => return Ok(Some(key)),
            Remembered::NoKey => return Ok(None),
            Remembered::Nothing => {}
        }
        let (answer, answered) = oneshot::channel();
        self.questions.send(Question { prefix, answer }).await.map_err(|_| Unanswered)?;
        answered.await.map_err(|_| Unanswered)?
    }
}

impl Key {
    fn new(found: FoundKey) -> Self {
        // What can't be read lets nobody in; the column's type lets nothing of that kind in either.
        let networks = found.addresses.iter().filter_map(|text| text.parse().ok()).collect();
        let login = Login::Key(found.id);
        let identity = Identity {
            tenant: found.tenant,
            actor: Arc::from(login.to_string()),
            login: Some(login),
            permissions: found.permissions,
            expires_at: found.expires_at,
        };
        Self {
            login: found.id,
            identity,
            secret_hash: found.secret_hash,
            networks: Some(networks).filter(|_| !found.addresses.is_empty()),
            revoked: found.revoked,
        }
    }

    /// Whether it may be used, by someone who knows the secret.
    fn check(&self, address: Option<IpAddr>, now: Timestamp, ended: &EndedLogins) -> Result<(), Unknown> {
        // The set knows of keys that were revoked since this one was found.
        let revoked = self.revoked.then_some(LogoutReason::Revoked);
        if let Some(reason) = revoked.or_else(|| ended.reason(Login::Key(self.login))) {
            return Err(Unknown::Ended(self.identity.clone(), reason));
        }
        if self.identity.expires_at.is_some_and(|end| end <= now) {
            return Err(Unknown::BadKey);
        }
        let Some(networks) = &self.networks else { return Ok(()) };
        let address = address.map(|address| address.to_canonical());
        if address.is_some_and(|address| networks.iter().any(|network| network.contains(&address))) {
            return Ok(());
        }
        let client = address.map(tracing::field::display);
        tracing::warn!(
            key.id = self.login,
            client.address = client,
            "an API key was used where it may not be"
        );
        Err(Unknown::KeyElsewhere(self.identity.clone(), address))
    }
}

/// One query at a time. While it runs, questions gather for the next.
async fn answer_questions(store: Store, memory: Arc<KeyMemory>, mut questions: mpsc::Receiver<Question>) {
    let mut asked: Vec<Question> = Vec::new();
    while questions.recv_many(&mut asked, MOST_AT_ONCE).await > 0 {
        let asked_at = Instant::now();
        // The last query may have answered some of them.
        let open: BTreeSet<Prefix> = asked
            .iter()
            .filter(|question| !question.answer.is_closed())
            .map(|question| question.prefix)
            .filter(|prefix| matches!(memory.recall(prefix, asked_at), Remembered::Nothing))
            .collect();
        let found = look_up(&store, &open).await;
        if let Ok(found) = &found {
            for prefix in &open {
                memory.keep(*prefix, found.get(prefix).cloned(), asked_at);
            }
        }
        for Question { prefix, answer } in asked.drain(..) {
            let said = match (&found, memory.recall(&prefix, asked_at)) {
                (_, Remembered::Key(key)) => Ok(Some(key)),
                (_, Remembered::NoKey) => Ok(None),
                (Ok(found), Remembered::Nothing) => Ok(found.get(&prefix).cloned()),
                (Err(_), Remembered::Nothing) => Err(Unanswered),
            };
            // Who has gone away needs no answer.
            let _ = answer.send(said);
        }
    }
}

async fn look_up(store: &Store, prefixes: &BTreeSet<Prefix>) -> Result<HashMap<Prefix, Arc<Key>>, Error> {
    if prefixes.is_empty() {
        return Ok(HashMap::new());
    }
    // Letters and digits only.
    let texts: Vec<&str> = prefixes.iter().filter_map(|prefix| std::str::from_utf8(prefix).ok()).collect();
    let found = store.find_api_keys(&texts).await.inspect_err(|error| {
        tracing::error!(source = error as &dyn std::error::Error, "API keys can't be looked up");
    })?;
    let by_prefix = |found: FoundKey| {
        let prefix = found.prefix.as_bytes().try_into().ok()?;
        Some((prefix, Arc::new(Key::new(found))))
    };
    Ok(found.into_iter().filter_map(by_prefix).collect())
}

fn describe() {
    let text = "API keys that were shown, by outcome: accepted, invalid, revoked, address, unavailable.";
    metrics::describe_counter!(CHECKED, metrics::Unit::Count, text);
    for outcome in ["accepted", "invalid", "revoked", "address", "unavailable"] {
        counter!(CHECKED, "outcome" => outcome).increment(0);
    }
}

#[cfg(test)]
mod tests {
    use domain::{EndedLogin, Permission, Permissions, TenantId};

    use super::*;

    fn found(id: i64) -> FoundKey {
        FoundKey {
            prefix: "0123456789".into(),
            id,
            tenant: TenantId::DEFAULT,
            secret_hash: vec![0; 32],
            permissions: Permissions::of([Permission::Read]),
            addresses: Vec::new(),
            expires_at: None,
            revoked: false,
        }
    }

    impl Key {
        /// Any key.
        pub(crate) fn sample(id: i64) -> Self {
            Self::new(found(id))
        }
    }

    fn check(found: FoundKey, address: Option<&str>) -> Result<(), Unknown> {
        let address = address.map(|text| text.parse().unwrap());
        let now = Timestamp::from_second(1_000_000).unwrap();
        Key::new(found).check(address, now, &EndedLogins::default())
    }

    #[test]
    fn a_key_is_used_from_its_networks_only() {
        let bound = |addresses: &[&str]| FoundKey {
            addresses: addresses.iter().map(|text| (*text).to_owned()).collect(),
            ..found(1)
        };
        let networks = ["203.0.113.0/24", "2001:db8::/32"];
        for address in ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8:7::1"] {
            assert_eq!(check(bound(&networks), Some(address)), Ok(()), "{address}");
        }
        for address in [Some("203.0.114.9"), Some("2001:db9::1"), Some("::203.0.113.9"), None] {
            assert!(
                matches!(check(bound(&networks), address), Err(Unknown::KeyElsewhere(..))),
                "{address:?}"
            );
        }
        assert!(matches!(check(bound(&["nonsense"]), Some("::1")), Err(Unknown::KeyElsewhere(..))));
        assert_eq!(check(found(1), None), Ok(()));
    }

    #[test]
    fn a_key_ends_when_it_says() {
        let ends = |second| {
            let expires_at = Some(Timestamp::from_second(second).unwrap());
            check(FoundKey { expires_at, ..found(1) }, None)
        };
        assert_eq!(ends(1_000_001), Ok(()));
        assert_eq!(ends(1_000_000), Err(Unknown::BadKey));
    }

    #[test]
    fn a_revoked_key_is_refused_however_one_learns_of_it() {
        let revoked = Err(Unknown::Ended(Key::sample(1).identity, LogoutReason::Revoked));
        assert_eq!(check(FoundKey { revoked: true, ..found(1) }, None), revoked);
        let ended = EndedLogins::default();
        ended.add([EndedLogin { login: Login::Key(1), reason: LogoutReason::Revoked }]);
        let now = Timestamp::now();
        assert_eq!(Key::sample(1).check(None, now, &ended), revoked);
        assert_eq!(Key::sample(2).check(None, now, &ended), Ok(()));
    }
}
