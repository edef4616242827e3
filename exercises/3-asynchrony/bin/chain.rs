//! The services of the chain, on your own code. `cargo run -p asynchrony --bin chain -- --help` says what there is.

use asynchrony as subject;

mod command;

fn main() -> std::process::ExitCode {
    command::main(std::env::args().skip(1))
}
