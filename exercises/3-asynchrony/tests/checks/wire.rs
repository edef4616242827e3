//! Task `deadline`: the time that is left, as it is written for others and read from them.

use std::time::Duration;

use testkit::check::{Rule, check};

use crate::subject::deadline::wire::{read, written};

const UP: Rule = Rule::new(
    "no time is lost on the way",
    "What is written is the time that is left, rounded up in the finest unit in which it takes at most eight digits.",
    "gRPC, PROTOCOL-HTTP2: grpc-timeout is at most eight digits and a unit; grpc-go rounds up (encode_duration.go)",
    "3-asynchrony/deadline.md#rounded-down",
);

const NONE: Rule = Rule::new(
    "no call without time",
    "If no time is left, nothing is written: the call is not made.",
    "gRPC, PROTOCOL-HTTP2: the value of grpc-timeout is a positive integer",
    "3-asynchrony/deadline.md#rounded-down",
);

const READ: Rule = Rule::new(
    "what was written is read",
    "One to eight digits and a unit are read as the time that they mean.",
    "gRPC, PROTOCOL-HTTP2: grpc-timeout",
    "3-asynchrony/deadline.md#the-idea",
);

const REFUSED: Rule = Rule::new(
    "nothing else is read",
    "What is not one to eight ASCII digits and one of six units, or says zero, is refused.",
    "gRPC, PROTOCOL-HTTP2: grpc-timeout",
    "3-asynchrony/deadline.md#anything-goes",
);

const UNITS: [(char, u128); 6] =
    [('n', 1), ('u', 1_000), ('m', 1_000_000), ('S', 1_000_000_000), ('M', 60_000_000_000), ('H', 3_600_000_000_000)];

const MOST: u128 = 99_999_999;

fn duration(nanoseconds: u128) -> Duration {
    Duration::new((nanoseconds / 1_000_000_000) as u64, (nanoseconds % 1_000_000_000) as u32)
}

/// Spans around each border between two units.
fn spans() -> Vec<Duration> {
    let mut spans = vec![1, 999, 1_000, 1_001, 1_500_000_000];
    for (_, unit) in UNITS {
        for many in [1, 2, 1500, 12_345, MOST - 1, MOST, MOST + 1] {
            let span = unit * many;
            spans.extend([span - 1, span, span + 1, span + unit / 2]);
        }
    }
    let mut spans: Vec<Duration> = spans.into_iter().map(duration).collect();
    spans.push(Duration::MAX);
    spans
}

#[test]
pub fn the_time_left_is_rounded_up() {
    check(|check| {
        let spans = spans();
        for &span in &spans {
            let found = written(span);
            if span.is_zero() {
                check.requires(NONE, found.is_none(), || format!("No time is left, and {found:?} is written."))?;
                continue;
            }
            let fits = UNITS.into_iter().map(|(name, unit)| (name, span.as_nanos().div_ceil(unit)));
            let (name, number) = fits.into_iter().find(|(_, number)| *number <= MOST).unwrap_or(('H', MOST));
            let expected = format!("{number}{name}");
            check.requires(UP, found.as_deref() == Some(&*expected), || {
                format!("{span:?} are left, which is {expected} in the finest unit that fits. {found:?} is written.")
            })?;
        }
        check.evidence(format!("{} spans, around the borders of all units", spans.len()));
        Ok(())
    });
}

#[test]
pub fn what_others_have_written_is_read() {
    check(|check| {
        for (name, unit) in UNITS {
            for number in [1, 9, 10, 250, 99_999, MOST] {
                for text in [format!("{number}{name}"), format!("{number:08}{name}")] {
                    let (found, expected) = (read(&text), duration(unit * number));
                    check.requires(READ, found == Some(expected), || {
                        format!("{text:?} means {expected:?}. It is read as {found:?}.")
                    })?;
                }
            }
        }
        check.evidence("72 spans in six units");
        Ok(())
    });
}

#[test]
pub fn what_means_nothing_is_refused() {
    check(|check| {
        let letters = ["", "0", "1", "9", "n", "m", "S", "s", "h", "H", " ", "-", "+", ".", "é", "²"];
        let mut texts: Vec<String> = Vec::new();
        for a in letters {
            for b in letters {
                texts.extend(letters.map(|c| format!("{a}{b}{c}")));
            }
        }
        texts.extend(
            ["100000000m", "000000001S", "99999999", "1m ", " 1m", "1mS", "0x1m", "1_0m", "1e3m", "١m", "1µ"]
                .map(String::from),
        );
        for text in &texts {
            let digits = text.len().checked_sub(1).and_then(|end| text.split_at_checked(end));
            let is_fine = digits.is_some_and(|(digits, unit)| {
                let number = digits.bytes().all(|byte| byte.is_ascii_digit()) && (1..=8).contains(&digits.len());
                number && digits.bytes().any(|byte| byte != b'0') && "numSMH".contains(unit)
            });
            let found = read(text);
            check.requires(if is_fine { READ } else { REFUSED }, found.is_some() == is_fine, || {
                format!("{text:?} is read as {found:?}.")
            })?;
        }
        check.evidence(format!("{} texts, most of which mean nothing", texts.len()));
        Ok(())
    });
}
