//! Quorum arithmetic: how many servers are enough.

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
    size - may_fail(size)
}

/// How many servers of a cluster of `size` may be gone while the others still outnumber them.
fn may_fail(size: usize) -> usize {
    size.saturating_sub(1) / 2
}
