//! What the series of every service say, and the counting of requests. All are described at start, and there from the
//! start where their labels are known.

use std::time::Duration;

use actix_web::http::StatusCode;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Describes the series of HTTP, and registers those without labels.
pub(crate) fn describe() {
    let text = "1; service and version are its labels.";
    describe_gauge!("stockwire_build_info", Unit::Count, text);
    let text =
        "Requests that were answered, by method, route and status. A stream counts when its head is sent.";
    describe_counter!("stockwire_http_requests_total", Unit::Count, text);
    let text = "From a request's head to its response's head, by method and route, for requests that don't wait on \
        purpose. What a stream sends later is not in it.";
    describe_histogram!("stockwire_http_request_seconds", Unit::Seconds, text);
    let text = "The same for requests that wait on purpose until something happens: long polls.";
    describe_histogram!("stockwire_http_waiting_request_seconds", Unit::Seconds, text);
    let text = "Requests that are being answered, long polls included, streams and sockets not.";
    describe_gauge!("stockwire_http_requests_in_flight", Unit::Count, text);
    gauge!("stockwire_http_requests_in_flight").set(0.0);
    let text = "Requests whose client left before the response's head was there.";
    describe_counter!("stockwire_http_requests_abandoned_total", Unit::Count, text);
    counter!("stockwire_http_requests_abandoned_total").increment(0);
    let text = "WebSocket handshakes that were accepted.";
    describe_counter!("stockwire_http_upgrades_total", Unit::Count, text);
    counter!("stockwire_http_upgrades_total").increment(0);
    let text = "WebSocket handshakes that were refused, by the problem's code.";
    describe_counter!("stockwire_http_upgrades_refused_total", Unit::Count, text);
}

/// A request that is being answered.
pub(crate) struct InFlight {
    answered: bool,
}

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!("stockwire_http_requests_in_flight").increment(1.0);
        Self { answered: false }
    }

    /// It has its response.
    pub(crate) fn answered(
        mut self,
        method: String,
        route: String,
        status: StatusCode,
        duration: Duration,
        waits: bool,
    ) {
        self.answered = true;
        let labels = [("method", method), ("route", route), ("status", status.as_str().to_owned())];
        counter!("stockwire_http_requests_total", &labels).increment(1);
        let labels = &labels[..2];
        let times = if waits {
            histogram!("stockwire_http_waiting_request_seconds", labels)
        } else {
            histogram!("stockwire_http_request_seconds", labels)
        };
        times.record(duration);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("stockwire_http_requests_in_flight").decrement(1.0);
        if !self.answered {
            counter!("stockwire_http_requests_abandoned_total").increment(1);
        }
    }
}
