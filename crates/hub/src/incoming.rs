//! What arrives from clients: bytes to frames, frames to reactions, reactions to state.

use std::io;

use actix_codec::Decoder;
use actix_http::ws::{Frame, Item, ProtocolError};
use bytes::{Bytes, BytesMut};
use domain::{
    CloseCode, Cursor, Identity, Permission, Position, ProblemCode, ResyncReason, ServerFrame, Topic,
};

use crate::{
    connection::Phase,
    metrics::Resumed,
    protocol::{Reaction, react},
    state::{State, Wanted},
    subscription::{Ask, Stage, Subscription},
    wire::{self, Encoding},
};

/// Read at once.
const READ: usize = 8 * 1024;
/// Reads before others get their turn.
const ROUNDS: usize = 8;

impl State {
    /// Reads what the socket has and acts on it.
    pub(crate) fn receive(&mut self, key: usize) {
        for _ in 0..ROUNDS {
            let mut buffer = std::mem::take(&mut self.read_buffer);
            let Some(connection) = self.connections.get_mut(key) else { return };
            buffer.clear();
            buffer.extend_from_slice(&std::mem::take(&mut connection.partial));
            buffer.reserve(READ);
            let Some(socket) = connection.link.as_socket() else { return };
            let read = socket.try_read_buf(&mut buffer);
            let heard = matches!(read, Ok(1..));
            if heard {
                connection.heard_ms = self.now_ms;
            }
            self.decode(key, &mut buffer);
            self.read_buffer = buffer;
            match read {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => return self.end(key),
            }
        }
    }

    /// Takes whole frames out of the buffer and keeps the rest for later.
    pub(crate) fn decode(&mut self, key: usize, buffer: &mut BytesMut) {
        loop {
            let Some(connection) = self.connections.get_mut(key) else { return };
            if matches!(connection.phase, Phase::Closing { deaf: true, .. }) {
                return;
            }
            match connection.codec.decode(buffer) {
                Ok(Some(frame)) => self.on_frame(key, frame),
                Ok(None) => {
                    connection.partial = Bytes::copy_from_slice(buffer);
                    return;
                }
                Err(error) => {
                    self.on_broken_frame(key, &error);
                    if let Some(connection) = self.connections.get_mut(key)
                        && let Phase::Closing { deaf, .. } = &mut connection.phase
                    {
                        *deaf = true;
                    }
                    return;
                }
            }
        }
    }

    fn on_broken_frame(&mut self, key: usize, error: &ProtocolError) {
        match error {
            ProtocolError::Overflow => {
                let reason = format!("a frame may have at most {} bytes", self.config.max_frame_bytes);
                self.close(key, CloseCode::TooBig, &reason);
            }
            other => self.close(key, CloseCode::BadFrame, &format!("not a WebSocket frame: {other}")),
        }
    }

    fn on_frame(&mut self, key: usize, frame: Frame) {
        let per_second = self.config.max_frames_per_second;
        let now_ms = self.now_ms;
        let Some(connection) = self.connections.get_mut(key) else { return };
        match connection.phase {
            Phase::Ended => return,
            Phase::Closing { .. } => {
                // Ours has been answered, or crossed theirs: both sides have said goodbye.
                if matches!(frame, Frame::Close(_)) {
                    self.end(key);
                }
                return;
            }
            _ => {}
        }
        if !matches!(frame, Frame::Close(_)) && !connection.allowance.take(per_second, now_ms) {
            return self.close(key, CloseCode::TooManyMessages, "too many messages");
        }
        match frame {
            Frame::Text(payload) => self.on_message(key, &payload),
            Frame::Continuation(item) => self.on_fragment(key, item),
            Frame::Binary(_) => {
                self.close(key, CloseCode::BadFrame, "binary frames are not part of the protocol");
            }
            Frame::Ping(payload) => self.send(key, wire::pong(&payload)),
            Frame::Pong(_) => {}
            Frame::Close(_) => {
                self.close(key, CloseCode::Normal, "");
                // The client said goodbye first: once the answer is out there is nothing to wait for.
                self.end_once_flushed(key);
            }
        }
    }

    fn on_fragment(&mut self, key: usize, item: Item) {
        let most = self.config.max_frame_bytes;
        let Some(connection) = self.connections.get_mut(key) else { return };
        let (part, finished) = match item {
            Item::FirstText(part) => {
                connection.fragments = Some(Box::default());
                (part, false)
            }
            Item::FirstBinary(_) => {
                return self.close(key, CloseCode::BadFrame, "binary frames are not part of the protocol");
            }
            Item::Continue(part) => (part, false),
            Item::Last(part) => (part, true),
        };
        let Some(mut message) = connection.fragments.take() else {
            return self.close(key, CloseCode::BadFrame, "a continuation without a beginning");
        };
        if message.len() + part.len() > most {
            return self.close(key, CloseCode::TooBig, &format!("a message may have at most {most} bytes"));
        }
        message.extend_from_slice(&part);
        if finished {
            self.on_message(key, &message);
        } else {
            connection.fragments = Some(message);
        }
    }

    fn on_message(&mut self, key: usize, payload: &[u8]) {
        let Some(connection) = self.connections.get(key) else { return };
        let known = connection.identity().map(AsRef::as_ref);
        match react(known, payload, |token| self.access.verify(token)) {
            Reaction::Welcome(identity) => self.welcome(key, identity),
            Reaction::Renew(identity) => self.renew(key, identity),
            Reaction::Subscribe { reference, topic, snapshot, after } => {
                self.subscribe(key, reference, topic, snapshot, after);
                self.advance(key);
            }
            Reaction::Unsubscribe(topic) => self.unsubscribe(key, topic),
            Reaction::Pong(reference) => {
                let position = connection.proven(self.head()).unwrap_or(Position::START);
                self.send_frame(key, &ServerFrame::Pong { reference, position });
            }
            Reaction::Refuse { reference, code, detail } => self.send_error(key, reference, code, &detail),
            Reaction::Close { code, reason } => self.close(key, code, &reason),
        }
    }

    /// The client is known: greets it.
    pub(crate) fn welcome(&mut self, key: usize, identity: Identity) {
        let (position, Some(epoch)) = (self.head(), self.epoch) else { return };
        let token_expires_at = identity.expires_at;
        if !self.identify(key, identity) {
            return;
        }
        let Some(connection) = self.connections.get_mut(key) else { return };
        let connection_id = format!("{:016x}", connection.id);
        let connected = ServerFrame::Connected {
            connection_id: &connection_id,
            epoch,
            position,
            heartbeat_ms: self.config.heartbeat_ms,
            token_expires_at,
            reconnect_jitter_ms: self.config.reconnect_jitter_ms,
        };
        // A long poll is answered with the cursor; that says enough.
        if connection.encoding != Encoding::List {
            let connected = wire::message(connection.encoding, &connected, None);
            self.send(key, connected);
        }
        self.reschedule(key);
    }

    pub(crate) fn subscribe(
        &mut self,
        key: usize,
        reference: Option<u64>,
        topic: Topic,
        snapshot: bool,
        after: Option<Cursor>,
    ) {
        // Asking again starts again.
        self.unsubscribe(key, topic);
        let most = self.config.max_subscriptions;
        let head = self.head();
        let resumable = after.map(|cursor| self.can_resume(cursor));
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Some(identity) = connection.identity() else { return };
        let tenant = identity.tenant;
        if !identity.may(Permission::Read) {
            let detail = "this needs the permission read";
            return self.send_error(key, reference, ProblemCode::Forbidden.as_str(), detail);
        }
        if connection.subscriptions.len() >= most {
            let detail = format!("a socket may have at most {most} subscriptions");
            return self.send_error(key, reference, "too_many_subscriptions", &detail);
        }
        let fresh = Ask { reference, recovered: false, snapshot: false, backfilled: false };
        let resumed = Ask { recovered: true, snapshot, ..fresh };
        let live = Stage::Behind { cursor: head, last: head, owed: Some(fresh) };
        let (stage, refused) = match (after, resumable) {
            (Some(Cursor { position, .. }), Some(Ok(()))) => {
                (Stage::Behind { cursor: position, last: position, owed: Some(resumed) }, None)
            }
            _ if snapshot => (Stage::Loading(fresh), None),
            (_, Some(Err(reason))) => (live, Some(reason)),
            _ => (live, None),
        };
        if matches!(stage, Stage::Loading(_)) {
            let id = connection.id;
            self.wanted.push(Wanted { connection: key, id, tenant, topic });
        }
        connection.resumes |= after.is_some();
        connection.gave_up |= matches!(stage, Stage::Loading(_));
        // Most clients have one topic; a vector would make room for four.
        connection.subscriptions.reserve_exact(1);
        connection.subscriptions.push(Subscription { topic, stage });
        if let Some(Err(_)) = resumable {
            let outcome = if snapshot { Resumed::WithSnapshot } else { Resumed::NotAtAll };
            self.metrics.resumed(outcome);
        }
        if let Some(reason) = refused {
            self.resync(key, topic, reason);
        }
    }

    /// Whether everything behind a cursor is in the ring, or will be, or may be fetched.
    fn can_resume(&self, cursor: Cursor) -> Result<(), ResyncReason> {
        if Some(cursor.epoch) != self.epoch {
            Err(ResyncReason::Epoch)
        } else if cursor.position < self.ring.floor() && !self.may_be_fetched(cursor.position) {
            Err(ResyncReason::TooOld)
        } else {
            Ok(())
        }
    }
}
