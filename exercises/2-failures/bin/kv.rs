//! The server, and a client for use by hand. What it takes and what it exits with: `server::command`.

use std::process::ExitCode;

fn main() -> ExitCode {
    failures::server::command::main(std::env::args().skip(1))
}
