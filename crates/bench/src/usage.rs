//! What a process has used so far, as `/proc` says, and how many files this one may open.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Processor time of a process, its own and the kernel's on its behalf.
pub(crate) fn cpu(process: u32) -> Result<Duration> {
    cpu_fields(process, 2)
}

/// The sum of utime, stime, and the same two of children that have ended, as many of them as are wanted.
fn cpu_fields(process: u32, wanted: usize) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("can't read {path}"))?;
    let ticks = ticks(&stat, wanted).with_context(|| format!("can't understand {path}"))?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / per_second)))
}

/// Processor time of a process, of those it started, and of those of them that have ended.
pub(crate) fn cpu_of_family(process: u32) -> Result<Duration> {
    let ended = cpu_fields(process, 4)?;
    children(process).into_iter().try_fold(ended, |sum, child| {
        // One that ends right now is counted by its parent, next time.
        Ok(sum + cpu(child).unwrap_or_default())
    })
}

/// Processor time of several processes together.
pub(crate) fn cpu_of_all(processes: &[u32]) -> Result<Duration> {
    processes.iter().map(|process| cpu(*process)).sum()
}

/// From the 14th field on; the second is the program's name in parentheses, which may hold anything.
fn ticks(stat: &str, wanted: usize) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields = fields.split(' ').skip(11).take(wanted);
    let ticks: Vec<u64> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
    (ticks.len() == wanted).then(|| ticks.iter().sum())
}

/// Bytes of a process that are in memory.
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("can't read {path}"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    let kilobytes = kilobytes.and_then(|text| text.trim().parse::<u64>().ok());
    Ok(kilobytes.with_context(|| format!("{path} has no VmRSS"))? * 1024)
}

/// The processes that a process started and that still run.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let is_child = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
        fields.split(' ').nth(1).and_then(|field| field.parse().ok()) == Some(parent)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}

/// Lets this process, and those it starts from now on, open so many files.
pub(crate) fn allow_open_files(wanted: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    // Only root may raise the maximum.
    let maximum = maximum.map(|maximum| maximum.max(wanted));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).with_context(|| {
        format!("this takes {wanted} open files; raise the limit (ulimit -n) or ask for less")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_may_hold_anything() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 12 30 5 3 20 0 1 0 100 0 0";
        assert_eq!(ticks(stat, 2), Some(42));
        assert_eq!(ticks(stat, 4), Some(50));
        assert_eq!(ticks("nonsense", 2), None);
        assert_eq!(ticks("7 (a) S 1 7", 2), None);
    }

    #[test]
    fn this_process_uses_memory_and_has_no_children() {
        let own = std::process::id();
        assert!(resident_bytes(own).unwrap() > 100_000);
        assert!(cpu(own).is_ok());
        assert!(children(own).is_empty());
    }
}
