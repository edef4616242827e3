//! One connection that is put through: a socket at each end, and a stream in each direction.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use rustix::net::{AddressFamily, SocketType, connect, sockopt};

use super::stream::{Passed, Stream};
use super::{Condition, Party};

/// The end that opened the connection, and the end that is reached.
pub(super) const ENDS: [usize; 2] = [0, 1];

/// The conditions of the two ways: out from the opener, and back to it.
pub(super) type Ways = [Condition; 2];

/// One connection.
///
/// Invariant: the end 1 has a socket exactly if the stage is `Connecting` or `Open`, and bytes are passed on only when it is `Open`.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who opened it, and to whom.
    pub parties: [Party; 2],
    sockets: [Option<TcpStream>; 2],
    stage: Stage,
    /// `streams[n]` is what the end `n` sends.
    streams: [Stream; 2],
}

/// How far the way to the other end has been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It was accepted.
    New,
    /// It cannot go on because a way is cut.
    HeldUp,
    /// The system is at it.
    Connecting,
    /// Made.
    Open,
}

/// Whether a connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It does.
    Lives,
    /// Both ends have said all that they had to say.
    Done,
    /// Its ends must see a reset.
    Torn,
}

impl Connection {
    pub fn new(parties: [Party; 2], opener: TcpStream) -> Self {
        Self { parties, sockets: [Some(opener), None], stage: Stage::New, streams: Default::default() }
    }

    /// The socket of an end, if it is there.
    pub fn socket(&self, end: usize) -> Option<&TcpStream> {
        self.sockets[end].as_ref()
    }

    /// What is waited for at an end.
    pub fn interest(&self, end: usize, ways: Ways, now: Instant) -> PollFlags {
        let other = 1 - end;
        let (takes, gives) = match self.stage {
            Stage::New | Stage::HeldUp => (false, false),
            Stage::Connecting => (false, end == 1),
            Stage::Open => {
                let is_due = self.streams[other].due(ways[other]).is_some_and(|due| due <= now);
                (self.streams[end].takes(ways[end]), is_due)
            }
        };
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, takes);
        interest.set(PollFlags::OUT, gives);
        interest
    }

    /// When something on its way may pass that may not yet.
    pub fn next_due(&self, ways: Ways, now: Instant) -> Option<Instant> {
        let dues = ENDS.into_iter().filter_map(|end| self.streams[end].due(ways[end]));
        dues.filter(|&due| due > now).min()
    }

    /// Whether it was begun to make the way to the other end.
    pub fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Open)
    }

    /// Begins to make the way to the other end, if nothing is cut.
    pub fn put_through(&mut self, ways: Ways, at: Option<SocketAddr>, buffer: &mut [u8]) -> Fate {
        if ways.contains(&Condition::Cut) {
            self.stage = Stage::HeldUp;
            return Fate::Lives;
        }
        if self.stage == Stage::HeldUp && self.opener_gave_up(ways, buffer) {
            return Fate::Torn;
        }
        let Some(Ok(socket)) = at.map(begin) else { return Fate::Torn };
        self.sockets[1] = Some(socket);
        self.stage = Stage::Connecting;
        Fate::Lives
    }

    /// Whether the opener has closed the connection while nobody answered. Its system would never have sent what it wrote.
    fn opener_gave_up(&mut self, ways: Ways, buffer: &mut [u8]) -> bool {
        let Self { sockets: [Some(opener), _], streams: [said, _], .. } = self else { return true };
        while said.takes(ways[0]) && said.read(opener, buffer) {}
        said.is_read_out()
    }

    /// Does what can be done when something was heard at an end. `carried` counts the bytes of both ways.
    pub fn serve(
        &mut self,
        end: usize,
        heard: PollFlags,
        ways: Ways,
        carried: &mut [u64; 2],
        buffer: &mut [u8],
    ) -> Fate {
        if self.stage == Stage::Connecting && !self.has_arrived() {
            return Fate::Torn;
        }
        if let Some(socket) = &self.sockets[end]
            && heard.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
            && self.streams[end].takes(ways[end])
        {
            self.streams[end].read(socket, buffer);
        }
        let fates = ENDS.map(|end| self.pass(end, ways, &mut carried[end]));
        if fates.contains(&Fate::Torn) {
            Fate::Torn
        } else if self.streams.iter().all(|stream| stream.delivered) {
            Fate::Done
        } else {
            Fate::Lives
        }
    }

    /// Whether the other end was reached.
    fn has_arrived(&mut self) -> bool {
        self.stage = Stage::Open;
        self.socket(1).is_some_and(|socket| matches!(socket.take_error(), Ok(None)))
    }

    /// Passes on what an end has sent.
    fn pass(&mut self, end: usize, ways: Ways, carried: &mut u64) -> Fate {
        let Some(receiver) = &self.sockets[1 - end] else { return Fate::Lives };
        match self.streams[end].pass(receiver, ways[end], Instant::now(), carried) {
            Passed::All | Passed::Full => {}
            Passed::Reset => return Fate::Torn,
            Passed::NobodyThere => {
                // The sender learns of it as it would: by a reset that comes back to it.
                self.streams[end].give_up();
                self.streams[1 - end].break_off();
            }
        }
        Fate::Lives
    }

    /// Closes both ends by a reset.
    pub fn tear(self) {
        for socket in self.sockets.iter().flatten() {
            let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO)); // closing then resets
        }
    }
}

/// Begins to connect, without waiting.
fn begin(address: SocketAddr) -> Result<TcpStream, Errno> {
    let SocketAddr::V4(address) = address else { return Err(Errno::AFNOSUPPORT) };
    let socket = TcpStream::from(unconnected()?);
    let _ = (socket.set_nonblocking(true), socket.set_nodelay(true));
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// A socket that no process which is started just now can inherit: it would keep the connection open.
#[cfg(target_os = "linux")]
fn unconnected() -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// Other systems cannot do it in one step.
#[cfg(not(target_os = "linux"))]
fn unconnected() -> Result<OwnedFd, Errno> {
    let _nobody_starts = crate::network::enclosure::starting();
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}
