//! Follows the feed through everything that happens to notifiers, by its cursor, as a hub does.

use std::time::Duration;

use anyhow::{Result, bail};
use domain::{Cursor, Position};
use testkit::{FeedClient, FeedEvent, SeededNumbers, SeenEntry, waiting};
use tokio::{sync::watch, task::JoinHandle};

use crate::fleet::Addresses;

/// What a follower has seen.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) entries: Vec<SeenEntry>,
    pub(crate) connections: usize,
}

/// A task that follows.
#[derive(Debug)]
pub(crate) struct FeedFollower {
    until: watch::Sender<Option<Position>>,
    following: JoinHandle<Result<Followed>>,
}

impl FeedFollower {
    pub(crate) fn start(addresses: Addresses, secret: String, from: Cursor, numbers: SeededNumbers) -> Self {
        let (until, told) = watch::channel(None);
        let following = tokio::spawn(follow(addresses, secret, from, numbers, told));
        Self { until, following }
    }

    /// Everything up to a position.
    pub(crate) async fn finish(self, until: Position) -> Result<Followed> {
        self.until.send_replace(Some(until));
        let awaited = format!("the follower to reach {until}");
        waiting::within(waiting::PATIENCE, &awaited, self.following).await??
    }
}

async fn follow(
    addresses: Addresses,
    secret: String,
    from: Cursor,
    mut numbers: SeededNumbers,
    mut until: watch::Receiver<Option<Position>>,
) -> Result<Followed> {
    let (mut cursor, mut followed) = (from, Followed { entries: Vec::new(), connections: 0 });
    loop {
        let Some(url) = addresses.any(&mut numbers) else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let Ok(mut feed) = FeedClient::connect(&url, &secret, Some(cursor)).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        followed.connections += 1;
        loop {
            if until.borrow().is_some_and(|until| cursor.position >= until) {
                return Ok(followed);
            }
            let event = tokio::select! {
                event = feed.next() => event?,
                _ = until.changed() => continue,
            };
            match event {
                Some(FeedEvent::Hello(hello)) if hello != cursor => bail!("asked for {cursor}, got {hello}"),
                Some(FeedEvent::Hello(_) | FeedEvent::Heartbeat(_)) => {}
                Some(FeedEvent::Entries(entries)) => {
                    followed.entries.extend(entries);
                    cursor = feed.cursor().unwrap_or(cursor);
                }
                Some(FeedEvent::Reset(to, reason)) => bail!("reset from {cursor} to {to}: {reason:?}"),
                None => break,
            }
        }
    }
}
