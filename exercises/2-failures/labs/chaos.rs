//! The lab `chaos` on your own servers, client and monkey: `cargo course lab chaos`.

use failures as subject;

#[path = "chaos/mod.rs"]
mod lab;

fn main() -> std::process::ExitCode {
    lab::main("yours")
}
