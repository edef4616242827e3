//! Where clients come from.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};

/// From so many addresses.
const ADDRESSES: u64 = 16;

/// Connects a customer from an address of its own, where the system has more than one for its loopback. One address has 28,000 ports, and a port is
/// not free at once when its client leaves: for a minute, if the server does not notice.
// ANCHOR: connect
pub async fn connect(customer: u64, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let _ = socket.bind(SocketAddr::from(([127, 0, 0, 2 + (customer % ADDRESSES) as u8], 0)));
    socket.connect(server).await
}
// ANCHOR_END: connect
