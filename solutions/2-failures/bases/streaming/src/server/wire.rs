//! The wire: bytes in pieces become messages, or one reason to close the connection.
//!
//! Source: RFC 9293, "Transmission Control Protocol (TCP)", 2022: a connection carries a stream of bytes, in order, and knows
//! nothing of messages.
//!
//! # The problem
//!
//! What was sent in one call may arrive in three pieces, and two messages in one. And anyone who can reach the port can send
//! anything: a browser, a port scanner, a server of another cluster with a wrong line in its configuration, a program with a
//! defect. None of them may make this server stop, fill its memory, or be believed.
//!
//! # The protocol
//!
//! A connection carries *frames*: four bytes with the length of the body, lowest first, then the body. The first frame is the
//! greeting:
//!
//! ```text
//! MAGIC (4 bytes)  VERSION (1 byte)  Greeting { cluster, speaker }
//! ```
//!
//! Magic and version come first and have a fixed form, so that every later version can tell an older one from noise. After the
//! greeting each frame holds one message, and nothing else: from a server a [`Message`], from a client a [`Call`]. A server
//! answers a client with [`Answer`]s on the same connection. To other servers it opens connections of its own.
//!
//! Everything but the frame and the magic is in the format of `postcard`.
//!
//! # This design
//!
//! A connection is strange, open to one speaker, or closed for a reason. Bytes that were given out go in one move for each read.
//!
//! # Left out on purpose
//!
//! Proof: a speaker that knows the name of the cluster is believed to belong to it. That takes TLS with certificates on both
//! sides. A checksum: TCP has one, a weak one, and TLS a strong one.

use std::fmt;

use cap::raft::store::{Request, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use testkit::node::{Membership, NodeId, RequestId};

use crate::snapshot::Message;

/// What a greeting begins with. No other protocol begins like this.
pub const MAGIC: [u8; 4] = *b"\xd5kv2";

/// The version of the protocol that this program speaks.
pub const VERSION: u8 = 1;

/// The bytes of a frame before its body.
pub const HEAD: usize = 4;

/// How long the body of a frame may be. A snapshot has to fit.
pub const LIMIT: usize = 8 << 20;

/// The speaker on a connection, and the cluster it speaks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The name of the cluster.
    pub cluster: String,
    /// The speaker.
    pub speaker: Speaker,
}

/// The speaker on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speaker {
    /// Another server of the cluster. It sends [`Message`]s.
    Server(NodeId),
    /// A client. It sends [`Call`]s.
    Client,
}

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The client and the number of its request. A retry has the same.
    pub id: RequestId,
    /// What it asks.
    pub request: Request,
}

/// What a client is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which call this answers.
    pub id: RequestId,
    /// What it is told.
    pub response: Response,
}

/// What arrives at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A speaker has greeted, and may go on.
    Greeted(Speaker),
    /// A server of the cluster says something.
    Message {
        /// The server.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// A client asks something.
    Call(Call),
}

/// Why a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The announced frame is longer than allowed.
    TooLong {
        /// How long, in bytes.
        len: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The first frame is not a greeting.
    NotGreeted,
    /// The greeting is for another version of the protocol.
    OtherVersion(u8),
    /// The greeting is for another cluster, of this name.
    OtherCluster(String),
    /// The speaker says that it is this very server, or one that does not exist.
    Impostor(NodeId),
    /// A frame is not what this speaker may send: not a message, or a message with something after it.
    NoMessage,
    /// The connection has ended in the middle of a frame.
    HalfAFrame,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::TooLong { len, limit } => {
                write!(f, "a frame of {len} bytes was announced, with at most {limit} allowed")
            }
            Refusal::NotGreeted => write!(f, "the first frame is no greeting of this protocol"),
            Refusal::OtherVersion(version) => write!(f, "version {version} of the protocol is spoken, not {VERSION}"),
            // Escaped and cut off: it is somebody else's text, and goes into a log of lines.
            Refusal::OtherCluster(name) => {
                write!(f, "it belongs to the cluster {:?}", name.chars().take(40).collect::<String>())
            }
            Refusal::Impostor(id) => write!(f, "it says that it is n{}", id.0),
            Refusal::NoMessage => write!(f, "a frame holds no message"),
            Refusal::HalfAFrame => write!(f, "it ended in the middle of a frame"),
        }
    }
}

impl std::error::Error for Refusal {}

/// A frame around a body.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("a body is shorter than 4 GiB");
    [&len.to_le_bytes()[..], body].concat()
}

/// A frame around a message.
pub fn framed(message: &impl Serialize) -> Vec<u8> {
    frame(&encode(message))
}

/// The frame with which a connection begins.
pub fn greet(greeting: &Greeting) -> Vec<u8> {
    frame(&[&MAGIC[..], &[VERSION], &encode(greeting)].concat())
}

fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(message).expect("memory takes whatever is written to it")
}

/// Reads a body that holds one message and nothing after it.
///
/// # Errors
/// [`Refusal::NoMessage`] otherwise.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(Refusal::NoMessage),
    }
}

/// Cuts a stream of bytes into frames.
///
/// Invariants:
/// - what it holds has arrived, and has not been handed out;
/// - between two calls it holds less than one frame of the greatest length, plus what came with the last piece.
#[derive(Clone, Debug)]
pub struct Frames {
    limit: usize,
    buffer: Vec<u8>,
    /// How many bytes at the front of `buffer` were given out. They go when all whole frames have.
    given: usize,
}

impl Frames {
    /// No bytes yet. No body may be longer than `limit`.
    pub fn new(limit: usize) -> Self {
        Frames { limit, buffer: Vec::new(), given: 0 }
    }

    /// Takes bytes, as they have come.
    pub fn take(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes out the next frame, and returns its body, or `None` if not all of it has come.
    ///
    /// # Errors
    /// [`Refusal::TooLong`], as soon as the length is known. A length that was only announced costs no memory.
    pub fn next_body(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        let waiting = &self.buffer[self.given..];
        let announced =
            waiting.split_first_chunk::<HEAD>().map(|(head, rest)| (u32::from_le_bytes(*head) as usize, rest));
        if let Some((len, _)) = announced.filter(|(len, _)| *len > self.limit) {
            return Err(Refusal::TooLong { len, limit: self.limit });
        }
        let body = announced.and_then(|(len, rest)| rest.get(..len)).map(<[u8]>::to_vec);
        match &body {
            Some(body) => self.given += HEAD + body.len(),
            None => self.forget_what_was_given(),
        }
        Ok(body)
    }

    fn forget_what_was_given(&mut self) {
        self.buffer.drain(..self.given);
        self.buffer.shrink_to(HEAD + self.limit);
        self.given = 0;
    }

    /// Whether no incomplete frame has come.
    pub fn is_between_frames(&self) -> bool {
        self.buffer.len() == self.given
    }

    /// How many bytes of memory it holds.
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }
}

/// A server's identity, as its connections need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of its cluster.
    pub cluster: String,
    /// Which of the servers it is.
    pub me: Membership,
}

impl Identity {
    /// Reads a greeting from the outside in, and says who may speak.
    fn let_in(&self, body: &[u8]) -> Result<Speaker, Refusal> {
        let (version, greeting) = body.strip_prefix(&MAGIC).and_then(<[u8]>::split_first).ok_or(Refusal::NotGreeted)?;
        if *version != VERSION {
            return Err(Refusal::OtherVersion(*version));
        }
        let Greeting { cluster, speaker } = decode(greeting).map_err(|_| Refusal::NotGreeted)?;
        if cluster != self.cluster {
            return Err(Refusal::OtherCluster(cluster));
        }
        match speaker {
            Speaker::Server(id) if !self.me.peers().any(|peer| peer == id) => Err(Refusal::Impostor(id)),
            known => Ok(known),
        }
    }
}

/// The server's end of a connection: the speaker, and what it says.
///
/// Invariants:
/// - nothing arrives before a greeting;
/// - after a refusal nothing arrives, and nothing is held.
#[derive(Clone, Debug)]
pub struct Inbound {
    identity: Identity,
    frames: Frames,
    stand: Stand,
}

/// How far a connection has come.
#[derive(Clone, Debug)]
enum Stand {
    /// Nobody has greeted.
    Strange,
    /// This one has greeted.
    Open(Speaker),
    /// It is closed, for this reason.
    Closed(Refusal),
}

impl Inbound {
    /// A connection that was just accepted.
    pub fn new(identity: Identity, limit: usize) -> Self {
        Inbound { identity, frames: Frames::new(limit), stand: Stand::Strange }
    }

    /// Takes bytes as they come, in whatever pieces, and adds what has arrived to `arrived`. What arrives does not depend on the
    /// pieces.
    ///
    /// It never panics, and never holds much more memory than one frame.
    ///
    /// # Errors
    /// Why the connection must be closed. What arrived before that is in `arrived`. From then on it takes nothing, and returns
    /// the same reason again.
    pub fn take(&mut self, bytes: &[u8], arrived: &mut Vec<Arrival>) -> Result<(), Refusal> {
        if let Stand::Closed(refusal) = &self.stand {
            return Err(refusal.clone());
        }
        self.frames.take(bytes);
        self.hear_all(arrived).inspect_err(|refusal| {
            self.stand = Stand::Closed(refusal.clone());
            self.frames = Frames::new(self.frames.limit);
        })
    }

    /// Hears each frame that has come as a whole.
    fn hear_all(&mut self, arrived: &mut Vec<Arrival>) -> Result<(), Refusal> {
        while let Some(body) = self.frames.next_body()? {
            arrived.push(self.hear(&body)?);
        }
        Ok(())
    }

    /// What a frame's body says, by who says it.
    fn hear(&mut self, body: &[u8]) -> Result<Arrival, Refusal> {
        match &self.stand {
            Stand::Strange => {
                let speaker = self.identity.let_in(body)?;
                self.stand = Stand::Open(speaker);
                Ok(Arrival::Greeted(speaker))
            }
            Stand::Open(Speaker::Server(from)) => Ok(Arrival::Message { from: *from, message: decode(body)? }),
            Stand::Open(Speaker::Client) => Ok(Arrival::Call(decode(body)?)),
            Stand::Closed(refusal) => Err(refusal.clone()),
        }
    }

    /// The other side has closed the connection.
    ///
    /// # Errors
    /// Why it was closed before, or [`Refusal::HalfAFrame`]. A speaker may hang up between two frames, or before it has said
    /// anything.
    pub fn end(&self) -> Result<(), Refusal> {
        match &self.stand {
            Stand::Closed(refusal) => Err(refusal.clone()),
            Stand::Strange | Stand::Open(_) if self.frames.is_between_frames() => Ok(()),
            Stand::Strange | Stand::Open(_) => Err(Refusal::HalfAFrame),
        }
    }

    /// How many bytes of memory it holds: for the checks.
    pub fn held(&self) -> usize {
        self.frames.held()
    }
}
