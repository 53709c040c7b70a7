//! The LISTEN doorbell: says that something may have happened. It carries no data and is never trusted: whoever
//! waits for it looks by itself from time to time, too.

use std::{future::poll_fn, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;
use tokio_util::sync::CancellationToken;

use crate::{Error, Store};

/// What a doorbell hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bell {
    /// A writer committed changes while the sequencer slept.
    Changes,
    /// The sequencer gave out positions.
    Log,
    /// Something is to be sent through a channel.
    Deliveries,
}

impl Bell {
    const fn channel(self) -> &'static str {
        match self {
            Self::Changes => "stockwire_changes",
            Self::Log => "stockwire_log",
            Self::Deliveries => "stockwire_deliveries",
        }
    }
}

/// Wakes those who wait whenever the bell rings, and whenever the connection was made anew, since rings may have
/// been missed before.
#[derive(Debug, Clone)]
pub struct Doorbell {
    ring: Arc<Notify>,
}

impl Doorbell {
    /// Listens on a connection of its own until `stop`, reconnecting with growing pauses up to 2 s.
    #[must_use]
    pub fn listen(store: Store, bell: Bell, stop: CancellationToken) -> Self {
        let ring = Arc::new(Notify::new());
        let doorbell = Self { ring: ring.clone() };
        tokio::spawn(async move {
            stop.run_until_cancelled(keep_listening(store, bell, ring)).await;
        });
        doorbell
    }

    /// Resolves at the next ring, at once if it rang since the last call resolved. For one waiter.
    pub async fn rung(&self) {
        self.ring.notified().await;
    }
}

async fn keep_listening(store: Store, bell: Bell, ring: Arc<Notify>) {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);
    let mut pause = SHORTEST;
    loop {
        let started = tokio::time::Instant::now();
        let ended = listen(&store, bell, &ring).await;
        if started.elapsed() > LONGEST {
            pause = SHORTEST;
        }
        if let Err(error) = ended {
            tracing::warn!(bell = ?bell, source = &error as &dyn std::error::Error, "doorbell lost, listening again");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Listens until the connection ends.
async fn listen(store: &Store, bell: Bell, ring: &Notify) -> Result<(), Error> {
    let (client, mut connection) = store.dedicated("doorbell").await?;
    // The connection must be polled while LISTEN is under way, so both run side by side.
    let hear = async {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(_))) => ring.notify_one(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Error::from(error)),
                None => return Ok(()),
            }
        }
    };
    let ask = async {
        let listen = format!("/* store::Doorbell */ listen {}", bell.channel());
        client.batch_execute(&listen).await?;
        ring.notify_one();
        // A connection that the other side forgot looks healthy until something is sent.
        loop {
            tokio::time::sleep(Duration::from_secs(15)).await;
            let alive = client.batch_execute("/* store::Doorbell */ select 1");
            if let Err(elapsed) = tokio::time::timeout(Duration::from_secs(5), alive).await {
                return Err(Error::Unavailable(Box::new(elapsed)));
            }
        }
    };
    tokio::select! {
        ended = hear => ended,
        ended = ask => ended,
    }
}
