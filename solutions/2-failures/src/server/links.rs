//! Links: the connections to the other servers, on which this one speaks.
//!
//! A link has a queue of bounded length. What does not fit is dropped: Raft takes a message that is lost for one that is late, and sends the
//! next one. A queue without a bound would grow for as long as its peer is paused, and then deliver an hour of old heartbeats.
//!
//! A connection that breaks is opened again, at a bounded pace: a server that is down must not cost the others a processor.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use testkit::node::NodeId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::{Config, wire};

/// How many frames wait for a connection.
const QUEUE: usize = 128;

/// How long it takes at least from one connection to the next.
const PACE: Duration = Duration::from_millis(50);

/// How long a connection may take to be opened.
const OPENING: Duration = Duration::from_secs(1);

/// The queue of a link: frames to one server.
pub type Link = mpsc::Sender<Vec<u8>>;

/// Opens a link to each of the other servers. A link ends when nobody can send on it any more.
pub(super) fn open_all(config: &Config) -> BTreeMap<NodeId, Link> {
    let open = |peer: NodeId| {
        let (link, queue) = mpsc::channel(QUEUE);
        tokio::spawn(keep_open(config.peers[peer.0], wire::greet(&config.greeting()), queue));
        (peer, link)
    };
    config.me().peers().map(open).collect()
}

async fn keep_open(address: SocketAddr, greeting: Vec<u8>, mut queue: mpsc::Receiver<Vec<u8>>) {
    while !queue.is_closed() {
        if let Ok(Ok(socket)) = timeout(OPENING, TcpStream::connect(address)).await {
            let _ = pass_on(socket, &greeting, &mut queue).await;
        }
        while queue.try_recv().is_ok() {} // by the next connection this is old
        sleep(PACE).await;
    }
}

/// Sends what comes through the queue, until it ends or the other side hangs up.
async fn pass_on(socket: TcpStream, greeting: &[u8], queue: &mut mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut reader, mut writer) = socket.into_split();
    let hung_up = async move { reader.read(&mut [0]).await.map(drop) }; // nothing is ever said on this way
    let sending = async {
        writer.write_all(greeting).await?;
        let mut frames = Vec::new();
        while queue.recv_many(&mut frames, QUEUE).await > 0 {
            writer.write_all(&frames.concat()).await?; // one call of the system for all that wait
            frames.clear();
        }
        Ok(())
    };
    tokio::select! {
        sent = sending => sent,
        ended = hung_up => ended,
    }
}
