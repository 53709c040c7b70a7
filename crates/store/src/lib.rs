//! The only SQL in Stockwire's Rust: the pool, the migrations, the queries on items and the log, the ordering
//! step, deleting what is old, and the LISTEN doorbell.
//!
//! Every function that touches a tenant's rows takes the [`domain::TenantId`] and can't be called without. Row
//! structs are private to the module with the query. The first line of every statement is a comment that names
//! its function, so that `pg_stat_activity` and slow-query logs read like the code. There is deliberately no
//! HTTP here: what a failure means to a client is decided by the services.

mod answered;
mod api_keys;
mod audit;
mod change_ids;
mod changes;
mod channels;
mod connection;
mod deliveries;
mod doorbell;
mod ended_logins;
mod error;
mod history;
mod housekeeping;
mod item_list;
mod item_series;
mod item_writes;
mod items;
mod limits;
mod links;
mod log;
mod migrations;
mod monitor_effects;
mod monitor_engine;
mod monitor_runs;
mod monitor_snapshot;
mod monitor_status;
mod monitor_writes;
mod monitors;
mod movement;
mod mutes;
mod notifications;
mod origin;
mod pooled;
mod presence;
mod retention;
mod row;
mod schema;
mod sequencer;
mod series;
mod sessions;
mod sign_ins;
mod snapshot;
mod source_runs;
mod source_values;
mod sources;
mod tenants;
mod tickets;
mod transaction;
mod users;
mod vitals;

pub use api_keys::{ApiKeyPage, FoundKey, SealedKey};
pub use audit::{AuditFilter, AuditList};
pub use changes::ChangePage;
pub use channels::{ChannelAddress, ChannelOutcome, ChannelPage};
pub use connection::{ConnectError, Description, Options, Store};
pub use deliveries::{Appetite, DeliveryFilter, DeliveryPage, DueDelivery};
pub use doorbell::{Bell, Doorbell};
pub use ended_logins::{EndedPage, EndedSeen};
pub use error::Error;
pub use history::{HistoryFilter, HistoryPage};
pub use housekeeping::Chore;
pub use item_list::{ItemFilter, ItemKey, ItemList, ItemSort, ItemSortField};
pub use item_series::{ItemSeries, SeriesQuery};
pub use item_writes::{Expected, WriteOutcome};
pub use limits::{MOST_CHANNELS, MOST_MONITORS, MOST_MUTES, MOST_SOURCES};
pub use links::NewLink;
pub use log::{LogEntry, LogHead};
pub use migrations::{MigrateError, create_database_if_missing, migrate, prepare_database};
pub use monitor_effects::{Committed, MonitorClaim, MonitorEffects, RaisedRow};
pub use monitor_engine::{ItemAsItIs, LogMoment, MemoryRow, MonitorProgress, WatchedRow};
pub use monitor_runs::MonitorRuns;
pub use monitor_status::{MonitorCounts, MonitorLine, MonitorLines, MonitorStatus};
pub use monitor_writes::MonitorOutcome;
pub use monitors::{MonitorFilter, MonitorList};
pub use movement::{DaySums, MovementSums};
pub use mutes::{MuteOutcome, MutePage};
pub use notifications::{NotificationFilter, NotificationPage, NotificationSummary};
pub use origin::{Comments, Origin, WhoAsks};
pub use presence::{PeoplePage, Taken};
pub use retention::{LogHolder, TrimEnd, TrimRules, Trimmed};
pub use schema::{await_schema, ensure_schema};
pub use sequencer::{Horizon, Sequencer, Step};
pub use sessions::{NewSession, Presented, Refreshed, Session, SessionOwner};
pub use sign_ins::{Credential, Throttle};
pub use snapshot::Snapshot;
pub use source_runs::{AnswerTags, FAILURES_TO_OPEN, RunEnd, TakenSource};
pub use source_values::{GivenBy, Judged, SourceWriter, Verdict};
pub use sources::{SealedHeader, SealedHeaderChange, SourceOutcome, SourcePage};
pub use users::{UserOutcome, UserPage};
pub use vitals::{Backlog, ServerVitals};
