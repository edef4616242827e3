//! The lab `predict` on your own predictions: `cargo course lab predict`.

use asynchrony as subject;

#[path = "predict/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("yours")
}
