//! Log lines for machines: each is one flat JSON object. `timestamp`, `level`, `service`, `target` and `message` come
//! first, then the event's fields, then those of the spans that it happened in, so that `request.id` and `trace.id` stand
//! at the top of every line of a request. Where names meet, the innermost wins.

use std::{error::Error, fmt};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

/// Writes events of one service.
pub(crate) struct JsonLines {
    pub(crate) service: &'static str,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Line::default();
        let now = Timestamp::now();
        line.put("timestamp", format!("{now:.6}").into());
        line.put("level", metadata.level().as_str().into());
        line.put("service", self.service.into());
        line.put("target", metadata.target().into());
        event.record(&mut line);
        // From the inside to the outside.
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<FormattedFields<JsonFields>>()
                && let Ok(fields) = serde_json::from_str::<Map<String, Value>>(&fields.fields)
            {
                fields.into_iter().for_each(|(name, value)| line.put(&name, value));
            }
        }
        let text = serde_json::to_string(&line.0).map_err(|_| fmt::Error)?;
        writeln!(writer, "{text}")
    }
}

/// The members of a line.
#[derive(Default)]
struct Line(Map<String, Value>);

impl Line {
    /// What is there already stays.
    fn put(&mut self, name: &str, value: Value) {
        self.0.entry(name).or_insert(value);
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    /// With its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.put(field.name(), text.into());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn lines(act: impl FnOnce()) -> Vec<Map<String, Value>> {
        let kept = Kept::default();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines { service: "test" })
            .with_writer(kept.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_flat_and_says_which_request_it_belongs_to() {
        let found = lines(|| {
            let span = tracing::info_span!("request", request.id = "r-1", trace.id = tracing::field::Empty);
            span.record("trace.id", "0af7");
            span.in_scope(|| {
                let inner = tracing::info_span!("inner", depth = 2, message = "of the span");
                inner.in_scope(|| tracing::info!(wait_ms = 1.5, count = 7, ok = true, "it \"happened\"\n"));
            });
            tracing::warn!("outside");
        });
        let [inside, outside] = found.as_slice() else { panic!("{found:?}") };
        let expected = serde_json::json!({
            "level": "INFO", "service": "test", "target": module_path!(), "message": "it \"happened\"\n",
            "wait_ms": 1.5, "count": 7, "ok": true, "depth": 2, "request.id": "r-1", "trace.id": "0af7",
            "timestamp": inside["timestamp"],
        });
        assert_eq!(Value::Object(inside.clone()), expected);
        let at: Timestamp = inside["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(at <= Timestamp::now());
        assert!(!outside.contains_key("request.id"));
    }

    #[test]
    fn an_error_comes_with_its_causes() {
        let found = lines(|| {
            let error = crate::settings::SettingsError::SecretFile {
                key: "k",
                file: "f".into(),
                source: io::Error::other("a cause"),
            };
            tracing::error!(source = &error as &dyn Error, "failed");
        });
        let source = found[0]["source"].as_str().unwrap();
        assert!(source.ends_with(": a cause"), "{source}");
    }
}
