//! The lab `limits` with your own limit: `cargo course lab limits`.

use asynchrony as subject;

#[path = "limits/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("yours")
}
