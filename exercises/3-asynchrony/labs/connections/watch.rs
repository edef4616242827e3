//! Looks at a server's process. Linux tells; other systems are not asked.

use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::process::{number, status};

/// What a process has, and what the kernel has for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Memory of its own that is there, in bytes (`VmRSS`).
    pub resident: u64,
    /// Addresses that are set aside, in bytes (`VmSize`).
    pub reserved: u64,
    /// Where the kernel keeps which address is which memory, in bytes (`VmPTE`).
    pub page_tables: u64,
    /// The kernel's stacks, in bytes: one for each thread of the whole system (`KernelStack`).
    pub kernel_stacks: u64,
    /// How many threads it has.
    pub threads: u64,
}

/// Looks at a process.
pub fn look(process: u32) -> Option<Look> {
    let status = status(process)?;
    let system = fs::read_to_string("/proc/meminfo").ok()?;
    Some(Look {
        resident: number(&status, "VmRSS:")? * 1024,
        reserved: number(&status, "VmSize:")? * 1024,
        page_tables: number(&status, "VmPTE:")? * 1024,
        kernel_stacks: number(&system, "KernelStack:")? * 1024,
        threads: number(&status, "Threads:")?,
    })
}

/// How long processors have worked for a process, in its own code and in the kernel.
pub fn worked(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may have spaces. The third field comes after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    let ticks = ticks.next()? + ticks.next()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}
