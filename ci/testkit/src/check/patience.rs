//! How long a process has had, whatever else the machine is doing.
//!
//! A limit in wall-clock time says more about the machine than about the check: beside other programs, a check that takes ten
//! seconds may need minutes. So while a process wants a processor, what counts is the processor time that it gets. While it
//! waits for something else (a lock, a sleep, its input), the time counts that passes.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Pid;

/// How often a process is looked at.
const SAMPLE: Duration = Duration::from_millis(200);

/// What a process has had so far.
pub(super) struct Spent {
    process: Pid,
    total: Duration,
    at: Instant,
    processor: Duration,
}

impl Spent {
    /// Begins to count for a process that was just started.
    pub(super) fn by(process: Pid) -> Self {
        Self { process, total: Duration::ZERO, at: Instant::now(), processor: Duration::ZERO }
    }

    /// What the process has had by now.
    pub(super) fn now(&mut self) -> Duration {
        let passed = self.at.elapsed();
        if passed < SAMPLE {
            return self.total;
        }
        self.at += passed;
        self.total += match look(self.process) {
            Some(Seen { is_ready: true, processor }) => {
                let got = processor.saturating_sub(self.processor);
                self.processor = processor;
                got
            }
            Some(Seen { is_ready: false, processor }) => {
                self.processor = processor;
                passed
            }
            None => passed,
        };
        self.total
    }
}

/// A process at one moment.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// Whether one of its threads runs, or would if it got a processor.
    is_ready: bool,
    /// The processor time of all its threads.
    processor: Duration,
}

/// Looks at a process, where the system has a `/proc`. Elsewhere all time counts that passes.
fn look(process: Pid) -> Option<Seen> {
    let folder = format!("/proc/{}", process.as_raw_nonzero());
    let (_, processor) = read(&fs::read_to_string(format!("{folder}/stat")).ok()?)?;
    let threads = fs::read_dir(format!("{folder}/task")).ok()?.filter_map(Result::ok);
    let mut states = threads.filter_map(|thread| Some(read(&fs::read_to_string(thread.path().join("stat")).ok()?)?.0));
    Some(Seen { is_ready: states.any(|state| state == 'R'), processor })
}

/// Reads the state and the processor time off the line that `proc_pid_stat(5)` describes. The program's name, in parentheses, may hold
/// anything.
fn read(line: &str) -> Option<(char, Duration)> {
    let (_, fields) = line.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let ticks = fields.skip(10).take(2).map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some((state, Duration::from_millis(1000 * ticks / rustix::param::clock_ticks_per_second())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_a_process_is_read() {
        let line = "7 (a) b) R 1 7 7 0 -1 4194304 84 0 0 0 150 50 9 9 20 0 1 0 39 2 3\n";
        let processor = Duration::from_millis(1000 * 200 / rustix::param::clock_ticks_per_second());
        assert_eq!(read(line), Some(('R', processor)));
        assert_eq!(read("garbage"), None);
    }

    #[test]
    fn without_a_look_at_the_process_all_time_counts() {
        let nobody = Pid::from_raw(i32::MAX).unwrap();
        let mut spent = Spent::by(nobody);
        assert_eq!(spent.now(), Duration::ZERO);
        spent.at -= Duration::from_secs(3);
        assert!(spent.now() >= Duration::from_secs(3));
    }
}
