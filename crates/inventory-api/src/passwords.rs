//! Passwords, hashed with argon2id (RFC 9106) and the parameters that OWASP's password storage cheat sheet names first:
//! 19 MiB, 2 passes, 1 lane. A hash takes tens of milliseconds of a processor on purpose, so it runs on the blocking
//! pool, as many at once as there are cores, and only so many wait.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::Password;
use service::ApiError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many wait for their turn behind each that is hashed.
const QUEUE: usize = 16;

/// Hashes and compares.
#[derive(Clone)]
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    /// Whoever has no place here is sent away.
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// What the passwords of users are compared with that don't exist, so that they take as long.
    nobodys: Arc<str>,
}

impl Passwords {
    /// # Errors
    /// The operating system gives no random bytes.
    pub(crate) fn new() -> Result<Self, argon2::password_hash::Error> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
        let nobodys = argon2.hash_password(b"nobody has this password")?.to_string().into();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (waiting, running) = (Semaphore::new(cores * (QUEUE + 1)), Semaphore::new(cores));
        Ok(Self { argon2, waiting: Arc::new(waiting), running: Arc::new(running), nobodys })
    }

    /// The hash to keep, as a PHC string.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, ApiError> {
        let argon2 = self.argon2.clone();
        let hashed = self.in_turn(move || argon2.hash_password(password.as_bytes())).await?;
        hashed.map(|hash| hash.to_string()).map_err(ApiError::internal)
    }

    /// Whether this is the password that was hashed. Without one of both the answer is no, after the same work.
    pub(crate) async fn verify(
        &self,
        password: Option<Password>,
        hash: Option<String>,
    ) -> Result<bool, ApiError> {
        let (argon2, nobodys) = (self.argon2.clone(), self.nobodys.clone());
        self.in_turn(move || {
            let is_somebody = hash.is_some() && password.is_some();
            let hash = hash.as_deref().unwrap_or(&nobodys);
            let given = password.as_ref().map(Password::as_bytes).unwrap_or_default();
            let same = match PasswordHash::new(hash) {
                Ok(hash) => argon2.verify_password(given, &hash).is_ok(),
                Err(_) => {
                    tracing::error!("a password hash in the database can't be read");
                    false
                }
            };
            same && is_somebody
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = || ApiError::for_now("Too many sign in at this moment.", 2);
        let place = self.waiting.clone().try_acquire_owned().map_err(|_| busy())?;
        let turn = self.running.clone().acquire_owned().await.map_err(|_| busy())?;
        // Both are kept until the work is done, even if nobody waits for it any more: it goes on.
        let held: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (place, turn);
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(held);
            done
        });
        done.await.map_err(ApiError::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::choose(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash(password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |given: &str, hash: Option<&str>| {
            passwords.verify(Password::given(given), hash.map(ToOwned::to_owned))
        };
        assert!(verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!verify("correct  horse", Some(&hash)).await.unwrap());
        assert!(!verify("nobody has this password", None).await.unwrap());
        assert!(!verify("correct horse", Some("not a hash")).await.unwrap());
        assert!(!passwords.verify(None, Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_finds_no_place_is_sent_away() {
        let passwords = Passwords::new().unwrap();
        let all = passwords.waiting.available_permits();
        let _held = passwords.waiting.clone().try_acquire_many_owned(u32::try_from(all).unwrap()).unwrap();
        assert!(passwords.verify(Password::given("x"), None).await.is_err());
    }
}
