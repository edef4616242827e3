//! Dice: chance from a seed.
//!
//! The dice for a group on a day depend on the seed, the day and the group's name, and on nothing else: not on how often the
//! monkey has been asked, nor on what other groups did. So a monkey that restarts at noon throws what it threw in the morning,
//! and adding a group changes nothing for the others.

use jiff::civil::Date;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The dice, and how far they have been thrown.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of a group for a day. The same three give the same throws.
    pub fn new(seed: u64, day: Date, group: &str) -> Self {
        let date = i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day());
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&date.to_le_bytes());
        key[16..24].copy_from_slice(&fnv1a(group.as_bytes()).to_le_bytes());
        Dice(ChaCha8Rng::from_seed(key))
    }

    /// A throw: a number at least 0 and below 1, each as likely as any other.
    pub fn fraction(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A throw: a number below `count`, each as likely as any other.
    ///
    /// # Panics
    /// If `count` is 0: there is nothing to choose from.
    pub fn below(&mut self, count: usize) -> usize {
        assert!(count > 0, "dice were asked for a number below 0");
        let wide = u128::from(self.0.next_u64()) * count as u128;
        usize::try_from(wide >> 64).expect("it is below `count`")
    }
}

/// A hash that is the same on every machine and with every version of Rust, unlike that of the standard library: Fowler, Noll and Vo's.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
