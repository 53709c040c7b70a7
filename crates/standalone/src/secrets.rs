//! Secrets that nobody has to set on a machine of one's own: made once, kept beside the embedded Postgres.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context as _;
use service::{Fatal, Settings, settings::Secret};
use uuid::Uuid;

/// A secret that nobody could guess: 244 random bits from the operating system.
pub(crate) fn random() -> Secret {
    Secret::new(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
}

/// The key of access tokens: from the settings, else kept in a file, so that tokens survive a restart.
///
/// # Errors
/// What is set is too short, or the file can't be read or made.
pub(crate) fn token_secret(settings: &Settings) -> Result<Secret, Fatal> {
    if !settings.auth.token_secret.is_empty() {
        return Ok(settings.token_secret()?);
    }
    let directory = &settings.postgres.directory;
    let file = directory.join("token-secret");
    kept(directory, &file).with_context(|| format!("can't keep the token secret in {}", file.display()))
}

fn kept(directory: &Path, file: &Path) -> io::Result<Secret> {
    std::fs::create_dir_all(directory)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut file) => {
            let secret = random();
            file.write_all(secret.expose().as_bytes())?;
            Ok(secret)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(file)?;
            if text.len() < 32 {
                return Err(io::Error::other("it was cut short; remove it, and old tokens with it"));
            }
            Ok(Secret::new(text))
        }
        Err(error) => Err(error),
    }
}
