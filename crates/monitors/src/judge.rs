//! What a change, or the passing of time, means to a monitor.

use std::time::Duration;

use domain::{Amount, Condition, Position};
use jiff::Timestamp;

use crate::{
    Crossing, Memory, Seen, Watched,
    condition::{Against, compared_with, differs_by, meets, percent_more},
};

/// What is due is told so much later: a change that was made just before is in the log by then, as a rule, and comes first.
pub const GRACE: Duration = Duration::from_millis(250);

/// What to do about a monitor and an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// Nothing is to be told.
    Silent,
    /// This is to be told now.
    Told(Crossing),
    /// The item is none of the monitor's any more: what was remembered is to be forgotten.
    Forget,
}

/// A change of an item as one monitor sees it: nothing where the item isn't there, or isn't in its scope.
#[derive(Debug, Clone, Copy)]
struct Step<'a> {
    before: Option<&'a Seen<'a>>,
    after: &'a Seen<'a>,
    position: Position,
    at: Timestamp,
}

/// Judges a change of an item. `before` and `after` are what lies within the monitor's scope.
pub fn observe(
    watched: &Watched,
    memory: &mut Memory,
    (before, after): (Option<&Seen<'_>>, Option<&Seen<'_>>),
    (position, at): (Position, Timestamp),
) -> Judged {
    let Some(after) = after else { return Judged::Forget };
    if before.is_none() {
        // What is remembered is of an earlier stay: it left the scope while the monitor was paused.
        *memory = Memory::new(watched.since);
    }
    let existing = match before {
        Some(before) if std::mem::take(&mut memory.awaited) => begin(watched, memory, before),
        _ => Judged::Silent,
    };
    match judge(watched, memory, (before, after), (position, at)) {
        // Raised as it was, it can't be raised by the change, too.
        Judged::Silent => existing,
        judged => judged,
    }
}

/// Judges a change of an item that is in the monitor's scope behind it.
fn judge(
    watched: &Watched,
    memory: &mut Memory,
    (before, after): (Option<&Seen<'_>>, &Seen<'_>),
    (position, at): (Position, Timestamp),
) -> Judged {
    if before.is_some_and(|before| looks_the_same(watched, before, after)) {
        return Judged::Silent;
    }
    let step = Step { before, after, position, at };
    let crossing = match watched.monitor.condition {
        Condition::ChangesBy { percent, window_seconds } => {
            observe_window(watched, memory, step, (percent, Duration::from_secs(window_seconds.into())))
        }
        Condition::UnchangedFor { seconds } => {
            observe_stillness(watched, memory, step, Duration::from_secs(seconds.into()));
            None
        }
        _ => observe_value(watched, memory, step),
    };
    match crossing {
        Some(crossing) => tell(watched, memory, crossing, at),
        None => Judged::Silent,
    }
}

/// Whether a change means nothing to a monitor: something else of the item changed.
fn looks_the_same(watched: &Watched, before: &Seen<'_>, after: &Seen<'_>) -> bool {
    let measure = watched.monitor.measure;
    before.value(measure) == after.value(measure) && before.reorder_point == after.reorder_point
}

/// Takes notice of an item that is there when the monitor starts, at the position where it does: what it was raised by
/// before is told only if the monitor says so.
pub fn begin(watched: &Watched, memory: &mut Memory, seen: &Seen<'_>) -> Judged {
    let monitor = &watched.monitor;
    let value = seen.value(monitor.measure);
    if let Condition::UnchangedFor { seconds } = monitor.condition {
        memory.base = value;
        memory.due_at = after(watched.since_at, Duration::from_secs(seconds.into()));
        return Judged::Silent;
    }
    let against = against(memory, seen);
    let Some(value) = value.filter(|value| meets(&monitor.condition, *value, against, Amount::ZERO)) else {
        return Judged::Silent;
    };
    if std::mem::replace(&mut memory.raised, true) || !monitor.notify_existing {
        return Judged::Silent;
    }
    let (threshold, reference) = compared_with(&monitor.condition, value, against);
    let (position, at) = (watched.since, watched.since_at);
    let crossing = Crossing { position, at, value: Some(value), previous: None, threshold, reference };
    tell(watched, memory, crossing, at)
}

/// A monitor has another cooldown or schedule from this moment on: what is held back waits for those instead.
pub fn wait_anew(watched: &Watched, memory: &mut Memory, moment: Timestamp) {
    if memory.held_back.is_some() {
        memory.due_at = Some(may_tell_at(watched, memory, moment));
    }
}

/// What was due is due: tells what was held back, or that nothing has changed for so long.
pub fn time_is_up(watched: &Watched, memory: &mut Memory) -> Judged {
    let Some(due_at) = memory.due_at.take() else { return Judged::Silent };
    if let Some(crossing) = memory.held_back.take() {
        memory.fired_at = Some(due_at);
        memory.fired_count += 1;
        return Judged::Told(crossing);
    }
    let Condition::UnchangedFor { seconds } = watched.monitor.condition else { return Judged::Silent };
    let Some(value) = memory.base else { return Judged::Silent };
    memory.raised = true;
    let crossing = Crossing {
        position: memory.position,
        at: due_at.checked_sub(Duration::from_secs(seconds.into())).unwrap_or(due_at),
        value: Some(value),
        previous: None,
        threshold: None,
        reference: None,
    };
    tell(watched, memory, crossing, due_at)
}

/// Conditions on the value alone.
fn observe_value(watched: &Watched, memory: &mut Memory, step: Step<'_>) -> Option<Crossing> {
    let monitor = &watched.monitor;
    let (condition, slack) = (&monitor.condition, monitor.hysteresis);
    let (was, now) =
        (step.before.and_then(|before| before.value(monitor.measure)), step.after.value(monitor.measure));
    let relative =
        matches!(condition, Condition::RisesBy { base: None, .. } | Condition::FallsBy { base: None, .. });
    if relative && memory.base.is_none() {
        memory.base = was.or(now);
    }
    if memory.position <= watched.since
        && let (Some(before), Some(was)) = (step.before, was)
    {
        // The first change since it started, or went on: how it was before is where it starts from.
        let slack = if memory.raised { slack } else { Amount::ZERO };
        settle(memory, meets(condition, was, against(memory, before), slack));
    }
    memory.position = step.position;
    let against = against(memory, step.after);
    let slack = if memory.raised { slack } else { Amount::ZERO };
    let met = now.is_some_and(|now| meets(condition, now, against, slack));
    let crosses = met && !memory.raised;
    settle(memory, met);
    let value = now.filter(|_| crosses)?;
    let (threshold, reference) = compared_with(condition, value, against);
    Some(Crossing {
        position: step.position,
        at: step.at,
        value: Some(value),
        previous: was,
        threshold,
        reference,
    })
}

/// What waits to be told isn't true any more once the condition is left.
fn settle(memory: &mut Memory, met: bool) {
    memory.raised = met;
    if !met {
        (memory.held_back, memory.due_at) = (None, None);
    }
}

fn against(memory: &Memory, seen: &Seen<'_>) -> Against {
    Against { base: memory.base, reorder_point: seen.reorder_point }
}

/// How far the value is from those of the window. What was told begins a new window.
fn observe_window(
    watched: &Watched,
    memory: &mut Memory,
    step: Step<'_>,
    (percent, window): (Amount, Duration),
) -> Option<Crossing> {
    memory.position = step.position;
    let measure = watched.monitor.measure;
    let was = step.before.and_then(|before| before.value(measure));
    if let Some(was) = was {
        memory.samples.add(step.at, was);
    }
    memory.samples.forget_before(step.at, window);
    let now = step.after.value(measure)?;
    let (least, greatest) = memory.samples.extremes()?;
    let rises = now > least && differs_by(now.minus(least), least, percent);
    let falls = now < greatest && differs_by(greatest.minus(now), greatest, percent);
    let (reference, threshold) = if rises {
        (least, percent_more(least, percent))
    } else if falls {
        (greatest, percent_more(greatest, Amount::ZERO.minus(percent)))
    } else {
        return None;
    };
    memory.samples.clear();
    Some(Crossing {
        position: step.position,
        at: step.at,
        value: Some(now),
        previous: was,
        threshold,
        reference: Some(reference),
    })
}

/// Each change of the value, and nothing else, begins a new stillness.
fn observe_stillness(watched: &Watched, memory: &mut Memory, step: Step<'_>, still: Duration) {
    let measure = watched.monitor.measure;
    let was = step.before.and_then(|before| before.value(measure));
    let now = step.after.value(measure);
    if step.before.is_some() && was == now {
        // The reorder point has changed.
        return;
    }
    memory.position = step.position;
    (memory.raised, memory.held_back, memory.base) = (false, None, now);
    memory.due_at = now.and_then(|_| after(step.at, still));
}

/// Tells a crossing, or holds it back until the cooldown ends and the schedule is open.
fn tell(watched: &Watched, memory: &mut Memory, crossing: Crossing, moment: Timestamp) -> Judged {
    let open = may_tell_at(watched, memory, moment);
    if open > moment {
        (memory.held_back, memory.due_at) = (Some(crossing), Some(open));
        return Judged::Silent;
    }
    memory.fired_at = Some(moment);
    memory.fired_count += 1;
    // An older one that waited is outdone.
    (memory.held_back, memory.due_at) = (None, None);
    Judged::Told(crossing)
}

/// The first moment at or after this one that neither the cooldown nor the schedule forbids.
fn may_tell_at(watched: &Watched, memory: &Memory, moment: Timestamp) -> Timestamp {
    let monitor = &watched.monitor;
    let cooldown = Duration::from_secs(monitor.cooldown_seconds.into());
    let cooled =
        memory.fired_at.and_then(|fired| after(fired, cooldown)).map_or(moment, |end| end.max(moment));
    monitor.schedule.as_ref().map_or(cooled, |schedule| schedule.open_from(cooled))
}

fn after(moment: Timestamp, pause: Duration) -> Option<Timestamp> {
    moment.checked_add(pause).ok()
}
