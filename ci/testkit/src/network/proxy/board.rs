//! The switchboard: everything that the proxy's thread knows, and the loop in which it serves.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::{Connection, ENDS, Fate, Ways};
use super::stream::{is_no_news, until};
use super::{Condition, Order, Party};

/// How many connections a port serves at a time. Others wait to be accepted.
const CONNECTIONS: usize = 256;

/// How much is read at a time.
const READ: usize = 64 << 10;

/// How long to wait when the system has no file descriptor left.
const BREATH: Duration = Duration::from_millis(10);

/// All ports, ways and connections.
#[derive(Debug)]
pub(super) struct Board {
    ports: Vec<Port>,
    addresses: BTreeMap<Party, SocketAddr>,
    ways: BTreeMap<[Party; 2], Way>,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Port {
    parties: [Party; 2],
    listener: TcpListener,
}

#[derive(Clone, Copy, Debug, Default)]
struct Way {
    condition: Condition,
    carried: u64,
}

/// What a watched socket is of.
#[derive(Clone, Copy)]
enum Watched {
    Waker,
    Port(usize),
    End { connection: usize, end: usize },
}

/// Serves until nobody is there any more to give orders.
pub(super) fn serve(waker: &UnixStream, orders: &Receiver<Order>) {
    let mut board = Board {
        ports: Vec::new(),
        addresses: BTreeMap::new(),
        ways: BTreeMap::new(),
        connections: Vec::new(),
        buffer: vec![0; READ],
    };
    loop {
        let heard = board.wait(waker);
        board.handle(&heard, waker);
        loop {
            match orders.try_recv() {
                Ok(order) => order(&mut board),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        board.put_through();
    }
}

impl Board {
    pub fn listen(&mut self, from: Party, to: Party, listener: TcpListener) {
        self.ports.push(Port { parties: [from, to], listener });
    }

    pub fn is_at(&mut self, party: Party, address: Option<SocketAddr>) {
        match address {
            Some(address) => self.addresses.insert(party, address),
            None => self.addresses.remove(&party),
        };
    }

    pub fn set(&mut self, from: Party, to: Party, condition: Condition) {
        self.ways.entry([from, to]).or_default().condition = condition;
    }

    pub fn carried(&self, from: Party, to: Party) -> u64 {
        self.ways.get(&[from, to]).map_or(0, |way| way.carried)
    }

    pub fn connections(&self, one: Party, other: Party) -> usize {
        self.connections.iter().filter(|connection| is_between(connection, one, other)).count()
    }

    pub fn reset(&mut self, one: Party, other: Party) {
        self.connections.extract_if(.., |connection| is_between(connection, one, other)).for_each(Connection::tear);
    }

    /// Waits until something can be done, and says where.
    fn wait(&self, waker: &UnixStream) -> Vec<(Watched, PollFlags)> {
        let now = Instant::now();
        let mut watched = vec![Watched::Waker];
        let mut sockets = vec![PollFd::new(waker, PollFlags::IN)];
        for (index, port) in self.ports.iter().enumerate().filter(|(_, port)| self.has_room(port)) {
            watched.push(Watched::Port(index));
            sockets.push(PollFd::new(&port.listener, PollFlags::IN));
        }
        let mut next_due: Option<Instant> = None;
        for (index, connection) in self.connections.iter().enumerate() {
            let ways = self.conditions(connection.parties);
            next_due = next_due.into_iter().chain(connection.next_due(ways, now)).min();
            for end in ENDS {
                let interest = connection.interest(end, ways, now);
                // A socket that nothing is wanted of is left out: it would report again and again that its peer is gone.
                if let Some(socket) = connection.socket(end).filter(|_| !interest.is_empty()) {
                    watched.push(Watched::End { connection: index, end });
                    sockets.push(PollFd::from_borrowed_fd(socket.as_fd(), interest));
                }
            }
        }
        let timeout = next_due.and_then(|due| Timespec::try_from(until(due, now)).ok());
        if poll(&mut sockets, timeout.as_ref()).is_err() {
            return Vec::new(); // a signal came
        }
        let heard = watched.into_iter().zip(sockets.iter().map(PollFd::revents));
        heard.filter(|(_, events)| !events.is_empty()).collect()
    }

    fn has_room(&self, port: &Port) -> bool {
        let of_port = |connection: &&Connection| connection.parties == port.parties;
        self.connections.len() < CONNECTIONS || self.connections.iter().filter(of_port).count() < CONNECTIONS
    }

    fn handle(&mut self, heard: &[(Watched, PollFlags)], mut waker: &UnixStream) {
        let mut ended = Vec::new();
        for &(watched, events) in heard {
            match watched {
                Watched::Waker => while waker.read(&mut self.buffer).is_ok_and(|count| count > 0) {},
                Watched::Port(port) => self.accept(port),
                Watched::End { connection, .. } if ended.iter().any(|&(ended, _)| ended == connection) => {}
                Watched::End { connection, end } => match self.serve(connection, end, events) {
                    Fate::Lives => {}
                    fate => ended.push((connection, fate)),
                },
            }
        }
        ended.sort_unstable_by_key(|&(connection, _)| connection);
        for (index, fate) in ended.into_iter().rev() {
            let connection = self.connections.remove(index);
            if fate == Fate::Torn {
                connection.tear();
            }
        }
    }

    fn serve(&mut self, index: usize, end: usize, events: PollFlags) -> Fate {
        let [from, to] = self.connections[index].parties;
        let ways = self.conditions([from, to]);
        let mut carried = [0; 2];
        let fate = self.connections[index].serve(end, events, ways, &mut carried, &mut self.buffer);
        self.ways.entry([from, to]).or_default().carried += carried[0];
        self.ways.entry([to, from]).or_default().carried += carried[1];
        fate
    }

    fn accept(&mut self, index: usize) {
        let Port { parties, listener } = &self.ports[index];
        match listener.accept() {
            Ok((socket, _)) => {
                let _ = (socket.set_nonblocking(true), socket.set_nodelay(true));
                self.connections.push(Connection::new(*parties, socket));
            }
            Err(error) if is_no_news(&error) => {}
            Err(_) => thread::sleep(BREATH),
        }
    }

    /// Makes the way to the other end for all connections that have none yet.
    fn put_through(&mut self) {
        let Self { addresses, ways, connections, buffer, .. } = self;
        let torn = connections.extract_if(.., |connection| {
            if connection.is_under_way() {
                return false;
            }
            let at = addresses.get(&connection.parties[1]).copied();
            connection.put_through(conditions(ways, connection.parties), at, buffer) == Fate::Torn
        });
        torn.for_each(Connection::tear);
    }

    fn conditions(&self, parties: [Party; 2]) -> Ways {
        conditions(&self.ways, parties)
    }
}

fn conditions(ways: &BTreeMap<[Party; 2], Way>, [from, to]: [Party; 2]) -> Ways {
    [[from, to], [to, from]].map(|way| ways.get(&way).map_or(Condition::Clear, |way| way.condition))
}

fn is_between(connection: &Connection, one: Party, other: Party) -> bool {
    connection.parties == [one, other] || connection.parties == [other, one]
}
