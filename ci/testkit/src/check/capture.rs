//! Keeps the beginning and the end of what a check's process prints, and never more than a few kilobytes of it.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How many bytes are kept at each end.
const KEPT: usize = 8 << 10;

/// What a process printed: its first and last kilobytes, with a line between them that says how much was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The text that was kept.
    pub text: String,
    /// How many lines were printed in all.
    pub lines: usize,
}

/// Reads a stream to its end in a thread of its own, so that the process that writes it never has to wait.
pub(super) struct Capture {
    kept: Arc<Mutex<Kept>>,
    ended: Receiver<()>,
}

impl Capture {
    pub(super) fn start(mut stream: impl Read + Send + 'static) -> Capture {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (end, ended) = mpsc::channel::<()>();
        let filled = Arc::clone(&kept);
        thread::spawn(move || {
            let _end = end; // hangs up when the thread is through, and that is the signal
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                filled.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..count]);
            }
        });
        Capture { kept, ended }
    }

    /// What was printed, once the stream has ended. A process that outlived the check may hold it open: then what is there
    /// after a `grace`.
    pub(super) fn finish(self, grace: Duration) -> Output {
        let _ = self.ended.recv_timeout(grace);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).output()
    }
}

/// The first [`KEPT`] bytes, the last [`KEPT`] bytes of the rest, and counts of everything.
#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: usize,
    newlines: usize,
    last: Option<u8>,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        self.newlines += bytes.iter().filter(|&&byte| byte == b'\n').count();
        self.last = bytes.last().copied().or(self.last);
        let (head, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend(head);
        let skipped = rest.len().saturating_sub(KEPT);
        self.tail.extend(&rest[skipped..]);
        let surplus = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..surplus);
        self.left_out += skipped + surplus;
    }

    fn output(&self) -> Output {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        let (one, two) = self.tail.as_slices();
        let tail = [one, two].concat();
        if self.left_out > 0 {
            text.push_str(&format!("\n… {} bytes left out …\n", self.left_out));
        }
        text.push_str(&String::from_utf8_lossy(&tail));
        let unfinished = self.last.is_some_and(|byte| byte != b'\n');
        Output { text, lines: self.newlines + usize::from(unfinished) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(stream: impl Read + Send + 'static) -> Output {
        Capture::start(stream).finish(Duration::MAX)
    }

    #[test]
    fn short_output_is_kept_as_it_is() {
        assert_eq!(captured("one\ntwo".as_bytes()), Output { text: "one\ntwo".into(), lines: 2 });
        assert_eq!(captured("".as_bytes()), Output::default());
    }

    #[test]
    fn long_output_keeps_its_two_ends() {
        let lines: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
        let total = lines.len();
        let output = captured(std::io::Cursor::new(lines));
        assert!(output.text.starts_with("line 0\nline 1\n"));
        assert!(output.text.ends_with("line 99998\nline 99999\n"));
        assert!(output.text.contains(&format!("\n… {} bytes left out …\n", total - 2 * KEPT)));
        assert_eq!(output.lines, 100_000);
    }

    #[test]
    fn one_endless_line_is_cut_in_the_middle() {
        let output = captured(std::io::repeat(b'x').take(10_000_000));
        assert!(output.text.len() < 2 * KEPT + 100);
        assert_eq!(output.lines, 1);
    }
}
