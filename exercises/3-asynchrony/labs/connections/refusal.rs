//! What the system did not allow, in words.

use std::io::{Error, ErrorKind};

use rustix::io::Errno;

const CLOSED: &str = "the server closed the connection";

/// Why something was refused, and which limit that may have been.
pub fn told(why: &Error) -> String {
    let meaning = match Errno::from_io_error(why) {
        Some(Errno::MFILE) => "EMFILE, the process has as many files open as it may (`ulimit -n`)",
        Some(Errno::NFILE) => "ENFILE, the system has as many files open as it may",
        Some(Errno::AGAIN) => {
            "EAGAIN, there is nothing left to make a thread of: see `ulimit -u`, `ulimit -v`, `threads-max`, `max_map_count`, and the \
             limits of the container"
        }
        Some(Errno::NOMEM) => "ENOMEM, there is no memory for it",
        Some(Errno::ADDRNOTAVAIL) => "EADDRNOTAVAIL, no local port is free",
        Some(Errno::CONNREFUSED) => "ECONNREFUSED, the server does not listen",
        Some(Errno::CONNRESET | Errno::PIPE) => CLOSED,
        Some(Errno::TIMEDOUT) => "ETIMEDOUT, the server did not answer",
        _ if why.kind() == ErrorKind::UnexpectedEof => CLOSED,
        _ => return why.to_string(),
    };
    meaning.to_owned()
}
