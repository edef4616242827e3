//! The checks of stage 2, run on the reference.

use failures_solution as subject;

#[path = "../../../exercises/2-failures/tests/checks/mod.rs"]
mod checks;

/// The server, as cargo has built it with these checks.
const KV: &str = env!("CARGO_BIN_EXE_kv-reference");
