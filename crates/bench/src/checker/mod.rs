//! Whether clients were told the truth: what each of them made of its frames, put beside what Postgres says.
//!
//! | module | noun |
//! |---|---|
//! | `frame` | what a hub says, as far as the checker needs it; read once for all clients that get the same bytes |
//! | `replica` | a client's copy of the topic `items`, and the promises that its frames must keep |
//! | `truth` | the log and the table, and what every client should have seen |
//!
//! Two checks are independent of each other: a replica looks at the frames alone (`prev`, positions, versions), and
//! the truth counts what a client got between two positions against the log. A hub that loses a change and gets its
//! `prev` wrong as well is found by the second.

pub(crate) mod frame;
pub(crate) mod replica;
pub(crate) mod truth;
