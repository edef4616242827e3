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

//# allow: unused_variables, dead_code
use super::Record;

/// The length of a frame's head in bytes.
const HEAD: usize = 16;

// ANCHOR: frame
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
// ANCHOR_END: frame

/// The bytes of a frame with these records, the first of which has the index `first`.
pub fn encode(first: u64, records: &[Record]) -> Vec<u8> {
    //# hole: Write head and records so that a reader can tell where they end, and whether they are what was written.
    let body: Vec<u8> = records.iter().flat_map(|record| [&length(record)[..], record].concat()).collect();
    let checked = [&length(&body)[..], &first.to_le_bytes(), &body].concat();
    [&crc32c::crc32c(&checked).to_le_bytes()[..], &checked].concat()
    //# end
}

/// The frame at the start of `bytes`, whatever follows it. `None` if there is none: the bytes are too few, or differ from what
/// [`encode`] wrote, or are something else.
///
/// The bytes may be anything at all. This never panics, and the memory that it takes is in proportion to them.
pub fn decode(bytes: &[u8]) -> Option<Frame> {
    //# hole: Is there a whole frame, and is it what was written? Trust no number before you know.
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let checksum = number(&head[..4])?;
    let len = HEAD + usize::try_from(number(&head[4..8])?).ok()?;
    let checked = bytes.get(4..len)?;
    if crc32c::crc32c(checked) != checksum {
        return None;
    }
    let first = u64::from_le_bytes(head[8..].try_into().ok()?);
    Some(Frame { first, records: records(&rest[..len - HEAD])?, len })
    //# end
}

//# private
/// A length in the file's form.
fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("a batch is below 4 GiB").to_le_bytes()
}

/// A number from the file.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_le_bytes)
}

/// The records of a body.
fn records(mut body: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let (len, rest) = body.split_at_checked(4)?;
        let (record, rest) = rest.split_at_checked(usize::try_from(number(len)?).ok()?)?;
        records.push(record.to_vec());
        body = rest;
    }
    Some(records)
}
//# end
