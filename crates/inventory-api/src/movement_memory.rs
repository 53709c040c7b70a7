//! Sums over many changes, kept for a short time, and worked out once for all who ask at the same time: a hundred open
//! pages cost what one does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::{Movement, TenantId};
use jiff::civil::Date;
use service::ApiError;
use store::Error;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::error::{store_error, too_many_changes};

/// An answer is used for so long at least.
const KEPT_AT_LEAST: Duration = Duration::from_secs(5);
/// An answer that was dear is used for so many times as long as it took, so that adding up takes a tenth of the time.
const KEPT_TIMES: u32 = 10;
/// But for no longer than this.
const KEPT_AT_MOST: Duration = Duration::from_mins(2);
/// So long a question isn't tried again that took too long.
const REFUSED_FOR: Duration = Duration::from_mins(1);
/// So long nobody is asked again who didn't answer.
const AWAY_FOR: Duration = Duration::from_secs(1);
/// Some 60 KiB each at most.
const MOST_KEPT: usize = 256;
/// So many are worked out at once; the pool's other connections are for everybody else.
const AT_ONCE: usize = 2;
/// So long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// Whose data.
    pub(crate) tenant: TenantId,
    /// Where days begin.
    pub(crate) time_zone: String,
    /// Which day is the last.
    pub(crate) today: Date,
    /// How many days.
    pub(crate) days: u16,
}

/// Answers, and those that are being worked out. Clones share them.
#[derive(Clone)]
pub(crate) struct MovementMemory {
    places: Arc<Mutex<HashMap<Question, Place>>>,
    turns: Arc<Semaphore>,
    patience: Duration,
}

/// Locked while the answer is being worked out.
type Place = Arc<tokio::sync::Mutex<Option<Kept>>>;

#[derive(Clone)]
struct Kept {
    answer: Result<Arc<Movement>, Refused>,
    until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    TooSlow,
    Away,
    Busy,
}

impl MovementMemory {
    pub(crate) fn new() -> Self {
        Self { places: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)), patience: PATIENCE }
    }

    /// The answer to a question; worked out if there is none that is young enough. Whoever goes away meanwhile doesn't stop
    /// the work: the next one wants it, too.
    pub(crate) async fn answer(
        &self,
        question: Question,
        work: impl Future<Output = Result<Movement, Error>> + Send + 'static,
    ) -> Result<Arc<Movement>, ApiError> {
        let mut place = self.place(question).lock_owned().await;
        if let Some(kept) = place.as_ref().filter(|kept| kept.until > Instant::now()) {
            return kept.answer.clone().map_err(Refused::into_error);
        }
        let (turns, patience) = (self.turns.clone(), self.patience);
        let working = async move {
            let turn = tokio::time::timeout(patience, turns.acquire_owned()).await;
            let Ok(Ok(_turn)) = turn else {
                // Those who wait behind this one have waited as long: they don't wait once more, one after the other.
                *place = Some(Kept { answer: Err(Refused::Busy), until: Instant::now() + AWAY_FOR });
                return Err(Refused::Busy.into_error());
            };
            let begun = Instant::now();
            let done = work.await.map(Arc::new);
            let (answer, lasts) = match &done {
                Ok(movement) => (Ok(movement.clone()), kept_for(begun.elapsed())),
                Err(Error::TooSlow(_)) => (Err(Refused::TooSlow), REFUSED_FOR),
                Err(_) => (Err(Refused::Away), AWAY_FOR),
            };
            *place = Some(Kept { answer, until: Instant::now() + lasts });
            done.map_err(store_error)
        };
        let worked = tokio::spawn(working.in_current_span()).await;
        worked.map_err(ApiError::internal)?
    }

    fn place(&self, question: Question) -> Place {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST_KEPT && !places.contains_key(&question) {
            let now = Instant::now();
            // One that is locked is being worked out.
            places.retain(|_, place| {
                place.try_lock().map_or(true, |kept| kept.as_ref().is_some_and(|kept| kept.until > now))
            });
            if places.len() >= MOST_KEPT {
                places.clear();
            }
        }
        places.entry(question).or_default().clone()
    }
}

fn kept_for(took: Duration) -> Duration {
    took.saturating_mul(KEPT_TIMES).clamp(KEPT_AT_LEAST, KEPT_AT_MOST)
}

impl Refused {
    /// What the first one was told, without its cause, which was logged then.
    fn into_error(self) -> ApiError {
        match self {
            Self::TooSlow => too_many_changes(),
            Self::Away => ApiError::for_now("The database doesn't answer at the moment.", 1),
            Self::Busy => ApiError::for_now("Others have much added up at the moment.", 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{AsOf, Epoch, Position};

    use super::*;

    fn question() -> Question {
        Question {
            tenant: TenantId::DEFAULT,
            time_zone: "UTC".to_owned(),
            today: Date::constant(2026, 11, 22),
            days: 1,
        }
    }

    async fn nothing_moved() -> Result<Movement, Error> {
        let as_of = AsOf { epoch: Epoch::new(uuid::Uuid::nil()), position: Position::START };
        Ok(Movement { time_zone: "UTC".to_owned(), days: vec![], busiest: vec![], complete: true, as_of })
    }

    #[tokio::test]
    async fn many_who_wait_in_vain_wait_no_longer_than_one() {
        let memory = MovementMemory { patience: Duration::from_millis(100), ..MovementMemory::new() };
        let taken = memory.turns.clone().acquire_many_owned(2).await.unwrap();
        let began = Instant::now();
        let asked: Vec<_> = (0..20)
            .map(|_| {
                let memory = memory.clone();
                tokio::spawn(async move { memory.answer(question(), nothing_moved()).await.is_err() })
            })
            .collect();
        for refused in asked {
            assert!(refused.await.unwrap());
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        drop(taken);
        tokio::time::sleep(AWAY_FOR).await;
        assert!(memory.answer(question(), nothing_moved()).await.is_ok());
    }

    #[tokio::test]
    async fn work_that_panics_or_is_left_alone_keeps_nobody_waiting() {
        let memory = MovementMemory::new();
        for _ in 0..=AT_ONCE {
            let panics = async { panic!("as it should in this test") };
            assert!(memory.answer(question(), panics).await.is_err());
        }
        let (done, ends) = tokio::sync::oneshot::channel::<()>();
        let work = async move {
            ends.await.ok();
            nothing_moved().await
        };
        let left = tokio::time::timeout(Duration::from_millis(20), memory.answer(question(), work)).await;
        assert!(left.is_err());
        done.send(()).unwrap();
        // What was begun is finished, and answers whoever comes next.
        let next = memory.answer(question(), async { unreachable!("it is there by then") }).await;
        assert!(next.is_ok());
    }
}
