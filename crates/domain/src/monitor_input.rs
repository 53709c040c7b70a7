//! What a client may say about a monitor: a whole one (`POST`), or some of its fields (`PATCH`, a JSON merge patch by RFC
//! 7396: absent keeps, null clears; objects inside are replaced whole, because half of a condition is none).

use serde::Deserialize;
use serde_json::Value;

use crate::{
    Amount, Condition, FieldError, FieldReader, Judgement, Measure, MessageTemplate, MonitorState, Name,
    Schedule, Scope, Severity,
    fields::kind,
    item_input::{name, nullable, text},
    judgement::{self, StoredJudgement, read_condition, read_hysteresis},
    schedule_input::read_schedule,
    scope_input::read_scope,
};

/// A monitor that shall be made.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct NewMonitor {
    /// What people call it. Required.
    pub name: Name,
    /// Which items. Required.
    pub scope: Scope,
    /// What of them is looked at. Required.
    pub measure: Measure,
    /// When it tells. Required.
    pub condition: Condition,
    /// How far a value must come back before the condition can be met anew: in the measure's unit, or in percentage points
    /// for `rises_by` and `falls_by`; not with `changes_by` and `unchanged_for`. 0 if left out.
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub hysteresis: Amount,
    /// Whether items that meet the condition when it starts are told of, too; false if left out.
    #[cfg_attr(feature = "openapi", schema(required = false, default = false))]
    pub notify_existing: bool,
    /// How much it matters; `warning` if left out.
    #[cfg_attr(feature = "openapi", schema(required = false, default = "warning"))]
    pub severity: Severity,
    /// Template of the message; the usual words if left out. Placeholders are `{item.name}`, `{item.sku}`, `{item.id}`,
    /// `{item.unit}`, `{value}`, `{previous_value}`, `{threshold}`, `{reference}`, `{monitor.name}`, `{severity}` and `{at}`; a
    /// brace that is meant as one is written twice.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1000))]
    pub message: Option<String>,
    /// At least so many seconds lie between two notifications about one item; 0 if left out.
    #[cfg_attr(feature = "openapi", schema(required = false, default = 0, maximum = 31_536_000))]
    pub cooldown_seconds: u32,
    /// When it may notify; always, if left out.
    pub schedule: Option<Schedule>,
    /// Ids of channels that are told besides the live stream; none if left out.
    #[cfg_attr(feature = "openapi", schema(required = false, max_items = 20))]
    pub channels: Vec<i64>,
    /// `running` if left out, or `stopped`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false, default = "running",
        pattern = "^(running|stopped)$"))]
    pub state: MonitorState,
}

/// Some fields of a monitor. The outer `Option` is "was it said", the inner one "is there a value". Condition and hysteresis
/// are kept as they were said until the measure is known.
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields), schema(min_properties = 1))]
#[cfg_attr(
    feature = "openapi",
    schema(description = "Some fields of a monitor: absent keeps, null clears, objects are replaced whole.")
)]
pub struct MonitorPatch {
    /// Another name.
    #[cfg_attr(feature = "openapi", schema(value_type = Name, required = false))]
    pub name: Option<Name>,
    /// Other items. The monitor begins anew.
    #[cfg_attr(feature = "openapi", schema(value_type = Scope, required = false))]
    pub scope: Option<Scope>,
    /// Another measure. The monitor begins anew.
    #[cfg_attr(feature = "openapi", schema(value_type = Measure, required = false))]
    pub measure: Option<Measure>,
    /// Another condition. The monitor begins anew.
    #[cfg_attr(feature = "openapi", schema(value_type = Condition, required = false))]
    pub condition: Option<Value>,
    /// Another hysteresis. The monitor begins anew. It must be given with a condition for which it means something else.
    #[cfg_attr(feature = "openapi", schema(value_type = Amount, required = false))]
    pub hysteresis: Option<Value>,
    /// Whether items that meet the condition when it starts are told of, too.
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    pub notify_existing: Option<bool>,
    /// How much it matters.
    #[cfg_attr(feature = "openapi", schema(value_type = Severity, required = false))]
    pub severity: Option<Severity>,
    /// Another template, or null for the usual words.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, min_length = 1, max_length = 1000))]
    pub message: Option<Option<String>>,
    /// Another cooldown.
    #[cfg_attr(feature = "openapi", schema(value_type = u32, required = false, maximum = 31_536_000))]
    pub cooldown_seconds: Option<u32>,
    /// Another schedule, or null for always.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Schedule>))]
    pub schedule: Option<Option<Schedule>>,
    /// Other channels.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<i64>, required = false, max_items = 20))]
    pub channels: Option<Vec<i64>>,
}

/// What of a monitor's document a patch of it is checked against.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StoredMonitor {
    built_in: Option<String>,
    scope: Value,
    measure: Measure,
    condition: Value,
    hysteresis: Value,
}

impl StoredMonitor {
    /// Whether it is one that every tenant has.
    #[must_use]
    pub const fn is_built_in(&self) -> bool {
        self.built_in.is_some()
    }
}

impl NewMonitor {
    /// The most channels that one monitor may name.
    pub const MOST_CHANNELS: usize = 20;

    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let name = fields.required("name", name);
        let scope = fields.required("scope", Ok).and_then(|value| fields.nested("scope", value, read_scope));
        let measure = fields.required("measure", measure);
        let condition = fields.required("condition", Ok).and_then(|value| {
            fields.nested("condition", value, |condition| read_condition(condition, measure))
        });
        let read = |value| read_hysteresis(value, measure, condition.as_ref());
        let hysteresis = fields.present("hysteresis", read).unwrap_or_default();
        let notify_existing = fields.present("notify_existing", boolean).unwrap_or_default();
        let severity = fields.present("severity", severity).unwrap_or(Severity::Warning);
        let message = fields.optional("message", message);
        let cooldown_seconds = fields.present("cooldown_seconds", cooldown).unwrap_or_default();
        let schedule = fields.optional("schedule", Ok);
        let schedule = schedule.and_then(|value| fields.nested("schedule", value, read_schedule));
        let channels = channels(&mut fields).unwrap_or_default();
        let state = fields.present("state", state).unwrap_or(MonitorState::Running);
        fields.finish()?;
        let (Some(name), Some(scope), Some(measure), Some(condition)) = (name, scope, measure, condition)
        else {
            return Err(Vec::new());
        };
        Ok(Self {
            name,
            scope,
            measure,
            condition,
            hysteresis,
            notify_existing,
            severity,
            message,
            cooldown_seconds,
            schedule,
            channels,
            state,
        })
    }
}

impl MonitorPatch {
    /// Reads a request's body. What can only be judged with what is stored is judged by [`Self::judgement`].
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer; a patch that says nothing is wrong too.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let name = fields.present("name", name);
        let scope = fields.present("scope", Ok).and_then(|value| fields.nested("scope", value, read_scope));
        let measure = fields.present("measure", measure);
        let condition = fields.present("condition", Ok);
        let read = condition.clone().and_then(|value| {
            fields.nested("condition", value, |condition| read_condition(condition, measure))
        });
        let known = |value: Value| read_hysteresis(value.clone(), measure, read.as_ref()).map(|_| value);
        let hysteresis = fields.present("hysteresis", known);
        let notify_existing = fields.present("notify_existing", boolean);
        let severity = fields.present("severity", severity);
        let message = nullable(fields.take("message", message));
        let cooldown_seconds = fields.present("cooldown_seconds", cooldown);
        let schedule = nullable(fields.take("schedule", Ok))
            .map(|schedule| schedule.and_then(|value| fields.nested("schedule", value, read_schedule)));
        let channels = channels(&mut fields);
        let _: Option<()> = fields.present("state", |_| Err("is changed by /start, /stop and /pause".into()));
        fields.finish()?;
        let patch = Self {
            name,
            scope,
            measure,
            condition,
            hysteresis,
            notify_existing,
            severity,
            message,
            cooldown_seconds,
            schedule,
            channels,
        };
        if patch == Self::default() {
            let detail = "expected at least one field to change".to_owned();
            return Err(vec![FieldError { detail, pointer: String::new() }]);
        }
        Ok(patch)
    }

    /// What the monitor tells of from then on, if the patch says anything about it.
    ///
    /// # Errors
    /// What doesn't go together with what is stored, each with its pointer.
    pub fn judgement(&self, stored: &StoredMonitor) -> Result<Option<Judgement>, Vec<FieldError>> {
        if self.measure.is_none() && self.condition.is_none() && self.hysteresis.is_none() {
            return Ok(None);
        }
        let StoredMonitor { measure, condition, hysteresis, .. } = stored;
        let stored = StoredJudgement { measure: *measure, condition, hysteresis };
        Judgement::merge(&stored, self.measure, self.condition.as_ref(), self.hysteresis.as_ref()).map(Some)
    }

    /// Whether it gives the monitor another scope, measure or condition.
    #[must_use]
    pub fn redefines(&self, stored: &StoredMonitor) -> bool {
        let scope = self.scope.as_ref().map(|scope| serde_json::to_value(scope).unwrap_or_default());
        scope.is_some_and(|scope| scope != stored.scope)
            || self.measure.is_some_and(|measure| measure != stored.measure)
            || self.condition.as_ref().is_some_and(|condition| *condition != stored.condition)
    }
}

fn measure(value: Value) -> Result<Measure, String> {
    Measure::parse(&text(value)?).ok_or_else(|| "must be quantity or price".into())
}

fn severity(value: Value) -> Result<Severity, String> {
    Severity::parse(&text(value)?).ok_or_else(|| "must be info, warning or critical".into())
}

/// A new monitor has nothing to remember, so it can't be paused.
fn state(value: Value) -> Result<MonitorState, String> {
    let state = MonitorState::parse(&text(value)?).filter(|state| *state != MonitorState::Paused);
    state.ok_or_else(|| "must be running or stopped".into())
}

fn message(value: Value) -> Result<String, String> {
    let text = text(value)?;
    MessageTemplate::parse(&text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn cooldown(value: Value) -> Result<u32, String> {
    judgement::seconds(value, 0)
}

fn boolean(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("must be true or false, not {}", kind(&value)))
}

fn channels(fields: &mut FieldReader) -> Option<Vec<i64>> {
    let list = fields.present("channels", |value| match value {
        Value::Array(values) if values.len() > NewMonitor::MOST_CHANNELS => {
            Err(format!("must have at most {} entries, has {}", NewMonitor::MOST_CHANNELS, values.len()))
        }
        Value::Array(values) => Ok(values),
        other => Err(format!("must be an array, not {}", kind(&other))),
    });
    list.map(|values| fields.entries("channels", values, channel))
}

fn channel(value: Value) -> Result<i64, String> {
    let id = value.as_i64().filter(|id| *id > 0);
    id.ok_or_else(|| "must be a channel's id, an integer from 1 to 9223372036854775807".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(errors: Vec<FieldError>) -> Vec<String> {
        errors.into_iter().map(|error| error.pointer).collect()
    }

    fn below(threshold: i64) -> Value {
        json!({"kind": "below", "threshold": threshold})
    }

    #[test]
    fn a_monitor_needs_a_name_a_scope_a_measure_and_a_condition() {
        let body =
            json!({"name": " Low ", "scope": {"kind": "all"}, "measure": "quantity", "condition": below(5)});
        let monitor = NewMonitor::from_json(body).unwrap();
        assert_eq!((monitor.name.as_str(), monitor.severity), ("Low", Severity::Warning));
        assert_eq!((monitor.hysteresis, monitor.state), (Amount::ZERO, MonitorState::Running));
        assert_eq!((monitor.cooldown_seconds, monitor.channels.len()), (0, 0));
        let errors = NewMonitor::from_json(json!({})).unwrap_err();
        assert_eq!(pointers(errors), ["/name", "/scope", "/measure", "/condition"]);
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let body = json!({
            "name": "", "scope": {"kind": "item", "item_id": -1}, "measure": "price",
            "condition": {"kind": "below", "threshold": 5}, "hysteresis": 1.5, "notify_existing": 1,
            "severity": "fatal", "message": "{nothing}", "cooldown_seconds": -1,
            "schedule": {"time_zone": "UTC", "weekdays": ["monday", "x"], "from": "08:00", "until": "18:00"},
            "channels": [1, "2", 1], "state": "paused", "built_in": "reorder_point"
        });
        let expected = [
            "/name",
            "/scope/item_id",
            "/condition/threshold",
            "/hysteresis",
            "/notify_existing",
            "/severity",
            "/message",
            "/cooldown_seconds",
            "/schedule/weekdays/1",
            "/channels/1",
            "/channels/2",
            "/state",
            "/built_in",
        ];
        assert_eq!(pointers(NewMonitor::from_json(body).unwrap_err()), expected);
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        let patch = MonitorPatch::from_json(json!({"message": null, "schedule": null})).unwrap();
        assert_eq!((patch.message, patch.schedule, patch.name), (Some(None), Some(None), None));
        for body in [json!({}), json!({"name": null}), json!({"condition": null}), json!({"channels": null})]
        {
            assert!(MonitorPatch::from_json(body.clone()).is_err(), "{body}");
        }
        let patch = json!({"state": "running", "hysteresis": -1, "condition": {"kind": "below", "threshold": null},
            "version": 3});
        let expected = ["/condition/threshold", "/hysteresis", "/state", "/version"];
        assert_eq!(pointers(MonitorPatch::from_json(patch).unwrap_err()), expected);
    }

    #[test]
    fn a_patch_is_judged_with_what_is_stored() {
        let stored = |document: Value| serde_json::from_value::<StoredMonitor>(document).unwrap();
        let stored = stored(json!({"built_in": null, "scope": {"kind": "all"}, "measure": "quantity",
            "condition": below(5), "hysteresis": 2, "name": "Low"}));
        let judge = |body: Value| MonitorPatch::from_json(body).unwrap().judgement(&stored);
        assert_eq!(judge(json!({"name": "Lower"})), Ok(None));
        let judgement = judge(json!({"condition": below(9)})).unwrap().unwrap();
        assert_eq!(
            (judgement.condition.document(judgement.measure), judgement.hysteresis),
            (below(9), Amount::whole(2))
        );
        let wrong = judge(json!({"measure": "price"})).unwrap_err();
        assert_eq!(pointers(wrong), ["/condition/threshold"]);
        let wrong = judge(json!({"hysteresis": "0.5"})).unwrap_err();
        assert_eq!(pointers(wrong), ["/hysteresis"]);
        let all = json!({"measure": "price", "condition": {"kind": "above", "threshold": "2"}, "hysteresis": "0.5"});
        assert!(judge(all).is_ok());
    }

    #[test]
    fn saying_again_what_is_there_redefines_nothing() {
        let stored: StoredMonitor = serde_json::from_value(json!({"built_in": "reorder_point",
            "scope": {"kind": "all"}, "measure": "quantity", "condition": {"kind": "at_reorder_point"},
            "hysteresis": 0}))
        .unwrap();
        assert!(stored.is_built_in());
        let redefines = |body: Value| MonitorPatch::from_json(body).unwrap().redefines(&stored);
        assert!(!redefines(json!({"scope": {"kind": "all"}, "measure": "quantity", "hysteresis": 3,
            "condition": {"kind": "at_reorder_point"}, "name": "Low"})));
        assert!(redefines(json!({"scope": {"kind": "sku_prefix", "prefix": "B"}})));
        assert!(redefines(json!({"measure": "price"})));
        assert!(redefines(json!({"condition": below(3)})));
    }
}
