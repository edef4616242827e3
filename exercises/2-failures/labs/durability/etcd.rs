//! The yardstick: etcd, as Debian packs it, three processes on loopback.
//!
//! # The client
//!
//! etcd speaks gRPC: a call is an HTTP/2 request whose body is one message in the format of protocol buffers, behind five bytes with
//! its length. What is needed here is one call with two fields, and one answer of which two numbers are read. So the messages are
//! written by hand, and `h2` carries them. Like a client of ours, each has one connection, one thread, and one call open at a time.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::cluster::{Cluster, READY, SERVERS, free, key};
use super::load;

/// How to get it.
const MISSING: &str = "etcd is not installed. On Debian and Ubuntu: apt-get install etcd-server";

/// The longest that a call may take.
const PATIENCE: Duration = Duration::from_secs(10);

const PUT: &str = "/etcdserverpb.KV/Put";
const STATUS: &str = "/etcdserverpb.Maintenance/Status";

/// A running cluster. Dropping it ends all of it.
pub struct Etcd {
    leader: SocketAddr,
    _cluster: Cluster,
}

/// What `etcd --version` says in its first line.
///
/// # Errors
/// How to install it, if it is missing.
pub fn version() -> Result<String, String> {
    let output = etcd().arg("--version").output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => MISSING.to_owned(),
        _ => format!("etcd cannot be started: {error}."),
    })?;
    let says = String::from_utf8_lossy(&output.stdout);
    Ok(says.lines().next().unwrap_or_default().replace("etcd Version: ", "etcd "))
}

/// The program. On 64-bit ARM this version asks to be told that nobody has tested it there.
fn etcd() -> Command {
    let mut command = Command::new("etcd");
    if cfg!(target_arch = "aarch64") {
        command.env("ETCD_UNSUPPORTED_ARCH", "arm64");
    }
    command
}

impl Etcd {
    /// Starts three servers with nothing set but names and addresses, and waits for a leader.
    ///
    /// # Errors
    /// If one does not start, or none becomes leader.
    pub fn start() -> Result<Self, String> {
        let mut cluster = Cluster::new()?;
        let addresses = free(2 * SERVERS)?;
        let (clients, peers) = addresses.split_at(SERVERS);
        let members = peers.iter().enumerate().map(|(id, peer)| format!("n{id}=http://{peer}"));
        let members = members.collect::<Vec<_>>().join(",");
        for id in 0..SERVERS {
            let (client, peer) = (format!("http://{}", clients[id]), format!("http://{}", peers[id]));
            let mut command = etcd();
            command.arg("--name").arg(format!("n{id}")).arg("--data-dir").arg(cluster.folder(id));
            command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
            command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
            command.args(["--initial-cluster", &members, "--initial-cluster-state", "new", "--log-level", "error"]);
            cluster.start(&format!("etcd {id}"), command)?;
        }
        let leader = leader(clients)?;
        Ok(Etcd { leader, _cluster: cluster })
    }

    /// A client, connected to the leader: no server has to pass its calls on.
    ///
    /// # Errors
    /// If there is no connection.
    pub fn client(&self, number: usize) -> Result<Client, String> {
        Client::open(self.leader, key(number))
    }
}

/// Asks the servers until one of them says that it leads.
fn leader(servers: &[SocketAddr]) -> Result<SocketAddr, String> {
    let begun = Instant::now();
    while begun.elapsed() < READY {
        for &server in servers {
            if Client::open(server, 'a').and_then(|mut client| client.leads()).unwrap_or(false) {
                return Ok(server);
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("No server of etcd became leader.".to_owned())
}

/// A client with one connection.
pub struct Client {
    runtime: Runtime,
    calls: SendRequest<Bytes>,
    server: SocketAddr,
    key: String,
}

impl Client {
    fn open(server: SocketAddr, key: char) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("The system refuses a runtime: {error}."))?;
        let calls = runtime.block_on(async {
            let socket = TcpStream::connect(server).await.map_err(|error| error.to_string())?;
            socket.set_nodelay(true).map_err(|error| error.to_string())?;
            let (calls, connection) = h2::client::handshake(socket).await.map_err(|error| error.to_string())?;
            tokio::spawn(connection); // it moves on whenever this runtime waits for something
            Ok::<_, String>(calls)
        })?;
        Ok(Client { runtime, calls, server, key: key.to_string() })
    }

    /// Whether this server is the leader: its status names its own id as the leader's.
    fn leads(&mut self) -> Result<bool, String> {
        let status = self.call(STATUS, &[])?;
        let me = field(&status, 1).and_then(|header| match header {
            Field::Bytes(header) => field(header, 2),
            Field::Number(_) => None,
        });
        let leader = field(&status, 4);
        Ok(matches!((me, leader), (Some(Field::Number(me)), Some(Field::Number(leader))) if me == leader))
    }

    /// Makes a call, and waits for its answer.
    fn call(&mut self, path: &str, message: &[u8]) -> Result<Bytes, String> {
        let request = Request::post(format!("http://{}{path}", self.server))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let request = request.body(()).map_err(|error| error.to_string())?;
        let length = u32::try_from(message.len()).map_err(|error| error.to_string())?;
        let body = [&[0][..], &length.to_be_bytes(), message].concat(); // 0: not compressed
        let calls = &mut self.calls;
        let answer = async { tokio::time::timeout(PATIENCE, answer(calls, request, body.into())).await };
        match self.runtime.block_on(answer) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(format!("etcd has not answered: {error}.")),
            Err(_) => Err(format!("etcd has not answered within {} s.", PATIENCE.as_secs())),
        }
    }
}

/// Sends a request, and reads its answer to the end. What has come without a good end in its trailers is none.
async fn answer(calls: &mut SendRequest<Bytes>, request: Request<()>, body: Bytes) -> Result<Bytes, String> {
    let says = |error: h2::Error| error.to_string();
    std::future::poll_fn(|context| calls.poll_ready(context)).await.map_err(says)?;
    let (response, mut stream) = calls.send_request(request, false).map_err(says)?;
    stream.send_data(body, true).map_err(says)?;
    let mut body = response.await.map_err(says)?.into_body();
    let mut answer = BytesMut::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(says)?;
        body.flow_control().release_capacity(piece.len()).map_err(says)?;
        answer.extend_from_slice(&piece);
    }
    let end = body.trailers().await.map_err(says)?;
    let status = end.as_ref().and_then(|end| end.get("grpc-status"));
    match status {
        Some(status) if status == "0" && answer.len() >= 5 => Ok(answer.freeze().slice(5..)),
        status => Err(format!("gRPC status {status:?}")),
    }
}

impl load::Client for Client {
    /// A `PutRequest`: field 1 is the key, field 2 the value, both bytes.
    fn put(&mut self, value: i64) -> Result<(), String> {
        let (key, value) = (self.key.as_bytes(), value.to_le_bytes());
        let (key_len, value_len) = (key.len() as u8, value.len() as u8); // both are below 128: a length of one byte
        let message = [&[0x0a, key_len][..], key, &[0x12, value_len], &value].concat();
        self.call(PUT, &message).map(drop)
    }
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The field with this number, if a message has it. Of the format's four kinds of fields etcd uses two here.
fn field(mut message: &[u8], wanted: u64) -> Option<Field<'_>> {
    while !message.is_empty() {
        let (tag, rest) = number(message)?;
        let (value, rest) = number(rest)?;
        let (field, rest) = match tag & 7 {
            0 => (Field::Number(value), rest),
            2 => {
                let (bytes, rest) = rest.split_at_checked(usize::try_from(value).ok()?)?;
                (Field::Bytes(bytes), rest)
            }
            _ => return None,
        };
        if tag >> 3 == wanted {
            return Some(field);
        }
        message = rest;
    }
    None
}

/// A number in seven bits a byte, the lowest first; the eighth bit says that more follows.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at(len);
    let number =
        number.iter().rev().try_fold(0u64, |sum, byte| sum.checked_mul(128)?.checked_add(u64::from(byte & 0x7f)));
    number.map(|number| (number, rest))
}
