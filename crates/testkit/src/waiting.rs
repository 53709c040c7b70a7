//! Bounded waits: a test that hangs says nothing, one that fails says what it waited for.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::Instant;

/// How long anything may take that should take milliseconds, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How often a condition is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The future's result, or an error that names what was awaited.
///
/// # Errors
/// It didn't come within the limit.
pub async fn within<T>(limit: Duration, awaited: &str, future: impl Future<Output = T>) -> Result<T> {
    match tokio::time::timeout(limit, future).await {
        Ok(value) => Ok(value),
        Err(_) => Err(anyhow!("waited {} ms in vain for {awaited}", limit.as_millis())),
    }
}

/// Looks again and again until there is something, and says how long that took.
///
/// # Errors
/// The condition failed, or wasn't met within the limit.
pub async fn until<T>(
    limit: Duration,
    awaited: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<(T, Duration)> {
    let begun = Instant::now();
    let found = within(limit, awaited, async {
        loop {
            if let Some(found) = look().await? {
                return Ok::<T, anyhow::Error>(found);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    });
    Ok((found.await??, begun.elapsed()))
}
