//! The tests of this crate that read files, in one binary so that linking is paid once.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod frames;
