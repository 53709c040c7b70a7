//! What a crowd's clients saw, judged by the truth.

use std::time::{Duration, Instant};

use crate::{
    checker::truth::Truth,
    crowd::member::Ended,
    distribution::Distribution,
    report::{Figure, thousands},
};

/// Faults that are told in full.
const TOLD: usize = 12;

/// The sum over all clients.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    clients: usize,
    lost: u64,
    out_of_order: u64,
    stale: u64,
    details: Vec<String>,
}

impl Verdict {
    /// Judges everybody; writing has stopped, and all had time to catch up.
    pub(crate) fn of(ended: &mut [Ended], truth: &Truth) -> Self {
        let mut verdict = Self { clients: ended.len(), ..Self::default() };
        for client in ended {
            let number = client.number;
            let mut details = std::mem::take(&mut client.faults);
            let miscounted: Vec<String> =
                client.replica.runs().iter().filter_map(|run| truth.miscounted(*run)).collect();
            verdict.lost += client.lost + miscounted.len() as u64;
            verdict.out_of_order += client.out_of_order;
            details.extend(miscounted.into_iter().map(|text| format!("LOST: {text}")));
            let differences = truth.differences(&client.replica);
            if !differences.is_empty() {
                verdict.stale += 1;
                let (reached, some) = (client.replica.reached(), differences.len().min(4));
                let live = client.replica.is_live();
                let shown = differences[..some].join("; ");
                details
                    .push(format!("STALE at {reached}, live {live}, {} items: {shown}", differences.len()));
            }
            verdict.details.extend(details.into_iter().map(|text| format!("client {number}: {text}")));
        }
        verdict
    }

    /// The three that must be zero, with what there is to say about them.
    pub(crate) fn figures(&self, what: &str) -> Vec<Figure> {
        for detail in self.details.iter().take(TOLD) {
            println!("  ! {detail}");
        }
        if self.details.len() > TOLD {
            println!("  ! and {} more", self.details.len() - TOLD);
        }
        let clients = thousands(self.clients as f64);
        [("lost", self.lost), ("out of order", self.out_of_order), ("stale", self.stale)]
            .map(|(name, count)| Figure::must_be_none(format!("{what}, {clients} clients: {name}"), count))
            .into()
    }
}

/// How long after a moment each client was live with a copy equal to the table as of its position; and how many
/// never were.
pub(crate) fn consistent_after(ended: &[Ended], truth: &Truth, since: Instant) -> (Distribution, usize) {
    let after = |client: &Ended| -> Option<Duration> {
        let equal = client.samples.iter().find(|sample| truth.digest_at(sample.position) == sample.digest)?;
        equal.at.checked_duration_since(since)
    };
    let times: Distribution = ended.iter().filter_map(after).collect();
    let never = ended.len() - times.len();
    (times, never)
}
