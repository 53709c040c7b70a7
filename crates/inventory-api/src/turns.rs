//! Turns at what is dear: only so many at once, so that the pool's other connections are for everybody else.

use std::time::Duration;

use service::ApiError;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Who is let in, and who waits.
pub(crate) struct Turns {
    free: Semaphore,
    patience: Duration,
    refusal: &'static str,
}

impl Turns {
    /// So many at once. Whoever has waited for so long is told why.
    pub(crate) const fn new(at_once: usize, patience: Duration, refusal: &'static str) -> Self {
        Self { free: Semaphore::const_new(at_once), patience, refusal }
    }

    /// Waits for a turn. It ends when what is returned is dropped.
    ///
    /// # Errors
    /// It takes too long.
    pub(crate) async fn take(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        match tokio::time::timeout(self.patience, self.free.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(ApiError::for_now(self.refusal, 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_that_ends_is_the_next_ones_and_who_waits_too_long_is_sent_away() {
        let turns = Turns::new(1, Duration::from_millis(20), "not now");
        let turn = turns.take().await.unwrap();
        assert!(turns.take().await.is_err());
        drop(turn);
        // One that is given up while it lasts ends, too.
        let given_up = async {
            let _turn = turns.take().await.unwrap();
            std::future::pending::<()>().await;
        };
        assert!(tokio::time::timeout(Duration::from_millis(5), given_up).await.is_err());
        assert!(turns.take().await.is_ok());
    }
}
