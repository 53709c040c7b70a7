//! The schema and the statements, tested against a real Postgres.

mod capture;
mod migrations;
mod odd_rows;
mod readable;
mod retention;
mod roles;
mod schema;
mod upgrade;
mod write_context;
