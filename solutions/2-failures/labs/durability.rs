//! The lab `durability` on the reference: `cargo course lab durability --reference`.

use failures_solution as subject;

#[path = "../../../exercises/2-failures/labs/durability/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("reference")
}
