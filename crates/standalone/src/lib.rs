//! standalone

pub mod postgres;
