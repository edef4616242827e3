//! The checks of stage 1, run on your code. `cargo test -p cap` runs them all; `cargo course check` runs those of one task.

use cap as subject;

mod checks;
mod mine;
