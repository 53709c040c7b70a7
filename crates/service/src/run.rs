//! How a service starts and stops: settings, logging, the signal handlers, and a deadline.

use std::{
    collections::HashMap, future::Future, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc,
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Settings, file_limit, otlp::Traces, readiness, settings::SettingsError, startup, telemetry};

/// What a service is called and where it is asked whether it is ready.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// For logs and metrics.
    pub name: &'static str,
    /// Where it listens.
    pub listens: fn(&Settings) -> SocketAddr,
}

/// What the command line asks for.
enum Command {
    Serve,
    /// Ask the one that runs.
    Ready,
}

/// Where the settings come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that was named, or `stockwire.toml` where it exists.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: HashMap<String, String>,
}

/// What a running service has in hand.
#[derive(Debug, Clone)]
pub struct Context {
    /// The settings.
    pub settings: Arc<Settings>,
    /// Cancelled when the service shall stop.
    pub stop: CancellationToken,
    /// Tasks that must end before the process does.
    pub tasks: TaskTracker,
}

/// A service that can't start or go on: the message is for the operator.
pub type Fatal = anyhow::Error;

impl Context {
    /// A service's surroundings, stopped by a token.
    #[must_use]
    pub fn new(settings: Settings, stop: CancellationToken) -> Self {
        // Series that are registered before that count nowhere.
        telemetry::install_metrics();
        Self { settings: Arc::new(settings), stop, tasks: TaskTracker::new() }
    }

    /// Runs a task that must last as long as the service: one that ends before is a failure of the service.
    pub fn spawn_essential<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, tasks) = (self.stop.clone(), self.tasks.clone());
        tasks.spawn(async move {
            let ended = tokio::spawn(task).await;
            if !stop.is_cancelled() {
                tracing::error!(task = name, panicked = ended.is_err(), "an essential task ended by itself");
                stop.cancel();
            }
        });
    }
}

impl Sources {
    /// From the command line (`--config FILE`), the working directory and the process' environment; and what to do.
    fn from_process() -> Result<(Self, Command), String> {
        let mut arguments = std::env::args().skip(1);
        let mut file = None;
        let mut command = Command::Serve;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--config" => file = Some(arguments.next().ok_or("--config needs a file")?.into()),
                "--version" => return Err(crate::VERSION.to_owned()),
                "ready" => command = Command::Ready,
                other => {
                    return Err(format!(
                        "unknown argument {other}; there is --config FILE, --version, and ready (asks the one that \
                         runs with the same settings whether it is, and exits with 1 if not)"
                    ));
                }
            }
        }
        Ok((Self::with_file(file), command))
    }

    /// From a named file, or `stockwire.toml` where it exists, and the process' environment and `.env`.
    #[must_use]
    pub fn with_file(file: Option<PathBuf>) -> Self {
        let default = PathBuf::from("stockwire.toml");
        let file = file.or_else(|| default.exists().then_some(default));
        let mut environment: HashMap<String, String> =
            dotenvy::dotenv_iter().into_iter().flatten().filter_map(readable).collect();
        environment.extend(
            std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))),
        );
        Self { file, environment }
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        Settings::load(self.file.as_deref(), self.environment.clone())
    }
}

/// A line of `.env`. One that can't be read may hold a secret, so it is not shown.
fn readable(line: Result<(String, String), dotenvy::Error>) -> Option<(String, String)> {
    if line.is_err() {
        eprintln!("settings: a line of .env can't be read and is left out");
    }
    line.ok()
}

/// A whole `main`: reads the settings, runs the service, stops it on SIGTERM or SIGINT. Exits 0 after a clean
/// stop, 1 after a failure or past the deadline, 2 if the settings can't be used. With the argument `ready` it asks the
/// one that runs instead: exits 0 if it is ready.
pub fn run<F, Fut>(service: Service, start: F) -> ExitCode
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<(), Fatal>>,
{
    match Sources::from_process() {
        Ok((sources, Command::Serve)) => run_with(service.name, &sources, start),
        Ok((sources, Command::Ready)) => ask_whether_ready(service, &sources),
        Err(message) => {
            eprintln!("{}: {message}", service.name);
            ExitCode::from(2)
        }
    }
}

/// Whether the one that runs with these settings is ready, as an exit status.
#[must_use]
pub fn ask_whether_ready(service: Service, sources: &Sources) -> ExitCode {
    let asked = sources.settings().map_err(Fatal::from);
    match asked.and_then(|settings| Ok(readiness::ask((service.listens)(&settings))?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} is not ready: {error:#}", service.name);
            ExitCode::FAILURE
        }
    }
}

/// As [`run`], with settings from elsewhere.
pub fn run_with<F, Fut>(name: &'static str, sources: &Sources, start: F) -> ExitCode
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<(), Fatal>>,
{
    let settings = match sources.settings() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::from(2);
        }
    };
    let traces = match telemetry::install(name, &settings) {
        Ok(traces) => traces,
        Err(error) => {
            eprintln!("{name}: settings: {error}");
            return ExitCode::from(2);
        }
    };
    file_limit::raise();
    startup::announce(name, &settings);
    let context = Context::new(settings, CancellationToken::new());
    telemetry::describe_build(name);
    let system = actix_rt::System::new();
    let ended = system.block_on(supervise(context, traces, start));
    // Dropped, it would wait for its blocking threads: for a name server that doesn't answer, longer than the deadline.
    std::mem::forget(system);
    match ended {
        Ok(()) => {
            tracing::info!(service = name, "stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(
                service = name,
                source = error.as_ref() as &dyn std::error::Error,
                "failed: {error:#}"
            );
            if error.is::<SettingsError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn supervise<F, Fut>(context: Context, traces: Traces, start: F) -> Result<(), Fatal>
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<(), Fatal>>,
{
    let (stop, tasks, deadline) =
        (context.stop.clone(), context.tasks.clone(), context.settings.shutdown.deadline());
    let asked = CancellationToken::new();
    listen_for_signals(stop.clone(), asked.clone())?;
    tokio::spawn(keep_metrics_small());
    let service = async {
        let ended = start(context).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        traces.finish().await;
        ended
    };
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(deadline).await;
    };
    tokio::select! {
        ended = service => {
            ended?;
            // Ending without having been asked to is a crash.
            if asked.is_cancelled() { Ok(()) } else { Err(anyhow::anyhow!("ended by itself")) }
        }
        () = overdue => Err(anyhow::anyhow!("not drained within {} ms", deadline.as_millis())),
    }
}

/// Samples wait to be counted; where nobody asks for the metrics, they would wait for ever.
async fn keep_metrics_small() {
    let metrics = telemetry::install_metrics();
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}

fn listen_for_signals(stop: CancellationToken, asked: CancellationToken) -> Result<(), Fatal> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "stopping"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "stopping"),
        }
        asked.cancel();
        stop.cancel();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::*;

    #[test]
    fn a_thread_that_hangs_keeps_no_process_from_ending() {
        let began = Instant::now();
        run_with("test", &Sources::default(), |_context| async {
            // As looking a name up does, which nothing can cut short.
            drop(tokio::task::spawn_blocking(|| thread::sleep(Duration::from_secs(30))));
            Ok(())
        });
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    }
}
