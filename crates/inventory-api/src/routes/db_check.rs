//! `/db-check`: how the database is, for people who operate the service.

use std::time::Instant;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service::ApiError;
use utoipa::ToSchema;

use crate::{
    Api,
    caller::{Caller, Read},
    documented_problems::DatabaseProblems,
    error::store_error,
};

/// How the database is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatabaseReport {
    /// The server's version.
    server_version: String,
    /// The database's name.
    database: String,
    /// Items of the tenant.
    items: i64,
    /// The log's newest position.
    head: i64,
    /// How long these questions took, in milliseconds, a place in the pool included.
    round_trip_ms: f64,
    /// Connections of this process.
    pool: PoolReport,
}

/// Connections of this process.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoolReport {
    /// Working.
    in_use: usize,
    /// Connected.
    open: usize,
    /// The most there may be.
    most: usize,
}

/// Ask the database how it is.
#[utoipa::path(
    get,
    path = "/db-check",
    tag = "operation",
    security(("bearer" = ["read"])),
    responses((status = 200, description = "It answers.", body = DatabaseReport), DatabaseProblems)
)]
pub(crate) async fn db_check(api: web::Data<Api>, caller: Caller<Read>) -> Result<HttpResponse, ApiError> {
    let started = Instant::now();
    let found = api.store().describe(caller.tenant()).await.map_err(store_error)?;
    let round_trip_ms = started.elapsed().as_secs_f64() * 1e3;
    let (in_use, open, most) = api.store().pool_usage();
    Ok(HttpResponse::Ok().json(DatabaseReport {
        server_version: found.server_version,
        database: found.database,
        items: found.items,
        head: found.head,
        round_trip_ms,
        pool: PoolReport { in_use, open, most },
    }))
}
