//! A gateway behind real sockets, that says what it is told to say when it is told to; and clients of it. All of it in one thread.
//!
//! Nothing is decided by how fast the machine is. In a [`scene`] time is real: whatever is waited for is looked at, and limits are only there against
//! hanging. In a [`still`] scene the sockets are as real, and tokio's clock stands: it goes on when the scene calls [`pass`], and by so much.

use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::panic;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rlimit::Resource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, spawn_blocking, yield_now};
use tokio::time::{Instant, advance};

use crate::subject::chain::listen::{Answers, Settings, serve};
use crate::subject::chain::message::{Call, Message, Reply, Request};

/// How long is waited for what must happen.
const HANGS: Duration = Duration::from_secs(20);

/// How many bytes the system keeps for each side of a connection, more or less: all that is beyond waits until they are read.
const BUFFER: u32 = 64 * 1024;

/// How long a reply is that does not fit into what the system keeps, by far.
pub const LONG: usize = 64 * BUFFER as usize;

/// A request, by what the check calls it: its tenant.
pub type Name = u64;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The gateway has it.
    UnderWay,
    /// The gateway has answered it.
    Answered,
    /// The gateway was told that its client has left.
    Left,
}

/// What the gateway knows.
#[derive(Default)]
struct Known {
    fates: BTreeMap<Name, Fate>,
    times: BTreeMap<Name, Duration>,
    answers: BTreeMap<Name, Answer>,
    is_draining: bool,
}

/// What is made of a request.
#[derive(Clone)]
enum Answer {
    Reply(Reply),
    Panic,
}

/// A gateway that answers when it is told to.
#[derive(Clone, Default)]
pub struct Told {
    known: Arc<Mutex<Known>>,
    changes: Arc<Notify>,
}

impl Told {
    /// Answers a request, now or when it comes.
    pub fn answer(&self, name: Name, reply: Reply) {
        self.change(|known| _ = known.answers.insert(name, Answer::Reply(reply)));
    }

    /// Answers a request with a reply of [`LONG`] bytes and some, now or when it comes.
    pub fn answer_at_length(&self, name: Name) {
        self.answer(name, Reply::Lines(vec!["x".repeat(LONG)]));
    }

    /// Panics instead of an answer to a request, now or when it comes.
    pub fn panic(&self, name: Name) {
        self.change(|known| _ = known.answers.insert(name, Answer::Panic));
    }

    /// Where a request is, if it has come.
    pub fn fate(&self, name: Name) -> Option<Fate> {
        self.known().fates.get(&name).copied()
    }

    /// For how long a client waits, as the gateway was told.
    pub fn time(&self, name: Name) -> Option<Duration> {
        self.known().times.get(&name).copied()
    }

    /// Was it told to take no more?
    pub fn is_draining(&self) -> bool {
        self.known().is_draining
    }

    /// Waits until something is so; says whether it ever was.
    pub async fn until(&self, is_so: impl Fn(&Told) -> bool) -> bool {
        in_time(self.becomes(|| is_so(self).then_some(()))).await.is_some()
    }

    /// Waits until there is something to find.
    async fn becomes<T>(&self, find: impl Fn() -> Option<T>) -> T {
        loop {
            let change = self.changes.notified();
            if let Some(found) = find() {
                return found;
            }
            change.await;
        }
    }

    /// Something happens.
    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known());
        self.changes.notify_waiters();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes how a request ends.
struct UnderWay<'t> {
    told: &'t Told,
    name: Name,
    fate: Fate,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.told.change(|known| _ = known.fates.insert(self.name, self.fate));
    }
}

impl Answers for Told {
    async fn answer(&self, request: Request, deadline: Instant) -> Reply {
        let (Request::Line { tenant: name, .. } | Request::Tail { tenant: name }) = request;
        self.change(|known| {
            known.fates.insert(name, Fate::UnderWay);
            known.times.insert(name, deadline.saturating_duration_since(Instant::now()));
        });
        let mut under_way = UnderWay { told: self, name, fate: Fate::Left };
        let answer = self.becomes(|| self.known().answers.get(&name).cloned()).await;
        under_way.fate = Fate::Answered;
        match answer {
            Answer::Reply(reply) => reply,
            // No hook runs, so that it is not taken for a panic of the code under test.
            Answer::Panic => panic::resume_unwind(Box::new("the answer to one of the requests panics")),
        }
    }

    async fn drain(&self) {
        self.change(|known| known.is_draining = true);
        let is_busy = || self.known().fates.values().any(|fate| *fate == Fate::UnderWay);
        self.becomes(|| (!is_busy()).then_some(())).await;
    }
}

/// A server that runs.
pub struct Server {
    /// Where it is.
    pub address: SocketAddr,
    /// Its gateway.
    pub told: Told,
    stop: Option<oneshot::Sender<()>>,
    serves: JoinHandle<()>,
}

impl Server {
    /// Starts the server of the code under test.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let mut server = Self::begin(settings)?;
        yield_now().await;
        if server.has_returned() {
            server.returns().await; // code that is not written yet has panicked by now
        }
        Ok(server)
    }

    /// Starts it, without letting it do anything yet.
    pub fn begin(settings: Settings) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(BUFFER)?; // its connections inherit it
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(1024)?;
        let (address, told, (stop, stops)) = (listener.local_addr()?, Told::default(), oneshot::channel());
        let serves = tokio::spawn(serve(listener, Arc::new(told.clone()), settings, stops));
        Ok(Server { address, told, stop: Some(stop), serves })
    }

    /// A client that comes now, asks under a name, and is answered. Says whether it was: then the server has looked at all that came before.
    pub async fn answers(&self, name: Name) -> bool {
        self.told.answer(name, Reply::Stored);
        let mut client = Client::connect(self.address).await;
        client.ask(name, None).await;
        client.hear().await == Some(Reply::Stored)
    }

    /// Tells it to stop.
    pub fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// Has it returned?
    pub fn has_returned(&self) -> bool {
        self.serves.is_finished()
    }

    /// Waits until it has returned; says whether it did. A panic of it goes on here.
    pub async fn returns(&mut self) -> bool {
        match in_time(&mut self.serves).await {
            Some(Err(why)) if why.is_panic() => panic::resume_unwind(why.into_panic()),
            ended => ended.is_some(),
        }
    }

    /// How many tasks are alive: when it has returned, those that it has left behind.
    pub fn tasks(&self) -> usize {
        Handle::current().metrics().num_alive_tasks()
    }
}

/// A client's connection. If the server does not take it, or closes it, the client hears nothing.
pub struct Client {
    stream: Option<TcpStream>,
    unread: Vec<u8>,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = match TcpSocket::new_v4() {
            Ok(socket) if socket.set_recv_buffer_size(BUFFER).is_ok() => socket.connect(address).await.ok(),
            _ => None,
        };
        // Otherwise the system keeps a byte for a while if the last one was not acknowledged.
        let stream = stream.filter(|stream| stream.set_nodelay(true).is_ok());
        Client { stream, unread: Vec::new() }
    }

    /// Connects so many, one after the other.
    pub async fn connect_all<const COUNT: usize>(address: SocketAddr) -> [Self; COUNT] {
        let mut clients = [const { None }; COUNT];
        for client in &mut clients {
            *client = Some(Self::connect(address).await);
        }
        clients.map(|client| client.expect("each of them was just made"))
    }

    /// Is there a connection?
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Sends a request under a name.
    pub async fn ask(&mut self, name: Name, left: Option<Duration>) {
        let call = Call { request: Request::Tail { tenant: name }, left };
        self.send(Message::from(call).written().as_bytes()).await;
    }

    /// Sends bytes; says whether the system took them.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        match &mut self.stream {
            Some(stream) => stream.write_all(bytes).await.is_ok(),
            None => false,
        }
    }

    /// Waits for a reply; `None` if the connection is closed before it.
    pub async fn hear(&mut self) -> Option<Reply> {
        let mut looked_at = 0;
        loop {
            if let Some(end) = self.unread[looked_at..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=looked_at + end).collect();
                return Some(Reply::read(&String::from_utf8_lossy(&line)));
            }
            looked_at = self.unread.len();
            self.take(1).await?;
        }
    }

    /// Waits until it has so many bytes more, and keeps them for [`hear`](Self::hear); `None` if the connection is closed before that.
    pub async fn take(&mut self, bytes: usize) -> Option<()> {
        let enough = self.unread.len() + bytes;
        while self.unread.len() < enough {
            match in_time(self.stream.as_mut()?.read_buf(&mut self.unread)).await {
                Some(Ok(1..)) => {}
                _ => return None,
            }
        }
        Some(())
    }

    /// Closes its own half of the connection.
    pub async fn shut(&mut self) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.shutdown().await;
        }
    }

    /// Resets the connection.
    pub fn reset(self) {
        if let Some(stream) = self.stream {
            let _ = stream.set_zero_linger();
        }
    }

    /// Waits until the server closes the connection; says whether it did, and said nothing more before.
    pub async fn is_closed(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return true };
        self.unread.is_empty() && matches!(in_time(stream.read_buf(&mut self.unread)).await, Some(Ok(0) | Err(_)))
    }
}

/// All files that this process may have open: it can open no other, and accept no connection. They are closed when this is dropped.
pub struct Files {
    files: Vec<File>,
    soft: u64,
    hard: u64,
}

impl Files {
    /// Lets this process have few more files than it has, and opens these.
    pub fn open() -> io::Result<Self> {
        let (soft, hard) = Resource::NOFILE.get()?;
        let next = File::open("/dev/null")?.as_raw_fd() as u64; // the lowest number that is free
        let mut files = Files { files: Vec::new(), soft, hard };
        Resource::NOFILE.set(soft.min(next + 8), hard)?;
        while let Ok(file) = File::open("/dev/null") {
            files.files.push(file);
        }
        Ok(files)
    }

    /// Closes one of them.
    pub fn close_one(&mut self) {
        self.files.pop();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = Resource::NOFILE.set(self.soft, self.hard);
    }
}

/// What happens before it would have to be called hanging. That is measured by the system's clock, since tokio's may stand.
async fn in_time<T>(what: impl Future<Output = T>) -> Option<T> {
    let (_until, is_over) = mpsc::channel::<()>();
    let hangs = spawn_blocking(move || is_over.recv_timeout(HANGS));
    tokio::select! {
        biased;
        done = what => Some(done),
        _ = hangs => None,
    }
}

/// Runs a scene with real sockets, in this thread.
pub fn scene<T>(scene: impl Future<Output = io::Result<T>>) -> T {
    run(false, scene)
}

/// Runs a scene with real sockets, in this thread, while the clock stands.
pub fn still<T>(scene: impl Future<Output = io::Result<T>>) -> T {
    run(true, async {
        // As long as a blocking task runs, tokio does not let its clock jump to the next timer (`tokio::time::pause`).
        let (until, is_over) = mpsc::channel::<()>();
        let stands = spawn_blocking(move || is_over.recv());
        let done = scene.await;
        drop(until);
        let _ = stands.await;
        done
    })
}

/// Lets time pass in a scene where the clock stands.
pub async fn pass(time: Duration) {
    advance(time).await;
}

fn run<T>(stands: bool, scene: impl Future<Output = io::Result<T>>) -> T {
    let runtime = Builder::new_current_thread().enable_all().start_paused(stands).build();
    let done = runtime.and_then(|runtime| runtime.block_on(scene));
    done.expect("the system lets a check connect to itself")
}
