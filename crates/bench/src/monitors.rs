//! What monitors cost: single-row updates by many connections with no monitor, a hundred and ten thousand, and with ten
//! thousand of which some raise something all the time. Rounds of the four take turns on one database, so that what the
//! machine does meanwhile hits all of them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use tokio_postgres::Client;

use crate::{
    distribution::Distribution,
    report::{Figure, Report, Table, percent, say, thousands},
    stage::{STOCKWIRE, Stage},
    usage,
    writes::round::{Meter, Round, write},
};

/// How long monitors may take to catch up with the last write.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(120);
/// Of so many items one raises something with each change, in the last case.
const ONE_RAISES_OF: u32 = 100;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds of each round.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds of each kind.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How many connections write at once.
    #[arg(long, default_value_t = 16)]
    writers: u32,
    /// Rows in the table.
    #[arg(long, default_value_t = 10_000)]
    items: u32,
    /// Changes that each raise something, one after the other, to see how long that takes.
    #[arg(long, default_value_t = 300)]
    crossings: u32,
}

/// Which monitors there are.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    monitors: u32,
    raises: bool,
}

const CASES: [Case; 4] = [
    Case { name: "none", monitors: 0, raises: false },
    Case { name: "100", monitors: 100, raises: false },
    Case { name: "10,000", monitors: 10_000, raises: false },
    Case { name: "10,000, 1 % of changes raise", monitors: 10_000, raises: true },
];

/// All rounds of a case.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    round: Round,
    writes: f64,
    evaluation: Duration,
    caught_up: Duration,
    raised: i64,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    ensure!(options.rounds > 0 && options.items > 0 && (1..=80).contains(&options.writers));
    let stage = Stage::set_up().await?;
    stage.create_database(STOCKWIRE, options.items).await?;
    let sql = stage.connect(STOCKWIRE).await?;
    // Autovacuum would come in the middle of some rounds and not of others.
    sql.batch_execute("alter table items set (autovacuum_enabled = off)").await?;
    sql.batch_execute("vacuum analyze").await?;
    let notifier = stage.notifier().await?;
    let mut sums = [Sum::default(); CASES.len()];
    for round in 1..=options.rounds {
        for turn in 0..CASES.len() {
            let place = (round as usize + turn) % CASES.len();
            let case = CASES[place];
            say(format!("round {round} of {}: monitors: {}", options.rounds, case.name));
            one_round(&stage, &sql, (options, case), notifier.id(), &mut sums[place]).await?;
        }
    }
    print_table(&sums);
    let mut figures = judge(&sums);
    figures.push(crossing_to_notification(&stage, &sql, options.crossings).await?);
    Ok(Report::new(figures))
}

async fn one_round(
    stage: &Stage,
    sql: &Client,
    (options, case): (&Options, Case),
    notifier: u32,
    sum: &mut Sum,
) -> Result<()> {
    make_monitors(sql, case, options.items).await?;
    caught_up(sql).await?;
    sql.batch_execute("vacuum items").await?;
    sql.batch_execute("checkpoint").await?;
    let before = raised(sql).await?;
    let meter = Meter::begin(stage, STOCKWIRE).await?;
    let cpu = usage::cpu(notifier)?;
    let time = Duration::from_secs(options.seconds.max(1));
    let (written, took) = write(stage, STOCKWIRE, options.writers, options.items, time).await?;
    let ended = Instant::now();
    sum.round = sum.round.and(meter.end(stage, written, took).await?);
    caught_up(sql).await?;
    sum.caught_up = sum.caught_up.max(ended.elapsed());
    sum.evaluation += usage::cpu(notifier)?.saturating_sub(cpu);
    sum.writes += written;
    sum.raised += raised(sql).await? - before;
    Ok(())
}

/// Every item has its share: nine of ten monitors are on one item, the others on a prefix or an attribute. None of them is
/// ever met, but for those that shall be.
async fn make_monitors(sql: &Client, case: Case, items: u32) -> Result<()> {
    let (count, items) = (i64::from(case.monitors), i64::from(items));
    let insert = "insert into monitors (tenant_id, name, scope, measure, condition, created_by)
        select 1, 'bench', case
            when n % 20 = 0 then jsonb_build_object('kind', 'sku_prefix', 'prefix', 'SKU-' || n % 1000)
            when n % 20 = 1 then jsonb_build_object('kind', 'attribute', 'name', 'bin', 'value', 'A-' || n)
            else jsonb_build_object('kind', 'item', 'item_id', 1 + n * 7919 % $2)
          end, 'quantity', '{\"kind\": \"above\", \"threshold\": 9000000000000000}', 'bench'
        from generate_series(0, $1::bigint - 1) as n";
    let raising = "insert into monitors (tenant_id, name, scope, measure, condition, created_by)
        select 1, 'bench', jsonb_build_object('kind', 'item', 'item_id', id), 'quantity',
          '{\"kind\": \"changes_by\", \"percent\": \"0.0001\", \"window_seconds\": 3600}', 'bench'
        from items where id % $1 = 0";
    sql.batch_execute("delete from monitors").await?;
    sql.execute(insert, &[&count, &items]).await?;
    if case.raises {
        sql.execute(raising, &[&i64::from(ONE_RAISES_OF)]).await?;
    }
    Ok(())
}

async fn raised(sql: &Client) -> Result<i64> {
    Ok(sql.query_one("select count(*) from notifications", &[]).await?.try_get(0)?)
}

/// Waits until monitors have seen all that was written.
async fn caught_up(sql: &Client) -> Result<()> {
    let behind = "select exists (select from changes where resource <> 'notification'
          and id > (select max(change_id) from change_log where position <= (select position from monitor_cursor)))";
    let begun = Instant::now();
    while sql.query_one(behind, &[]).await?.try_get(0)? {
        ensure!(begun.elapsed() < CATCH_UP_LIMIT, "monitors don't catch up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn print_table(sums: &[Sum]) {
    let mut table = Table::new(
        "writes with so many monitors: single-row updates, fsync on",
        &[
            "monitors",
            "writes a second",
            "of none",
            "Postgres' CPU a write, µs",
            "the notifier's CPU a write, µs",
            "raised",
            "all seen, and noted, after, ms",
        ],
    );
    let none = sums.first().map_or(1.0, |sum| sum.round.per_second());
    for (case, sum) in CASES.iter().zip(sums) {
        table.row([
            case.name.to_owned(),
            thousands(sum.round.per_second()),
            percent(sum.round.per_second(), none),
            format!("{:.0}", sum.round.cpu_of_a_write()),
            format!("{:.1}", sum.evaluation.as_secs_f64() * 1e6 / sum.writes.max(1.0)),
            sum.raised.to_string(),
            format!("{:.0}", sum.caught_up.as_secs_f64() * 1e3),
        ]);
    }
    table.print();
}

fn judge(sums: &[Sum]) -> Vec<Figure> {
    let Some((none, others)) = sums.split_first() else { return Vec::new() };
    others
        .iter()
        .zip(&CASES[1..])
        .map(|(sum, case)| {
            let (with, without) = (sum.round.per_second(), none.round.per_second());
            let what = format!("writes with monitors: {}", case.name);
            Figure::for_information(what, format!("{} of those without", percent(with, without)))
        })
        .collect()
}

/// From the commit of a change to the commit of the notification that it raises, one at a time.
async fn crossing_to_notification(stage: &Stage, sql: &Client, crossings: u32) -> Result<Figure> {
    make_monitors(sql, CASES[3], 1).await?;
    caught_up(sql).await?;
    let before = raised(sql).await?;
    let writer = stage.connect(STOCKWIRE).await?;
    let item = i64::from(ONE_RAISES_OF);
    for crossing in 0..i64::from(crossings) {
        writer.execute("update items set quantity = quantity + 1 where id = $1", &[&item]).await?;
        let begun = Instant::now();
        while raised(sql).await? <= before + crossing {
            ensure!(begun.elapsed() < CATCH_UP_LIMIT, "nothing is raised");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let taken = "select extract(epoch from created_at - change_at)::float8 * 1e6 from notifications
        order by id desc limit $1";
    let taken = sql.query(taken, &[&i64::from(crossings)]).await?;
    let latencies: Distribution = taken
        .iter()
        .map(|row| Ok(Duration::from_secs_f64(row.try_get::<_, f64>(0)?.max(0.0) / 1e6)))
        .collect::<Result<_>>()?;
    Ok(Figure::for_information(
        "from a change to the notification that it raises, 10,000 monitors, idle system, p50 / p99",
        format!("{} ms", latencies.p50_and_p99()),
    ))
}
