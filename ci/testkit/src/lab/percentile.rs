//! What so many of the values do not exceed.

/// The least of the values that at least `permille` of a thousand values do not exceed: the nearest-rank method, which always gives a value that
/// was measured. `sorted` is in ascending order. The unit is that of the values. None without values, or for more than 1,000.
pub fn percentile<T: Copy>(sorted: &[T], permille: usize) -> Option<T> {
    let rank = (sorted.len() * permille).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let ten: Vec<u32> = (1..=10).map(|number| number * 10).collect();
        for (permille, expected) in [(0, 10), (100, 10), (101, 20), (500, 50), (501, 60), (999, 100), (1_000, 100)] {
            assert_eq!(percentile(&ten, permille), Some(expected), "{permille} of a thousand");
        }
        assert_eq!(percentile(&[7], 500), Some(7));
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(percentile::<u32>(&[], 500), None);
    }
}
