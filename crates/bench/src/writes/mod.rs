//! Writes a second with the log on: single-row updates by many connections, against the same table without triggers
//! and with a row trigger that notifies and keeps nothing. Rounds of the three take turns, so that what the machine
//! does meanwhile hits all of them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use tokio_postgres::Client;

use crate::{
    report::{Figure, Report, Table, percent, say, thousands},
    stage::{STOCKWIRE, Stage},
    writes::{
        log_watch::{LogState, LogWatch},
        round::{Meter, Round, write},
    },
};

mod log_watch;
pub(crate) mod round;

/// Changes a second that must get their place in the log.
const LEAST_SEQUENCED: f64 = 10_000.0;
/// Rows that one statement changes when the log itself is put under load, and who does it.
const ROWS: u32 = 500;
const BULK_WRITERS: u32 = 2;
/// How long the log may take to catch up with the last write.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds of each round.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds of each kind; a figure is that of all of them together.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How many connections write at once, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64])]
    writers: Vec<u32>,
    /// Rows in the table.
    #[arg(long, default_value_t = 10_000)]
    items: u32,
}

/// What is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    Plain,
    Notifying,
    Stockwire,
}

/// The rounds of one number of writers.
#[derive(Debug, Default)]
struct Rounds {
    /// In the order of [`Variant::ALL`].
    sums: [Round; 3],
    log: Vec<LogWatch>,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(
        options.rounds > 0
            && options.items > 0
            && options.writers.iter().all(|writers| (1..=80).contains(writers)),
        "there must be rounds and items, and 1 to 80 writers: Postgres takes 100 connections by default"
    );
    let stage = Stage::set_up().await?;
    for variant in Variant::ALL {
        variant.set_up(&stage, options.items).await?;
    }
    let _listener = listen(&stage).await?;
    let notifier = stage.notifier().await?;
    let time = Duration::from_secs(options.seconds.max(1));
    let mut measured: Vec<Rounds> = options.writers.iter().map(|_| Rounds::default()).collect();
    for round in 1..=options.rounds {
        for (writers, results) in options.writers.iter().zip(&mut measured) {
            say(format!("round {round} of {}: {writers} writers", options.rounds));
            one_round(&stage, (*writers, options.items, time), round, results).await?;
        }
    }
    let bulk = bulk_load(&stage, time).await?;
    let measured: Vec<(u32, Rounds)> = options.writers.iter().copied().zip(measured).collect();
    print_tables(&measured, &bulk);
    let mut figures: Vec<Figure> =
        measured.iter().flat_map(|(writers, rounds)| judge(*writers, rounds.sums)).collect();
    figures.push(Figure::new(
        format!("changes sequenced a second ({BULK_WRITERS} writers of {ROWS} rows each time)"),
        thousands(bulk.sequenced_per_second()),
        format!("≥ {}", thousands(LEAST_SEQUENCED)),
        bulk.sequenced_per_second() >= LEAST_SEQUENCED,
    ));
    figures.push(verify(&stage).await?);
    drop(notifier);
    Ok(Report::new(figures))
}

fn print_tables(measured: &[(u32, Rounds)], bulk: &LogWatch) {
    let mut speed = Table::new(
        "writes a second: single-row updates, fsync on",
        &["writers", "plain table", "notifying row trigger", "of plain", "Stockwire", "of plain"],
    );
    let mut cost = Table::new(
        "what a write costs Postgres, ordering included",
        &["writers", "table", "CPU, µs", "WAL, bytes", "writes a sync"],
    );
    let mut log = Table::new(
        "the log meanwhile",
        &["writers", "sequenced a second", "behind p50, ms", "behind max, ms", "caught up after, ms"],
    );
    for (writers, rounds) in measured {
        let [plain, notifying, stockwire] = rounds.sums.map(Round::per_second);
        speed.row([
            writers.to_string(),
            thousands(plain),
            thousands(notifying),
            percent(notifying, plain),
            thousands(stockwire),
            percent(stockwire, plain),
        ]);
        for (variant, round) in Variant::ALL.into_iter().zip(rounds.sums) {
            cost.row([
                writers.to_string(),
                variant.database().to_owned(),
                format!("{:.0}", round.cpu_of_a_write()),
                thousands(round.log_bytes_of_a_write()),
                format!("{:.1}", round.writes_a_sync()),
            ]);
        }
        log.row(LogWatch::cells(*writers, &rounds.log));
    }
    log.row(LogWatch::cells(format!("{BULK_WRITERS}, {ROWS} rows each time"), std::slice::from_ref(bulk)));
    for table in [speed, cost, log] {
        table.print();
    }
}

/// The three kinds with so many writers on so many items for a time; another one begins each time.
async fn one_round(
    stage: &Stage,
    (writers, items, time): (u32, u32, Duration),
    round: u32,
    results: &mut Rounds,
) -> Result<()> {
    let begins = round as usize % Variant::ALL.len();
    for turn in 0..Variant::ALL.len() {
        let number = (begins + turn) % Variant::ALL.len();
        let database = Variant::ALL[number].database();
        // Each begins with all pages clean, and with a vacuumed table.
        let client = stage.connect(database).await?;
        client.batch_execute("vacuum items").await?;
        client.batch_execute("checkpoint").await?;
        let meter = Meter::begin(stage, database).await?;
        let watch = match Variant::ALL[number] {
            Variant::Stockwire => Some(LogWatch::begin(stage).await?),
            _ => None,
        };
        let (written, took) = write(stage, database, writers, items, time).await?;
        if let Some(watch) = watch {
            results.log.push(watch.end(CATCH_UP_LIMIT).await?);
        }
        results.sums[number] = results.sums[number].and(meter.end(stage, written, took).await?);
    }
    Ok(())
}

impl Variant {
    const ALL: [Self; 3] = [Self::Plain, Self::Notifying, Self::Stockwire];

    const fn database(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Notifying => "notifying",
            Self::Stockwire => STOCKWIRE,
        }
    }

    /// The same table everywhere, from the same migrations, with other triggers or none.
    async fn set_up(self, stage: &Stage, items: u32) -> Result<()> {
        const DROP_TRIGGERS: &str = "
            do $$
            declare name text;
            begin
              for name in select tgname from pg_trigger where tgrelid = 'items'::regclass and not tgisinternal loop
                execute format('drop trigger %I on items', name);
              end loop;
            end;
            $$";
        const NOTIFY: &str = "
            create function notify_of_item() returns trigger language plpgsql as $$
            begin
              perform pg_notify('items', new.id::text);
              return null;
            end;
            $$;
            create trigger items_notify after update on items for each row execute function notify_of_item()";
        stage.create_database(self.database(), items).await?;
        let client = stage.connect(self.database()).await?;
        if self != Self::Stockwire {
            client.batch_execute(DROP_TRIGGERS).await?;
        }
        if self == Self::Notifying {
            client.batch_execute(NOTIFY).await?;
        }
        // Autovacuum would come in the middle of some rounds and not of others.
        client.batch_execute("alter table items set (autovacuum_enabled = off)").await?;
        client.batch_execute("vacuum analyze").await?;
        Ok(())
    }
}

/// Somebody hears the notifications, or they would be free.
async fn listen(stage: &Stage) -> Result<Client> {
    let client = stage.connect(Variant::Notifying.database()).await?;
    client.batch_execute("listen items").await?;
    Ok(client)
}

/// More changes than single-row writers could ever commit, to see how fast they get their places.
async fn bulk_load(stage: &Stage, time: Duration) -> Result<LogWatch> {
    say(format!("{BULK_WRITERS} writers that change {ROWS} rows each time"));
    let watch = LogWatch::begin(stage).await?;
    let end = Instant::now() + time;
    let tasks: Vec<_> = (0..BULK_WRITERS)
        .map(|number| {
            let (from, to) = (number * ROWS + 1, (number + 1) * ROWS);
            let update = format!("update items set quantity = quantity + 1 where id between {from} and {to}");
            let connecting = stage.connect(STOCKWIRE);
            async move {
                let client = connecting.await?;
                while Instant::now() < end {
                    client.batch_execute(&update).await?;
                }
                anyhow::Ok(())
            }
        })
        .collect();
    let mut tasks = tasks.into_iter();
    if let (Some(first), Some(second)) = (tasks.next(), tasks.next()) {
        tokio::try_join!(first, second)?;
    }
    watch.end(CATCH_UP_LIMIT).await
}

fn judge(writers: u32, sums: [Round; 3]) -> Vec<Figure> {
    let [plain, notifying, stockwire] = sums.map(Round::per_second);
    let what = format!("writes with the log on, {writers} writers");
    let measured = format!("{} of the plain table", percent(stockwire, plain));
    let least = match writers {
        16 => Some(80.0),
        64 => Some(60.0),
        _ => None,
    };
    let own = match least {
        Some(least) => {
            Figure::new(what, measured, format!("≥ {least:.0} %"), stockwire / plain * 100.0 >= least)
        }
        None => Figure::for_information(what, measured),
    };
    let other = Figure::for_information(
        format!("for comparison: a notifying row trigger without history, {writers} writers"),
        format!("{} of the plain table", percent(notifying, plain)),
    );
    vec![own, other]
}

/// Every change has a place, one each, and no place is empty.
async fn verify(stage: &Stage) -> Result<Figure> {
    let client = stage.connect(STOCKWIRE).await?;
    let LogState { changes, placed, first, last } = LogState::read(&client).await?;
    let dense = first == 1 && last == placed;
    let measured = if dense { "dense".to_owned() } else { format!("{placed} places from {first} to {last}") };
    Ok(Figure::new(
        "changes with a place in the log",
        format!("{} of {}, {measured}", thousands(placed as f64), thousands(changes as f64)),
        "all, dense",
        placed == changes && dense,
    ))
}
