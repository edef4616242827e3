//! The services of the chain, on the reference.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/bin/command/mod.rs"]
mod command;

fn main() -> std::process::ExitCode {
    command::main(std::env::args().skip(1))
}
