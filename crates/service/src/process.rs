//! The process as the kernel sees it: memory, processor time, open files, under the names that Prometheus' own client
//! libraries use, so that any dashboard knows them. Read from `/proc` whenever somebody asks; where there is none, only
//! the start time is told.

use std::{
    fmt::Write,
    fs,
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// Ticks of processor time in a second: fixed by the kernel's interface on all common architectures.
const TICKS_A_SECOND: f64 = 100.0;

/// When this process began, in seconds since 1970; the first call says when.
pub(crate) fn started_at() -> f64 {
    static STARTED: OnceLock<f64> = OnceLock::new();
    *STARTED.get_or_init(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
}

/// All series of the process, in Prometheus' text format.
pub(crate) fn series() -> String {
    let mut text = String::with_capacity(1024);
    let mut add = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Writing into a String can't fail.
            let _ = write!(
                text,
                "# HELP process_{name} {help}\n# TYPE process_{name} {kind}\nprocess_{name} {value}\n"
            );
        }
    };
    add("start_time_seconds", "gauge", "When the process began, in seconds since 1970.", Some(started_at()));
    let processor = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| processor_seconds(&stat));
    add("cpu_seconds_total", "counter", "Processor time, in user space and in the kernel.", processor);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |field| status_field(&status, field).map(|kilobytes| kilobytes * 1024.0);
    add("resident_memory_bytes", "gauge", "Memory that is in RAM.", bytes("VmRSS:"));
    add("virtual_memory_bytes", "gauge", "Address space.", bytes("VmSize:"));
    add("threads", "gauge", "Threads.", status_field(&status, "Threads:"));
    add("open_fds", "gauge", "Open files and sockets.", open_files());
    let limits = fs::read_to_string("/proc/self/limits").ok();
    let most = limits.and_then(|limits| most_open_files(&limits));
    add("max_fds", "gauge", "The most files and sockets that may be open.", most);
    text
}

/// The name of the program, in brackets, may hold spaces and brackets itself.
fn processor_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_A_SECOND)
}

fn status_field(status: &str, name: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

fn most_open_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        most => most.parse().ok(),
    }
}

/// Newer kernels say how many there are; on others they are counted.
fn open_files() -> Option<f64> {
    const DIRECTORY: &str = "/proc/self/fd";
    let told = fs::metadata(DIRECTORY).ok()?.len();
    let count = if told > 0 { told } else { fs::read_dir(DIRECTORY).ok()?.count() as u64 };
    Some(f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_kernel_are_read() {
        let stat = "4242 (a) b) S 1 4242 4242 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 8 1 2";
        assert_eq!(processor_seconds(stat), Some(2.0));
        assert_eq!(status_field("Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t3\n", "VmRSS:"), Some(2048.0));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   4096   files\n";
        assert_eq!(most_open_files(limits), Some(1024.0));
        assert_eq!(most_open_files("Max open files unlimited unlimited files"), Some(f64::INFINITY));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_described() {
        let text = series();
        for name in [
            "start_time_seconds",
            "cpu_seconds_total",
            "resident_memory_bytes",
            "virtual_memory_bytes",
            "threads",
            "open_fds",
            "max_fds",
        ] {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("process_{name} ")));
            let value: f64 = line.unwrap().parse().unwrap();
            assert!(value > 0.0 || name == "cpu_seconds_total", "{name}: {value}");
        }
    }
}
