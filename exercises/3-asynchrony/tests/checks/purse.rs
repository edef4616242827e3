//! A bucket of tokens as gRPC's proposal A6 has it, in whole thousandths.

use std::fmt;

use crate::subject::retry::Answer;

/// A bucket that begins full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Purse {
    most: u64,
    ratio: u64,
    tokens: u64,
}

impl Purse {
    pub fn new(tokens: u32, ratio: u32) -> Self {
        let most = 1000 * u64::from(tokens);
        Purse { most, ratio: ratio.into(), tokens: most }
    }

    pub fn hears(&mut self, answer: Answer) {
        self.tokens = match answer {
            Answer::Done => self.most.min(self.tokens + self.ratio),
            Answer::Refused => self.tokens,
            _ => self.tokens.saturating_sub(1000),
        };
    }

    pub fn is_more_than_half_full(self) -> bool {
        2 * self.tokens > self.most
    }
}

impl fmt::Display for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} of {}", self.tokens / 1000, self.tokens % 1000, self.most / 1000)
    }
}
