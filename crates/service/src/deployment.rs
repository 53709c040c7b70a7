//! What a deployment is for, and what production may not do: start with what is published for development.

use serde::{Deserialize, Serialize};

use crate::settings::{Anonymous, Secret, Settings, SettingsError};

/// What the development defaults of all secrets begin with, here and in the files under `deploy/`.
pub const DEVELOPMENT_ONLY: &str = "development-only";

/// What a deployment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// To try things out: secrets that everybody knows will do.
    Development,
    /// For real stock.
    Production,
}

/// What this deployment is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// What it is for.
    pub stage: Stage,
}

/// Refuses, in production, what is only good for development.
///
/// # Errors
/// A secret is a published one, or everybody may come in without a token.
pub(crate) fn refuse_development_defaults(settings: &Settings) -> Result<(), SettingsError> {
    if settings.deployment.stage == Stage::Development {
        return Ok(());
    }
    let secrets = [
        ("STOCKWIRE__DATABASE__URL", &settings.database.url),
        ("STOCKWIRE__DATABASE__PASSWORD", &settings.database.password),
        ("STOCKWIRE__INTERNAL__SECRET", &settings.internal.secret),
        ("STOCKWIRE__AUTH__TOKEN_SECRET", &settings.auth.token_secret),
    ];
    let published = |secret: &Secret| secret.expose().contains(DEVELOPMENT_ONLY);
    if let Some((key, _)) = secrets.into_iter().find(|(_, secret)| published(secret)) {
        return Err(SettingsError::Published { key });
    }
    if settings.auth.anonymous == Anonymous::Anywhere {
        return Err(SettingsError::OpenProduction);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::load(
            None,
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<HashMap<_, _>>(),
        )
    }

    const PRODUCTION: (&str, &str) = ("STOCKWIRE__DEPLOYMENT__STAGE", "production");

    #[test]
    fn production_takes_no_published_secret() {
        let published = [
            ("STOCKWIRE__DATABASE__URL", "postgres://stockwire:development-only@postgres/stockwire"),
            ("STOCKWIRE__DATABASE__PASSWORD", "development-only-password"),
            ("STOCKWIRE__INTERNAL__SECRET", "development-only-internal-secret"),
            ("STOCKWIRE__AUTH__TOKEN_SECRET", "development-only-token-secret-of-everybody"),
        ];
        for pair in published {
            assert!(load(&[pair]).is_ok(), "{pair:?} is fine in development");
            let error = load(&[PRODUCTION, pair]).unwrap_err().to_string();
            assert!(error.contains(pair.0) && !error.contains(pair.1), "{error}");
        }
    }

    #[test]
    fn production_lets_nobody_in_without_a_token() {
        let open = ("STOCKWIRE__AUTH__ANONYMOUS", "anywhere");
        assert!(load(&[open]).is_ok());
        assert!(matches!(load(&[PRODUCTION, open]), Err(SettingsError::OpenProduction)));
        assert!(load(&[PRODUCTION, ("STOCKWIRE__AUTH__ANONYMOUS", "never")]).is_ok());
    }
}
