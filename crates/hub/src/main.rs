//! The hub as a process of its own.

use std::process::ExitCode;

use service::Service;

fn main() -> ExitCode {
    let service = Service { name: "hub", listens: |settings| settings.hub.listen };
    service::run(service, hub::run)
}
