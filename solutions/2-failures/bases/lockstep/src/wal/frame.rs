//! Frames: how a batch of records is written to the file, so that a reader can tell a whole batch from everything else.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the body, little-endian |
//! | length | the body: the index of the first record, and the records, in the format of `postcard` |
//! | 4 | checksum: CRC-32C of all that stands before it, little-endian |
//!
//! The checksum stands behind what it covers, so a frame that was cut short lacks it. A frame of which anything is missing or different is
//! never taken for a whole one, and neither are zeros: the checksum of zeros is not 0.

use super::Record;

/// How many bytes a number takes: the length of a body, or a checksum.
const NUMBER: usize = 4;

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
    let body = postcard::to_stdvec(&(first, records)).expect("memory takes whatever is written to it");
    let len = u32::try_from(body.len()).expect("a body is shorter than 4 GiB");
    let mut frame = [&len.to_le_bytes()[..], &body].concat();
    frame.extend(crc32c::crc32c(&frame).to_le_bytes());
    frame
}

/// The frame at the start of `bytes`, whatever follows it. `None` if there is none: the bytes are too few, or differ from what
/// [`encode`] wrote, or are something else.
///
/// The bytes may be anything at all. This never panics, and the memory that it takes is in proportion to them.
pub fn decode(bytes: &[u8]) -> Option<Frame> {
    let (len, _) = number(bytes)?;
    let covered = NUMBER.checked_add(usize::try_from(len).ok()?)?;
    let (checked, behind) = bytes.split_at_checked(covered)?;
    let (checksum, _) = number(behind)?;
    if crc32c::crc32c(checked) != checksum {
        return None;
    }
    let ((first, records), rest) = postcard::take_from_bytes(checked.get(NUMBER..)?).ok()?;
    rest.is_empty().then_some(Frame { first, records, len: covered + NUMBER })
}

/// The number at the start of `bytes`, and what stands behind it.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<NUMBER>()?;
    Some((u32::from_le_bytes(*number), rest))
}
