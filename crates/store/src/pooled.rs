//! A connection from the pool, and the one place that all its statements pass: prepared once for each connection, or
//! with a comment that says whom they are for; measured, and counted when they fail.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use deadpool_postgres::Object;
use metrics::{counter, histogram};
use tokio_postgres::{
    Row, RowStream, Statement,
    types::{ToSql, Type},
};
use tracing::{Instrument, Span, field::Empty, level_filters::LevelFilter};

use crate::{answered::Answered, error::kind, origin::Attribution};

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];
type Outcome<T> = Result<T, tokio_postgres::Error>;

/// A statement that takes longer gets a log line.
const SLOW: Duration = Duration::from_secs(1);

/// A pooled connection; dropped, it goes back.
pub(crate) struct Pooled {
    client: Object,
    attribution: Attribution,
    answered: Arc<Answered>,
}

/// How a statement goes to the server.
enum Form {
    /// Its plan may be there already.
    Prepared(Statement),
    /// A text of its own, parsed and planned for this once, in one round trip.
    Commented(String, Vec<Type>),
}

impl Deref for Pooled {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.client
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Object {
        &mut self.client
    }
}

impl Pooled {
    pub(crate) const fn new(client: Object, attribution: Attribution, answered: Arc<Answered>) -> Self {
        Self { client, attribution, answered }
    }

    /// All rows of a statement.
    pub(crate) async fn rows(&self, statement: &str, parameters: Parameters<'_>) -> Outcome<Vec<Row>> {
        let run = async {
            match self.form(statement).await? {
                Form::Prepared(prepared) => self.client.query(&prepared, parameters).await,
                Form::Commented(text, types) => {
                    self.client.query_typed(&text, &typed(parameters, types)).await
                }
            }
        };
        self.observed(statement, run).await
    }

    /// Its only row.
    pub(crate) async fn row(&self, statement: &str, parameters: Parameters<'_>) -> Outcome<Row> {
        let run = async {
            match self.form(statement).await? {
                Form::Prepared(prepared) => self.client.query_one(&prepared, parameters).await,
                Form::Commented(text, types) => {
                    self.client.query_typed_one(&text, &typed(parameters, types)).await
                }
            }
        };
        self.observed(statement, run).await
    }

    /// Its only row, if there is one.
    pub(crate) async fn row_if_any(
        &self,
        statement: &str,
        parameters: Parameters<'_>,
    ) -> Outcome<Option<Row>> {
        let run = async {
            match self.form(statement).await? {
                Form::Prepared(prepared) => self.client.query_opt(&prepared, parameters).await,
                Form::Commented(text, types) => {
                    self.client.query_typed_opt(&text, &typed(parameters, types)).await
                }
            }
        };
        self.observed(statement, run).await
    }

    /// Its rows as they come; measured until the server begins to answer.
    pub(crate) async fn stream(&self, statement: &str, parameters: Parameters<'_>) -> Outcome<RowStream> {
        let run = async {
            match self.form(statement).await? {
                Form::Prepared(prepared) => {
                    self.client.query_raw(&prepared, parameters.iter().copied()).await
                }
                Form::Commented(text, types) => {
                    self.client.query_typed_raw(&text, typed(parameters, types)).await
                }
            }
        };
        self.observed(statement, run).await
    }

    /// Statements without parameters and without rows.
    pub(crate) async fn run(&self, statements: &str) -> Outcome<()> {
        let commented = self.attribution.comment(statements);
        let text = commented.as_deref().unwrap_or(statements);
        observed(statements, self.client.batch_execute(text)).await
    }

    async fn observed<T>(&self, statement: &str, run: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let ended = observed(statement, run).await;
        // A refusal is an answer, too.
        if ended.as_ref().err().is_none_or(|error| error.code().is_some()) {
            self.answered.now();
        }
        ended
    }

    /// The parameters' types come from the statement without its comment, which each connection prepares once.
    async fn form(&self, statement: &str) -> Outcome<Form> {
        let prepared = self.client.prepare_cached(statement).await?;
        Ok(match self.attribution.comment(statement) {
            None => Form::Prepared(prepared),
            Some(text) => Form::Commented(text, prepared.params().to_vec()),
        })
    }
}

fn typed<'a>(parameters: Parameters<'a>, types: Vec<Type>) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    parameters.iter().copied().zip(types).collect()
}

/// Measures a statement.
async fn observed<T>(statement: &str, run: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let name = name(statement);
    let span = span(name);
    let started = Instant::now();
    let ended = run.instrument(span.clone()).await;
    let duration = started.elapsed();
    took(name, duration);
    if duration > SLOW {
        // Inside a request, the line says which: so what Postgres logs of a slow statement can be told apart by it.
        tracing::warn!(db.statement = name, duration_ms = duration.as_secs_f64() * 1e3, "a slow statement");
    }
    if let Err(error) = &ended {
        failed(kind(error));
        span.record("otel.status_code", "ERROR");
        if let Some(state) = error.code() {
            span.record("db.response.status_code", state.code());
        }
    }
    ended
}

/// For traces only: no log line shows it. What runs outside of a traced request, such as looking at the log from time to
/// time, would fill traces of its own, and has none.
fn span(name: &str) -> Span {
    // Where no traces are recorded, this is all it costs.
    if LevelFilter::current() < LevelFilter::TRACE {
        return Span::none();
    }
    let around = Span::current();
    if !around.metadata().is_some_and(|around| around.target().starts_with("stockwire::")) {
        return Span::none();
    }
    tracing::trace_span!(
        target: "stockwire::statement",
        "database",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = "postgresql",
        db.operation.name = name,
        db.response.status_code = Empty,
    )
}

/// A statement has ended.
pub(crate) fn took(name: &str, duration: Duration) {
    let statement = name.to_owned();
    histogram!("stockwire_database_statement_seconds", "statement" => statement).record(duration);
}

/// Something failed, of one of the kinds in [`crate::error::KINDS`].
pub(crate) fn failed(kind: &'static str) {
    counter!("stockwire_database_errors_total", "kind" => kind).increment(1);
}

/// The function that a statement names in its first comment, such as `item` of `store::item`.
pub(crate) fn name(statement: &str) -> &str {
    let named = statement.strip_prefix("/* store::").and_then(|rest| rest.split_once(" */"));
    named.map_or("unnamed", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_its_function() {
        assert_eq!(name("/* store::item */\n select 1"), "item");
        assert_eq!(name("/* store::Sequencer::step */ select 1"), "Sequencer::step");
        assert_eq!(name("select 1"), "unnamed");
    }
}
