//! Models that are too slow and too simple to be wrong.

use std::time::Duration;

use crate::{Judged, Memory, begin, observe, wait_anew};
use domain::{Amount, Condition, Position};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::histories::{Change, Told, monitor, seen, told};

/// So many seconds behind the last change everything has been told.
const END: i64 = 10_000;

fn whole(number: i64) -> Amount {
    Amount::whole(number)
}

/// Pauses between changes, and values, a few of them unknown.
fn changes() -> impl Strategy<Value = Vec<Change>> {
    let value = prop_oneof![8 => (0_i64..25).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((0_i64..20, value), 0..40).prop_map(|pauses| {
        let mut now = 0;
        let seconds = pauses.into_iter().map(|(pause, value)| {
            now += pause;
            (now, value)
        });
        seconds.collect()
    })
}

fn conditions() -> impl Strategy<Value = Condition> {
    let (low, percent) = (1_i64..12, 1_i64..90);
    prop_oneof![
        low.clone().prop_map(|threshold| Condition::Below { threshold: whole(threshold) }),
        low.clone().prop_map(|threshold| Condition::Above { threshold: whole(threshold) }),
        (low.clone(), 0_i64..10)
            .prop_map(|(low, width)| Condition::Outside { low: whole(low), high: whole(low + width) }),
        (low.clone(), percent.clone()).prop_map(|(base, percent)| Condition::RisesBy {
            percent: whole(percent),
            base: Some(whole(base))
        }),
        (low, percent).prop_map(|(base, percent)| Condition::FallsBy {
            percent: whole(percent),
            base: Some(whole(base))
        }),
    ]
}

/// Whether a value meets a condition whose threshold lies nearer by the slack; everything is whole.
fn meets(condition: &Condition, value: i64, slack: i64) -> bool {
    let number = |amount: Amount| i64::try_from(amount.ten_thousandths() / 10_000).unwrap();
    match *condition {
        Condition::Below { threshold } => value < number(threshold) + slack,
        Condition::Above { threshold } => value > number(threshold) - slack,
        Condition::Outside { low, high } => value < number(low) + slack || value > number(high) - slack,
        Condition::RisesBy { percent, base: Some(base) } => {
            value > number(base) && value * 100 >= number(base) * (100 + number(percent) - slack)
        }
        Condition::FallsBy { percent, base: Some(base) } => {
            value < number(base) && value * 100 <= number(base) * (100 - number(percent) + slack)
        }
        _ => false,
    }
}

/// First the stays behind the threshold, from the whole history; then which of them are told, and when.
fn crossings(
    condition: &Condition,
    slack: i64,
    cooldown: i64,
    start: Option<i64>,
    changes: &[Change],
) -> Vec<Told> {
    let met = |value: Option<i64>, slack| value.is_some_and(|value| meets(condition, value, slack));
    let (mut place, mut stays) = (0, Vec::new());
    if met(start, 0) {
        place = changes.iter().take_while(|(_, value)| met(*value, slack)).count();
    }
    while let Some(found) = changes[place..].iter().position(|(_, value)| met(*value, 0)) {
        let first = place + found;
        let length = changes[first..].iter().take_while(|(_, value)| met(*value, slack)).count();
        place = first + length;
        stays.push((first, changes.get(place).map(|(second, _)| *second)));
    }
    let (mut told, mut last) = (Vec::new(), None::<i64>);
    for (first, left_at) in stays {
        let (second, value) = changes[first];
        let at = last.map_or(second, |last| second.max(last + cooldown));
        if at == second || left_at.is_none_or(|left_at| at <= left_at) {
            told.push((at, i64::try_from(first).unwrap() + 1, value.unwrap()));
            last = Some(at);
        }
    }
    told
}

/// Each stretch without a change of the value, of which the first begins with the first change.
fn stillnesses(seconds: i64, start: Option<i64>, changes: &[Change]) -> Vec<Told> {
    let befores = std::iter::once(start).chain(changes.iter().map(|(_, value)| *value));
    let real = (1..).zip(changes.iter().zip(befores)).filter(|(_, ((_, value), before))| value != before);
    let real: Vec<(i64, Change)> = real.map(|(place, (change, _))| (place, *change)).collect();
    let ends = real.iter().skip(1).map(|(_, (second, _))| *second).chain([END]);
    let stretches = real.iter().zip(ends).filter(|((_, (begin, _)), end)| begin + seconds <= *end);
    stretches.filter_map(|((place, (begin, value)), _)| Some((begin + seconds, *place, (*value)?))).collect()
}

/// Every value of the window, since what was told last.
fn jumps(percent: i64, window: i64, start: Option<i64>, changes: &[Change]) -> Vec<Told> {
    let (mut told, mut held, mut before) = (Vec::new(), Vec::<(i64, i64)>::new(), start);
    for (place, (second, value)) in (1..).zip(changes) {
        if *value == before {
            continue;
        }
        held.extend(before.map(|value| (*second, value)));
        before = *value;
        let Some(value) = *value else { continue };
        let far = held.iter().any(|(until, other)| {
            *until >= second - window && value != *other && (value - other).abs() * 100 >= other * percent
        });
        if far {
            told.push((*second, place, value));
            held.clear();
        }
    }
    told
}

proptest! {
    #[test]
    fn crossings_are_those_of_the_whole_history(
        condition in conditions(), slack in 0_i64..6, cooldown in prop_oneof![Just(0_u32), 1_u32..60],
        start in prop::option::of(0_i64..25), changes in changes(),
    ) {
        let expected = crossings(&condition, slack, cooldown.into(), start, &changes);
        prop_assert_eq!(told(&monitor(condition, slack, cooldown), start, &changes, END), expected);
    }

    #[test]
    fn stillness_is_told_once_for_each_stretch(
        seconds in 1_u32..40, start in prop::option::of(0_i64..25), changes in changes(),
    ) {
        let expected = stillnesses(seconds.into(), start, &changes);
        prop_assert_eq!(told(&monitor(Condition::UnchangedFor { seconds }, 0, 0), start, &changes, END), expected);
    }

    #[test]
    fn jumps_are_those_of_all_values_in_the_window(
        percent in 1_i64..150, window_seconds in 1_u32..60, start in prop::option::of(0_i64..25), changes in changes(),
    ) {
        let condition = Condition::ChangesBy { percent: whole(percent), window_seconds };
        let expected = jumps(percent, window_seconds.into(), start, &changes);
        prop_assert_eq!(told(&monitor(condition, 0, 0), start, &changes, END), expected);
    }
}

#[test]
fn an_item_that_comes_into_the_scope_is_a_new_one_whatever_is_remembered() {
    let watched = monitor(Condition::Below { threshold: whole(10) }, 0, 3600);
    let mut memory =
        Memory { raised: true, fired_at: Some(Timestamp::UNIX_EPOCH), ..Memory::new(Position::START) };
    let place = (Position::new(5).unwrap(), Timestamp::from_second(60).unwrap());
    let judged = observe(&watched, &mut memory, (None, Some(&seen(Some(3)))), place);
    assert!(matches!(judged, Judged::Told(_)), "{judged:?}");
}

#[test]
fn an_item_that_is_awaited_is_judged_as_it_was() {
    let mut watched = monitor(Condition::Below { threshold: whole(10) }, 0, 0);
    watched.monitor.notify_existing = true;
    let place = (Position::new(5).unwrap(), Timestamp::from_second(60).unwrap());
    for (was, now, wanted) in [
        (3, 20, Some((0, 3))),
        (3, 4, Some((0, 3))),
        (3, 3, Some((0, 3))),
        (20, 3, Some((5, 3))),
        (20, 30, None),
    ] {
        let mut memory = Memory { awaited: true, ..Memory::new(Position::START) };
        let judged = observe(&watched, &mut memory, (Some(&seen(Some(was))), Some(&seen(Some(now)))), place);
        let told = match judged {
            Judged::Told(crossing) => Some((crossing.position.get(), crossing.value)),
            _ => None,
        };
        assert_eq!(told, wanted.map(|(position, value)| (position, Some(whole(value)))), "{was} to {now}");
        assert_eq!((memory.raised, memory.awaited), (now < 10, false));
    }
}

#[test]
fn what_is_held_back_waits_for_another_cooldown() {
    let watched = monitor(Condition::Below { threshold: whole(10) }, 0, 3600);
    let mut memory = Memory { fired_at: Some(Timestamp::UNIX_EPOCH), ..Memory::new(Position::START) };
    let (place, was, now) =
        ((Position::new(5).unwrap(), Timestamp::UNIX_EPOCH), seen(Some(20)), seen(Some(3)));
    assert_eq!(observe(&watched, &mut memory, (Some(&was), Some(&now)), place), Judged::Silent);
    let hour = Timestamp::UNIX_EPOCH + Duration::from_secs(3600);
    assert_eq!(memory.due_at, Some(hour));
    let moment = Timestamp::from_second(60).unwrap();
    wait_anew(&monitor(Condition::Below { threshold: whole(10) }, 0, 7200), &mut memory, moment);
    assert_eq!(memory.due_at, Some(hour + Duration::from_secs(3600)));
    wait_anew(&monitor(Condition::Below { threshold: whole(10) }, 0, 0), &mut memory, moment);
    assert_eq!(memory.due_at, Some(moment));
    assert_eq!(begin(&watched, &mut memory, &now), Judged::Silent, "it is raised already");
}
