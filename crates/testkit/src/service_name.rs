//! What a service's name does in production: it leads to whichever of its instances lives, and stays the same while
//! they come and go.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

/// An address that forwards each connection to the first instance that answers; dropped, all of them end.
#[derive(Debug)]
pub struct ServiceName {
    address: SocketAddr,
    instances: Arc<Mutex<Vec<SocketAddr>>>,
    silence: Arc<Notify>,
    forwarding: JoinHandle<()>,
}

impl ServiceName {
    /// A name that leads nowhere yet.
    ///
    /// # Errors
    /// No port is free.
    pub async fn new() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let instances = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let silence = Arc::<Notify>::default();
        let (known, hush) = (instances.clone(), silence.clone());
        let forwarding = tokio::spawn(async move {
            // Aborted together with this task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let instances = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
                connections.spawn(forward(client, instances, hush.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, instances, silence, forwarding })
    }

    /// Leads to one more instance.
    pub fn add(&self, instance: SocketAddr) {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    }

    /// Doesn't lead to this instance any more.
    pub fn remove(&self, instance: SocketAddr) {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        instances.retain(|known| *known != instance);
    }

    /// Leads to this instance only, for connections from now on.
    pub fn lead_to(&self, instance: SocketAddr) {
        *self.instances.lock().unwrap_or_else(PoisonError::into_inner) = vec![instance];
    }

    /// Connections that are open now stay so, and nothing passes through them any more, as behind a firewall that has
    /// forgotten them. New ones work.
    pub fn silence_open_connections(&self) {
        self.silence.notify_waiters();
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ServiceName {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn forward(mut client: TcpStream, instances: Vec<SocketAddr>, silence: Arc<Notify>) {
    let silenced = silence.notified();
    for instance in instances {
        if let Ok(mut server) = TcpStream::connect(instance).await {
            // Small frames must not wait for each other here either.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            tokio::select! {
                // However it ends, both ends are closed.
                _ = copy_bidirectional(&mut client, &mut server) => return,
                () = silenced => return pending().await,
            }
        }
    }
}
