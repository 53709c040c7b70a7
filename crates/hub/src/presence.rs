//! Tells inventory-api who is connected to this hub, so that all hubs together know who of a tenant is there.
//!
//! One task sends one report at a time; shards only count ([`roll`](crate)). A report is said again with its number until
//! it is answered, so that it is taken once, and none behind it comes before it. When inventory-api doesn't know the hub,
//! because it was silent for too long or the database was restored, the whole list is said anew, in parts. Nothing is
//! taken back before the last part has come, so nobody seems to leave meanwhile.
//!
//! A report says how long it lasts, and is followed by another one, though it be empty, after a third of that time: a hub
//! that was killed takes its people with it when its last report has run out. A hub that stops says a last time that it
//! lives, for as long as its clients may need to be with another one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Identity, PresenceReport, TenantActor};
use metrics::{counter, gauge};
use reqwest::{StatusCode, header::CONTENT_TYPE};
use service::{Call, Settings, settings::Secret};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::roll::{Roll, Who};

/// How long a report that fails is left alone: twice as long each time, up to this.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// An inventory-api of an older release takes no reports. It may be one of several that are replaced one after the other,
/// and those that were replaced take a hub for gone that doesn't report for long.
const SELDOM: Duration = Duration::from_secs(5);
/// An answer that takes longer won't come.
const PATIENCE: Duration = Duration::from_secs(5);
/// The last report has so long: the process ends soon.
const LAST: Duration = Duration::from_secs(2);

/// Who is connected to this hub; one for all shards.
#[derive(Debug)]
pub(crate) struct Presence {
    roll: Mutex<Roll>,
    news: Notify,
}

/// A connection of somebody; dropped, they have one less.
#[derive(Debug)]
pub(crate) struct Seat {
    presence: Arc<Presence>,
    /// The connection's own: an idle one shall not keep another copy.
    identity: Arc<Identity>,
}

impl Presence {
    pub(crate) fn new(grace: Duration) -> Self {
        Self { roll: Mutex::new(Roll::new(grace)), news: Notify::new() }
    }

    /// Counts a connection of somebody. Only people and programs that signed in are shown to others.
    pub(crate) fn seat(self: &Arc<Self>, identity: &Arc<Identity>) -> Option<Seat> {
        identity.login?;
        let tells = self.roll().enter(&who(identity));
        if tells {
            self.news.notify_one();
        }
        Some(Seat { presence: self.clone(), identity: identity.clone() })
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let tells = self.presence.roll().leave(&who(&self.identity));
        if tells {
            self.presence.news.notify_one();
        }
    }
}

fn who(identity: &Identity) -> Who {
    (identity.tenant, identity.actor.clone())
}

/// What came of a report.
enum Answer {
    Taken,
    /// The hub isn't known.
    Unknown,
    /// Nobody there knows what a report is.
    NotThere,
}

/// Why a report wasn't taken.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error("inventory-api can't be reached")]
    Away(#[from] reqwest::Error),
    #[error("the report can't be written")]
    Unwritten(#[from] serde_json::Error),
    #[error("inventory-api answers {0}")]
    Refused(StatusCode),
}

/// Says who is connected, for as long as the hub runs.
pub(crate) struct Reporter {
    presence: Arc<Presence>,
    client: reqwest::Client,
    url: String,
    secret: Secret,
    hub: Uuid,
    lasts_ms: u32,
    /// How long the last report lasts.
    last_lasts_ms: u32,
    number: i64,
    /// The number of the first part of the whole list that is being said.
    whole: Option<i64>,
    /// Said, and not answered.
    said: Option<PresenceReport>,
    /// When the hub must say again that it lives.
    renew_at: Instant,
    is_away: bool,
}

impl Reporter {
    pub(crate) fn new(
        settings: &Settings,
        secret: Secret,
        presence: Arc<Presence>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(PATIENCE)
            .no_proxy()
            .build()?;
        let hub = &settings.hub;
        // Clients are sent away within the first time, come back within the second, and then take a moment.
        let away_ms = hub.drain_ms + hub.reconnect_jitter_ms + hub.presence_grace_ms.saturating_mul(2);
        gauge!("stockwire_hub_people").set(0.0);
        counter!("stockwire_hub_presence_reports_total").increment(0);
        counter!("stockwire_hub_presence_failures_total").increment(0);
        Ok(Self {
            presence,
            client,
            url: format!("{}/internal/v1/presence", settings.api.url.trim_end_matches('/')),
            secret,
            hub: Uuid::new_v4(),
            lasts_ms: hub.presence_lasts_ms.max(100),
            last_lasts_ms: u32::try_from(away_ms).unwrap_or(u32::MAX),
            number: 0,
            whole: Some(1),
            said: None,
            renew_at: Instant::now(),
            is_away: false,
        })
    }

    /// Reports until the hub stops.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.report_for_ever()).await;
        // Whatever was said last and not answered may have been taken: it is said again, and lasts for another time.
        let mut last = self.said.take().unwrap_or_else(|| self.write(Vec::new(), Vec::new(), false));
        last.lasts_ms = self.last_lasts_ms;
        if let Ok(Err(error)) = tokio::time::timeout(LAST, self.say(&last)).await {
            tracing::debug!(source = &error as &dyn std::error::Error, "the last presence report failed");
        }
    }

    async fn report_for_ever(&mut self) {
        let mut pause = SHORTEST;
        loop {
            self.wait_for_news().await;
            let report = match self.said.take() {
                Some(report) => report,
                None => self.compose(),
            };
            // Kept while it is on its way, in case that the hub stops meanwhile.
            let begun = Instant::now();
            let saying = self.said.insert(report).clone();
            match self.say(&saying).await {
                Ok(Answer::Taken) => {
                    self.taken(begun);
                    pause = SHORTEST;
                }
                Ok(Answer::Unknown) => {
                    self.start_over();
                    // If it goes on like this, not without a pause.
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST);
                }
                Ok(Answer::NotThere) => tokio::time::sleep(SELDOM).await,
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST);
                }
            }
        }
    }

    /// Returns when there is something to say.
    async fn wait_for_news(&self) {
        loop {
            let due = self.presence.roll().due();
            let at = due.map_or(self.renew_at, |due| due.min(self.renew_at));
            if self.said.is_some() || at <= Instant::now() {
                return;
            }
            // Then it is looked at again: whoever had come may have gone.
            tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = self.presence.news.notified() => {}
            }
        }
    }

    /// The next report: what there is to tell at this moment, or nothing but that the hub lives.
    fn compose(&mut self) -> PresenceReport {
        let news = self.presence.roll().take(Instant::now());
        self.write(news.here, news.gone, news.is_all)
    }

    fn write(&mut self, here: Vec<TenantActor>, gone: Vec<TenantActor>, is_all: bool) -> PresenceReport {
        self.number += 1;
        PresenceReport {
            hub: self.hub,
            number: self.number,
            lasts_ms: self.lasts_ms,
            whole: self.whole,
            done: self.whole.is_some() && is_all,
            here,
            gone,
        }
    }

    fn taken(&mut self, begun: Instant) {
        if self.said.take().is_some_and(|report| report.done) {
            self.whole = None;
        }
        self.renew_at = begun + Duration::from_millis(u64::from(self.lasts_ms)) / 3;
        let told = u32::try_from(self.presence.roll().told()).unwrap_or(u32::MAX);
        gauge!("stockwire_hub_people").set(f64::from(told));
        if std::mem::take(&mut self.is_away) {
            tracing::info!("inventory-api takes presence reports again");
        }
    }

    fn failed(&mut self, error: &ReportError) {
        counter!("stockwire_hub_presence_failures_total").increment(1);
        let source = error as &dyn std::error::Error;
        if std::mem::replace(&mut self.is_away, true) {
            tracing::debug!(source, "a presence report failed");
        } else {
            tracing::warn!(source, "inventory-api takes no presence reports, trying again and again");
        }
    }

    /// The whole list is next.
    fn start_over(&mut self) {
        tracing::info!("inventory-api doesn't know who is connected, saying it anew");
        self.said = None;
        self.whole = Some(self.number + 1);
        self.renew_at = Instant::now();
        self.presence.roll().start_over();
    }

    async fn say(&self, report: &PresenceReport) -> Result<Answer, ReportError> {
        counter!("stockwire_hub_presence_reports_total").increment(1);
        let body = serde_json::to_vec(report)?;
        let call = Call::begin("POST /internal/v1/presence");
        let request = self.client.post(&self.url).bearer_auth(self.secret.expose());
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let request = call.headers().fold(request, |request, (name, value)| request.header(name, value));
        let answer = call.run(async { request.send().await.map_err(reqwest::Error::without_url) }).await?;
        match answer.status() {
            status if status.is_success() => Ok(Answer::Taken),
            StatusCode::CONFLICT => Ok(Answer::Unknown),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(Answer::NotThere),
            status => Err(ReportError::Refused(status)),
        }
    }
}
