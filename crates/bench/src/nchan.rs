//! nginx with the nchan module, to compare with: found on this machine, or done without.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    audience::Invitation,
    service_process::{ServiceProcess, free_address},
    usage::children,
};

/// Where messages are published.
pub(crate) const PUBLISH: &str = "/publish";
const SUBSCRIBE: &str = "/subscribe";
const STATUS: &str = "/status";

/// What to do where it is missing.
pub(crate) const HOW_TO_INSTALL: &str = "nginx with nchan is not installed, so there is nothing to compare with: apt-get install nginx libnginx-mod-nchan";

/// Distributions keep modules in different places.
const MODULE_FOLDERS: [&str; 4] = [
    "/usr/lib/nginx/modules",
    "/usr/lib64/nginx/modules",
    "/usr/share/nginx/modules",
    "/usr/local/nginx/modules",
];

/// A running nginx.
#[derive(Debug)]
pub(crate) struct Nchan {
    process: ServiceProcess,
}

impl Nchan {
    /// Starts one with a configuration of its own, if it is installed.
    pub(crate) async fn start(folder: &Path) -> Result<Option<Self>> {
        let Some(module) = module() else { return Ok(None) };
        let folder = folder.join("nginx");
        fs::create_dir_all(&folder).with_context(|| format!("can't create {}", folder.display()))?;
        let address = free_address()?;
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, configuration_text(&folder, module.as_deref(), address))?;
        let mut command = Command::new("nginx");
        // Errors before the configuration is read go to our log, not to the machine's.
        command.arg("-p").arg(&folder).arg("-e").arg("stderr").arg("-c").arg(&configuration);
        let mut process = ServiceProcess::start("nginx", command, address, &folder)?;
        process.answers(STATUS).await?;
        Ok(Some(Self { process }))
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub(crate) const fn invitation(&self) -> Invitation {
        Invitation { address: self.address(), path: SUBSCRIBE, subprotocol: None, ask: None }
    }

    /// The master, and the worker that does everything.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let master = self.process.id();
        let mut processes = children(master);
        processes.push(master);
        processes
    }
}

/// The module to load; nothing inside if nginx has it built in, nothing at all if there is none.
fn module() -> Option<Option<PathBuf>> {
    let version = Command::new("nginx").arg("-V").output().ok()?;
    if String::from_utf8_lossy(&version.stderr).contains("nchan") {
        return Some(None);
    }
    let module = |folder: &str| Path::new(folder).join("ngx_nchan_module.so");
    MODULE_FOLDERS.iter().map(|folder| module(folder)).find(|module| module.is_file()).map(Some)
}

/// One worker: that is where nchan is cheapest, because messages don't travel between processes.
fn configuration_text(folder: &Path, module: Option<&Path>, address: SocketAddr) -> String {
    let load = module.map(|module| format!("load_module {};\n", module.display())).unwrap_or_default();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {};\n", folder.join(kind).display()))
        .concat();
    format!(
        "{load}daemon off;
worker_processes 1;
pid {pid};
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
  access_log off;
{temporary}  server {{
    listen {address} backlog=8192;
    tcp_nodelay on;
    keepalive_requests 1000000;
    location = {STATUS} {{ return 200; }}
    location = {PUBLISH} {{ nchan_publisher http; nchan_channel_id bench; }}
    location = {SUBSCRIBE} {{ nchan_subscriber websocket; nchan_channel_id bench; nchan_subscriber_first_message newest; }}
  }}
}}
",
        pid = folder.join("nginx.pid").display(),
    )
}
