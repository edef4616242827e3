//! The checks of stage 3, run on your code. `cargo test -p asynchrony` runs them all; `cargo course check` runs those of one task.

use asynchrony as subject;

mod checks;
mod mine;

/// The services, as cargo has built them with these checks.
const CHAIN: &str = env!("CARGO_BIN_EXE_chain");
