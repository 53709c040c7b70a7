//! The schema and the statements, tested against a real Postgres.

mod capture;
mod channels;
mod housekeeping;
mod migrations;
mod monitor_claims;
mod odd_rows;
mod origin;
mod presence;
mod readable;
mod retention;
mod roles;
mod schema;
mod sources;
mod upgrade;
mod vitals;
mod write_context;
