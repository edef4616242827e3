//! The lab `limits`: what the page says of each limit, and the numbers in the book.

use std::fs;
use std::path::{Path, PathBuf};

use asynchrony_solution as subject;

#[expect(dead_code, reason = "a test has no use for the lab's entry and its screen")]
#[path = "../../../exercises/3-asynchrony/labs/limits/mod.rs"]
mod lab;

use lab::law::{FIRST, Kind, LEAST, MOST};

/// The mean limit of a kind in a scenario, while the load is on.
fn limit(scenario: &str, kind: Kind) -> f64 {
    let runs = lab::runs();
    let run = runs.iter().find(|run| run.scenario == scenario && run.kind == kind).expect("there is such a run");
    run.limit(40.0, 50.0)
}

#[test]
fn a_lasting_overload_lifts_gradient2_to_the_top() {
    assert_eq!(limit("overload", Kind::Gradient2), f64::from(MOST));
    assert!(limit("overload", Kind::Vegas) < f64::from(FIRST) && limit("overload", Kind::Aimd) < f64::from(FIRST));
}

#[test]
fn a_number_that_is_out_of_date_keeps_aimd_at_its_least() {
    assert_eq!(limit("slow for good", Kind::Aimd), f64::from(LEAST));
    assert!(limit("slow for good", Kind::Vegas) > 10.0);
}

#[test]
fn uneven_calls_keep_vegas_below_the_places() {
    assert!(limit("uneven calls", Kind::Vegas) < 7.0);
    assert!(limit("uneven calls", Kind::Aimd) > 8.0);
}

/// A call counts if at least half of the limit was in use when it began, and the first one gives Vegas its baseline. After that Vegas adds six at
/// once, and Gradient2 four fifths of one for each call.
#[test]
fn a_limit_in_use_grows_while_no_call_waits() {
    for (kind, expected) in [(Kind::Vegas, FIRST + 6), (Kind::Gradient2, FIRST + 1)] {
        let mut law = kind.fresh();
        (0..u64::from(FIRST)).for_each(|call| assert!(law.begin(call), "{kind:?} allows {FIRST} calls"));
        assert!(!law.begin(u64::from(FIRST)), "{kind:?} does not allow one more");
        [0, 10, 11].into_iter().for_each(|call| law.end(call, 20.0));
        assert_eq!(law.limit(), expected, "{kind:?}");
    }
}

#[test]
fn the_book_shows_the_lab_as_it_is_now() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/3-asynchrony/labs");
    let now = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("labs");
    lab::record(&now).unwrap();
    for name in ["limits.md", "limits.svg"] {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            read(&now) == read(&book),
            "{name} is not what the lab gives now. Record it anew: cargo run -p asynchrony-solution --example limits -- --record \
             book/src/3-asynchrony/labs\nThen mend the figures in book/src/3-asynchrony/admission.md, which come from it."
        );
    }
}
