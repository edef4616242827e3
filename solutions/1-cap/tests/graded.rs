//! The checks of stage 1, run on the reference.

use cap_solution as subject;

#[path = "../../../exercises/1-cap/tests/checks/mod.rs"]
mod checks;
