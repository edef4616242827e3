//! A server, a client and the monkey, for use by hand, on the reference. `cargo run -p failures-solution -- --help` says what there is.

use failures_solution as subject;

#[path = "../../../exercises/2-failures/bin/command/mod.rs"]
mod command;

fn main() -> std::process::ExitCode {
    command::main(std::env::args().skip(1))
}
