//! Quorum arithmetic: how many servers are enough.
//!
//! # This design
//!
//! It takes away the largest group that could be outvoted; what is left is the least majority.

/// The least number of servers of a cluster of `size` such that any two groups of that many share a server.
///
/// | size | majority | may fail |
/// |---|---|---|
/// | 1 | 1 | 0 |
/// | 2 | 2 | 0 |
/// | 3 | 2 | 1 |
/// | 4 | 3 | 1 |
/// | 5 | 3 | 2 |
///
/// Source: Attiya, Bar-Noy & Dolev 1995, "Sharing memory robustly in message-passing systems", section 1.
pub fn majority(size: usize) -> usize {
    // All but the largest group that leaves more servers outside than it holds.
    let largest_minority = size.saturating_sub(1) / 2;
    size - largest_minority
}
