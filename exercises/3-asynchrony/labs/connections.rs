//! The lab `connections` with your own gateway: `cargo course lab connections`.

use asynchrony as subject;

#[path = "connections/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("yours")
}
