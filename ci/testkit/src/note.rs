//! Notes: what a handler says to whoever reads a run.
//!
//! A handler is called once for all runs in which the same server meets the same event, and then at least once more, to see that it
//! does the same. So what it prints comes in an order that no run explains, thousands of times or not at all. A note is kept only
//! while a run is told, once for each step, and appears in that step: in a counterexample, in a replay and in Explore.
//!
//! ```
//! testkit::note!("two of {} have voted", 3); // nobody tells a run here, so nothing is kept, and nothing is formatted
//! ```

use std::cell::RefCell;

thread_local! {
    static NOTES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Leaves a note in the step of a run: `note!("votes: {votes:?}")`, with what `format!` takes.
#[macro_export]
macro_rules! note {
    ($($words:tt)+) => {
        if $crate::note::is_wanted() {
            $crate::note::leave(format!($($words)+));
        }
    };
}

/// Whether notes are kept now. [`note!`](crate::note!) asks.
pub fn is_wanted() -> bool {
    NOTES.with_borrow(Option::is_some)
}

/// Keeps a note, if notes are kept now.
pub fn leave(note: String) {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.push(note);
        }
    });
}

/// The notes that `run` leaves on this thread. It must not panic.
pub(crate) fn of(run: impl FnOnce()) -> Vec<String> {
    NOTES.set(Some(Vec::new()));
    run();
    NOTES.take().unwrap_or_default()
}
