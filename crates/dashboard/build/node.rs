//! Node.js and npm: whether they are there, and running them with an end.

use std::{
    fs,
    fs::File,
    io,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// The oldest version to recommend.
pub(crate) const WANTED: &str = "22.12";

/// Variables that cargo sets for itself, or a developer for programs, and that tools of the page take for theirs.
const MISLEADING: [&str; 5] = ["DEBUG", "HOST", "NODE_ENV", "PROFILE", "TARGET"];

/// Whether there are a Node.js that can build the page, and npm.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn check() -> Result<(), String> {
    let version = version_of(Command::new("node"), "Node.js")?;
    if !is_new_enough(&version) {
        return Err(format!("Node.js is too old ({version})"));
    }
    version_of(npm(Path::new(".")), "npm").map(drop)
}

fn version_of(mut command: Command, name: &str) -> Result<String, String> {
    let output = command.arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{name} was not found"),
        _ => format!("{name} can't be run: {error}"),
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether the page's tools run with a version: 20.19 and later of that line, 22.12 and later.
fn is_new_enough(version: &str) -> bool {
    let mut numbers =
        version.trim_start_matches('v').split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match major {
        20 => minor >= 19,
        22 => minor >= 12,
        other => other > 22,
    }
}

/// npm in a folder, told that nobody is there to be asked.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder).stdin(Stdio::null());
    command.env("CI", "1").env("NO_COLOR", "1").env("NO_UPDATE_NOTIFIER", "1");
    // A network that is away is found out within seconds.
    command.env("npm_config_fetch_retry_mintimeout", "1000").env("npm_config_fetch_retry_maxtimeout", "5000");
    for name in MISLEADING {
        command.env_remove(name);
    }
    command
}

/// Runs a command and returns what it said. That goes into a file meanwhile: a pipe would last as long as the last process
/// that holds it.
///
/// # Errors
/// It can't be started, ends with a failure, or doesn't end in time: what it said.
pub(crate) fn run(mut command: Command, log: &Path, patience: Duration) -> Result<String, String> {
    let name = format!("{} {}", command.get_program().display(), arguments(&command));
    let failed = |error: io::Error| format!("{name}: {error}");
    let output = File::create(log).map_err(failed)?;
    let errors = output.try_clone().map_err(failed)?;
    let mut child = command.stdout(output).stderr(errors).spawn().map_err(failed)?;
    let deadline = Instant::now() + patience;
    let ended = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break Ok(status);
        }
        if Instant::now() >= deadline {
            end(&mut child).map_err(failed)?;
            break Err(format!("{name} took longer than {} s", patience.as_secs()));
        }
        sleep(Duration::from_millis(20));
    };
    let said = fs::read(log).map_err(failed)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    match ended {
        Ok(status) if status.success() => Ok(said),
        Ok(status) => Err(format!("{name} failed ({status})\n{said}")),
        Err(late) => Err(format!("{late}\n{said}")),
    }
}

fn arguments(command: &Command) -> String {
    command.get_args().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Ends npm and what it has started: asked first, so that it passes that on.
fn end(child: &mut Child) -> io::Result<()> {
    let id = child.id().to_string();
    let (program, how): (_, &[&str]) =
        if cfg!(windows) { ("taskkill", &["/T", "/F", "/PID"]) } else { ("kill", &["-TERM"]) };
    let mut asked = Command::new(program);
    asked.args(how).arg(id);
    // Where there is no such program, what follows has to do.
    let _ = asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let deadline = Instant::now() + Duration::from_secs(3);
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    // Fails only if it has ended.
    let _ = child.kill();
    child.wait().map(drop)
}

/// Whether what `npm ci` says is about the page's files, and not about this machine or its network.
pub(crate) fn blames_the_page(said: &str) -> bool {
    ["EUSAGE", "EJSONPARSE", "EINTEGRITY", "ETARGET", "ERESOLVE"]
        .iter()
        .any(|code| said.lines().any(|line| line.starts_with("npm error code") && line.ends_with(code)))
}

/// The gist of what npm said, in one line.
pub(crate) fn in_one_line(said: &str) -> String {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    let gist =
        lines.filter_map(|line| line.strip_prefix("npm error ")).take(3).collect::<Vec<_>>().join("; ");
    if gist.is_empty() { first } else { format!("{first}: {gist}") }
}
