//! Frames: how a batch of records is written to the file, so that a reader can tell a whole batch from everything else.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | checksum: CRC-32C of all that follows |
//! | 4 | length of the body |
//! | 8 | index of the first record |
//! | length | the body: for each record 4 bytes with its length, then the record |
//!
//! Numbers are little-endian. The layout is a proposal: only you read what you write. What counts is that a frame with anything
//! missing or changed is never accepted as whole, and neither are zeros.

#![allow(unused_variables, dead_code, reason = "for the holes below: delete this line when all are filled")]
use super::Record;

/// The length of a frame's head in bytes.
const HEAD: usize = 16;

/// A frame that was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The index of its first record.
    pub first: u64,
    /// Its records.
    pub records: Vec<Record>,
    /// How many bytes it takes in the file.
    pub len: usize,
}

/// The bytes of a frame with these records, the first of which has the index `first`.
pub fn encode(first: u64, records: &[Record]) -> Vec<u8> {
    todo!("Write head and records so that a reader can tell where they end, and whether they are what was written.")
}

/// The frame at the start of `bytes`, whatever follows it. `None` if there is none: the bytes are too few, or differ from what
/// [`encode`] wrote, or are something else.
///
/// The bytes may be anything at all. This never panics, and the memory that it takes is in proportion to them.
pub fn decode(bytes: &[u8]) -> Option<Frame> {
    todo!("Is there a whole frame, and is it what was written? Trust no number before you know.")
}
