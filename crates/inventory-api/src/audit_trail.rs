//! What is refused, on its way into the audit trail: in the background, so that no request waits for it or fails with it,
//! and only a few lines of each kind from the same client, so that nobody fills the trail or hides in it. What is left out
//! is counted.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use actix_web::{HttpMessage, HttpRequest};
use domain::{Login, TenantId, WriteContext};
use governor::{Quota, clock::DefaultClock};
use serde_json::{Value, json};
use service::{Context, RequestId};
use store::{Error, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    limits::{Buckets, Client, Counted},
    visitor::Visitor,
};

/// Lines of one kind from one client: so many at once, and so many a minute.
const FEW: NonZeroU32 = NonZeroU32::new(5).unwrap();
/// Lines of all clients: so many a second, and ten times as many at once.
const MANY: NonZeroU32 = NonZeroU32::new(20).unwrap();
const MANY_AT_ONCE: NonZeroU32 = NonZeroU32::new(200).unwrap();
/// So many wait to be written.
const QUEUE: usize = 1000;
/// Once in so many lines, clients that were not heard of for long are forgotten.
const FORGET_EVERY: u32 = 1024;
/// While the database is away, a line is tried again after so long, so often.
const TRY_AGAIN: Duration = Duration::from_secs(1);
const TRIES: u32 = 10;

const SUPPRESSED: &str = "stockwire_audit_suppressed_total";

/// Something that was refused, or tried in vain.
#[derive(Debug)]
pub(crate) struct Note {
    /// Whose trail; none if nobody knows.
    pub(crate) tenant: Option<TenantId>,
    /// What happened, such as `access_refused`.
    pub(crate) event: &'static str,
    /// Who it was, as far as that was shown: `user:<id>`, `key:<id>` or `nobody`.
    pub(crate) actor: Arc<str>,
    /// By which login: notes without one are counted by their address.
    pub(crate) login: Option<Login>,
    /// To whom or what.
    pub(crate) subject: Option<String>,
    /// Where it came from.
    pub(crate) address: Option<IpAddr>,
    /// Which request.
    pub(crate) request_id: Option<String>,
    /// More, without secrets.
    pub(crate) detail: Value,
}

/// Where notes are handed in. Clones share everything.
#[derive(Clone)]
pub(crate) struct AuditTrail {
    sender: mpsc::Sender<Note>,
    gates: Arc<Gates>,
}

struct Gates {
    few: Buckets<(Client, &'static str)>,
    many: Buckets<()>,
}

impl Note {
    /// About whoever sent this request, with its method and route; nobody yet if it isn't known who that is.
    pub(crate) fn of(request: &HttpRequest, event: &'static str) -> Self {
        let visitor = Visitor::of(request).ok();
        let address = visitor.as_ref().and_then(|visitor| visitor.address);
        let identity = visitor.and_then(|visitor| visitor.known.ok());
        let route = request.match_pattern().unwrap_or_else(|| "(none)".to_owned());
        Self {
            tenant: identity.as_ref().map(|identity| identity.tenant),
            event,
            login: identity.as_ref().and_then(|identity| identity.login),
            actor: identity.map_or_else(|| Arc::from("nobody"), |identity| identity.actor),
            subject: None,
            address,
            request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
            detail: json!({"method": request.method().as_str(), "route": route}),
        }
    }

    fn context(&self) -> WriteContext {
        WriteContext {
            actor: self.actor.to_string(),
            reason: None,
            request_id: self.request_id.clone(),
            address: self.address.map(|address| address.to_string()),
        }
    }
}

impl AuditTrail {
    /// Writes until the service has stopped: what was handed in by then is still written, within a bound.
    pub(crate) fn start(context: &Context, store: Store) -> Self {
        let text = "Refusals that the audit trail leaves out: too many of a kind, or the database was away for long.";
        metrics::describe_counter!(SUPPRESSED, metrics::Unit::Count, text);
        metrics::counter!(SUPPRESSED).increment(0);
        let (sender, receiver) = mpsc::channel(QUEUE);
        let few = Quota::per_minute(FEW);
        let many = Quota::per_second(MANY).allow_burst(MANY_AT_ONCE);
        let gates = Gates {
            few: Buckets::new(few, FORGET_EVERY, DefaultClock::default()),
            many: Buckets::new(many, FORGET_EVERY, DefaultClock::default()),
        };
        let last_words = context.settings.shutdown.deadline() / 2;
        let writer = Writer { store, receiver, stop: context.stop.clone() };
        context.spawn_essential("audit trail", writer.write_until(context.stop.clone(), last_words));
        Self { sender, gates: Arc::new(gates) }
    }

    /// Takes a note, unless there were too many like it. Never waits.
    pub(crate) fn note(&self, note: Note) {
        let who = (Client::of(note.login, note.address), note.event);
        let passes = |counted| matches!(counted, Counted::Passes { .. });
        let one = NonZeroU32::MIN;
        let welcome = passes(self.gates.few.count(&who, one)) && passes(self.gates.many.count(&(), one));
        if !welcome || self.sender.try_send(note).is_err() {
            suppressed(1);
        }
    }
}

struct Writer {
    store: Store,
    receiver: mpsc::Receiver<Note>,
    stop: CancellationToken,
}

impl Writer {
    async fn write_until(mut self, stop: CancellationToken, last_words: Duration) {
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(last_words).await;
        };
        tokio::select! { () = self.write() => {}, () = overdue => {} }
        self.receiver.close();
        suppressed(u64::try_from(self.receiver.len()).unwrap_or(u64::MAX));
    }

    /// Ends with the last one who could hand something in.
    async fn write(&mut self) {
        while let Some(note) = self.receiver.recv().await {
            if let Err(error) = self.write_one(&note).await {
                let source = &error as &dyn std::error::Error;
                tracing::warn!(
                    source,
                    audit.event = note.event,
                    "a line of the audit trail can't be written"
                );
                suppressed(1);
            }
        }
    }

    async fn write_one(&self, note: &Note) -> Result<(), Error> {
        let context = note.context();
        let mut tries = 0;
        loop {
            tries += 1;
            let subject = note.subject.as_deref();
            match self.store.record_audit(note.tenant, note.event, subject, &note.detail, &context).await {
                Err(Error::Unavailable(_)) if tries < TRIES && !self.stop.is_cancelled() => {
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                ended => return ended,
            }
        }
    }
}

fn suppressed(lines: u64) {
    metrics::counter!(SUPPRESSED).increment(lines);
}
