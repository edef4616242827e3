//! The generator: a process that connects many clients to one server, and measures.
//!
//! 1. It **connects** them, some at a time, so that no queue of the kernel's overflows. A client is connected when it has had its first answer: a
//!    connection that no one has accepted looks like any other.
//! 2. They are **idle**. It looks at the server's process.
//! 3. All ask **at once**, and again as soon as they are answered: a closed loop, which says how many requests the server can do and what one
//!    costs, but not how long clients of a real service would wait.
//! 4. They ask **at a pace**, in turn: an open loop. Latencies count from when each request was due, and how late it was sent is noted.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use testkit::lab::percentile;
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::watch::{Look, look, worked};
use super::{customers, refusal};
use crate::subject::chain::message::{Call, Message, Reply, Request};

/// How many clients connect at a time: fewer than a listener's backlog has room for.
const AT_ONCE: usize = 64;

/// So many refusals are enough: after that, no more connections are tried.
const ENOUGH: usize = 64;

/// How long a client waits for an answer. Only the refused ones wait so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the clients are idle before the server is looked at.
const IDLE: Duration = Duration::from_millis(300);

/// How long all ask as fast as they can.
const BUSY: Duration = Duration::from_secs(1);

/// How many requests a second come at a pace: few enough for any laptop.
pub const PACE: u32 = 2_000;

/// How many of them.
const PACED: usize = 3_000;

/// If more than one of a hundred requests was sent later than this, the generator has measured itself.
pub const LAG: Duration = Duration::from_millis(5);

/// The next request at a pace comes from the client that is so many further on. It is a prime, so all take their turn.
const STRIDE: usize = 7_919;

/// What the generator is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Where the server is.
    pub server: SocketAddr,
    /// The number of its process.
    pub process: u32,
    /// How many clients connect.
    pub connections: usize,
    /// Whether they ask, after they were idle.
    pub asks: bool,
}

/// What the generator has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// How many clients were answered.
    pub connected: usize,
    /// From the first attempt to connect to the last of the first answers.
    pub connecting: Duration,
    /// Why clients were not connected, and how many.
    pub refused: BTreeMap<String, usize>,
    /// The server's process without any client.
    pub fresh: Option<Look>,
    /// With all of them, idle.
    pub idle: Option<Look>,
    /// All at once; nothing if not all were connected.
    pub busy: Option<Busy>,
    /// At a pace; nothing if not all were connected.
    pub paced: Option<Paced>,
}

/// All clients at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    /// Requests that were answered within a second.
    pub rate: f64,
    /// How long processors worked for the server, for each request.
    pub worked: Option<Duration>,
}

/// At a pace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paced {
    /// The median latency.
    pub p50: Duration,
    /// The latency that 99 of 100 requests do not exceed.
    pub p99: Duration,
    /// How much too late the generator sent: 99 of 100 requests were not later.
    pub lag: Duration,
}

impl Seen {
    /// Whether its latencies mean nothing, since the generator itself was late.
    pub fn is_void(&self) -> bool {
        self.paced.is_some_and(|paced| paced.lag > LAG)
    }
}

/// Does what an [`Order`], in JSON, says, and prints what it has [`Seen`].
pub fn main(words: &[String]) -> Result<(), String> {
    let order = words.first().and_then(|word| serde_json::from_str(word).ok());
    let order: Order = order.ok_or("The generator is called with `load`, and an order in JSON.")?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| format!("The generator cannot run: {why}."))?;
    let seen = runtime.block_on(measure(&order)).map_err(|why| format!("A client was left alone: {why}."))?;
    println!("{}", serde_json::to_string(&seen).map_err(|why| why.to_string())?);
    Ok(())
}

async fn measure(order: &Order) -> io::Result<Seen> {
    let fresh = look(order.process);
    let begun = Instant::now();
    let (clients, refused) = connect(order).await;
    let (connected, connecting) = (clients.len(), begun.elapsed());
    sleep(IDLE).await;
    let idle = look(order.process);
    let mut seen = Seen { connected, connecting, refused, fresh, idle, busy: None, paced: None };
    if order.asks && connected == order.connections {
        let (clients, busy) = at_once(clients, order.process).await?;
        seen.busy = Some(busy);
        seen.paced = Some(at_a_pace(clients).await?);
    }
    Ok(seen)
}

/// Connects all clients, or as many as can be. Says why the others were refused, and how many were.
async fn connect(order: &Order) -> (Vec<Client>, BTreeMap<String, usize>) {
    let (turns, failures) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicUsize::new(0)));
    let mut attempts = JoinSet::new();
    for number in 0..order.connections {
        let (turns, failures, server) = (Arc::clone(&turns), Arc::clone(&failures), order.server);
        attempts.spawn(async move {
            let _turn = turns.acquire().await;
            if failures.load(Ordering::Relaxed) >= ENOUGH {
                return None;
            }
            let attempt = timeout(PATIENCE, Client::connect(number, server)).await;
            let client = attempt.unwrap_or_else(|_| Err(rustix::io::Errno::TIMEDOUT.into()));
            failures.fetch_add(usize::from(client.is_err()), Ordering::Relaxed);
            Some(client)
        });
    }
    let (mut clients, mut refused) = (Vec::new(), BTreeMap::new());
    for attempt in attempts.join_all().await.into_iter().flatten() {
        match attempt {
            Ok(client) => clients.push(client),
            Err(why) => *refused.entry(refusal::told(&why)).or_default() += 1,
        }
    }
    (clients, refused)
}

/// Lets all clients ask as fast as they are answered.
async fn at_once(clients: Vec<Client>, process: u32) -> io::Result<(Vec<Client>, Busy)> {
    let (before, until) = (worked(process), Instant::now() + BUSY);
    let mut asking = JoinSet::new();
    for client in clients {
        asking.spawn(async move {
            let (mut in_time, mut all) = (0_u32, 0_u32);
            while Instant::now() < until {
                client.say()?;
                client.hear().await?;
                all += 1;
                in_time += u32::from(Instant::now() < until);
            }
            io::Result::Ok((client, in_time, all))
        });
    }
    let done = timeout(BUSY + PATIENCE, asking.join_all()).await?;
    let (mut clients, mut in_time, mut all) = (Vec::new(), 0, 0);
    for result in done {
        let (client, these, those) = result?;
        clients.push(client);
        (in_time, all) = (in_time + these, all + those);
    }
    let worked = before.zip(worked(process)).map(|(before, after)| (after - before) / all.max(1));
    Ok((clients, Busy { rate: f64::from(in_time) / BUSY.as_secs_f64(), worked }))
}

/// Sends each request when it is due, from a thread of its own, and waits for the answers.
async fn at_a_pace(clients: Vec<Client>) -> io::Result<Paced> {
    let clients: Vec<Arc<Client>> = clients.into_iter().map(Arc::new).collect();
    let begun = Instant::now() + Duration::from_millis(20);
    let due = |number: u32| begun + Duration::from_secs(1) * number / PACE;
    let mut turns: Vec<(Arc<Client>, Vec<Instant>)> =
        clients.iter().map(|client| (Arc::clone(client), Vec::new())).collect();
    let schedule: Vec<(Instant, usize)> =
        (0..PACED).map(|number| (due(number as u32), number * STRIDE % clients.len())).collect();
    for &(due, client) in &schedule {
        turns[client].1.push(due);
    }
    let mut hearing = JoinSet::new();
    for (client, due) in turns {
        hearing.spawn(async move {
            let mut latencies = Vec::with_capacity(due.len());
            for due in due {
                client.hear().await?;
                latencies.push(due.elapsed());
            }
            io::Result::Ok(latencies)
        });
    }
    let sending = thread::spawn(move || send(&clients, &schedule));
    let heard = timeout(Duration::from_secs(1) * PACED as u32 / PACE + PATIENCE, hearing.join_all()).await?;
    let mut latencies = heard.into_iter().collect::<io::Result<Vec<_>>>()?.concat();
    let mut lags = sending.join().map_err(|_| io::Error::other("the sender has panicked"))??;
    latencies.sort_unstable();
    lags.sort_unstable();
    let of = |times: &[Duration], permille| percentile(times, permille).expect("some requests were sent");
    Ok(Paced { p50: of(&latencies, 500), p99: of(&latencies, 990), lag: of(&lags, 990) })
}

/// Sends what is due. Returns how late each request was sent.
fn send(clients: &[Arc<Client>], schedule: &[(Instant, usize)]) -> io::Result<Vec<Duration>> {
    let mut lags = Vec::with_capacity(schedule.len());
    for &(due, client) in schedule {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        lags.push(due.elapsed());
        clients[client].say()?;
    }
    Ok(lags)
}

/// A connection. Its requests are the same, and so are their answers.
struct Client {
    stream: TcpStream,
    request: Arc<str>,
    /// How long an answer is.
    length: usize,
}

impl Client {
    /// Connects, and waits for a first answer.
    async fn connect(number: usize, server: SocketAddr) -> io::Result<Self> {
        let stream = customers::connect(number as u64, server).await?;
        stream.set_nodelay(true)?;
        let call = Call { request: Request::Tail { tenant: 1 }, left: None };
        let mut client = Client { stream, request: Message::from(call).written().into(), length: 0 };
        client.say()?;
        client.length = client.greeting().await?;
        Ok(client)
    }

    /// Sends a request. It is short, and one is under way at a time: so there is room for it.
    fn say(&self) -> io::Result<()> {
        match self.stream.try_write(self.request.as_bytes())? {
            sent if sent == self.request.len() => Ok(()),
            _ => Err(io::Error::other("a request was sent in part")),
        }
    }

    /// Reads the first answer, whose length is not known yet. Returns it.
    async fn greeting(&self) -> io::Result<usize> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut chunk = [0; 256];
            let read = self.read(&mut chunk).await?;
            line.extend_from_slice(&chunk[..read]);
        }
        match Reply::read(&String::from_utf8_lossy(&line)) {
            Reply::Lines(_) => Ok(line.len()),
            reply => Err(io::Error::other(format!("the server answered {reply:?}"))),
        }
    }

    /// Reads an answer.
    async fn hear(&self) -> io::Result<()> {
        let (mut chunk, mut left) = ([0; 256], self.length);
        while left > 0 {
            let room = left.min(chunk.len());
            left -= self.read(&mut chunk[..room]).await?;
        }
        Ok(())
    }

    async fn read(&self, chunk: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}
