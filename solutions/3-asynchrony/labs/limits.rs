//! The lab `limits` with the reference's limit: `cargo course lab limits --reference`.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/labs/limits/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("the reference's")
}
