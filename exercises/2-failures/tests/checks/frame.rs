//! Task `frame`: a whole frame is told from everything else.

use std::panic;

use testkit::check::{Check, Failure, Proven, Rule, check};
use testkit::panics;

use crate::subject::wal::Record;
use crate::subject::wal::frame::{Frame, decode, encode};

const WHOLE: Rule = Rule::new(
    "whole frames",
    "A frame is read back as it was written, and nothing else is accepted as a frame.",
    "Pillai et al. 2014, section 4.4: what was appended may be cut off, or be garbage, after a crash",
    "2-failures/disk.md#frames",
);

const HARMLESS: Rule = Rule::new(
    "hostile bytes",
    "Whatever the bytes are, decoding them ends, and takes memory in proportion to them.",
    "contract of `decode`",
    "2-failures/disk.md#frames",
);

/// Batches that a frame must be able to hold.
fn batches() -> Vec<(u64, Vec<Record>)> {
    vec![
        (0, vec![b"a".to_vec()]),
        (1, vec![Vec::new()]),
        (7, vec![b"first".to_vec(), Vec::new(), b"third".to_vec()]),
        (u64::MAX, vec![vec![0; 40]]),
        (1 << 40, vec![vec![0xff; 300], vec![1; 5]]),
        (3, (0..50).map(|n| vec![n; usize::from(n)]).collect()),
        (2, Vec::new()),
    ]
}

/// Frames whose lengths and numbers need more than one byte, and more than two.
fn large() -> Vec<(u64, Vec<Record>)> {
    vec![
        (300, vec![vec![2; 255], vec![3; 256], vec![4; 257]]),
        (70_000, vec![vec![5; 65_535], vec![6; 65_536], vec![7; 65_537]]),
        (1 << 32, vec![vec![8]; 70_000]),
    ]
}

/// Some of the places in so many bytes: all of a few, and of many those at the ends and one here and there.
fn places(len: usize) -> impl Iterator<Item = usize> {
    let apart = if len <= 2_000 { 1 } else { len / 40 };
    (0..len).filter(move |at| *at < 24 || len - at < 8 || at % apart == 0)
}

fn shown(records: &[Record]) -> String {
    let lengths: Vec<_> = records.iter().map(|record| record.len().to_string()).collect();
    match lengths.len() {
        0..=8 => format!("records of {} bytes", lengths.join(", ")),
        many => format!("{many} records"),
    }
}

/// What `decode` finds in `bytes`. A panic breaks a rule, unless it is a `todo!`.
fn read(check: &mut Check, bytes: &[u8]) -> Result<Option<Frame>, Box<Failure>> {
    match panic::catch_unwind(|| decode(bytes)) {
        Ok(found) => Ok(found),
        Err(payload) => {
            let (message, at) = panics::describe(&*payload);
            if message.starts_with("not yet implemented") {
                panic::resume_unwind(payload);
            }
            let says =
                || format!("Given {} bytes that are no frame, `decode` panics: {message} (at {at}).", bytes.len());
            check.requires(HARMLESS, false, says).map(|()| None)
        }
    }
}

#[test]
pub fn a_frame_comes_back_as_it_went() {
    check(|check| {
        for (first, records) in batches().into_iter().chain(large()) {
            let bytes = encode(first, &records);
            let frame = Frame { first, records, len: bytes.len() };
            for (behind, what) in [(vec![], "nothing"), (vec![0; 9], "zeros"), (bytes.clone(), "another frame")] {
                let found = read(check, &[&bytes[..], &behind].concat())?;
                check.requires(WHOLE, found.as_ref() == Some(&frame), || {
                    let wrong = match &found {
                        None => "`decode` finds no frame".to_owned(),
                        Some(found) => format!(
                            "`decode` finds {} from index {} on, in {} bytes",
                            shown(&found.records),
                            found.first,
                            found.len
                        ),
                    };
                    let (records, len) = (shown(&frame.records), frame.len);
                    format!("`encode` wrote {records} from index {first} on, in {len} bytes. With {what} after them, {wrong}.")
                })?;
            }
        }
        let (few, many) = (batches().len(), large().len());
        check.evidence(format!("{few} frames and {many} large ones, with something after them and without"));
        Ok(())
    });
}

#[test]
pub fn a_part_of_a_frame_is_no_frame() {
    check(|check| {
        let mut parts = 0;
        for (first, records) in batches().into_iter().chain(large()) {
            let bytes = encode(first, &records);
            requires_written(check, &bytes)?;
            for len in places(bytes.len()) {
                parts += 1;
                let found = read(check, &bytes[..len])?;
                check.requires(WHOLE, found.is_none(), || {
                    format!(
                        "Of a frame of {} bytes only the first {len} are there, and yet `decode` accepts them as a frame.",
                        bytes.len()
                    )
                })?;
            }
        }
        check.evidence(format!("{parts} parts of frames"));
        Ok(())
    });
}

#[test]
pub fn a_flipped_bit_is_noticed() {
    check(|check| {
        let mut flips = 0;
        for (first, records) in batches().into_iter().chain(large()) {
            // What stands behind is read too, if the length says so.
            let whole = encode(first, &records);
            requires_written(check, &whole)?;
            for bit in places(whole.len()).flat_map(|byte| 8 * byte..8 * byte + 8) {
                flips += 1;
                let mut bytes = [&whole[..], &[0; 64], &whole].concat();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let found = read(check, &bytes)?;
                check.requires(WHOLE, found.is_none(), || {
                    format!(
                        "In a frame of {} bytes, bit {} of byte {} was flipped, and yet `decode` accepts it.",
                        whole.len(),
                        bit % 8,
                        bit / 8
                    )
                })?;
            }
        }
        check.evidence(format!("{flips} bits, flipped one at a time"));
        Ok(())
    });
}

#[test]
pub fn zeros_are_no_frame() {
    check(|check| {
        for len in 0..200 {
            let found = read(check, &vec![0; len])?;
            check.requires(WHOLE, found.is_none(), || {
                format!(
                    "`decode` accepts {len} zeros as a frame. After a crash a file may have grown by a write whose bytes never \
                     reached the disk: they read as zeros."
                )
            })?;
        }
        let mut ends = 0;
        for records in [vec![b"first".to_vec(), vec![1; 40]], (1..20).map(|len| vec![len; len.into()]).collect()] {
            let whole = encode(9, &records);
            requires_written(check, &whole)?;
            for written in 0..whole.len() {
                let bytes = [&whole[..written], &vec![0; whole.len() - written]].concat();
                if bytes == whole {
                    continue;
                }
                ends += 1;
                let found = read(check, &bytes)?;
                check.requires(WHOLE, found.is_none(), || {
                    format!(
                        "Of a frame with {} only the first {written} of {} bytes were written, with zeros in place of the rest, \
                         and yet `decode` accepts it.",
                        shown(&records),
                        whole.len()
                    )
                })?;
            }
        }
        check.evidence(format!("up to 200 zeros, and {ends} frames that end in zeros"));
        Ok(())
    });
}

#[test]
pub fn anything_at_all_is_read_without_harm() {
    check(|check| {
        let lengths = [0, 1, 12, 0xff, 0x7fff_ffff, 0xffff_fff0, u32::MAX];
        let mut tried = 0;
        for at in 0..24 {
            for length in lengths {
                for number in [length.to_le_bytes(), length.to_be_bytes()] {
                    let mut bytes = encode(5, &[b"some".to_vec(), b"bytes".to_vec()]);
                    requires_written(check, &bytes)?;
                    let end = (at + 4).min(bytes.len());
                    if at < end {
                        bytes[at..end].copy_from_slice(&number[..end - at]);
                    }
                    tried += 1;
                    let found = read(check, &bytes)?;
                    let harmless = found.is_none_or(|frame| frame.len <= bytes.len());
                    check.requires(HARMLESS, harmless, || {
                        format!("With {length} as a number at byte {at}, `decode` finds a frame that is longer than its bytes.")
                    })?;
                }
            }
        }
        check.evidence(format!("{tried} frames with a wrong number in them"));
        Ok(())
    });
}

/// An `encode` that writes nothing would have no part and no bit to try.
fn requires_written(check: &mut Check, bytes: &[u8]) -> Proven {
    check.requires(WHOLE, !bytes.is_empty(), || "`encode` writes no bytes at all.".to_owned())
}
