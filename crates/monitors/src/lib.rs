//! Decides what monitors raise. Changes of items go in, in the order of the log; crossings come out. There is no I/O, no
//! clock and no randomness here: whoever reads the same log again finds the same crossings.
//!
//! | file | what it is for |
//! |---|---|
//! | `seen` | an item before and after a change, read from the change itself |
//! | `watch` | which monitors look at an item, found without asking all of them |
//! | `condition` | whether a value meets a condition |
//! | `memory` | what is remembered of an item between two changes |
//! | `judge` | what a change, or the passing of time, means to a monitor |
//! | `samples` | the values of a window |
//! | `rehearsal` | what a monitor would have told, had it watched before |
//! | `words` | the message of a notification |
//! | `models`, `histories` | tests: what is decided change by change, against models of whole histories |
//!
//! # A crossing
//!
//! A monitor raises a crossing when a value that didn't meet its condition comes to meet it. From then on the item counts
//! as *raised*, until the value has left the condition by the hysteresis. The value before a change stands in the change
//! itself, so that nothing needs to be known of an item before it changes for the first time: neither a monitor over all
//! items nor one more on a busy one costs anything until there is something to remember.
//!
//! An item that meets the condition already when a monitor starts crosses nothing. One that is created meeting it, or comes
//! into the monitor's scope meeting it, does.

mod condition;
#[cfg(test)]
mod histories;
mod judge;
mod memory;
#[cfg(test)]
mod models;
mod rehearsal;
mod samples;
mod seen;
mod watch;
mod words;

pub use judge::{GRACE, Judged, begin, observe, time_is_up, wait_anew};
pub use memory::{Crossing, Memory};
pub use rehearsal::{Rehearsal, Rehearsed, WouldTell};
pub use samples::Samples;
pub use seen::{ItemChange, Seen, UnreadableChange};
pub use watch::{Applying, Watch, Watched};
pub use words::message;
