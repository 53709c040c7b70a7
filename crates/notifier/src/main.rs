//! The notifier as a process of its own.

use std::process::ExitCode;

use service::Service;

fn main() -> ExitCode {
    let service = Service { name: "notifier", listens: |settings| settings.notifier.listen };
    service::run(service, notifier::run)
}
