//! The lab `predict` on the reference: `cargo run -p asynchrony-solution --example predict`.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/labs/predict/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("the reference's")
}
