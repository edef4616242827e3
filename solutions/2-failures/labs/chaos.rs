//! The lab `chaos` on the reference: `cargo course lab chaos --reference`.

use failures_solution as subject;

#[path = "../../../exercises/2-failures/labs/chaos/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("reference")
}
