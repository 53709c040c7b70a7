//! The command line of `stockwire`.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand};
use domain::{Email, Identity, Name, Permission, Permissions, Role, TenantId};
use jiff::Timestamp;
use service::{Context, Fatal, Service, Settings, Sources, access::Access, ask_whether_ready, run_with};

use crate::{
    accounts,
    database::with_store,
    market::{self, MarketOptions},
    secrets,
    serve::{self, NAME, serve},
};

/// An inventory service that integrators trust: a REST API over Postgres, and every change to stock, whoever made
/// it, delivered in order to everyone who asked for it.
#[derive(Debug, Parser)]
#[command(name = "stockwire", version)]
pub struct Arguments {
    /// The settings file; stockwire.toml where it exists
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    demo: Demo,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Something to look at.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Fill an empty inventory with a catalogue and monitors, then trade: sales, deliveries, corrections
    #[arg(long)]
    pub demo: bool,
    /// Changes in a second that the demo makes; 0 only fills the catalogue
    #[arg(long, value_name = "RATE", default_value_t = 5.0, requires = "demo", value_parser = rate)]
    pub demo_rate: f64,
}

impl Demo {
    /// Whether anything happens behind the filling.
    pub(crate) fn trades(&self) -> bool {
        self.demo && self.demo_rate > 0.0
    }
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Create the database where it is missing and bring its schema up to date
    Migrate,
    /// Exit with 0 if the one that runs with the same settings is ready, and with 1 if not
    Ready,
    /// Print an access token for REST and the socket, for emergencies: it can't be taken back, as a key can
    Token(Token),
    /// Print a link that lets an owner choose a password, once; makes the owner where there is none
    Owner(Owner),
    /// Print a new API key, for programs: the only time that it is shown
    Key(Key),
    /// Serve a simulated market, whose prices a data source can read
    Market(MarketOptions),
}

#[derive(Debug, Clone, Args)]
struct Owner {
    /// Whose; who has the address becomes an owner who may sign in. The first owner that there is, if left out
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    email: Option<Email>,
    /// Of which tenant; made if there is none. The one named default, if left out
    #[arg(long, value_name = "NAME", value_parser = name)]
    tenant: Option<Name>,
}

#[derive(Debug, Clone, Args)]
struct Key {
    /// What it is for
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Name,
    /// What may be done with it: read, stock, items and monitors, with commas between
    #[arg(long, value_name = "SCOPES", value_parser = scopes)]
    scopes: Permissions,
    /// Of which tenant; made if there is none. The one named default, if left out
    #[arg(long, value_name = "NAME", value_parser = name)]
    tenant: Option<Name>,
}

#[derive(Debug, Clone, Args)]
struct Token {
    /// Who it is for: written into every change
    #[arg(long, value_name = "ACTOR", default_value = "user:cli")]
    actor: String,
    /// Whose data: the number of the tenant, as in /api/v1/me
    #[arg(long, value_name = "TENANT", default_value_t = 1)]
    tenant: i64,
    /// What it may do: viewer, clerk, manager or owner
    #[arg(long, value_name = "ROLE", default_value = "manager", value_parser = role)]
    role: Role,
    /// How long it is valid
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=43_200))]
    minutes: u32,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "expected viewer, clerk, manager or owner".to_owned())
}

fn email(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|error| error.to_string())
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

fn scopes(text: &str) -> Result<Permissions, String> {
    let scope = |word: &str| Permission::SCOPES.into_iter().find(|scope| scope.as_str() == word.trim());
    let scopes: Option<Vec<_>> = text.split(',').map(scope).collect();
    scopes.map(Permissions::of).ok_or_else(|| "expected some of read,stock,items".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0 to 10000".to_owned()),
    }
}

impl Arguments {
    /// Does what the command line says.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let sources = Sources::with_file(self.config);
        match self.command {
            None => run_with(NAME, &sources, |context| serve(context, self.demo)),
            Some(Command::Market(options)) => {
                run_with(NAME, &sources, |context| market::run(context, options))
            }
            Some(Command::Migrate) => run_once(&sources, serve::migrate),
            Some(Command::Ready) => {
                let service = Service { name: NAME, listens: |settings| settings.http.listen };
                ask_whether_ready(service, &sources)
            }
            Some(Command::Token(token)) => match print_token(&sources, &token) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&error),
            },
            Some(Command::Owner(owner)) => run_once(&sources, |context| print_link(context, owner)),
            Some(Command::Key(key)) => run_once(&sources, |context| print_key(context, key)),
        }
    }
}

async fn print_link(context: Context, Owner { email, tenant }: Owner) -> Result<String, Fatal> {
    let made = with_store(Settings::clone(&context.settings), async |store, settings| {
        let link = accounts::owner_link(store, settings, tenant.as_ref(), email.as_ref()).await?;
        Ok(link.message(settings))
    });
    made.await
}

async fn print_key(context: Context, Key { name, scopes, tenant }: Key) -> Result<String, Fatal> {
    let made = with_store(Settings::clone(&context.settings), async |store, _| {
        accounts::key(store, tenant.as_ref(), name, scopes).await
    });
    made.await
}

/// Runs something that ends by itself.
fn run_once<F, Fut>(sources: &Sources, act: F) -> ExitCode
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<String, Fatal>>,
{
    let outcome = sources.settings().map_err(Fatal::from).and_then(|settings| {
        let context = Context::new(settings, tokio_util::sync::CancellationToken::new());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let outcome = runtime.block_on(act(context));
        runtime.shutdown_timeout(Duration::from_secs(1));
        outcome
    });
    match outcome {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn print_token(sources: &Sources, token: &Token) -> Result<(), Fatal> {
    let settings = sources.settings()?;
    let secret = secrets::token_secret(&settings)?;
    let expires_at = Timestamp::now().as_second() + i64::from(token.minutes) * 60;
    let identity = Identity {
        tenant: TenantId::new(token.tenant),
        actor: Arc::from(token.actor.as_str()),
        login: None,
        permissions: token.role.permissions(),
        expires_at: None,
    };
    let access = Access::new(&secret, settings.auth.anonymous);
    println!("{}", access.issue(&identity, Timestamp::from_second(expires_at)?)?);
    Ok(())
}

fn fail(error: &Fatal) -> ExitCode {
    eprintln!("stockwire: {error:#}");
    ExitCode::FAILURE
}
