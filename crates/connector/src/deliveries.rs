//! Works off the queue of deliveries: takes what is due, tries it, and writes down how that ended. Several processes do, and
//! share the work; within one, so many tries run at once, and so many of one channel.
//!
//! Each delivery arrives at least once: whoever dies between sending it and writing that down has it sent again, with the
//! same id. When the service stops, no more are taken, and those under way are waited for; what isn't done by the
//! deadline is taken over by another process as if this one had died.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::ChannelKind;
use jiff::Timestamp;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use service::Context;
use store::{Appetite, Bell, Doorbell, DueDelivery, Error, Store};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    courier::{Courier, Undelivered},
    message::Message,
    schedule::pause,
};

/// How often it looks without being told, so that what is due by now is found.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How soon the end of a try is written again that couldn't be.
const WRITE_AGAIN: Duration = Duration::from_millis(500);
/// A delivery is taken for so many times as long as a try may take.
const LEASE: u32 = 3;

const TRIES: &str = "stockwire_deliveries_total";
const DELAY: &str = "stockwire_delivery_delay_seconds";
const UNDER_WAY: &str = "stockwire_deliveries_under_way";

/// Sends what is due until the service stops, where the settings say so.
pub(crate) fn start(context: &Context, store: Store, courier: Courier) {
    describe();
    let settings = &context.settings.connector;
    if !settings.enabled {
        return;
    }
    let listens = context.settings.notifier.doorbell;
    let doorbell = listens.then(|| Doorbell::listen(store.clone(), Bell::Deliveries, context.stop.clone()));
    let sender = Sender { store, courier, most_attempts: settings.attempts.into() };
    let queue = Queue {
        sender: Arc::new(sender),
        most: settings.parallelism.into(),
        most_of_a_channel: settings.parallelism_per_channel.into(),
        lease: settings.patience() * LEASE,
        tries: JoinSet::new(),
        under_way: HashMap::new(),
        failing: HashSet::new(),
    };
    let (stop, last_words) = (context.stop.clone(), context.settings.shutdown.deadline() * 2 / 3);
    context.spawn_essential("deliveries", queue.work_until(stop, doorbell, last_words));
}

/// What is due, and what is under way.
struct Queue {
    sender: Arc<Sender>,
    most: usize,
    most_of_a_channel: usize,
    lease: Duration,
    /// Each says whether the message arrived.
    tries: JoinSet<bool>,
    /// The channel of each try.
    under_way: HashMap<Id, i64>,
    /// The channels whose last try failed.
    failing: HashSet<i64>,
}

impl Queue {
    async fn work_until(mut self, stop: CancellationToken, doorbell: Option<Doorbell>, last_words: Duration) {
        self.work(&stop, doorbell).await;
        // What isn't done by then is given up with the rest of `self`.
        let _ =
            tokio::time::timeout(last_words, async { while self.tries.join_next().await.is_some() {} }).await;
        gauge!(UNDER_WAY).set(0.0);
    }

    async fn work(&mut self, stop: &CancellationToken, doorbell: Option<Doorbell>) {
        let mut look = true;
        // Whether there may be more than there was room for.
        let mut more = false;
        while !stop.is_cancelled() {
            if look && self.tries.len() < self.most {
                more = self.take().await;
            }
            gauge!(UNDER_WAY).set(f64::from(u32::try_from(self.tries.len()).unwrap_or(u32::MAX)));
            let rung = async {
                match &doorbell {
                    Some(doorbell) => doorbell.rung().await,
                    None => std::future::pending().await,
                }
            };
            look = tokio::select! {
                () = stop.cancelled() => return,
                Some(ended) = self.tries.join_next_with_id() => {
                    let (id, arrived) = ended.unwrap_or_else(|error| (error.id(), false));
                    self.ended(id, arrived);
                    more
                }
                () = rung => true,
                () = tokio::time::sleep(LOOK_AGAIN) => true,
            };
        }
    }

    fn ended(&mut self, id: Id, arrived: bool) {
        let Some(channel) = self.under_way.remove(&id) else { return };
        if arrived {
            self.failing.remove(&channel);
        } else {
            self.failing.insert(channel);
        }
    }

    /// Begins to try what is due, and says whether there was anything.
    async fn take(&mut self) -> bool {
        // One that fails has one place: the others are as good as taken.
        let taken = self.most_of_a_channel - 1;
        let mut by_channel: HashMap<i64, usize> =
            self.failing.iter().map(|channel| (*channel, taken)).collect();
        for channel in self.under_way.values() {
            *by_channel.entry(*channel).or_default() += 1;
        }
        let appetite = Appetite {
            most: self.most - self.tries.len(),
            most_of_a_channel: self.most_of_a_channel,
            under_way: by_channel.into_iter().collect(),
            lease: self.lease,
        };
        let taken = self.sender.store.take_deliveries(&appetite).await.unwrap_or_else(|error| {
            let source = &error as &dyn std::error::Error;
            tracing::debug!(source, "can't look for deliveries, trying again");
            Vec::new()
        });
        let any = !taken.is_empty();
        let until = Instant::now() + self.lease;
        for due in taken {
            let channel = due.channel.id;
            let task = self.tries.spawn(self.sender.clone().attempt(due, until));
            self.under_way.insert(task.id(), channel);
        }
        any
    }
}

/// Tries deliveries.
struct Sender {
    store: Store,
    courier: Courier,
    most_attempts: i32,
}

impl Sender {
    /// Tries a delivery that is ours until then, and says whether it arrived.
    async fn attempt(self: Arc<Self>, due: DueDelivery, until: Instant) -> bool {
        let sent = if due.channel.enabled {
            self.courier.send(&due.channel, &Message::of(&due)).await
        } else {
            Err(Undelivered::Refused("the channel is disabled".to_owned()))
        };
        self.note_end(&due, &sent, until).await;
        sent.is_ok()
    }

    /// Writes down how a try ended, again and again while the delivery is ours.
    async fn note_end(&self, due: &DueDelivery, sent: &Result<(), Undelivered>, until: Instant) {
        let arrived_at = Timestamp::now();
        loop {
            match self.write_down(due, sent).await {
                Ok(true) => return report(due, sent, self.again_in(due, sent).is_some(), arrived_at),
                // Somebody else has it by now.
                Ok(false) => return,
                Err(error) if Instant::now() + WRITE_AGAIN < until => {
                    tracing::debug!(
                        source = &error as &dyn std::error::Error,
                        delivery.id = due.id,
                        "can't write down how a delivery ended"
                    );
                    tokio::time::sleep(WRITE_AGAIN).await;
                }
                Err(_) => {
                    tracing::warn!(delivery.id = due.id, "how a delivery ended is lost: it is tried again");
                    return;
                }
            }
        }
    }

    async fn write_down(&self, due: &DueDelivery, sent: &Result<(), Undelivered>) -> Result<bool, Error> {
        match sent {
            Ok(()) => self.store.delivered(due.tenant, due.id).await,
            Err(why) => self.store.not_delivered(due, &why.to_string(), self.again_in(due, sent)).await,
        }
    }

    /// How long to wait before the next try, if there shall be one.
    fn again_in(&self, due: &DueDelivery, sent: &Result<(), Undelivered>) -> Option<Duration> {
        match sent {
            Err(Undelivered::Failed { quiet, .. }) if due.attempt < self.most_attempts => {
                Some(pause(due.attempt, *quiet, chance()))
            }
            _ => None,
        }
    }
}

/// Counts a try, and says so if it was the last one. An address may stand in what a mail server says, so that is only in
/// the delivery itself.
fn report(due: &DueDelivery, sent: &Result<(), Undelivered>, again: bool, arrived_at: Timestamp) {
    let kind = due.channel.kind;
    let outcome = match sent {
        Ok(()) => "delivered",
        Err(_) if again => "failed",
        Err(_) => "dead",
    };
    counter!(TRIES, "kind" => kind.as_str(), "outcome" => outcome).increment(1);
    let (id, channel, attempt) = (due.id, due.channel.id, due.attempt);
    match sent {
        Ok(()) => {
            // Clocks of two machines may differ.
            let delay = arrived_at.duration_since(due.raised_at).as_secs_f64().max(0.0);
            histogram!(DELAY, "kind" => kind.as_str()).record(delay);
            tracing::debug!(delivery.id = id, channel.id = channel, delivery.attempt = attempt, "delivered");
        }
        Err(why) => {
            let why = if kind == ChannelKind::Email {
                "a letter can't be sent".to_owned()
            } else {
                why.to_string()
            };
            if again {
                tracing::info!(
                    delivery.id = id,
                    channel.id = channel,
                    delivery.attempt = attempt,
                    why,
                    "not delivered"
                );
            } else {
                tracing::warn!(
                    delivery.id = id,
                    channel.id = channel,
                    delivery.attempt = attempt,
                    why,
                    "delivery given up"
                );
            }
        }
    }
}

fn describe() {
    let text = "Tries of deliveries through channels, by kind (email, webhook) and outcome: delivered, failed (it is tried \
        again), dead (it was given up).";
    describe_counter!(TRIES, Unit::Count, text);
    let text = "From raising a notification to the moment when the other side of a channel had taken it.";
    describe_histogram!(DELAY, Unit::Seconds, text);
    let text = "Deliveries that this process is trying at this moment.";
    describe_gauge!(UNDER_WAY, Unit::Count, text);
    gauge!(UNDER_WAY).set(0.0);
    for kind in ChannelKind::ALL {
        for outcome in ["delivered", "failed", "dead"] {
            counter!(TRIES, "kind" => kind.as_str(), "outcome" => outcome).increment(0);
        }
    }
}

/// From 0 to 1. Without randomness, which no system lacks, what failed together comes back together.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}
