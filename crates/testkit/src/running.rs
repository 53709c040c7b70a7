//! A service in this process: on a thread of its own, because an actix server wants its own system, and behind a wire
//! that can be cut.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use service::{Context, Fatal, Settings};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{process, settings::free_listener, waiting, wire::Wire};

/// A service that starts may leave a question unanswered; the next one counts.
const ONE_ANSWER: Duration = Duration::from_secs(2);

/// A running service; dropped, it is killed.
#[derive(Debug)]
pub(crate) struct RunningService {
    name: &'static str,
    wire: Wire,
    stop: CancellationToken,
    ended: oneshot::Receiver<Result<(), Fatal>>,
}

impl RunningService {
    /// Starts a service that serves on the listener it is given.
    pub(crate) async fn start<F, Fut>(name: &'static str, settings: Settings, serve: F) -> Result<Self>
    where
        F: FnOnce(Context, TcpListener) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Fatal>>,
    {
        let listener = free_listener()?;
        let wire = Wire::forward(free_listener()?, listener.local_addr()?)?;
        let stop = CancellationToken::new();
        let context = Context::new(settings, stop.clone());
        let (ending, ended) = oneshot::channel();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let served = actix_rt::System::new().block_on(async {
                let served = serve(context.clone(), listener).await;
                context.stop.cancel();
                context.tasks.close();
                context.tasks.wait().await;
                served
            });
            // Nobody waits for a service that was killed.
            let _ = ending.send(served);
        })?;
        let mut running = Self { name, wire, stop, ended };
        running.answers().await?;
        Ok(running)
    }

    /// Where clients reach it.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.wire.address()
    }

    async fn answers(&mut self) -> Result<()> {
        let awaited = format!("the {} to be ready", self.name);
        let url = format!("http://{}/ready", self.address());
        let mut last = String::new();
        let (ended, name) = (&mut self.ended, self.name);
        let ready = waiting::until(waiting::PATIENCE, &awaited, async || {
            if let Ok(ended) = ended.try_recv() {
                bail!("the {name} ended instead of becoming ready: {ended:?}");
            }
            let asked = waiting::within(ONE_ANSWER, "an answer", process::readiness(&url)).await;
            let (ready, said) = asked.unwrap_or_else(|error| (false, error.to_string()));
            last = said;
            Ok(ready.then_some(()))
        });
        ready.await.map(drop).with_context(|| format!("it said last: {last}"))
    }

    /// Asks it to stop, as SIGTERM does, and waits until it has drained.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        let awaited = format!("the {} to drain", self.name);
        let ended = waiting::within(waiting::PATIENCE, &awaited, &mut self.ended).await?;
        ended.map_err(|_| anyhow!("the {} panicked", self.name))?.context("it failed")
    }

    /// Ends it as kill -9 would look from outside: clients lose their connections without a goodbye, and the
    /// database loses its sessions in the middle of whatever they did.
    pub(crate) async fn kill(self) {
        self.wire.cut().await;
        self.stop.cancel();
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
