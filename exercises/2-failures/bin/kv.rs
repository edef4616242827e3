//! A server, a client and the monkey, for use by hand, on your own code. `cargo run -p failures -- --help` says what there is.

use failures as subject;

mod command;

fn main() -> std::process::ExitCode {
    command::main(std::env::args().skip(1))
}
