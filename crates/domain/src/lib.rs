//! The vocabulary of Stockwire: what an item is, what a change is, where in the log it stands, which topics
//! carry it, and the exact shape of every frame and problem document.
//!
//! A type here exists only if it is valid: names, skus, quantities and prices are parsed once, at the edge, and
//! keep their field private. There is deliberately no I/O, no async and no SQL in this crate, so that every
//! service and every test can share it.

mod access;
mod actor;
mod adjustment_input;
mod amount;
mod api_key;
mod api_key_input;
mod audit;
mod change;
mod channel;
mod channel_delivery;
mod channel_input;
mod close;
mod document;
mod email;
pub mod feed;
mod fields;
mod frame;
mod item;
mod item_batch;
#[cfg(feature = "openapi")]
mod item_batch_fields;
#[cfg(feature = "openapi")]
mod item_change;
mod item_input;
mod judgement;
mod message_template;
mod monitor;
#[cfg(feature = "openapi")]
mod monitor_document;
mod monitor_input;
mod notification;
mod notification_input;
mod page;
mod password;
mod password_input;
mod permission;
mod position;
mod presence;
mod problem;
mod schedule;
mod schedule_input;
mod scope_input;
mod sign_in;
mod source;
mod source_input;
mod statistics;
mod tenant;
mod text;
mod ticket;
mod topic;
mod user;
mod user_input;

pub use access::{EndedLogin, Identity, LONGEST_TOKEN, Login, LogoutReason, ParseLoginError};
pub use actor::Actor;
pub use adjustment_input::Adjustment;
pub use amount::{Amount, ParseAmountError};
pub use api_key::{API_KEY_MARK, ApiKey};
pub use api_key_input::NewApiKey;
pub use audit::{AuditEntry, AuditPage};
pub use change::{Change, Operation, WriteContext};
pub use channel::{Channel, ChannelKind};
pub use channel_delivery::{Delivery, DeliveryState};
pub use channel_input::{ChannelPatch, DeadDeliveries, NewChannel};
pub use close::CloseCode;
pub use document::{Document, ItemDocument, MonitorDocument};
pub use email::{Email, ParseEmailError};
pub use fields::{FieldError, FieldReader};
pub use frame::{ClientFrame, FrameError, ResyncReason, SUBPROTOCOL, ServerFrame};
pub use item::{Attributes, Item, ItemId, Price, Quantity, Version};
pub use item_batch::{
    BatchMatch, BatchOutcome, BatchReport, BatchResult, BatchRow, ItemBatch, OnMissing, OnPresent,
};
#[cfg(feature = "openapi")]
pub use item_batch_fields::BatchRowFields;
#[cfg(feature = "openapi")]
pub use item_change::{ItemChange, OldValues};
pub use item_input::{ItemPatch, NewItem};
pub use judgement::Judgement;
pub use message_template::{MessageTemplate, Placeholder, TemplateError};
pub use monitor::{Condition, Measure, Monitor, MonitorId, MonitorState, Scope, Severity};
#[cfg(feature = "openapi")]
pub use monitor_document::MonitorFields;
pub use monitor_input::{MonitorPatch, NewMonitor, StoredMonitor};
pub use notification::{Mute, Notification, NotificationCount, NotificationDocument};
pub use notification_input::{Acknowledgement, MuteLikeThis, MuteOf, NewMute, ReadUpTo};
pub use page::{AsOf, HistoryPage, Listing, Page};
pub use password::{Password, PasswordError};
pub use password_input::{ChosenPassword, PasswordChange, PasswordReset};
pub use permission::{ParsePermissionsError, Permission, Permissions, Role};
pub use position::{Cursor, Epoch, ParseCursorError, Position};
pub use presence::{PersonDocument, PresenceReport, TenantActor};
pub use problem::{Problem, ProblemCode};
pub use schedule::Schedule;
pub use sign_in::SignIn;
pub use source::{
    ItemMapping, ItemMatch, ItemValues, Mapping, PreviewedChange, RowError, Source, SourceDefinition,
    SourceFormat, SourceHeaderName, SourceKind, SourcePreview, SourceReport, SourceState,
};
pub use source_input::{HeaderChange, SourceHeader, SourceInput};
pub use statistics::{BusyItem, Movement, MovementDay, Reading, Series, SeriesPoint};
pub use tenant::TenantId;
pub use text::{Description, Name, Note, Sku, TextError, Unit};
pub use ticket::{TICKET_LIFETIME, TicketHolder, is_ticket, read_ticket};
pub use topic::{ParseTopicError, Topic};
pub use user::{SessionPolicy, TenantSettings, User};
pub use user_input::{NewUser, TenantPatch, UserPatch};
