//! The tests of this crate, in one binary so that linking is paid once.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod access_table;
mod demo;
mod first_start;
mod invariants;
mod market;
mod postgres;
mod stockwire;
