//! Many clients that keep a copy of all items, lose their connections, come back as they were told to, and check what
//! they get. Like an [`Audience`](crate::audience::Audience) they live on one thread of this process.

use std::{
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::crowd::{
    habit::Habit,
    member::{Ended, Member, Shared},
    tally::{Counts, Tally},
};

pub(crate) mod habit;
pub(crate) mod member;
pub(crate) mod tally;
pub(crate) mod verdict;

/// So many connect at once the first time; after that everybody comes when it wants to.
const CONNECTING: usize = 128;

/// Where a member is, for those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) live: AtomicBool,
    pub(crate) reached: AtomicI64,
}

/// The clients.
#[derive(Debug)]
pub(crate) struct Crowd {
    progress: Arc<Vec<Progress>>,
    tally: Arc<Tally>,
    calm: CancellationToken,
    stop: CancellationToken,
    thread: Option<JoinHandle<Vec<Ended>>>,
}

impl Crowd {
    /// Starts clients of a hub, each with its habit.
    pub(crate) fn gather(hub: SocketAddr, habits: Vec<Habit>, seed: u64) -> Result<Self> {
        let (calm, stop) = (CancellationToken::new(), CancellationToken::new());
        let progress: Arc<Vec<Progress>> = Arc::new(habits.iter().map(|_| Progress::default()).collect());
        let tally = Arc::new(Tally::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = (progress.clone(), tally.clone(), calm.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("crowd".to_owned()).spawn(move || {
            let (progress, tally, calm, stop) = shared;
            let connecting = Semaphore::new(CONNECTING);
            let shared = Shared { hub, progress, tally, calm, stop, connecting };
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, live(Rc::new(shared), habits, seed))
        })?;
        Ok(Self { progress, tally, calm, stop, thread: Some(thread) })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// How many have got everything up to a position, and stay connected.
    pub(crate) fn at(&self, position: i64) -> usize {
        let is_there = |one: &&Progress| one.live.load(Relaxed) && one.reached.load(Relaxed) >= position;
        self.progress.iter().filter(is_there).count()
    }

    /// Waits until everybody is live; fails if that takes too long.
    pub(crate) async fn all_live(&self, limit: Duration) -> Result<()> {
        let there = self.wait_for(0, limit).await;
        if there < self.progress.len() {
            bail!("{there} of {} clients are live after {} s", self.progress.len(), limit.as_secs());
        }
        Ok(())
    }

    /// Waits until everybody is at a position, or for so long; says how many are.
    pub(crate) async fn wait_for(&self, position: i64, limit: Duration) -> usize {
        let begun = Instant::now();
        loop {
            let there = self.at(position);
            if there == self.progress.len() || begun.elapsed() > limit {
                return there;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// From now on everybody reads at once whatever comes, and nobody goes away.
    pub(crate) fn calm_down(&self) {
        self.calm.cancel();
    }

    /// Ends it; says what became of everybody.
    pub(crate) fn disperse(mut self) -> Result<Vec<Ended>> {
        self.stop.cancel();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => Ok(ended),
            _ => bail!("the clients' thread has panicked"),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn live(shared: Rc<Shared>, habits: Vec<Habit>, seed: u64) -> Vec<Ended> {
    let tracker = TaskTracker::new();
    let mut members = Vec::new();
    for (number, habit) in habits.into_iter().enumerate() {
        let member = Member::new(shared.clone(), number, habit, seed);
        members.push(tracker.spawn_local(member.live()));
    }
    let mut ended = Vec::new();
    for member in members {
        // A member that panicked is missed by whoever counts.
        ended.extend(member.await);
    }
    ended
}
