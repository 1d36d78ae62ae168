//! What Linux tells of a process and of its network, from `/proc`. Elsewhere nothing is known.

use std::fs;

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux that matters, and not to be asked for without libc.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used, all its threads, user and kernel; in steps of 10 ms.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    parse_cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// CPU seconds that this process has used.
pub(crate) fn own_cpu_seconds() -> Option<f64> {
    cpu_seconds(std::process::id())
}

/// Resident memory of a process in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most that a process ever had resident, in bytes.
pub(crate) fn peak_resident_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, name: &str) -> Option<u64> {
    parse_status(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, name)
}

/// How often the kernel dropped a connection because a listener's queue was full: `ListenOverflows` and `ListenDrops`.
pub(crate) fn listen_overflows() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    Some((parse_netstat(&text, "ListenOverflows")?, parse_netstat(&text, "ListenDrops")?))
}

fn parse_cpu(stat: &str) -> Option<f64> {
    // The name, in parentheses, may hold anything.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn parse_status(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn parse_netstat(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let at = lines.next()?.split_whitespace().position(|field| field == name)?;
    lines.next()?.split_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_read_past_a_name_with_anything_in_it() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 100 1000 200";
        assert_eq!(parse_cpu(stat), Some(3.0));
        assert_eq!(parse_cpu("nonsense"), None);
    }

    #[test]
    fn memory_and_counters() {
        assert_eq!(parse_status("Name:\tx\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2 << 20));
        let netstat = "TcpExt: A ListenOverflows ListenDrops\nTcpExt: 1 2 3\nIpExt: X\nIpExt: 9\n";
        assert_eq!(parse_netstat(netstat, "ListenDrops"), Some(3));
        assert_eq!(parse_netstat(netstat, "None"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_some() {
        assert!(own_cpu_seconds().is_some());
        assert!(resident_bytes(std::process::id()).is_some_and(|bytes| bytes > 0));
        assert!(listen_overflows().is_some());
    }
}
