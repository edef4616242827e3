//! The third tier: a proxy that carries every byte, processes that leave nothing behind, and clients that are judged.

mod ending;
mod process;
mod proxy;
mod recorder;
mod site;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use testkit::network::{Seat, Site};

/// The helper that all processes run.
const REGISTER: &str = env!("CARGO_BIN_EXE_testkit-register");

/// Far more than anything here needs: it is only there against hanging.
const LIMIT: Duration = Duration::from_secs(60);

/// How long it is watched that nothing comes. It can only fail to find a mistake, never find one that is not there.
const SILENCE: Duration = Duration::from_millis(100);

/// The helper, started as a server.
fn register(seat: &Seat) -> Command {
    let mut command = Command::new(REGISTER);
    command.arg("serve").args(seat.arguments());
    command
}

fn started(size: usize) -> Site {
    let mut site = Site::new(size, register).unwrap();
    site.start_all().unwrap();
    site
}

/// A client of a register, with one connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        let _ = socket.set_nodelay(true); // some systems refuse it on a socket that was reset already
        Client(BufReader::new(socket))
    }

    /// Whether the connection still took it.
    fn send(&mut self, request: &str) -> bool {
        self.0.get_mut().write_all(format!("{request}\n").as_bytes()).is_ok()
    }

    /// `None` if the connection has broken or no answer comes in time.
    fn receive(&mut self, limit: Duration) -> Option<String> {
        self.0.get_ref().set_read_timeout(Some(limit)).ok()?;
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(1..) => Some(line.trim_end().to_owned()),
            Ok(0) | Err(_) => None,
        }
    }

    fn ask(&mut self, request: &str) -> Option<String> {
        self.send(request).then(|| self.receive(LIMIT))?
    }
}

/// A client that asks once.
fn ask(address: SocketAddr, request: &str) -> Option<String> {
    Client::connect(address).ask(request)
}
