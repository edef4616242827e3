//! Incremental credit, for a link that loses nothing and keeps the order.
//!
//! Both sides count. The [`Sender`] counts down what it sends and counts up what it is granted. The [`Receiver`] knows what it has granted,
//! what has come, and what was consumed, and grants with an [`Update`] what it has room for again. Each byte counts twice: in the window of
//! its stream, so that one stream cannot fill the whole buffer, and in the window of the connection, so that all streams together cannot.
//!
//! A stream may be closed at any moment, by either side: the application does not want it any more, or its source has failed. The other
//! streams go on, and they share the connection's credit. So what a closed stream holds of it has to come back, once.
//!
//! Source: RFC 9113, *HTTP/2*, sections 5.1, 5.2 and 6.9.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use std::collections::BTreeMap;

use super::Violation;

/// Names a stream. No name is used for a second stream.
pub type Stream = u32;

/// No window is ever larger, in bytes.
pub const LARGEST: u32 = (1 << 31) - 1;

/// Whose window it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The window that all streams share.
    Connection,
    /// The window of one stream.
    Stream(Stream),
}

/// Sent by the receiver, to grant more: `WINDOW_UPDATE` in HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Update {
    /// Whose window grows.
    pub scope: Scope,
    /// By how many bytes.
    pub increment: u32,
}

/// The half of a connection that sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// What may be sent now, on all streams together.
    connection: u32,
    /// What may be sent now on each stream that is open.
    streams: BTreeMap<Stream, u32>,
}

impl Sender {
    /// A sender that has been granted `window` bytes for the connection, and has no streams yet.
    pub fn new(window: u32) -> Self {
        Sender { connection: window, streams: BTreeMap::new() }
    }

    /// A stream begins, with a window of its own.
    pub fn open(&mut self, stream: Stream, window: u32) {
        self.streams.insert(stream, window);
    }

    /// An application has `wanted` bytes for `stream`. Gives how many of them are sent now.
    ///
    /// Contract: as many as both windows have room for, and they are used up in both. Nothing is sent on a stream that is not open.
    pub fn send(&mut self, stream: Stream, wanted: u32) -> u32 {
        todo!("Send what both windows allow, and count it in both.")
    }

    /// An update has come.
    ///
    /// Contract: the window that it names grows by the increment, and no other one. An increment of 0 is a [`Violation::NoIncrement`]. An
    /// increment that would take the window above [`LARGEST`] is a [`Violation::TooMuchCredit`], and changes nothing. An update for a stream
    /// that is not open is no violation, and changes nothing: it was on its way when the stream was closed.
    pub fn update(&mut self, update: Update) -> Result<(), Violation> {
        todo!("Let the window grow, if it may.")
    }

    /// A stream is closed: the receiver has cancelled it, or it is reset here.
    ///
    /// Contract: nothing more is sent on it. What it has used of the connection's window comes back with updates and in no other way: the
    /// receiver may still have it.
    pub fn close(&mut self, stream: Stream) {
        todo!("Forget the stream. What becomes of the connection's window?")
    }
}

/// What a receiver knows of a stream that is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Inflow {
    /// What the sender may still send on it.
    credit: u32,
    /// What has come and was not consumed.
    buffered: u32,
}

/// The half of a connection that receives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receiver {
    /// What the sender may still send, on all streams together.
    credit: u32,
    streams: BTreeMap<Stream, Inflow>,
}

impl Receiver {
    /// A receiver with room for `window` bytes in all, which the sender has been granted. There are no streams yet.
    pub fn new(window: u32) -> Self {
        Receiver { credit: window, streams: BTreeMap::new() }
    }

    /// A stream begins, with room for `window` bytes of its own.
    pub fn open(&mut self, stream: Stream, window: u32) {
        self.streams.insert(stream, Inflow { credit: window, buffered: 0 });
    }

    /// `size` bytes of `stream` have come, and stay in its buffer until they are consumed. Gives the updates that go out now.
    ///
    /// Contract:
    /// - Bytes for which there is no credit, of the connection or of the stream, are a [`Violation::TooMuchData`].
    /// - Bytes of a stream that is not open were on their way when it was closed. They are thrown away, have used the connection's credit
    ///   like any others, and give it back.
    pub fn receive(&mut self, stream: Stream, size: u32) -> Result<Vec<Update>, Violation> {
        todo!("Count the bytes, wherever they belong. Is there credit for them, and is anyone going to consume them?")
    }

    /// The application has consumed `size` bytes of `stream`. Gives the updates that go out now.
    ///
    /// Contract: what has been consumed is granted again, to the stream and to the connection, once for each byte. It may be kept back for
    /// a while and granted together with later bytes, but never so that the sender has to wait though there is room. An application may
    /// consume its last bytes after the stream was closed: they were granted again by then, so nothing goes out.
    pub fn consume(&mut self, stream: Stream, size: u32) -> Vec<Update> {
        todo!("Grant again what was consumed. To whom, and what if the stream is closed?")
    }

    /// A stream is closed: the application has cancelled it, or the sender has reset it. What is in its buffer is thrown away. Gives the
    /// updates that go out now.
    ///
    /// Contract: what the stream had in its buffer is granted again to the connection, once. If the stream is not open, nothing changes.
    pub fn close(&mut self, stream: Stream) -> Vec<Update> {
        todo!("Forget the stream, and give back what it holds of the connection's credit.")
    }
}
