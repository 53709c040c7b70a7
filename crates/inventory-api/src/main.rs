//! The binary `inventory-api`: the REST API as a service of its own.

use std::process::ExitCode;

use service::Service;

fn main() -> ExitCode {
    let service = Service { name: "inventory-api", listens: |settings| settings.http.listen };
    service::run(service, inventory_api::run)
}
