//! Small helps for text that people read.

/// A number with commas: `48211` as `48,211`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A value in words, or "nothing".
pub fn or_nothing<T>(value: Option<T>, words: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "nothing".to_owned(), words)
}

/// "n0, n1 and n2"; `none` if there is none of them.
pub fn list(names: impl IntoIterator<Item = impl ToString>, none: &str) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    match (names.pop(), names.len()) {
        (None, _) => none.to_owned(),
        (Some(only), 0) => only,
        (Some(last), _) => format!("{} and {last}", names.join(", ")),
    }
}

/// "1 step", "48 steps".
pub fn steps(number: usize) -> String {
    format!("{number} step{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{list, or_nothing, thousands};
    use crate::node::NodeId;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (48_211, "48,211"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn what_may_be_missing_has_a_word() {
        assert_eq!(or_nothing(Some(2), |term| format!("term {term}")), "term 2");
        assert_eq!(or_nothing(None::<u64>, |term| format!("term {term}")), "nothing");
        let named = |count: usize| list((0..count).map(NodeId), "nobody");
        assert_eq!([0, 1, 2, 3].map(named), ["nobody", "n0", "n0 and n1", "n0, n1 and n2"]);
    }
}
