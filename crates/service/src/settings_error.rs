//! What is wrong with settings, for the operator who reads it at start.

use std::{net::SocketAddr, path::PathBuf};

/// Settings that can't be used. Messages name keys and files, never values of secrets.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A key is unknown, or a value has the wrong type.
    #[error("settings: {0}")]
    Invalid(#[source] config::ConfigError),
    /// The file is not TOML. What is wrong would be shown with the line, which may hold a secret.
    #[error("settings: {file} is not valid TOML")]
    File {
        /// The file.
        file: String,
    },
    /// A value that is out of bounds.
    #[error("settings: {key} must be {expected}")]
    Range {
        /// The key.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A secret's file can't be read.
    #[error("settings: {key} names {file}, which can't be read")]
    SecretFile {
        /// The key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A secret is needed and missing or too short.
    #[error("settings: set {key} to at least {least} random characters")]
    SecretMissing {
        /// The variable to set.
        key: &'static str,
        /// How long it must be.
        least: usize,
    },
    /// A URL holds a user or a password, which would be shown in messages about it.
    #[error("settings: {key} must not hold a user or a password")]
    Credentials {
        /// The key.
        key: &'static str,
    },
    /// Open to anybody who can reach it, without anyone having said so.
    #[error(
        "settings: {key} is {listen}, which others can reach, while everybody may come in without a token; listen on \
         127.0.0.1, or set STOCKWIRE__AUTH__ANONYMOUS to never (tokens are needed) or anywhere (this is meant)"
    )]
    Open {
        /// The variable that says where to listen.
        key: &'static str,
        /// Where.
        listen: SocketAddr,
    },
    /// A secret that everybody can read in the files of the project, in production.
    #[error(
        "settings: {key} has a value that is published for development, while STOCKWIRE__DEPLOYMENT__STAGE is \
         production; set it to random characters"
    )]
    Published {
        /// The variable to set.
        key: &'static str,
    },
    /// Everybody may come in, in production.
    #[error(
        "settings: STOCKWIRE__AUTH__ANONYMOUS is anywhere, while STOCKWIRE__DEPLOYMENT__STAGE is production; set it to \
         never"
    )]
    OpenProduction,
}

impl From<config::ConfigError> for SettingsError {
    fn from(error: config::ConfigError) -> Self {
        match error {
            config::ConfigError::FileParse { uri, .. } => Self::File { file: uri.unwrap_or_default() },
            other => Self::Invalid(other),
        }
    }
}
