//! The wire between a service and its clients, which can be cut: what a client sees of a kill is that its connection
//! ends without a goodbye and that nobody answers at the address any more.

use std::net::{SocketAddr, TcpListener};

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::TcpStream,
    task::{JoinHandle, JoinSet},
};

/// Forwards connections to a service; cut or dropped, all of them end at once.
#[derive(Debug)]
pub(crate) struct Wire {
    address: SocketAddr,
    forwarding: JoinHandle<()>,
}

impl Wire {
    /// Forwards from `listener` to `service`.
    pub(crate) fn forward(listener: TcpListener, service: SocketAddr) -> Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let forwarding = tokio::spawn(async move {
            // Aborted together with this task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, service));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, forwarding })
    }

    /// Where clients connect.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends everything.
    pub(crate) async fn cut(&self) {
        self.forwarding.abort();
        while !self.forwarding.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn carry(mut client: TcpStream, service: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(service).await else { return };
    // Small frames must not wait for each other here either.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    // However it ends, both ends are closed.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
