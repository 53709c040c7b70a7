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
    Ok(of_ticks(ticks))
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

/// What all processors of this machine, and what this process with all it started, had done at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineUse {
    busy: Duration,
    idle: Duration,
    own: Duration,
}

impl MachineUse {
    pub(crate) fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("can't read /proc/stat")?;
        let (busy, idle) = busy_and_idle(&stat).context("can't understand /proc/stat")?;
        let own = cpu_fields(std::process::id(), 4)?;
        Ok(Self { busy: of_ticks(busy), idle: of_ticks(idle), own })
    }

    /// The share of the machine that others used since then, in percent. What was started must have ended: before,
    /// it isn't counted as ours.
    pub(crate) fn percent_used_by_others_since(self, then: Self) -> f64 {
        let busy = self.busy.saturating_sub(then.busy);
        let all = busy + self.idle.saturating_sub(then.idle);
        let others = busy.saturating_sub(self.own.saturating_sub(then.own));
        others.as_secs_f64() / all.as_secs_f64().max(f64::EPSILON) * 100.0
    }
}

/// The first line: user, nice, system, idle, iowait, irq, softirq.
fn busy_and_idle(stat: &str) -> Option<(u64, u64)> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(7);
    let ticks: Vec<u64> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
    match ticks.as_slice() {
        [user, nice, system, idle, waiting, interrupt, soft] => {
            Some((user + nice + system + interrupt + soft, idle + waiting))
        }
        _ => None,
    }
}

fn of_ticks(ticks: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / per_second))
}

/// Bytes of a process that are in memory.
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("can't read {path}"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    let kilobytes = kilobytes.and_then(|text| text.trim().parse::<u64>().ok());
    Ok(kilobytes.with_context(|| format!("{path} has no VmRSS"))? * 1024)
}

/// Bytes that the kernel keeps for all TCP sockets of this machine, or of this container's network.
pub(crate) fn socket_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/sockstat").context("can't read /proc/net/sockstat")?;
    let pages = socket_pages(&text).context("can't understand /proc/net/sockstat")?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// `TCP: inuse 5 orphan 0 tw 0 alloc 6 mem 1`.
fn socket_pages(text: &str) -> Option<u64> {
    let fields = text.lines().find_map(|line| line.strip_prefix("TCP: "))?;
    let mut fields = fields.split(' ').skip_while(|field| *field != "mem").skip(1);
    fields.next()?.parse().ok()
}

/// Objects that the kernel makes for a connection: the socket, its inode, its file, and what `epoll` knows of it.
const SOCKET_SLABS: [&str; 5] = ["TCP", "sock_inode_cache", "filp", "eventpoll_epi", "eventpoll_pwq"];

/// Bytes of the kernel's objects for all sockets and files of this machine; only root is told.
pub(crate) fn socket_object_bytes() -> Option<u64> {
    Some(slab_bytes(&fs::read_to_string("/proc/slabinfo").ok()?))
}

/// Lines of name, objects in use, objects, bytes of one.
fn slab_bytes(slabs: &str) -> u64 {
    let bytes = |line: &str| {
        let mut fields = line.split_whitespace();
        SOCKET_SLABS.contains(&fields.next()?).then_some(())?;
        let used: u64 = fields.next()?.parse().ok()?;
        Some(used * fields.nth(1)?.parse::<u64>().ok()?)
    };
    slabs.lines().filter_map(bytes).sum()
}

/// How often the threads of a process have waited for something so far.
pub(crate) fn voluntary_switches(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/task");
    let tasks = fs::read_dir(&path).with_context(|| format!("can't read {path}"))?;
    let switches = tasks.flatten().filter_map(|task| {
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    });
    Ok(switches.sum())
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
    fn socket_memory_is_found() {
        let text = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 6 mem 17\nUDP: inuse 0 mem 3\n";
        assert_eq!(socket_pages(text), Some(17));
        assert!(socket_bytes().is_ok());
    }

    #[test]
    fn objects_for_sockets_are_counted() {
        let slabs = "slabinfo - version: 2.1\nTCPv6 26 26 2496 13 8\nTCP 100 104 2368 13 8 : x\nfilp 10 20 192 21 1\n";
        assert_eq!(slab_bytes(slabs), 100 * 2368 + 10 * 192);
        assert!(voluntary_switches(std::process::id()).is_ok());
    }

    #[test]
    fn what_others_use_is_what_is_left() {
        assert_eq!(busy_and_idle("cpu  10 1 5 70 4 2 3 0 0 0\ncpu0 1"), Some((21, 74)));
        let then = MachineUse { busy: Duration::ZERO, idle: Duration::ZERO, own: Duration::ZERO };
        let seconds = Duration::from_secs;
        let now = MachineUse { busy: seconds(6), idle: seconds(4), own: seconds(3) };
        assert!((now.percent_used_by_others_since(then) - 30.0).abs() < 0.01);
        assert!(MachineUse::now().is_ok());
    }

    #[test]
    fn this_process_uses_memory_and_has_no_children() {
        let own = std::process::id();
        assert!(resident_bytes(own).unwrap() > 100_000);
        assert!(cpu(own).is_ok());
        assert!(children(own).is_empty());
    }
}
