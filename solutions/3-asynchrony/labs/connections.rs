//! The lab `connections` with the reference's gateway: `cargo course lab connections --reference`.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/labs/connections/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("the reference's")
}
