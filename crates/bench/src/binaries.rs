//! The services' binaries: those beside our own, brought up to date first, so that no old build is measured by mistake.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::report::say;

/// The packages that are measured as processes of their own; each has a binary of its name.
const SERVICES: [&str; 3] = ["notifier", "hub", "inventory-api"];

/// The folder that holds the services' binaries, which are built if need be.
pub(crate) fn folder() -> Result<PathBuf> {
    let own = env::current_exe().context("can't find out where this program is")?;
    let folder = own.parent().context("this program is in no folder")?.to_owned();
    let missing: Vec<&str> = SERVICES.into_iter().filter(|service| !folder.join(service).is_file()).collect();
    match env::var_os("CARGO") {
        // Started by `cargo run`, which has built this program and nothing else.
        Some(cargo) => build(Path::new(&cargo), &folder)?,
        None if missing.is_empty() => {}
        None => build(Path::new("cargo"), &folder)?,
    }
    for service in SERVICES {
        ensure!(folder.join(service).is_file(), "there is no {service} in {}", folder.display());
    }
    Ok(folder)
}

fn build(cargo: &Path, folder: &Path) -> Result<()> {
    let target = folder.parent().context("this program is in no target folder")?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--target-dir"]).arg(target).current_dir(workspace);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    for service in SERVICES {
        command.args(["-p", service]);
    }
    say(format!("bringing {} up to date with cargo build", SERVICES.join(", ")));
    let status = command.status().with_context(|| format!("can't run {}", cargo.display()))?;
    if !status.success() {
        bail!("the services can't be built: cargo ended with {status}");
    }
    Ok(())
}
