//! What is on its way in one direction of one connection: bytes, and how the stream ends.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::Condition;

/// How many bytes are held at most, give or take one read.
const HELD: usize = 1 << 20;

/// How many reads are held at most: many small ones take more memory than their bytes.
const READS: usize = 1 << 10;

/// One direction of a connection.
///
/// Invariant: nothing follows an end, and nothing is read any more once there is one.
#[derive(Debug, Default)]
pub(super) struct Stream {
    held: VecDeque<(Instant, Item)>,
    bytes: usize,
    /// There will be no more: an end was read, or put in.
    read_out: bool,
    /// The last of it was delivered.
    pub delivered: bool,
}

#[derive(Debug)]
enum Item {
    /// Bytes, of which so many were passed on already.
    Bytes(Vec<u8>, usize),
    /// The sender sends no more.
    End,
    /// The sender is gone, or the connection is.
    Reset,
}

/// What came of an attempt to pass something on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// All that may pass did.
    All,
    /// The receiver takes no more at the moment.
    Full,
    /// The receiver must see a reset.
    Reset,
    /// There is nobody at the other end any more.
    NobodyThere,
}

impl Stream {
    /// Whether anything more can be taken in.
    pub fn takes(&self, condition: Condition) -> bool {
        !self.read_out && condition != Condition::Cut && self.bytes < HELD && self.held.len() < READS
    }

    /// Reads once from the sender. False if there is nothing to be read at the moment.
    pub fn read(&mut self, mut sender: &TcpStream, buffer: &mut [u8]) -> bool {
        let item = match sender.read(buffer) {
            Ok(0) => Item::End,
            Ok(count) => Item::Bytes(buffer[..count].to_vec(), 0),
            Err(error) if is_no_news(&error) => return false,
            Err(_) => Item::Reset,
        };
        self.put(item);
        true
    }

    /// Ends the stream by a reset, behind what is on its way.
    pub fn break_off(&mut self) {
        if !self.read_out {
            self.put(Item::Reset);
        } else if self.delivered {
            self.delivered = false;
            self.held.push_back((Instant::now(), Item::Reset));
        }
    }

    /// Forgets all that is on its way: nobody is there to take it.
    pub fn give_up(&mut self) {
        *self = Self { read_out: true, delivered: true, ..Self::default() };
    }

    /// Whether the sender has said that no more comes, in whatever way.
    pub fn is_read_out(&self) -> bool {
        self.read_out
    }

    /// When the next of it may pass; `None` if there is nothing, or nothing passes.
    pub fn due(&self, condition: Condition) -> Option<Instant> {
        let (arrived, _) = self.held.front()?;
        match condition {
            Condition::Clear => Some(*arrived),
            Condition::Slow(delay) => Some(*arrived + delay),
            Condition::Cut => None,
        }
    }

    /// Passes on what is due by `now`, and counts its bytes.
    pub fn pass(&mut self, receiver: &TcpStream, condition: Condition, now: Instant, carried: &mut u64) -> Passed {
        while self.due(condition).is_some_and(|due| due <= now) {
            let Some((_, item)) = self.held.front_mut() else { break };
            match item {
                Item::Bytes(bytes, passed) => match write(receiver, &bytes[*passed..]) {
                    Ok(count) => {
                        *carried += count as u64;
                        *passed += count;
                        if *passed < bytes.len() {
                            continue;
                        }
                        self.bytes -= bytes.len();
                    }
                    Err(error) if is_no_news(&error) => return Passed::Full,
                    Err(_) => return Passed::NobodyThere,
                },
                Item::End => {
                    self.delivered = true;
                    let _ = receiver.shutdown(Shutdown::Write); // fails only if the receiver is gone
                }
                Item::Reset => return Passed::Reset,
            }
            self.held.pop_front();
        }
        Passed::All
    }

    fn put(&mut self, item: Item) {
        match &item {
            Item::Bytes(bytes, _) => self.bytes += bytes.len(),
            Item::End | Item::Reset => self.read_out = true,
        }
        self.held.push_back((Instant::now(), item));
    }
}

fn write(mut receiver: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    receiver.write(bytes)
}

/// Whether a call on a socket failed only because there is nothing to be done now.
pub(super) fn is_no_news(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// How long until a date.
pub(super) fn until(date: Instant, now: Instant) -> Duration {
    date.saturating_duration_since(now)
}
