//! The last lines that a server printed, over all its lives.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// How many lines are kept.
const LINES: usize = 200;

/// How long a line may be. A longer one counts as several.
const LENGTH: u64 = 4 << 10;

/// The last lines that were printed, on both streams. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<String>,
    left_out: usize,
}

impl Log {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.kept.len() == LINES {
            lines.kept.pop_front();
            lines.left_out += 1;
        }
        lines.kept.push_back(line.to_owned());
    }

    /// At most so many of the last lines, with a line before them that says how many there were.
    pub fn last(&self, most: usize) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = lines.kept.len().saturating_sub(most);
        let left_out = lines.left_out + skipped;
        let told = (left_out > 0).then(|| format!("… {left_out} lines before …"));
        told.into_iter().chain(lines.kept.iter().skip(skipped).cloned()).collect::<Vec<_>>().join("\n")
    }

    /// Adds all lines of a stream until it ends. Each is shown to `seen` first.
    pub(super) fn follow(&self, stream: impl Read, mut seen: impl FnMut(&str)) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            match stream.by_ref().take(LENGTH).read_until(b'\n', &mut line) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\n');
            self.add(line);
            seen(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let log = Log::new();
        let text: String = (0..1_000).map(|line| format!("line {line}\n")).collect();
        let mut seen = 0;
        log.follow(text.as_bytes(), |_| seen += 1);
        assert_eq!(seen, 1_000);
        assert_eq!(log.last(2), "… 998 lines before …\nline 998\nline 999");
        assert_eq!(log.last(1_000).lines().count(), LINES + 1);
    }

    #[test]
    fn an_endless_line_does_not_fill_the_memory() {
        let log = Log::new();
        log.follow(std::io::repeat(b'x').take(100 << 20), |line| assert!(line.len() as u64 <= LENGTH));
        assert!(log.last(1).ends_with('x'));
        assert_eq!(log.0.lock().unwrap().kept.len(), LINES);
    }

    #[test]
    fn a_short_log_is_whole() {
        let log = Log::new();
        assert_eq!(log.last(5), "");
        log.follow(&b"one\ntwo"[..], |_| ());
        assert_eq!(log.last(5), "one\ntwo");
    }
}
