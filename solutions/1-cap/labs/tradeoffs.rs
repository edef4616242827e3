//! The lab `tradeoffs` on the reference: `cargo course lab tradeoffs --reference`.

use cap_solution as subject;

#[path = "../../../exercises/1-cap/labs/tradeoffs/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("reference")
}
