//! What it costs that a statement says for which request it runs: its text is another one each time, so Postgres parses
//! and plans it anew instead of running one that was prepared. No target: the setting `database.comment` is chosen by it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use domain::{ItemId, ItemPatch, TenantId, WriteContext};
use store::{Comments, Expected, ItemFilter, ItemSort, Origin, Store};

use crate::{
    report::{Figure, Report, Table, say},
    stage::{STOCKWIRE, Stage},
};

/// Items that are read and written.
const ITEMS: u32 = 1000;
/// Statements of each form take turns, so that whatever else the machine does meets both.
const ROUNDS: u32 = 5;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Statements of each kind and form in a round.
    #[arg(long, default_value_t = 1000)]
    statements: u32,
    /// Connections that run them at once.
    #[arg(long, default_value_t = 4)]
    connections: u32,
}

/// What is run.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Read,
    List,
    Write,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Read, Self::List, Self::Write];

    const fn name(self) -> &'static str {
        match self {
            Self::Read => "one item read",
            Self::List => "a page of 10 items",
            Self::Write => "one item changed",
        }
    }

    async fn run(self, store: &Store, number: u32) -> Result<()> {
        let tenant = TenantId::DEFAULT;
        let id = ItemId::new(i64::from(number % ITEMS) + 1).context("an id")?;
        match self {
            Self::Read => ensure!(store.item(tenant, id).await?.0.is_some(), "the item is missing"),
            Self::List => {
                let all = ItemFilter::default();
                let list = store.item_list(tenant, &all, ItemSort::default(), None, 10).await?;
                ensure!(list.items.len() == 10, "the page is short");
            }
            Self::Write => {
                let patch = ItemPatch::from_json(serde_json::json!({"quantity": number}));
                let patch = patch.map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
                let context = WriteContext { actor: "bench".into(), ..WriteContext::default() };
                store.update_item(tenant, id, &patch, &Expected::Exists, &context).await?;
            }
        }
        Ok(())
    }
}

/// As long as a real one: a UUID, and a traceparent.
fn somebody() -> Option<Origin> {
    Some(Origin {
        request_id: "01936f2e-7a44-7b5c-9c1e-5f1d2a3b4c5d".into(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        sampled: true,
    })
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(options.statements > 0 && options.connections > 0, "there must be statements and connections");
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, ITEMS).await?;
    let prepared = stage.store(STOCKWIRE, options.connections as usize)?;
    let commented = prepared.clone().attributed(Comments::All, somebody);
    let headings = ["µs a statement", "prepared", "commented", "ratio"];
    let mut table = Table::new(format!("{} connections", options.connections), &headings);
    let mut figures = Vec::new();
    for kind in Kind::ALL {
        // Connections are made and statements prepared before it counts.
        measure(kind, &prepared, options).await?;
        let (mut plain, mut told) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            plain += measure(kind, &prepared, options).await?;
            told += measure(kind, &commented, options).await?;
        }
        let each = |time: Duration| {
            format!("{:.0}", time.as_secs_f64() * 1e6 / f64::from(options.statements * ROUNDS))
        };
        let ratio = format!("{:.2} ×", told.as_secs_f64() / plain.as_secs_f64());
        table.row([kind.name().to_owned(), each(plain), each(told), ratio.clone()]);
        figures.push(Figure::for_information(format!("{}, with a comment", kind.name()), ratio));
    }
    table.print();
    say("a commented statement is parsed and planned each time; with all cores busy, this is processor time");
    Ok(Report::new(figures))
}

/// How long the statements take, run by all connections at once.
async fn measure(kind: Kind, store: &Store, options: &Options) -> Result<Duration> {
    let begun = Instant::now();
    let each = options.statements / options.connections;
    let running: Vec<_> = (0..options.connections)
        .map(|connection| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in connection * each..(connection + 1) * each {
                    kind.run(&store, number).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for connection in running {
        connection.await??;
    }
    Ok(begun.elapsed())
}
