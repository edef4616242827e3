//! A gateway behind real sockets, that says what it is told to say when it is told to; and clients of it. All of it in one thread.
//!
//! Time is real here, and nothing is decided by it: whatever is waited for is looked at, and limits are only there against hanging.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::subject::chain::listen::{Answers, serve};
use crate::subject::chain::message::{Call, Message, Reply, Request};

/// How long is waited for what must happen.
const HANGS: Duration = Duration::from_secs(20);

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
    answers: BTreeMap<Name, Reply>,
    is_draining: bool,
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
        self.change(|known| _ = known.answers.insert(name, reply));
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
        timeout(HANGS, self.becomes(|| is_so(self).then_some(()))).await.is_ok()
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
        let reply = self.becomes(|| self.known().answers.get(&name).cloned()).await;
        under_way.fate = Fate::Answered;
        reply
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
    pub async fn start(patience: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, told, (stop, stops)) = (listener.local_addr()?, Told::default(), oneshot::channel());
        let gateway = Arc::new(told.clone());
        let serves = tokio::spawn(serve(listener, gateway, patience, stops));
        let mut server = Server { address, told, stop: Some(stop), serves };
        tokio::task::yield_now().await;
        if server.has_returned() {
            server.returns().await; // code that is not written yet has panicked by now
        }
        Ok(server)
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
        match timeout(HANGS, &mut self.serves).await {
            Ok(Err(why)) if why.is_panic() => std::panic::resume_unwind(why.into_panic()),
            ended => ended.is_ok(),
        }
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
        Client { stream: TcpStream::connect(address).await.ok(), unread: Vec::new() }
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
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(Reply::read(&String::from_utf8_lossy(&line)));
            }
            match timeout(HANGS, self.stream.as_mut()?.read_buf(&mut self.unread)).await {
                Ok(Ok(1..)) => {}
                _ => return None,
            }
        }
    }

    /// Waits until the server closes the connection; says whether it did, and said nothing more before.
    pub async fn is_closed(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return true };
        self.unread.is_empty() && matches!(timeout(HANGS, stream.read_buf(&mut self.unread)).await, Ok(Ok(0) | Err(_)))
    }
}

/// Runs a scene with real sockets, in this thread.
pub fn scene<T>(scene: impl Future<Output = io::Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.and_then(|runtime| runtime.block_on(scene));
    done.expect("the system lets a check connect to itself")
}
