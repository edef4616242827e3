//! The lab `cascade` on the reference: `cargo course lab cascade --reference`.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/labs/cascade/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("reference")
}
