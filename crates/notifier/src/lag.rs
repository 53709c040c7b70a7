//! How far this notifier's window is behind the log, found out whenever the log's head is read.

use std::sync::{Mutex, PoisonError};

use domain::Cursor;
use metrics::gauge;
use tokio::time::Instant;

use crate::window::position_as_float;

/// Since when the window hasn't had everything.
#[derive(Debug)]
pub(crate) struct Lag {
    whole: Mutex<Instant>,
}

impl Lag {
    /// Nothing is behind yet.
    pub(crate) fn new() -> Self {
        Self { whole: Mutex::new(Instant::now()) }
    }

    /// The database has this head, and the window that.
    pub(crate) fn saw(&self, window: Option<Cursor>, log: Cursor, now: Instant) {
        let (positions, seconds) = self.measure(window, log, now);
        gauge!("stockwire_log_head_position").set(position_as_float(log.position));
        gauge!("stockwire_log_lag_positions").set(positions);
        gauge!("stockwire_log_lag_seconds").set(seconds);
    }

    /// Positions, and seconds since the window had everything. A window of another log begins anew at the head, and has
    /// nothing to catch up with.
    fn measure(&self, window: Option<Cursor>, log: Cursor, now: Instant) -> (f64, f64) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        match window.filter(|window| window.epoch == log.epoch && window.position < log.position) {
            None => {
                *whole = now;
                (0.0, 0.0)
            }
            Some(window) => {
                let positions = position_as_float(log.position) - position_as_float(window.position);
                (positions, now.saturating_duration_since(*whole).as_secs_f64())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_lag_lasts_until_the_window_has_everything() {
        let at = |text: &str| text.parse::<Cursor>().unwrap();
        let seven = at("00000000000000000000000000000001:7");
        let ten = at("00000000000000000000000000000001:10");
        let other = at("00000000000000000000000000000002:1");
        let (lag, start) = (Lag::new(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(lag.measure(Some(ten), ten, start), (0.0, 0.0));
        assert_eq!(lag.measure(Some(seven), ten, later(2)), (3.0, 2.0));
        assert_eq!(lag.measure(Some(seven), ten, later(5)), (3.0, 5.0));
        assert_eq!(lag.measure(Some(ten), ten, later(6)), (0.0, 0.0));
        assert_eq!(lag.measure(Some(other), ten, later(9)), (0.0, 0.0));
        assert_eq!(lag.measure(None, ten, later(9)), (0.0, 0.0));
        assert_eq!(lag.measure(Some(seven), ten, later(10)), (3.0, 1.0));
    }
}
