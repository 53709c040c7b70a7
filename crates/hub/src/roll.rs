//! Who is connected to this hub, whichever shards their connections are on, and what of that isn't told yet.
//!
//! Someone has come with their first connection, and has gone when there has been none for the grace: who loads a page
//! anew hasn't left. Someone who was gone before it could be told that they came was never there, so that a program which
//! asks something with a short poll makes no noise.
//!
//! A connection costs one lookup in a map when it opens and one when it ends; only the first and the last of a person do
//! more. What is kept is bounded by who is connected and who was told of, however long nobody takes a report: nobody is
//! told of before the report before was taken.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use domain::{PresenceReport, TenantActor, TenantId};
use tokio::time::Instant;

/// A person of a tenant.
pub(crate) type Who = (TenantId, Arc<str>);

/// Those who come within this time are told of together.
const TOGETHER: Duration = Duration::from_millis(100);

/// Someone who is connected, or was a moment ago.
#[derive(Debug, Default)]
struct Person {
    connections: u32,
    /// Whether inventory-api may know of them.
    told: bool,
    /// When they have left, unless they come back.
    leaves_at: Option<Instant>,
}

/// What the next report says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) here: Vec<TenantActor>,
    pub(crate) gone: Vec<TenantActor>,
    /// Nobody else is left to tell of.
    pub(crate) is_all: bool,
}

/// Everybody, and what is to be told.
#[derive(Debug)]
pub(crate) struct Roll {
    grace: Duration,
    people: HashMap<Who, Person>,
    /// Those to tell of who are here.
    fresh: BTreeSet<Who>,
    /// When the first of them came.
    fresh_since: Option<Instant>,
    /// Those who were told of and have no connection.
    leaving: BTreeSet<(Instant, Who)>,
}

impl Roll {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            people: HashMap::new(),
            fresh: BTreeSet::new(),
            fresh_since: None,
            leaving: BTreeSet::new(),
        }
    }

    /// Someone has one connection more. Says whether there is something to tell sooner than before.
    pub(crate) fn enter(&mut self, who: &Who) -> bool {
        if let Some(person) = self.people.get_mut(who) {
            person.connections += 1;
            if let Some(at) = person.leaves_at.take() {
                self.leaving.remove(&(at, who.clone()));
            }
            return false;
        }
        self.people.insert(who.clone(), Person { connections: 1, ..Person::default() });
        self.fresh.insert(who.clone());
        let is_first = self.fresh_since.is_none();
        self.fresh_since.get_or_insert_with(Instant::now);
        is_first
    }

    /// Someone has one connection less. Says whether there is something to tell sooner than before.
    pub(crate) fn leave(&mut self, who: &Who) -> bool {
        let Some(person) = self.people.get_mut(who) else { return false };
        person.connections -= 1;
        if person.connections > 0 {
            return false;
        }
        if !person.told {
            self.people.remove(who);
            self.fresh.remove(who);
            if self.fresh.is_empty() {
                self.fresh_since = None;
            }
            return false;
        }
        let at = Instant::now() + self.grace;
        person.leaves_at = Some(at);
        self.leaving.insert((at, who.clone()));
        self.leaving.len() == 1
    }

    /// When there is something to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        let came = self.fresh_since.map(|since| since + TOGETHER);
        let leaves = self.leaving.first().map(|(at, _)| *at);
        [came, leaves].into_iter().flatten().min()
    }

    /// How many people were told of.
    pub(crate) fn told(&self) -> usize {
        self.people.len() - self.fresh.len()
    }

    /// Takes what there is to tell at this moment, a report's worth at most. Who is told of is known from then on: the
    /// report is said until it is taken.
    pub(crate) fn take(&mut self, now: Instant) -> News {
        let mut news = News::default();
        while news.gone.len() < PresenceReport::MOST {
            if self.leaving.first().is_none_or(|(at, _)| *at > now) {
                break;
            }
            let Some((_, who)) = self.leaving.pop_first() else { break };
            self.people.remove(&who);
            news.gone.push(named(&who));
        }
        while news.here.len() + news.gone.len() < PresenceReport::MOST {
            let Some(who) = self.fresh.pop_first() else { break };
            news.here.push(named(&who));
            if let Some(person) = self.people.get_mut(&who) {
                person.told = true;
            }
        }
        news.is_all = self.fresh.is_empty();
        if news.is_all {
            self.fresh_since = None;
        }
        news
    }

    /// Nothing was told: everybody who is connected must be told of.
    pub(crate) fn start_over(&mut self) {
        self.leaving.clear();
        self.people.retain(|_, person| person.connections > 0);
        for person in self.people.values_mut() {
            person.told = false;
        }
        self.fresh = self.people.keys().cloned().collect();
        self.fresh_since = (!self.fresh.is_empty()).then(Instant::now);
    }
}

fn named((tenant, actor): &Who) -> TenantActor {
    TenantActor { tenant: *tenant, actor: actor.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    fn who(actor: &str) -> Who {
        (TenantId::DEFAULT, actor.into())
    }

    fn later() -> Instant {
        Instant::now() + GRACE * 2
    }

    fn actors(people: &[TenantActor]) -> Vec<&str> {
        people.iter().map(|person| person.actor.as_str()).collect()
    }

    #[test]
    fn only_the_first_connection_and_the_end_of_the_last_are_told() {
        let mut roll = Roll::new(GRACE);
        assert!(roll.enter(&who("user:1")) && !roll.enter(&who("user:1")) && !roll.enter(&who("key:1")));
        let news = roll.take(Instant::now());
        assert_eq!((actors(&news.here), news.gone.len(), news.is_all), (vec!["key:1", "user:1"], 0, true));
        assert_eq!((roll.due(), roll.told()), (None, 2));
        assert!(!roll.leave(&who("user:1")));
        assert_eq!(roll.due(), None);
        assert!(roll.leave(&who("user:1")));
        assert_eq!(roll.take(Instant::now()).gone, []);
        assert_eq!(actors(&roll.take(later()).gone), ["user:1"]);
        assert_eq!((roll.due(), roll.told()), (None, 1));
    }

    #[test]
    fn who_comes_back_in_time_has_not_left() {
        let mut roll = Roll::new(GRACE);
        roll.enter(&who("user:1"));
        roll.take(Instant::now());
        roll.leave(&who("user:1"));
        assert!(!roll.enter(&who("user:1")) && roll.due().is_none());
        let news = roll.take(later());
        assert!(news.here.is_empty() && news.gone.is_empty());
    }

    #[test]
    fn who_was_gone_before_it_was_told_was_never_there() {
        let mut roll = Roll::new(GRACE);
        for _ in 0..1000 {
            roll.enter(&who("user:1"));
            roll.leave(&who("user:1"));
        }
        assert!(roll.people.is_empty() && roll.fresh.is_empty() && roll.leaving.is_empty());
        assert_eq!(roll.due(), None, "there is nothing to tell");
        assert_eq!(roll.take(Instant::now()), News { is_all: true, ..News::default() });
        assert_eq!(roll.due(), None);
    }

    #[test]
    fn coming_and_going_without_end_takes_no_memory() {
        let mut roll = Roll::new(GRACE);
        roll.enter(&who("user:1"));
        roll.take(Instant::now());
        for _ in 0..1000 {
            roll.leave(&who("user:1"));
            roll.enter(&who("user:1"));
        }
        assert!(roll.people.len() == 1 && roll.fresh.is_empty() && roll.leaving.is_empty());
    }

    #[test]
    fn many_are_told_of_in_parts_and_anew_when_it_was_for_nothing() {
        let mut roll = Roll::new(GRACE);
        let many: Vec<Who> = (0..1203).map(|number| who(&format!("user:{number}"))).collect();
        for who in &many {
            roll.enter(who);
        }
        let tell = |roll: &mut Roll| {
            let parts: Vec<News> = (0..3).map(|_| roll.take(Instant::now())).collect();
            let counts: Vec<_> = parts.iter().map(|part| (part.here.len(), part.is_all)).collect();
            assert_eq!(counts, [(500, false), (500, false), (203, true)]);
        };
        tell(&mut roll);
        roll.enter(&who("user:gone"));
        roll.take(Instant::now());
        roll.leave(&who("user:gone"));
        roll.start_over();
        assert!(roll.due().is_some() && roll.told() == 0);
        tell(&mut roll);
        assert!(roll.take(later()).gone.is_empty(), "whoever left meanwhile isn't known at all");
    }
}
