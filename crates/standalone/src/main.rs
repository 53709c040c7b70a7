//! The binary `stockwire`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    standalone::cli::Arguments::parse().run()
}
