//! What the checks of the course stand on.
pub mod check;
pub mod cluster;
pub mod node;
pub mod panics;
pub mod rule;
pub mod samples;
pub mod schedule;
pub mod search;
pub mod simulation;
pub mod text;

pub mod history;
pub mod trace;
