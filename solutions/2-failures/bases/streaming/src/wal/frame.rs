//! Frames: how a batch of records is written to the file, so that a reader can tell a whole batch from everything else.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | index of the first record |
//! | 4 | length of the body |
//! | length | the body: 4 bytes with the number of records, 4 for the end of each of them, and then the records without a gap |
//! | 4 | checksum: CRC-32C of all that stands before it |
//!
//! Numbers are little-endian, and ends are counted from the beginning of the first record. The layout is free: whatever you write, only
//! you read. What counts is that a frame of which anything is missing or different is never taken for a whole one, and neither are zeros.
//!
//! # This design
//!
//! The checksum comes last, and the body begins with a table that says where each record ends.

use super::Record;

/// The length of a frame's head in bytes.
const HEAD: usize = 12;

/// The length of a small number, and of the checksum.
const WORD: usize = 4;

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
    let mut body = word(records.len()).to_vec();
    let mut end = 0;
    for record in records {
        end += record.len();
        body.extend(word(end));
    }
    body.extend(records.concat());
    let mut frame = [&first.to_le_bytes()[..], &word(body.len()), &body].concat();
    frame.extend(crc32c::crc32c(&frame).to_le_bytes());
    frame
}

/// The frame at the start of `bytes`, whatever follows it. `None` if there is none: the bytes are too few, or differ from what
/// [`encode`] wrote, or are something else.
///
/// The bytes may be anything at all. This never panics, and the memory that it takes is in proportion to them.
pub fn decode(bytes: &[u8]) -> Option<Frame> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    let (body, _) = split_number(rest).and_then(|(len, rest)| rest.split_at_checked(len))?;
    let (summed, rest) = bytes.split_at_checked(HEAD + body.len())?;
    let checksum = u32::from_le_bytes(*rest.first_chunk()?);
    if checksum != crc32c::crc32c(summed) {
        return None;
    }
    Some(Frame { first: u64::from_le_bytes(*first), records: take_apart(body)?, len: summed.len() + WORD })
}

/// The records of a body.
fn take_apart(body: &[u8]) -> Option<Vec<Record>> {
    let (count, rest) = split_number(body)?;
    let (mut ends, contents) = rest.split_at_checked(count.checked_mul(WORD)?)?;
    let (mut records, mut from) = (Vec::new(), 0);
    while let Some((end, others)) = split_number(ends) {
        records.push(contents.get(from..end)?.to_vec());
        (ends, from) = (others, end);
    }
    Some(records)
}

/// The number at the front of `bytes`, and what stands behind it.
fn split_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<WORD>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn word(number: usize) -> [u8; WORD] {
    u32::try_from(number).expect("a frame is shorter than 4 GiB").to_le_bytes()
}
