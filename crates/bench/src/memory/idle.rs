//! What a hub does while nothing happens: looks after its sockets four times a second, and sends heartbeats.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    report::{Figure, Table, say, thousands},
    usage,
};

/// A hub over a while in which nothing changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Idle {
    cpu: Duration,
    switches: u64,
    time: Duration,
}

impl Idle {
    pub(super) async fn watch(hub: u32, seconds: u64) -> Result<Self> {
        say(format!("watching the idle hub for {seconds} s"));
        let (cpu, switches, begun) = (usage::cpu(hub)?, usage::voluntary_switches(hub)?, Instant::now());
        tokio::time::sleep(Duration::from_secs(seconds.max(1))).await;
        Ok(Self {
            cpu: usage::cpu(hub)?.saturating_sub(cpu),
            switches: usage::voluntary_switches(hub)?.saturating_sub(switches),
            time: begun.elapsed(),
        })
    }

    /// Milliseconds of processor time in a second.
    fn cpu_a_second(self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.time.as_secs_f64()
    }

    fn switches_a_second(self) -> f64 {
        self.switches as f64 / self.time.as_secs_f64()
    }
}

pub(super) fn table(sockets: usize, beating: Idle, silent: Idle) -> Table {
    let mut table = Table::new(
        format!("an idle hub with {} sockets", thousands(sockets as f64)),
        &["", "CPU, ms a second", "context switches a second"],
    );
    let mut row = |what: &str, idle: Idle| {
        let cpu = format!("{:.2}", idle.cpu_a_second());
        table.row([what.to_owned(), cpu, thousands(idle.switches_a_second())]);
    };
    row("with heartbeats", beating);
    row("without heartbeats", silent);
    table
}

pub(super) fn figure(sockets: usize, beating: Idle, silent: Idle) -> Figure {
    let heartbeats = (beating.cpu_a_second() - silent.cpu_a_second()).max(0.0);
    Figure::for_information(
        format!("CPU of an idle hub with {} sockets", thousands(sockets as f64)),
        format!("{:.1} ms a second, {heartbeats:.1} of them for heartbeats", beating.cpu_a_second()),
    )
}
