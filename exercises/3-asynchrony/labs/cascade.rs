//! The lab `cascade` on your own gateway: `cargo course lab cascade`.

use asynchrony as subject;

#[path = "cascade/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("yours")
}
