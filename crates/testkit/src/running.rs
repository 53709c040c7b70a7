//! A service in this process: on a thread of its own, because an actix server wants its own system, and behind a wire
//! that can be cut.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use service::{Context, Fatal, Settings};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{settings::free_listener, waiting, wire::Wire};

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
        let running = Self { name, wire, stop, ended };
        running.answers().await?;
        Ok(running)
    }

    /// Where clients reach it.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.wire.address()
    }

    async fn answers(&self) -> Result<()> {
        let awaited = format!("the {} to be ready", self.name);
        let url = format!("http://{}/ready", self.address());
        let ready = waiting::until(waiting::PATIENCE, &awaited, async || {
            let answer = reqwest::get(&url).await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        });
        ready.await.map(drop)
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
