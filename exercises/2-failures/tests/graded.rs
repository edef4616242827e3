//! The checks of stage 2, run on your code. `cargo test -p failures` runs them all; `cargo course check` runs those of one task.

use failures as subject;

mod checks;
mod mine;

/// The server, as cargo has built it with these checks.
const KV: &str = env!("CARGO_BIN_EXE_kv");
