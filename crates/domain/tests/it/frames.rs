//! `golden/frames.json` has every frame of the socket, byte for byte, and what clients may send and may not. Programs in
//! other languages are tested with the same file. `STOCKWIRE_UPDATE_GOLDEN=1` writes it anew.

use std::{borrow::Cow, fmt::Write as _, fs, sync::Once};

use domain::{
    AsOf, ClientFrame, Cursor, Epoch, LogoutReason, Position, ResyncReason, ServerFrame, Topic, Version,
    feed::{ChangeFrame, FrameType, write_change_frame},
};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/frames.json");

#[derive(Deserialize)]
struct Golden {
    server: Vec<Written>,
    client: Vec<Sent>,
}

#[derive(Deserialize)]
struct Written {
    name: String,
    frame: Box<RawValue>,
}

/// What a client sends: as a text, because some of it isn't JSON.
#[derive(Deserialize)]
struct Sent {
    text: String,
    good: bool,
}

fn epoch() -> Epoch {
    "00000000000000000000000000000001".parse().unwrap()
}

fn at(position: i64) -> Position {
    Position::new(position).unwrap()
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

const BOLT: &str = r#"{"id":5,"sku":"B-8","name":"Bolt","description":null,"quantity":12,"unit":"each","price":"0.2500","reorder_point":10,"attributes":{"bin": "A4"},"version":1,"created_at":"2026-11-22T01:21:07.420000Z","updated_at":"2026-11-22T01:21:07.420000Z"}"#;

/// A change's frame, by the functions that write those of notifiers and hubs.
fn change(frame_type: FrameType, topic: Topic, prev: i64, frame: &ChangeFrame<'_>) -> String {
    let mut written = Vec::new();
    let frame = serde_json::to_vec(frame).unwrap();
    write_change_frame(&mut written, frame_type, topic, at(prev), &frame);
    String::from_utf8(written).unwrap()
}

fn changes() -> Vec<(String, String)> {
    let bolt = raw(BOLT);
    let after =
        raw(&BOLT.replace(r#""quantity":12"#, r#""quantity":9"#).replace(r#""version":1"#, r#""version":2"#));
    let (old, empty) =
        (raw(r#"{"quantity":12}"#), raw("{\"id\":3,\"message\":\"Bolt is at its reorder point.\"}"));
    let created = ChangeFrame {
        resource: Cow::Borrowed("item"),
        id: 5,
        position: at(12),
        version: Version::new(1),
        at: "2026-11-22T01:21:07.42Z".parse().unwrap(),
        actor: Cow::Borrowed("user:7"),
        reason: None,
        data: Some(&bolt),
        previous: None,
    };
    let one = |version, position, data, previous, reason| ChangeFrame {
        position: at(position),
        version: Version::new(version),
        data,
        previous,
        reason,
        actor: Cow::Borrowed("user:7"),
        resource: Cow::Borrowed("item"),
        ..created
    };
    let reason = Some(Cow::Borrowed("sold \u{201c}over the counter\u{201d}"));
    let update = one(2, 14, Some(&*after), Some(&*old), reason);
    let delete = one(3, 15, None, Some(&*after), None);
    let raised = ChangeFrame {
        resource: Cow::Borrowed("notification"),
        id: 3,
        actor: Cow::Borrowed("monitor:1"),
        ..one(1, 16, Some(&*empty), None, None)
    };
    let item = "items:5".parse().unwrap();
    vec![
        ("create".into(), change(FrameType::Create, Topic::Items, 11, &one(1, 12, Some(&*bolt), None, None))),
        ("update".into(), change(FrameType::Update, Topic::Items, 12, &update)),
        ("update on the topic of one item".into(), change(FrameType::Update, item, 12, &update)),
        ("delete".into(), change(FrameType::Delete, Topic::Items, 14, &delete)),
        ("notification".into(), change(FrameType::Notification, Topic::Notifications, 2, &raised)),
    ]
}

/// Every frame that a hub writes, by name; a frame that is new doesn't compile in `kind`.
fn server_frames() -> Vec<(String, String)> {
    let documents = raw(&format!("[{BOLT}]"));
    let (none, epoch) = (raw("[]"), epoch());
    let as_of = AsOf { epoch, position: at(12) };
    let connected = |token_expires_at| ServerFrame::Connected {
        connection_id: "0000000000000001",
        epoch,
        position: at(12),
        heartbeat_ms: 25_000,
        token_expires_at,
        reconnect_jitter_ms: 5000,
    };
    let subscribed = |recovered| ServerFrame::Subscribed {
        reference: Some(1),
        topic: Topic::Items,
        recovered,
        position: at(12),
        epoch,
    };
    let initial =
        |data, more| ServerFrame::Initial { reference: Some(1), topic: Topic::Items, as_of, data, more };
    let mut frames = vec![
        ("connected", connected(None)),
        ("connected with a token", connected("2026-11-22T02:00:00Z".parse().ok())),
        ("subscribed", subscribed(false)),
        ("subscribed and recovered", subscribed(true)),
        ("initial with more to come", initial(&documents, true)),
        ("initial without documents", initial(&none, false)),
        ("heartbeat", ServerFrame::Heartbeat { position: at(16) }),
        ("pong", ServerFrame::Pong { reference: Some(7), position: at(16) }),
        ("pong to a ping without ref", ServerFrame::Pong { reference: None, position: Position::START }),
        ("conflated", ServerFrame::Conflated { topic: Topic::Items, skipped: 412, position: at(900) }),
        (
            "error",
            ServerFrame::Error {
                reference: Some(3),
                code: "unknown_topic",
                detail: "there is no such topic",
            },
        ),
    ];
    for reason in [ResyncReason::Gap, ResyncReason::Epoch, ResyncReason::TooOld] {
        let name = match reason {
            ResyncReason::Gap => "resync gap",
            ResyncReason::Epoch => "resync epoch",
            ResyncReason::TooOld => "resync too_old",
        };
        frames.push((name, ServerFrame::Resync { topic: Topic::Items, reason, position: at(900), epoch }));
    }
    let mut frames: Vec<(String, String)> =
        frames.into_iter().map(|(name, frame)| (named(name, &frame), frame.to_json())).collect();
    for reason in LogoutReason::ALL {
        let frame = ServerFrame::ForceLogout { reason, message: reason.message() };
        frames.push((named(&format!("force_logout {}", reason.as_str()), &frame), frame.to_json()));
    }
    frames.extend(changes());
    frames
}

/// The name of a frame, which begins with its kind.
fn named(name: &str, frame: &ServerFrame<'_>) -> String {
    let kind = match frame {
        ServerFrame::Connected { .. } => "connected",
        ServerFrame::Subscribed { .. } => "subscribed",
        ServerFrame::Initial { .. } => "initial",
        ServerFrame::Heartbeat { .. } => "heartbeat",
        ServerFrame::Pong { .. } => "pong",
        ServerFrame::Conflated { .. } => "conflated",
        ServerFrame::Resync { .. } => "resync",
        ServerFrame::ForceLogout { .. } => "force_logout",
        ServerFrame::Error { .. } => "error",
    };
    assert!(name.starts_with(kind), "{name} is the name of a {kind}");
    name.to_owned()
}

/// What clients send, and what it means; nothing where it is no frame.
fn client_frames() -> Vec<(&'static str, Option<ClientFrame>)> {
    let after = Some(Cursor { epoch: epoch(), position: at(12) });
    let subscribe = |reference, snapshot, after| {
        Some(ClientFrame::Subscribe { reference, topic: "items".into(), snapshot, after })
    };
    vec![
        (r#"{"type":"auth","token":"x.y.z"}"#, Some(ClientFrame::Auth { token: "x.y.z".into() })),
        (r#"{"type":"subscribe","topic":"items"}"#, subscribe(None, false, None)),
        (r#"{"type":"subscribe","ref":1,"topic":"items","snapshot":true}"#, subscribe(Some(1), true, None)),
        (
            r#"{"type":"subscribe","ref":2,"topic":"items","snapshot":true,"after":{"epoch":"00000000000000000000000000000001","position":12}}"#,
            subscribe(Some(2), true, after),
        ),
        (
            r#"{"type":"unsubscribe","ref":3,"topic":"items:5"}"#,
            Some(ClientFrame::Unsubscribe { reference: Some(3), topic: "items:5".into() }),
        ),
        (r#"{"type":"ping","ref":4}"#, Some(ClientFrame::Ping { reference: Some(4) })),
        (r#"{"type":"ping"}"#, Some(ClientFrame::Ping { reference: None })),
        ("", None),
        ("[]", None),
        (r#"{"type":"ping""#, None),
        (r#"{"type":"hello"}"#, None),
        (r#"{"type":"auth"}"#, None),
        (r#"{"type":"ping","ref":-1}"#, None),
        (r#"{"type":"ping","ref":"4"}"#, None),
        (r#"{"type":"subscribe","topic":"items","unknown":1}"#, None),
        (r#"{"type":"subscribe","topic":"items","after":"1"}"#, None),
        (r#"{"type":"subscribe","topic":"items","snapshot":1}"#, None),
    ]
}

/// The file, one frame a line.
fn written() -> String {
    let mut text = "{\n  \"server\": [\n".to_owned();
    let last = |place: usize, count: usize| if place + 1 < count { "," } else { "" };
    let frames = server_frames();
    for (place, (name, frame)) in frames.iter().enumerate() {
        let name = to_raw_value(name).unwrap();
        writeln!(text, "    {{\"name\": {name}, \"frame\": {frame}}}{}", last(place, frames.len())).unwrap();
    }
    text.push_str("  ],\n  \"client\": [\n");
    let frames = client_frames();
    for (place, (sent, meant)) in frames.iter().enumerate() {
        let (sent, good) = (to_raw_value(sent).unwrap(), meant.is_some());
        writeln!(text, "    {{\"text\": {sent}, \"good\": {good}}}{}", last(place, frames.len())).unwrap();
    }
    text.push_str("  ]\n}\n");
    text
}

fn golden() -> Golden {
    static UPDATED: Once = Once::new();
    UPDATED.call_once(|| {
        if std::env::var_os("STOCKWIRE_UPDATE_GOLDEN").is_some() {
            fs::write(FILE, written()).unwrap();
        }
    });
    serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap()
}

#[test]
fn what_the_code_writes_is_what_the_file_says() {
    let expected: Vec<(String, String)> =
        golden().server.into_iter().map(|written| (written.name, written.frame.get().to_owned())).collect();
    for (found, expected) in server_frames().iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(server_frames().len(), expected.len());
}

#[test]
fn what_the_code_reads_is_what_the_file_says() {
    let sent: Vec<(String, bool)> = golden().client.into_iter().map(|sent| (sent.text, sent.good)).collect();
    for ((text, meant), (expected, good)) in client_frames().into_iter().zip(&sent) {
        assert_eq!((text, meant.is_some()), (expected.as_str(), *good));
        assert_eq!(ClientFrame::parse(text.as_bytes()).ok(), meant, "{text}");
    }
    assert_eq!(client_frames().len(), sent.len());
}
