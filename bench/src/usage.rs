//! What a process has used so far, from `/proc`.

use std::fs;
use std::time::Duration;

/// CPU time of all live threads, in nanoseconds from the scheduler; `/proc/<pid>/stat` counts in steps of ten milliseconds.
///
/// # Panics
/// If the process is gone.
#[must_use]
pub fn cpu_time(pid: u32) -> Duration {
    let nanoseconds = threads(pid).map(|thread| {
        let text = fs::read_to_string(format!("{thread}/schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Waits until all threads of the process sleep. Then its counters do not change, and its output is complete.
pub fn wait_until_idle(pid: u32) {
    let sleeps = |thread: String| {
        let text = fs::read_to_string(format!("{thread}/stat")).unwrap_or_default();
        // `pid (name) state …`; the name may contain parentheses.
        text.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with('R'))
    };
    while !threads(pid).all(sleeps) {
        std::thread::yield_now();
    }
}

/// The peak resident memory, in bytes.
#[must_use]
pub fn peak_resident(pid: u32) -> u64 {
    number_behind(&read(pid, "status"), "VmHWM:") * 1024
}

/// The bytes that the process has read from files and sockets, without mapped files.
#[must_use]
pub fn bytes_read(pid: u32) -> u64 {
    number_behind(&read(pid, "io"), "rchar:")
}

fn read(pid: u32, name: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{name}")).expect("the process runs")
}

/// The number after `name`.
fn number_behind(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn threads(pid: u32) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    entries.flatten().map(|entry| entry.path().display().to_string())
}
