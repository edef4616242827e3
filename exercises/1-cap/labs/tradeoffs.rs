//! The lab `tradeoffs` on your own registers: `cargo course lab tradeoffs`.

use cap as subject;

#[path = "tradeoffs/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("yours")
}
