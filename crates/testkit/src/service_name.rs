//! What a service's name does in production: it leads to whichever of its instances lives, and stays the same while
//! they come and go.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// An address that forwards each connection to the first instance that answers; dropped, all of them end.
#[derive(Debug)]
pub struct ServiceName {
    address: SocketAddr,
    instances: Arc<Mutex<Vec<SocketAddr>>>,
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
        let known = instances.clone();
        let forwarding = tokio::spawn(async move {
            // Aborted together with this task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let instances = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
                connections.spawn(forward(client, instances));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, instances, forwarding })
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

async fn forward(mut client: TcpStream, instances: Vec<SocketAddr>) {
    for instance in instances {
        if let Ok(mut server) = TcpStream::connect(instance).await {
            // Small frames must not wait for each other here either.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            // However it ends, both ends are closed.
            let _ = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}
