//! What time does to connections: heartbeats, and the ends of those that don't say who they are, don't read, don't
//! answer, or whose token has expired.

use bytes::Bytes;
use domain::CloseCode;
use jiff::Timestamp;

use crate::{
    connection::{AHEAD_MS, Phase},
    state::State,
    timers::{Due, NEVER},
    wire::{self, Encoding},
};

/// A snapshot must be read within this time, looked at with each heartbeat.
const SNAPSHOT_MS: u64 = 120_000;

/// The heartbeats of this moment, made when the first one is due: most clients get the same bytes.
#[derive(Debug, Default)]
pub(crate) struct Beats([Option<Bytes>; Encoding::ALL.len()]);

impl State {
    /// Works out when time makes a difference to a connection next.
    pub(crate) fn reschedule(&mut self, key: usize) {
        let Some(connection) = self.connections.get(key) else { return };
        let at_ms = connection.next_due(&self.config, self.now_ms, Timestamp::now());
        self.look_after(key, at_ms);
    }

    pub(crate) fn on_due(&mut self, due: Due, now: Timestamp, beats: &mut Beats) {
        let Some(connection) = self.connections.get_mut(due.key) else { return };
        if connection.id != due.id || connection.due_ms != due.at_ms {
            return;
        }
        connection.due_ms = NEVER;
        self.look_at(due.key, now, beats);
        let Some(connection) = self.connections.get(due.key) else { return };
        // Whatever it is, not at once again.
        let next_ms = connection.next_due(&self.config, self.now_ms, now).max(self.now_ms + 1);
        self.look_after(due.key, next_ms);
    }

    fn look_at(&mut self, key: usize, now: Timestamp, beats: &mut Beats) {
        let now_ms = self.now_ms;
        let config = self.config.clone();
        let Some(connection) = self.connections.get_mut(key) else { return };
        match &connection.phase {
            Phase::Ended => return connection.link.kick(),
            Phase::Closing { deadline_ms, .. } => {
                if now_ms >= *deadline_ms {
                    self.end(key);
                }
                return;
            }
            Phase::Greeting => {
                if now_ms >= connection.opened_ms + config.auth_timeout_ms {
                    self.close(key, CloseCode::NotAuthenticated, "no auth frame came in time");
                }
                return;
            }
            Phase::Known(identity) => {
                if identity.expires_at.is_some_and(|end| end <= now) {
                    return self.close(key, CloseCode::TokenExpired, "the access token has expired");
                }
            }
        }
        if connection.ahead_since_ms.is_some_and(|since| now_ms >= since + AHEAD_MS) {
            self.give_up_ahead(key);
        }
        let Some(connection) = self.connections.get_mut(key) else { return };
        let unread = connection.snapshot_since().is_some_and(|since| now_ms >= since + SNAPSHOT_MS);
        if unread {
            return self.close(key, CloseCode::TooSlow, "the snapshot wasn't read in time");
        }
        if let Some(since_ms) = connection.blocked_ms {
            if now_ms >= since_ms + config.stall_timeout_ms {
                return self.close(key, CloseCode::TooSlow, "the client takes nothing");
            }
        } else if self.is_silent(key) {
            // What it sent may lie unread if this thread was busy.
            self.receive(key);
            if self.is_silent(key) {
                if let Some(connection) = self.connections.get(key) {
                    connection.link.abort();
                }
                return self.end(key);
            }
        }
        self.beat(key, beats);
    }

    /// Whether a socket has left a heartbeat's ping unanswered until the next one: the other side is gone without a
    /// goodbye, for two heartbeats at most.
    fn is_silent(&self, key: usize) -> bool {
        self.connections.get(key).is_some_and(|connection| {
            connection.link.as_socket().is_some()
                && connection.heard_ms < connection.beat_ms
                && self.now_ms >= connection.beat_ms + self.config.heartbeat_ms
        })
    }

    fn beat(&mut self, key: usize, beats: &mut Beats) {
        let (now_ms, head, epoch) = (self.now_ms, self.head(), self.epoch);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let known = connection.identity().is_some();
        if !known || now_ms < connection.beat_ms + self.config.heartbeat_ms {
            return;
        }
        connection.beat_ms = now_ms;
        // Bytes that wait are a sign of life themselves; a poll is short.
        if !connection.outbox.is_empty() || connection.encoding == Encoding::List {
            return;
        }
        let encoding = connection.encoding;
        let bytes = if connection.is_live() {
            let shared = &mut beats.0[encoding as usize];
            shared.get_or_insert_with(|| wire::heartbeat(encoding, epoch, Some(head))).clone()
        } else {
            wire::heartbeat(encoding, epoch, connection.proven(head))
        };
        self.send(key, bytes);
    }
}
