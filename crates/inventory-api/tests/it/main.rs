//! The tests of this crate, in one binary so that linking is paid once.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod api_keys;
mod app;
mod attacks;
mod audit;
mod bad_input;
mod binary;
mod browsers;
mod credentials;
mod documents;
mod drain;
mod feed;
mod history;
mod housekeeping;
mod items;
mod key_checks;
mod limits;
mod links;
mod lists;
mod log_lines;
mod mail;
mod metrics;
mod mutes;
mod notifications;
mod outage;
mod people;
mod preconditions;
mod presence;
mod sessions;
mod snapshot;
mod statements;
mod stored_documents;
mod tokens;
mod traces;
mod users;
mod wire;
