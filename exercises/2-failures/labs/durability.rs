//! The lab `durability` on your own store: `cargo course lab durability`.

use failures as subject;

#[path = "durability/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("yours")
}
