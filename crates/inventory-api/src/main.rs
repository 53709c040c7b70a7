//! The binary `inventory-api`: the REST API as a service of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run("inventory-api", inventory_api::run)
}
