//! The checks of stage 3, run on the reference.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/tests/checks/mod.rs"]
mod checks;
