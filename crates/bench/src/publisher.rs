//! Who makes changes, one after the other, and remembers when: through SQL, through REST, or, for the comparison,
//! by publishing to nchan.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep_until;
use tokio_postgres::{Client, Statement};

use crate::{
    audience::{ChangeKey, change_key},
    http_connection::HttpConnection,
    nchan::PUBLISH,
    stage::{STOCKWIRE, Stage},
};

/// A body as long as nchan's were when the design's numbers were taken.
const NCHAN_BYTES: usize = 300;

/// Makes changes on a connection of its own, to items that are its own: the numbers that follow from `first` in steps.
#[derive(Debug)]
pub(crate) struct Publisher {
    way: Way,
    items: Items,
}

#[derive(Debug)]
enum Way {
    Sql { client: Client, update: Statement },
    Rest { connection: HttpConnection, quantity: u64 },
    Nchan { connection: HttpConnection },
}

/// Items in turn.
#[derive(Debug, Clone, Copy)]
struct Items {
    next: u64,
    step: u64,
    most: u64,
}

/// A change, and when it was sent and known to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publication {
    pub(crate) change: ChangeKey,
    pub(crate) sent: Instant,
    pub(crate) done: Instant,
}

impl Publisher {
    /// Writes as anybody does who has a connection to the database.
    pub(crate) async fn sql(stage: &Stage, number: u64, of: u64, items: u64) -> Result<Self> {
        let client = stage.connect(STOCKWIRE).await?;
        let update = "update items set quantity = quantity + 1 where id = $1 returning version";
        let update = client.prepare(update).await?;
        Ok(Self { way: Way::Sql { client, update }, items: Items::new(number, of, items) })
    }

    /// Writes through the API.
    pub(crate) async fn rest(api: SocketAddr, number: u64, of: u64, items: u64) -> Result<Self> {
        let connection = HttpConnection::open(api).await?;
        let way = Way::Rest { connection, quantity: 1_000_000 };
        Ok(Self { way, items: Items::new(number, of, items) })
    }

    /// Publishes to nchan. There every "item" is new, and has one version.
    pub(crate) async fn nchan(server: SocketAddr, number: u64, of: u64) -> Result<Self> {
        let connection = HttpConnection::open(server).await?;
        Ok(Self { way: Way::Nchan { connection }, items: Items::new(number, of, u64::MAX) })
    }

    /// Makes a change.
    pub(crate) async fn publish(&mut self) -> Result<Publication> {
        let item = self.items.take();
        let sent = Instant::now();
        let version = match &mut self.way {
            Way::Sql { client, update } => {
                let row = client.query_one(update, &[&item.cast_signed()]).await?;
                row.try_get::<_, i64>(0)?.unsigned_abs()
            }
            Way::Rest { connection, quantity } => {
                *quantity += 1;
                patch(connection, item, *quantity).await?.version
            }
            Way::Nchan { connection } => {
                let response = connection.request("POST", PUBLISH, "text/plain", &nchan_body(item)).await?;
                ensure!(matches!(response.status, 200..=202), "nchan answers {}", response.status);
                1
            }
        };
        Ok(Publication { change: ChangeKey { item, version }, sent, done: Instant::now() })
    }

    /// Makes changes at an even pace, as many as fit into a time, the first after `delay`. What is late is made up for,
    /// but not for longer than the same time again.
    pub(crate) async fn publish_at(
        mut self,
        rate: f64,
        delay: Duration,
        time: Duration,
    ) -> Result<(Self, Vec<Publication>)> {
        let begun = tokio::time::Instant::now();
        let mut next = begun + delay;
        let mut made = Vec::new();
        while next < begun + time && begun.elapsed() < 2 * time {
            sleep_until(next).await;
            made.push(self.publish().await?);
            next += Duration::from_secs_f64(1.0 / rate);
        }
        Ok((self, made))
    }
}

impl Items {
    /// The items of one of several publishers: no two change the same one.
    fn new(number: u64, of: u64, most: u64) -> Self {
        Self { next: number + 1, step: of.max(1), most }
    }

    fn take(&mut self) -> u64 {
        let taken = self.next;
        self.next += self.step;
        if self.next > self.most {
            self.next = (self.next - 1) % self.step + 1;
        }
        taken
    }
}

/// Sets a quantity through the API, and says which change that made.
async fn patch(connection: &mut HttpConnection, item: u64, quantity: u64) -> Result<ChangeKey> {
    let path = format!("/api/v1/items/{item}");
    let body = format!(r#"{{"quantity":{quantity}}}"#);
    let response = connection.request("PATCH", &path, "application/json", &body).await?;
    ensure!(response.status == 200, "the API answers {}: {}", response.status, response.body);
    change_key(response.body.as_bytes()).context("the API's answer has no id and version")
}

/// In the form of a change frame, so that the same clients can read it.
fn nchan_body(item: u64) -> String {
    let mut body = format!(r#"{{"type":"update","topic":"items","id":{item},"version":1,"data":""#);
    while body.len() < NCHAN_BYTES - 2 {
        body.push('x');
    }
    body.push_str(r#""}"#);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_share_the_items_without_meeting() {
        let take = |number, of, most| {
            let mut items = Items::new(number, of, most);
            (0..5).map(|_| items.take()).collect::<Vec<_>>()
        };
        assert_eq!(take(0, 1, 3), [1, 2, 3, 1, 2]);
        assert_eq!(take(0, 2, 6), [1, 3, 5, 1, 3]);
        assert_eq!(take(1, 2, 6), [2, 4, 6, 2, 4]);
        assert_eq!(take(1, 2, 5), [2, 4, 2, 4, 2]);
    }

    #[test]
    fn nchans_messages_have_the_length_that_is_compared_and_the_form_that_is_read() {
        let body = nchan_body(12);
        assert_eq!(body.len(), NCHAN_BYTES);
        assert_eq!(change_key(body.as_bytes()), Some(ChangeKey { item: 12, version: 1 }));
    }
}
