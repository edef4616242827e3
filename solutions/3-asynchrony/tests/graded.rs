//! The checks of stage 3, run on the reference.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/tests/checks/mod.rs"]
mod checks;

/// The services, as cargo has built them with these checks.
const CHAIN: &str = env!("CARGO_BIN_EXE_chain-reference");
