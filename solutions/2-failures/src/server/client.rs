//! The client: a [`Route`], with connections.
//!
//! It keeps one connection to the server that it asked last. A try has a limit of time; a connection that breaks it is dropped, since an
//! answer that comes later would be of no use to anybody. It blocks, so a thread can have one.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use cap::raft::store::{Request, Value};
use testkit::node::{ClientId, NodeId};

use super::route::{Heard, Next, Patience, Route};
use super::waiting::{Knows, Waiting};
use super::wire::{self, Answer, Call, Frames, Greeting, Speaker};

/// How long an answer may be, in bytes.
const LIMIT: usize = 1 << 10;

/// How long a client pauses when all servers may have been asked without success.
const PAUSE: Duration = Duration::from_millis(100);

/// What a client is told when it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of the cluster.
    pub cluster: String,
    /// Where each server is reached.
    pub servers: Vec<SocketAddr>,
    /// How long a try may take.
    pub limit: Duration,
    /// How often it is tried.
    pub patience: Patience,
    /// How long a request may take in all. After that nothing more is sent. `None`: as long as the patience lasts.
    pub timeout: Option<Duration>,
}

impl Config {
    /// The usual patience: a second for a try, and about ten seconds in all while a leader is sought.
    pub fn usual(cluster: &str, servers: Vec<SocketAddr>) -> Self {
        let patience = Patience { tries: 50 * servers.len().max(1), pause: PAUSE };
        Config { cluster: cluster.to_owned(), servers, limit: Duration::from_secs(1), patience, timeout: None }
    }

    /// As patient as a request may take long in all.
    pub fn within(cluster: &str, servers: Vec<SocketAddr>, timeout: Duration) -> Self {
        // There is a pause in each round of tries, so the time is over before these are.
        let rounds = usize::try_from(timeout.as_millis() / PAUSE.as_millis()).unwrap_or(usize::MAX).saturating_add(2);
        let patience = Patience { tries: rounds.saturating_mul(servers.len().max(1)), pause: PAUSE };
        Config { patience, timeout: Some(timeout), ..Config::usual(cluster, servers) }
    }
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Nothing was done, and nothing will be.
    NotDone,
    /// It may have been done, or be done later, or never.
    Unknown,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::NotDone => {
                write!(f, "No leader took the request, so nothing was done. Are most of the servers up? Try again.")
            }
            Failed::Unknown => {
                write!(
                    f,
                    "No answer came, so nobody knows whether it was done. Get the key's value before you try again."
                )
            }
        }
    }
}

impl std::error::Error for Failed {}

/// A client of the cluster.
#[derive(Debug)]
pub struct Client {
    config: Config,
    route: Route,
    waiting: Waiting,
    connection: Option<(NodeId, Connection)>,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    frames: Frames,
}

impl Client {
    /// A client with an id of its own, by chance: among 2⁶⁴ no two will ever be the same.
    pub fn new(config: Config) -> Self {
        let id = ClientId(rand::random::<u64>() as usize);
        let route = Route::new(id, config.servers.len(), config.patience);
        let waiting = Waiting::new(config.servers.len());
        Client { config, route, waiting, connection: None }
    }

    /// What it knows of the servers, for another thread to look at while this one waits.
    pub fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }

    /// Asks until there is an answer, or the patience or the time has come to its end.
    ///
    /// # Errors
    /// What is known then.
    pub fn ask(&mut self, request: Request) -> Result<Value, Failed> {
        let end = self.config.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let left = || end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        let (mut next, mut deadline, mut asked) = (self.route.begin(), Instant::now(), NodeId(0));
        loop {
            let heard = match next {
                Next::Done(value) => return Ok(value),
                Next::NotDone => return Err(Failed::NotDone),
                Next::Unknown => return Err(Failed::Unknown),
                Next::Wait => self.listen(deadline),
                Next::Ask { server, id, after } => {
                    thread::sleep(after.min(left()));
                    if left().is_zero() {
                        Heard::Unreachable // nothing is sent any more: the route comes to its end, and says what is known
                    } else {
                        asked = server;
                        self.waiting.set(asked, Knows::Asked);
                        deadline = Instant::now() + self.config.limit.min(left());
                        self.try_once(server, Call { id, request }, deadline)
                    }
                }
            };
            if !left().is_zero() {
                self.waiting.set(asked, heard.into());
            }
            next = self.route.heard(heard);
        }
    }

    /// Sends a request, and listens for what comes of it.
    fn try_once(&mut self, server: NodeId, call: Call, deadline: Instant) -> Heard {
        if self.connection.as_ref().is_none_or(|(to, _)| *to != server) {
            self.connection = None;
            match Connection::open(self.config.servers[server.0], &self.config, deadline) {
                Ok(connection) => self.connection = Some((server, connection)),
                Err(_) => return Heard::Unreachable,
            }
        }
        let sent = self.connection.as_mut().map(|(_, connection)| connection.socket.write_all(&wire::framed(&call)));
        if matches!(sent, Some(Ok(()))) { self.listen(deadline) } else { self.hang_up() }
    }

    fn listen(&mut self, deadline: Instant) -> Heard {
        match self.connection.as_mut().map(|(_, connection)| connection.answer(deadline)) {
            Some(Ok(Answer { id, response })) => Heard::Answer { id, response },
            Some(Err(_)) | None => self.hang_up(),
        }
    }

    /// Lets go of a connection of which nothing good can come. Whatever was sent on it may have arrived.
    fn hang_up(&mut self) -> Heard {
        self.connection = None;
        Heard::Silence
    }
}

impl Connection {
    fn open(address: SocketAddr, config: &Config, deadline: Instant) -> io::Result<Self> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut socket = TcpStream::connect_timeout(&address, left)?;
        let _ = socket.set_nodelay(true);
        socket.set_write_timeout(Some(config.limit))?;
        let greeting = Greeting { cluster: config.cluster.clone(), speaker: Speaker::Client };
        socket.write_all(&wire::greet(&greeting))?;
        Ok(Connection { socket, frames: Frames::new(LIMIT) })
    }

    /// The next answer that comes.
    fn answer(&mut self, deadline: Instant) -> io::Result<Answer> {
        let mut piece = [0; 256];
        loop {
            if let Some(body) = self.frames.next_body().map_err(io::Error::other)? {
                return wire::decode(&body).map_err(io::Error::other);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                len => self.frames.take(&piece[..len]),
            }
        }
    }
}
