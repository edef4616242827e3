//! Reading a log back: what the bytes of its file hold, and what is wrong with them.
//!
//! A machine goes through the file from its start. As long as it is *reading*, frame after frame is taken. At the first place where the
//! next frame does not stand it begins to *doubt*, and looks, byte after byte, for a whole frame from there on. If one is found, the
//! doubtful place was on the disk once, and is damaged. If the file ends before, the place is a torn end.

use super::{Record, frame};

/// What a file holds.
#[derive(Debug)]
pub(super) struct Scan {
    /// The records of all frames up to the first bad place.
    pub records: Vec<Record>,
    /// What is wrong with the file.
    pub verdict: Verdict,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// Nothing.
    Whole,
    /// From here on nothing was promised to anybody.
    Torn {
        /// In bytes.
        at: u64,
    },
    /// What stands here is damaged, and was promised.
    Corrupt {
        /// In bytes.
        at: u64,
    },
}

/// What the machine is doing.
#[derive(Clone, Copy)]
enum State {
    /// The next frame is expected here.
    Reading { at: usize },
    /// At `since` no frame was found that comes next; a whole one is looked for from `at` on.
    Doubting { since: usize, at: usize },
    /// That is all.
    Done(Verdict),
}

impl Scan {
    /// Reads a file.
    pub(super) fn of(bytes: &[u8]) -> Scan {
        let (mut records, mut state) = (Vec::new(), State::Reading { at: 0 });
        loop {
            state = match state {
                State::Reading { at } => read(bytes, at, &mut records),
                State::Doubting { since, at } => doubt(bytes, since, at),
                State::Done(verdict) => return Scan { records, verdict },
            };
        }
    }
}

/// Takes the frame at `at`, if it is the one that comes next.
fn read(bytes: &[u8], at: usize, records: &mut Vec<Record>) -> State {
    if at == bytes.len() {
        return State::Done(Verdict::Whole);
    }
    match frame::decode(&bytes[at..]).filter(|frame| frame.first == records.len() as u64) {
        Some(frame) => {
            records.extend(frame.records);
            State::Reading { at: at + frame.len }
        }
        None => State::Doubting { since: at, at },
    }
}

/// Looks whether a whole frame stands at `at`.
fn doubt(bytes: &[u8], since: usize, at: usize) -> State {
    if at == bytes.len() {
        State::Done(Verdict::Torn { at: since as u64 })
    } else if frame::decode(&bytes[at..]).is_some() {
        State::Done(Verdict::Corrupt { at: since as u64 })
    } else {
        State::Doubting { since, at: at + 1 }
    }
}
