//! What Linux tells of a process. Other systems are not asked.

use std::fs;

/// What is in `/proc/PROCESS/status`.
pub fn status(process: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{process}/status")).ok()
}

/// The number behind a name, as in `VmRSS:  5496 kB`.
pub fn number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}
