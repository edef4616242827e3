//! Looks at the gateway's process: its memory, and its threads. Linux tells; other systems are not asked.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::process::{number, status};

/// How often.
const EACH: Duration = Duration::from_millis(250);

/// A look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When, from the start of the script on.
    pub at: Duration,
    /// How much of its memory is in use, in bytes (`VmRSS`).
    pub memory: u64,
    /// How many threads it has.
    pub threads: u64,
}

/// Looks again and again, until it is told to end.
pub struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Look>>,
}

impl Watch {
    /// Begins to look at a process.
    pub fn start(process: u32, begun: Instant) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut looks = Vec::new();
            while !ends.load(Ordering::Relaxed) {
                looks.extend(look(process, begun));
                thread::sleep(EACH);
            }
            looks
        });
        Watch { is_over, thread }
    }

    /// What was seen.
    pub fn end(self) -> Vec<Look> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn look(process: u32, begun: Instant) -> Option<Look> {
    let status = status(process)?;
    let (memory, threads) = (number(&status, "VmRSS:")? * 1024, number(&status, "Threads:")?);
    Some(Look { at: begun.elapsed(), memory, threads })
}

/// How long the processors have worked for all programs, and how long they could have, in ticks since the system started.
pub fn processors() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    let all = ticks.iter().take(8).sum::<u64>();
    Some((all - ticks.get(3)? - ticks.get(4)?, all))
}
