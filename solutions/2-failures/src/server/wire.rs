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
//! # Left out on purpose
//!
//! Proof: a speaker that knows the name of the cluster is believed to belong to it. That takes TLS with certificates on both
//! sides. A checksum: TCP has one, a weak one, and TLS a strong one.

//# allow: unused_variables, dead_code
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

// ANCHOR: protocol
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
// ANCHOR_END: protocol

/// What arrives at a server.
// ANCHOR: arrival
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
// ANCHOR_END: arrival

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
    //# hole: Read one message; is anything left after it? `postcard::take_from_bytes` tells.
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(Refusal::NoMessage),
    }
    //# end
}

/// Cuts a stream of bytes into frames.
///
/// Invariants:
/// - what it holds has arrived, and has not been handed out;
/// - between two calls it holds less than one frame of the greatest length, plus what came with the last piece.
// ANCHOR: frames
#[derive(Clone, Debug)]
pub struct Frames {
    limit: usize,
    buffer: Vec<u8>,
}
// ANCHOR_END: frames

impl Frames {
    /// No bytes yet. No body may be longer than `limit`.
    pub fn new(limit: usize) -> Self {
        Frames { limit, buffer: Vec::new() }
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
        //# hole: Is there a length? Is it allowed? Has all of the body come? Take it out, and leave what follows it.
        let Some((head, rest)) = self.buffer.split_first_chunk::<HEAD>() else { return Ok(None) };
        let len = usize::try_from(u32::from_le_bytes(*head)).unwrap_or(usize::MAX);
        if len > self.limit {
            return Err(Refusal::TooLong { len, limit: self.limit });
        }
        let Some(body) = rest.get(..len) else { return Ok(None) };
        let body = body.to_vec();
        self.buffer.drain(..HEAD + len);
        Ok(Some(body))
        //# end
    }

    /// Whether no incomplete frame has come.
    pub fn is_between_frames(&self) -> bool {
        self.buffer.is_empty()
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

/// The server's end of a connection: the speaker, and what it says.
///
/// Invariants:
/// - nothing arrives before a greeting;
/// - after a refusal nothing arrives, and nothing is held.
// ANCHOR: inbound
#[derive(Clone, Debug)]
pub struct Inbound {
    identity: Identity,
    frames: Frames,
    /// The speaker that has greeted.
    speaker: Option<Speaker>,
    /// Why it is closed.
    refusal: Option<Refusal>,
}
// ANCHOR_END: inbound

impl Inbound {
    /// A connection that was just accepted.
    pub fn new(identity: Identity, limit: usize) -> Self {
        Inbound { identity, frames: Frames::new(limit), speaker: None, refusal: None }
    }

    /// Takes bytes as they come, in whatever pieces, and adds what has arrived to `arrived`. What arrives does not depend on the
    /// pieces.
    ///
    /// It never panics, and never holds much more memory than one frame.
    ///
    /// # Errors
    /// Why the connection must be closed. What arrived before that is in `arrived`. From then on it takes nothing, and returns
    /// the same reason again.
    //# starter: #[allow(clippy::ptr_arg, reason = "what arrives will be pushed")]
    pub fn take(&mut self, bytes: &[u8], arrived: &mut Vec<Arrival>) -> Result<(), Refusal> {
        //# hole: Hand out what has arrived as a whole, or say why this connection must be closed, now and from now on.
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        self.frames.take(bytes);
        let open = self.open(arrived);
        if let Err(refusal) = &open {
            self.frames = Frames::new(self.frames.limit);
            self.refusal = Some(refusal.clone());
        }
        open
        //# end
    }

    /// The other side has closed the connection.
    ///
    /// # Errors
    /// Why it was closed before, or [`Refusal::HalfAFrame`]. A speaker may hang up between two frames, or before it has said
    /// anything.
    pub fn end(&self) -> Result<(), Refusal> {
        //# hole: Was it closed before? Has a part of a frame come?
        match &self.refusal {
            Some(refusal) => Err(refusal.clone()),
            None if self.frames.is_between_frames() => Ok(()),
            None => Err(Refusal::HalfAFrame),
        }
        //# end
    }

    //# private
    /// Takes in each frame that is complete.
    fn open(&mut self, arrived: &mut Vec<Arrival>) -> Result<(), Refusal> {
        while let Some(body) = self.frames.next_body()? {
            arrived.push(match self.speaker {
                None => Arrival::Greeted(self.greeted(&body)?),
                Some(Speaker::Server(from)) => Arrival::Message { from, message: decode(&body)? },
                Some(Speaker::Client) => Arrival::Call(decode(&body)?),
            });
        }
        Ok(())
    }

    /// Looks at the first frame, from the outside in: is it ours, of our version, for our cluster, from a speaker that can
    /// exist?
    fn greeted(&mut self, body: &[u8]) -> Result<Speaker, Refusal> {
        let Some((&version, rest)) = body.strip_prefix(&MAGIC).and_then(<[u8]>::split_first) else {
            return Err(Refusal::NotGreeted);
        };
        if version != VERSION {
            return Err(Refusal::OtherVersion(version));
        }
        let Greeting { cluster, speaker } = decode(rest).map_err(|_| Refusal::NotGreeted)?;
        if cluster != self.identity.cluster {
            return Err(Refusal::OtherCluster(cluster));
        }
        match speaker {
            Speaker::Server(id) if id == self.identity.me.id || id.0 >= self.identity.me.size => {
                Err(Refusal::Impostor(id))
            }
            speaker => Ok(*self.speaker.insert(speaker)),
        }
    }
    //# end

    /// How many bytes of memory it holds: for the checks.
    pub fn held(&self) -> usize {
        self.frames.held()
    }
}
