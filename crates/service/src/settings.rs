//! Settings: compiled defaults, then `stockwire.toml` (or the file that was named), then the environment
//! (`STOCKWIRE__SECTION__KEY`, also from `.env`). An unknown key is an error, so that a typing mistake can't hide.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};

use crate::deployment::refuse_development_defaults;

pub use crate::{
    auth_settings::{Anonymous, Auth, Limits, Mail},
    connector_settings::Connector,
    deployment::{Deployment, Stage},
    hub_settings::Hub,
    notification_settings::Notifications,
    outgoing_settings::Outgoing,
    retention_settings::Retention,
    secret::Secret,
    settings_error::SettingsError,
    telemetry_settings::{Comment, Log, LogFormat, Telemetry},
};

/// The settings of all services; each reads its part.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What this deployment is for.
    pub deployment: Deployment,
    /// The public HTTP API.
    pub http: Http,
    /// Postgres.
    pub database: Database,
    /// Between the services.
    pub internal: Internal,
    /// Who may come in.
    pub auth: Auth,
    /// How often one client may ask.
    pub limits: Limits,
    /// Letters.
    pub mail: Mail,
    /// Requests to addresses that users name.
    pub outgoing: Outgoing,
    /// How notifications get to channels.
    pub connector: Connector,
    /// The notifier.
    pub notifier: Notifier,
    /// How much of the log is kept.
    pub retention: Retention,
    /// What monitors raised.
    pub notifications: Notifications,
    /// How the hub reaches inventory-api.
    pub api: Api,
    /// The hub.
    pub hub: Hub,
    /// The embedded Postgres of the binary `stockwire`.
    pub postgres: Postgres,
    /// Logging.
    pub log: Log,
    /// Traces.
    pub telemetry: Telemetry,
    /// Stopping.
    pub shutdown: Shutdown,
}

/// The public HTTP API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Threads that serve requests; 0 means one for each core.
    pub workers: usize,
    /// Where people reach it, such as `https://stock.shop.example`: for links in letters, and for whether cookies are for
    /// TLS only. Empty means the address that it listens on.
    pub public_url: String,
    /// Origins of pages that browsers may let use the API, besides its own; never `*`.
    pub allowed_origins: Vec<String>,
    /// Addresses and networks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
}

impl Http {
    /// Whether people reach it by TLS only, as far as the settings say where they reach it.
    #[must_use]
    pub fn is_tls_only(&self) -> bool {
        self.public_url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }
}

/// Postgres.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `postgres://user:password@host:port/database`; empty means the embedded one, for the binary `stockwire`.
    pub url: Secret,
    /// A file that holds the URL.
    pub url_file: Option<PathBuf>,
    /// The password, where the URL has none.
    pub password: Secret,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The most connections of a process' pool.
    pub pool_size: usize,
    /// So long a request waits for one of them, in milliseconds; then it is answered with 503.
    pub pool_wait_ms: u64,
    /// A statement that runs longer is cancelled, in milliseconds.
    pub statement_timeout_ms: u64,
    /// A statement that waits longer for a lock is cancelled, in milliseconds.
    pub lock_timeout_ms: u64,
    /// Create the database and bring the schema up to date at start; else wait until someone else has.
    pub migrate: bool,
    /// Which requests' statements say in a comment whom they run for.
    pub comment: Comment,
}

/// Between the services.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Internal {
    /// What services show each other; at least 16 characters.
    pub secret: Secret,
    /// A file that holds the secret.
    pub secret_file: Option<PathBuf>,
}

/// The notifier.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notifier {
    /// Address and port of the feed; internal, never public.
    pub listen: SocketAddr,
    /// Where hubs find the feed, such as `ws://notifier:8081`.
    pub url: String,
    /// The most connections of its pool; `database.pool_size` where it shares a process with the API.
    pub pool_size: usize,
    /// How often it looks for changes without being told, in milliseconds: the longest delay if no notification
    /// ever arrives.
    pub poll_interval_ms: u64,
    /// Listen for notifications. Off behind a pooler that doesn't pass them on; then it only polls.
    pub doorbell: bool,
    /// How many entries it keeps in memory for hubs that come back.
    pub window_entries: usize,
}

/// How the hub reaches inventory-api.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Such as `http://inventory-api:8080`.
    pub url: String,
}

/// The embedded Postgres of the binary `stockwire`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// Where it keeps its data.
    pub directory: PathBuf,
    /// A folder with server binaries to use instead of looking for some.
    pub binaries: Option<PathBuf>,
}

/// Stopping.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// A service that hasn't drained by then stops anyway and exits with a failure, in milliseconds.
    pub deadline_ms: u64,
}

impl Shutdown {
    /// The deadline.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

/// The defaults, in the form of the settings file, so that they can be read by people too.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// The variables that hold secrets.
const SECRETS: [&str; 5] = [
    "STOCKWIRE__DATABASE__URL",
    "STOCKWIRE__DATABASE__PASSWORD",
    "STOCKWIRE__INTERNAL__SECRET",
    "STOCKWIRE__AUTH__TOKEN_SECRET",
    "STOCKWIRE__MAIL__PASSWORD",
];

/// The keys whose variables hold several values, with commas between.
const LISTS: [&str; 5] = [
    "http.allowed_origins",
    "http.trusted_proxies",
    "hub.allowed_origins",
    "hub.trusted_proxies",
    "outgoing.allowed_networks",
];

impl Settings {
    /// Reads the settings from a file, if there is one, and the environment.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn load(file: Option<&Path>, environment: HashMap<String, String>) -> Result<Self, SettingsError> {
        let (secrets, others) = environment.into_iter().partition(|(key, _)| is_secret(key));
        let secrets = variables(secrets);
        let others =
            LISTS.iter().fold(variables(others).try_parsing(true).list_separator(","), |others, key| {
                others.with_list_parse_key(key)
            });
        let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let mut settings: Self = builder.add_source(others).add_source(secrets).build()?.try_deserialize()?;
        let Self { database, internal, auth, mail, .. } = &mut settings;
        read_secret("database.url_file", database.url_file.as_deref(), &mut database.url)?;
        read_secret("internal.secret_file", internal.secret_file.as_deref(), &mut internal.secret)?;
        read_secret("auth.token_secret_file", auth.token_secret_file.as_deref(), &mut auth.token_secret)?;
        read_secret("database.password_file", database.password_file.as_deref(), &mut database.password)?;
        read_secret("mail.password_file", mail.password_file.as_deref(), &mut mail.password)?;
        settings.auth.check()?;
        settings.connector.check()?;
        if settings.http.allowed_origins.iter().any(|origin| origin == "*") {
            return Err(SettingsError::Range { key: "http.allowed_origins", expected: "origins, not *" });
        }
        for (key, url) in [
            ("mail.server", &settings.mail.server),
            ("notifier.url", &settings.notifier.url),
            ("api.url", &settings.api.url),
            ("telemetry.otlp_endpoint", &settings.telemetry.otlp_endpoint),
        ] {
            refuse_credentials(key, url)?;
        }
        refuse_development_defaults(&settings)?;
        Ok(settings)
    }

    /// The secret that services show each other.
    ///
    /// # Errors
    /// It is missing or too short.
    pub fn internal_secret(&self) -> Result<Secret, SettingsError> {
        long_enough("STOCKWIRE__INTERNAL__SECRET", &self.internal.secret, 16)
    }

    /// The key of access tokens.
    ///
    /// # Errors
    /// It is missing or too short.
    pub fn token_secret(&self) -> Result<Secret, SettingsError> {
        long_enough("STOCKWIRE__AUTH__TOKEN_SECRET", &self.auth.token_secret, 32)
    }

    /// Refuses to be open to others by accident.
    ///
    /// # Errors
    /// The address isn't a loopback address while everybody may come in.
    pub fn refuse_open_listener(&self, key: &'static str, listen: SocketAddr) -> Result<(), SettingsError> {
        if self.auth.anonymous == Anonymous::Loopback && !listen.ip().is_loopback() {
            return Err(SettingsError::Open { key, listen });
        }
        Ok(())
    }
}

fn variables(environment: HashMap<String, String>) -> Environment {
    Environment::with_prefix("STOCKWIRE").prefix_separator("__").separator("__").source(Some(environment))
}

/// Whether a variable holds a secret. It is taken as it is: read as a number, `007` would be `7`.
fn is_secret(variable: &str) -> bool {
    SECRETS.iter().any(|secret| variable.eq_ignore_ascii_case(secret))
}

/// Only the database's URL may hold some: it is kept as a secret.
fn refuse_credentials(key: &'static str, url: &str) -> Result<(), SettingsError> {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') { Err(SettingsError::Credentials { key }) } else { Ok(()) }
}

fn read_secret(key: &'static str, file: Option<&Path>, secret: &mut Secret) -> Result<(), SettingsError> {
    let Some(file) = file else { return Ok(()) };
    let text = std::fs::read_to_string(file).map_err(|source| SettingsError::SecretFile {
        key,
        file: file.to_owned(),
        source,
    })?;
    *secret = Secret::new(text.trim().to_owned());
    Ok(())
}

fn long_enough(key: &'static str, secret: &Secret, least: usize) -> Result<Secret, SettingsError> {
    if secret.expose().chars().count() < least {
        return Err(SettingsError::SecretMissing { key, least });
    }
    Ok(secret.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_defaults_are_complete() {
        let settings = Settings::load(None, HashMap::new()).unwrap();
        assert!(settings.http.listen.ip().is_loopback());
        assert!(settings.internal_secret().is_err());
    }

    #[test]
    fn the_environment_wins_and_is_typed() {
        let settings = Settings::load(
            None,
            environment(&[
                ("STOCKWIRE__HTTP__LISTEN", "127.0.0.1:9"),
                ("STOCKWIRE__NOTIFIER__DOORBELL", "false"),
                ("STOCKWIRE__HUB__ALLOWED_ORIGINS", "https://a.example,https://b.example"),
                ("STOCKWIRE__AUTH__TOKEN_SECRET", "0123456789012345678901234567890123456789"),
                ("UNRELATED", "x"),
            ]),
        )
        .unwrap();
        assert_eq!(settings.http.listen.port(), 9);
        assert!(!settings.notifier.doorbell);
        assert_eq!(settings.hub.allowed_origins, ["https://a.example", "https://b.example"]);
        assert!(settings.token_secret().is_ok());
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let error = Settings::load(None, environment(&[("STOCKWIRE__HTTP__LISTNE", "x")])).unwrap_err();
        assert!(error.to_string().contains("listne"), "{error}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings = Settings::load(
            None,
            environment(&[("STOCKWIRE__DATABASE__URL", "postgres://user:hunter2@127.0.0.1/x")]),
        )
        .unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_of_digits_stays_as_it_is() {
        for secret in ["0123456789012345", "1e3", "12345678901234567890123", "TRUE", "1.50", "a,b"] {
            for key in SECRETS {
                let settings = Settings::load(None, environment(&[(key, secret)])).unwrap();
                let Settings { database, internal, auth, mail, .. } = &settings;
                let ours = [&internal.secret, &auth.token_secret, &mail.password];
                let mut all = [&database.url, &database.password].into_iter().chain(ours);
                assert!(all.any(|kept| kept.expose() == secret), "{key}={secret}");
            }
        }
    }

    #[test]
    fn urls_of_services_hold_no_credentials() {
        for key in ["STOCKWIRE__NOTIFIER__URL", "STOCKWIRE__API__URL", "STOCKWIRE__TELEMETRY__OTLP_ENDPOINT"]
        {
            let url = "http://user:hunter2@127.0.0.1:1/x";
            let error = Settings::load(None, environment(&[(key, url)])).unwrap_err();
            assert!(matches!(error, SettingsError::Credentials { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
            Settings::load(None, environment(&[(key, "http://127.0.0.1:1/a@b")])).unwrap();
        }
    }

    #[test]
    fn nobody_is_let_in_from_elsewhere_by_accident() {
        let mut settings = Settings::load(None, HashMap::new()).unwrap();
        assert_eq!(settings.auth.anonymous, Anonymous::Never);
        settings.auth.anonymous = Anonymous::Loopback;
        let anywhere = "0.0.0.0:80".parse().unwrap();
        assert!(settings.refuse_open_listener("STOCKWIRE__HTTP__LISTEN", anywhere).is_err());
        let mut open = settings;
        open.auth.anonymous = Anonymous::Anywhere;
        assert!(open.refuse_open_listener("STOCKWIRE__HTTP__LISTEN", anywhere).is_ok());
    }
}
