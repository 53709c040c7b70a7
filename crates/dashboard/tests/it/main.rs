//! The tests of the build script, which is compiled by itself and run as cargo runs it, on sources and with programs of the
//! test's own. They need a Unix, for the programs are shell scripts.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod build_script;
mod running;
mod workshop;
