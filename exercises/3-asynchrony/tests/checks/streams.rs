//! Two hosts and a link that keeps the order: `n0` sends what clients write on several streams, and `n1` receives it and reads it. Both
//! use the learner's windows.
//!
//! The network of a cluster reorders. So frames are numbered, and what comes early waits for its turn, as it does in TCP.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use testkit::check::Rule;
use testkit::cluster::{Cluster, View};
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use super::oracle::{Broken, keeps};
use crate::subject::credit::window::{Receiver, Scope, Sender, Stream, Update};

pub const IN_WINDOW: Rule = Rule::new(
    "no more than the window",
    "A sender sends no more than both windows allow: the stream's and the connection's.",
    "RFC 9113, HTTP/2, section 6.9",
    "3-asynchrony/credit.md#two-windows",
);

pub const USED: Rule = Rule::new(
    "credit is there to be used",
    "What both windows allow is sent.",
    "contract of `window::Sender::send`",
    "3-asynchrony/credit.md#two-windows",
);

pub const BOUNDED: Rule = Rule::new(
    "buffers have a bound",
    "A stream's buffer never holds more than its window, and all buffers together never more than the connection's.",
    "RFC 9113, HTTP/2, section 5.2",
    "3-asynchrony/credit.md#invariants-to-keep",
);

pub const CONSUMED: Rule = Rule::new(
    "credit for what was consumed",
    "No more is granted again than was consumed, or thrown away when a stream was closed.",
    "RFC 9113, HTTP/2, sections 5.2.2 and 6.9.1",
    "3-asynchrony/credit.md#on-receipt",
);

pub const ONCE: Rule = Rule::new(
    "once for each byte",
    "Over all time, no more is granted again than has come.",
    "hyperium/h2, issue 183; netty/netty, issue 7040",
    "3-asynchrony/credit.md#twice",
);

pub const NO_ERROR: Rule = Rule::new(
    "two sides that agree",
    "Between two sides that keep the rules there is no violation.",
    "RFC 9113, HTTP/2, sections 5.1 and 6.9",
    "3-asynchrony/credit.md#a-closed-stream",
);

const ALL_READ: Rule = Rule::new(
    "nothing is stuck",
    "What was written on a stream that is not closed is read in the end, if the application goes on reading.",
    "hyperium/h2, issue 183; apache/pekko-http, pull request 1259; dart-archive/http2, issue 97",
    "3-asynchrony/credit.md#a-closed-stream",
);

const WAITS: Rule = Rule::new(
    "a sender has to wait",
    "There is a run in which the window is used up, and everything is read all the same.",
    "RFC 9113, HTTP/2, section 5.2",
    "3-asynchrony/credit.md#the-idea",
);

const CLOSES: Rule = Rule::new(
    "a stream is closed with bytes on their way",
    "There is a run in which a stream is closed, and bytes of it come afterwards.",
    "RFC 9113, HTTP/2, section 5.1",
    "3-asynchrony/credit.md#a-closed-stream",
);

/// How many streams there are, from 1.
const STREAMS: Stream = 3;

/// What a client wants of one of the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Of `n0`: send so many bytes.
    Write { stream: Stream, size: u32 },
    /// Of `n0`: the stream's source has failed.
    Reset { stream: Stream },
    /// Of `n1`: nobody wants to read the stream any more.
    Cancel { stream: Stream },
    /// Of `n1`: the application keeps the stream, and does not read it any more.
    Hide { stream: Stream },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accepted;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frame {
    Data { stream: Stream, size: u32 },
    Grant(Update),
    Close { stream: Stream },
}

/// A frame with its number on the link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbered {
    number: u64,
    frame: Frame,
}

impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frame {
            Frame::Data { stream, size } => write!(f, "Data {{ stream: {stream}, size: {size} }}")?,
            Frame::Grant(Update { scope, increment }) => write!(f, "Update {{ {scope:?}, increment: {increment} }}")?,
            Frame::Close { stream } => write!(f, "Close {{ stream: {stream} }}")?,
        }
        write!(f, ", frame {}", self.number)
    }
}

/// The application reads a byte of a stream. If the stream was closed, it had the byte already, and is done with it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reads(Stream);

/// One host's end of the link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Link {
    sent: u64,
    arrived: u64,
    early: BTreeMap<u64, Frame>,
}

impl Link {
    fn send(&mut self, frame: Frame) -> Numbered {
        self.sent += 1;
        Numbered { number: self.sent, frame }
    }

    /// The frames whose turn it is now.
    fn arrives(&mut self, message: Numbered) -> Vec<Frame> {
        self.early.insert(message.number, message.frame);
        let mut ready = Vec::new();
        while let Some(frame) = self.early.remove(&(self.arrived + 1)) {
            self.arrived += 1;
            ready.push(frame);
        }
        ready
    }
}

/// One of the two hosts, with windows of so many bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Host<const CONNECTION: u32, const STREAM: u32> {
    Writes(Box<Writer>),
    Reads(Box<Reader<CONNECTION, STREAM>>),
}

/// The host that sends.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Writer {
    link: Link,
    sender: Sender,
    /// What clients have written on each stream that is open and was not sent.
    pending: BTreeMap<Stream, u32>,
    /// What was written in all.
    written: BTreeMap<Stream, u32>,
    /// What the windows have room for, by the contract.
    connection: u32,
    streams: BTreeMap<Stream, u32>,
    has_waited: bool,
    broken: Option<Broken>,
}

/// What came of some bytes, for one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Tally {
    received: u32,
    /// Consumed, or thrown away.
    gone: u32,
    granted: u32,
}

/// The host that receives.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reader<const CONNECTION: u32, const STREAM: u32> {
    link: Link,
    receiver: Receiver,
    connection: Tally,
    /// The streams that are open.
    streams: BTreeMap<Stream, Tally>,
    /// Closed streams of which the application still had a byte.
    in_hand: BTreeMap<Stream, u32>,
    /// Streams that the application does not read.
    hidden: BTreeSet<Stream>,
    came_late: bool,
    broken: Option<Broken>,
}

impl<const CONNECTION: u32, const STREAM: u32> fmt::Debug for Host<CONNECTION, STREAM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Writes(writer) => write!(f, "{:?}, not sent: {:?}", writer.sender, writer.pending),
            Host::Reads(reader) => reader.receiver.fmt(f),
        }
    }
}

impl Writer {
    fn breaks(&mut self, rule: Rule, why: String) {
        self.broken.get_or_insert((rule, why));
    }

    /// A client writes. On a stream that is closed, it is told so, and nothing comes of it.
    fn write(&mut self, stream: Stream, size: u32) {
        if self.streams.contains_key(&stream) {
            *self.written.entry(stream).or_default() += size;
            *self.pending.entry(stream).or_default() += size;
        }
    }

    /// Sends what may be sent.
    fn pump<N: Node<Message = Numbered>>(&mut self, out: &mut Outbox<N>) {
        for (stream, wanted) in self.pending.clone() {
            let (own, all) = (self.streams.get(&stream).copied().unwrap_or(0), self.connection);
            let (size, most) = (self.sender.send(stream, wanted), wanted.min(own).min(all));
            if size != most {
                let rule = if size > most { IN_WINDOW } else { USED };
                let why = format!(
                    "{wanted} bytes are to be sent on stream {stream}. Its window has room for {own}, and the connection's for {all}. \
                     n0 sends {size}."
                );
                return self.breaks(rule, why);
            }
            self.has_waited |= size < wanted;
            if size > 0 {
                self.connection -= size;
                self.streams.entry(stream).and_modify(|window| *window -= size);
                self.pending.entry(stream).and_modify(|pending| *pending -= size);
                out.send(NodeId(1), self.link.send(Frame::Data { stream, size }));
            }
        }
    }

    fn grows(&mut self, update: Update) {
        if let Err(violation) = self.sender.update(update) {
            self.breaks(NO_ERROR, format!("n1 has sent {update:?}, and to n0 that is a violation: {violation:?}."));
        }
        match update.scope {
            Scope::Connection => self.connection += update.increment,
            Scope::Stream(stream) => {
                self.streams.entry(stream).and_modify(|window| *window += update.increment);
            }
        }
    }

    fn close(&mut self, stream: Stream) {
        self.sender.close(stream);
        self.streams.remove(&stream);
        self.pending.remove(&stream);
    }
}

impl<const CONNECTION: u32, const STREAM: u32> Reader<CONNECTION, STREAM> {
    fn breaks(&mut self, rule: Rule, why: String) {
        self.broken.get_or_insert((rule, why));
    }

    fn receives(&mut self, stream: Stream, size: u32, out: &mut Outbox<Host<CONNECTION, STREAM>>) {
        self.connection.received += size;
        match self.streams.get_mut(&stream) {
            Some(tally) => {
                tally.received += size;
                out.arm(Reads(stream));
            }
            None => {
                self.connection.gone += size;
                self.came_late = true;
            }
        }
        self.is_bounded(stream);
        match self.receiver.receive(stream, size) {
            Ok(updates) => self.grants(updates, out),
            Err(violation) => {
                let state = if self.streams.contains_key(&stream) { "open" } else { "closed" };
                self.breaks(
                    NO_ERROR,
                    format!("{size} bytes have come on stream {stream}, which is {state} here. n0 had credit for them, and to n1 that is a violation: {violation:?}."),
                );
            }
        }
    }

    fn is_bounded(&mut self, stream: Stream) {
        let held = |tally: Tally| tally.received - tally.gone;
        let own = self.streams.get(&stream).copied().map_or(0, held);
        let all = held(self.connection);
        if own > STREAM || all > CONNECTION {
            let why = format!(
                "There is room for {STREAM} bytes of stream {stream}, and for {CONNECTION} bytes in all. n1 now holds {own} bytes of the \
                 stream, and {all} in all."
            );
            self.breaks(BOUNDED, why);
        }
    }

    fn reads(&mut self, stream: Stream, out: &mut Outbox<Host<CONNECTION, STREAM>>) {
        if let Some(tally) = self.streams.get_mut(&stream) {
            if tally.received == tally.gone || self.hidden.contains(&stream) {
                return;
            }
            tally.gone += 1;
            self.connection.gone += 1;
            if tally.received > tally.gone {
                out.arm(Reads(stream));
            }
        } else if self.in_hand.remove(&stream).is_none() {
            return;
        }
        let updates = self.receiver.consume(stream, 1);
        self.grants(updates, out);
    }

    fn close(&mut self, stream: Stream, out: &mut Outbox<Host<CONNECTION, STREAM>>) {
        if let Some(tally) = self.streams.remove(&stream) {
            let held = tally.received - tally.gone;
            self.connection.gone += held;
            if held > 0 {
                self.in_hand.insert(stream, 1);
            }
        }
        let updates = self.receiver.close(stream);
        self.grants(updates, out);
    }

    fn grants(&mut self, updates: Vec<Update>, out: &mut Outbox<Host<CONNECTION, STREAM>>) {
        for update in updates {
            let tally = match update.scope {
                Scope::Connection => Some(&mut self.connection),
                Scope::Stream(stream) => self.streams.get_mut(&stream),
            };
            if let Some(tally) = tally {
                tally.granted = tally.granted.saturating_add(update.increment);
                let Tally { received, gone, granted } = *tally;
                let whose = match update.scope {
                    Scope::Connection => "All streams together".to_owned(),
                    Scope::Stream(stream) => format!("Stream {stream}"),
                };
                let why = format!(
                    "{whose}: {received} bytes have come, {gone} of them were consumed or thrown away, and with {update:?} n1 has \
                     granted {granted} again."
                );
                if granted > received {
                    self.breaks(ONCE, why);
                } else if granted > gone {
                    self.breaks(CONSUMED, why);
                }
            }
            out.send(NodeId(0), self.link.send(Frame::Grant(update)));
        }
    }
}

impl<const CONNECTION: u32, const STREAM: u32> Node for Host<CONNECTION, STREAM> {
    type Message = Numbered;
    type Timer = Reads;
    type Request = Request;
    type Response = Accepted;
    type Durable = ();

    fn start(membership: Membership, _: Option<()>, _: &mut Outbox<Self>) -> Self {
        let link = Link::default();
        if membership.id == NodeId(0) {
            let mut sender = Sender::new(CONNECTION);
            (1..=STREAMS).for_each(|stream| sender.open(stream, STREAM));
            Host::Writes(Box::new(Writer {
                link,
                sender,
                pending: BTreeMap::new(),
                written: BTreeMap::new(),
                connection: CONNECTION,
                streams: (1..=STREAMS).map(|stream| (stream, STREAM)).collect(),
                has_waited: false,
                broken: None,
            }))
        } else {
            let mut receiver = Receiver::new(CONNECTION);
            (1..=STREAMS).for_each(|stream| receiver.open(stream, STREAM));
            Host::Reads(Box::new(Reader {
                link,
                receiver,
                connection: Tally::default(),
                streams: (1..=STREAMS).map(|stream| (stream, Tally::default())).collect(),
                in_hand: BTreeMap::new(),
                hidden: BTreeSet::new(),
                came_late: false,
                broken: None,
            }))
        }
    }

    fn on_message(&mut self, _: NodeId, message: Numbered, out: &mut Outbox<Self>) {
        match self {
            Host::Writes(writer) => {
                for frame in writer.link.arrives(message) {
                    match frame {
                        Frame::Grant(update) => writer.grows(update),
                        Frame::Close { stream } => writer.close(stream),
                        Frame::Data { .. } => {}
                    }
                    writer.pump(out);
                }
            }
            Host::Reads(reader) => {
                for frame in reader.link.arrives(message) {
                    match frame {
                        Frame::Data { stream, size } => reader.receives(stream, size, out),
                        Frame::Close { stream } => reader.close(stream, out),
                        Frame::Grant(_) => {}
                    }
                }
            }
        }
    }

    fn on_timer(&mut self, Reads(stream): Reads, out: &mut Outbox<Self>) {
        if let Host::Reads(reader) = self {
            reader.reads(stream, out);
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match (self, request) {
            (Host::Writes(writer), Request::Write { stream, size }) => {
                writer.write(stream, size);
                writer.pump(out);
            }
            (Host::Writes(writer), Request::Reset { stream }) => {
                writer.close(stream);
                out.send(NodeId(1), writer.link.send(Frame::Close { stream }));
                writer.pump(out);
            }
            (Host::Reads(reader), Request::Cancel { stream }) => {
                reader.close(stream, out);
                out.send(NodeId(0), reader.link.send(Frame::Close { stream }));
            }
            (Host::Reads(reader), Request::Hide { stream }) => {
                reader.hidden.insert(stream);
            }
            _ => {}
        }
        out.reply(id, Accepted);
    }
}

/// Two hosts, and clients that write on streams, and close them.
pub fn streams<const CONNECTION: u32, const STREAM: u32>(clients: &[&[Request]]) -> Cluster<Host<CONNECTION, STREAM>> {
    let cluster = clients.iter().fold(Cluster::new(2, ()), |cluster, requests| {
        let of_reader = |request: &Request| matches!(request, Request::Cancel { .. } | Request::Hide { .. });
        cluster.client(&[usize::from(requests.iter().any(of_reader))], requests.iter().copied())
    });
    let rules = [IN_WINDOW, USED, BOUNDED, CONSUMED, ONCE, NO_ERROR];
    let cluster = keeps(cluster, rules, broken);
    cluster
        .leads_to(ALL_READ, 8, |view| match is_stuck(view) {
            None => Ok(()),
            Some((stream, written, read)) => Err(format!(
                "{written} bytes were written on stream {stream}, which is open. The application has read {read}, goes on reading, and no \
                 more comes."
            )),
        })
        .sometimes(WAITS, |view| writer(view).is_some_and(|writer| writer.has_waited) && view.is_finished() && is_stuck(view).is_none())
}

/// There is also a run in which bytes come on a stream that was closed.
pub fn some_come_late<const CONNECTION: u32, const STREAM: u32>(
    cluster: Cluster<Host<CONNECTION, STREAM>>,
) -> Cluster<Host<CONNECTION, STREAM>> {
    cluster.sometimes(CLOSES, |view| reader(view).is_some_and(|reader| reader.came_late))
}

fn writer<'a, const C: u32, const S: u32>(view: &View<'a, Host<C, S>, ()>) -> Option<&'a Writer> {
    match view.server(NodeId(0)) {
        Some(Host::Writes(writer)) => Some(writer),
        _ => None,
    }
}

fn reader<'a, const C: u32, const S: u32>(view: &View<'a, Host<C, S>, ()>) -> Option<&'a Reader<C, S>> {
    match view.server(NodeId(1)) {
        Some(Host::Reads(reader)) => Some(reader),
        _ => None,
    }
}

fn broken<'a, const C: u32, const S: u32>(view: &View<'a, Host<C, S>, ()>) -> Option<&'a Broken> {
    let first = writer(view).and_then(|writer| writer.broken.as_ref());
    first.or_else(|| reader(view).and_then(|reader| reader.broken.as_ref()))
}

/// A stream that is open at both ends, and of which not all was read: with what was written and what was read.
fn is_stuck<const C: u32, const S: u32>(view: &View<'_, Host<C, S>, ()>) -> Option<(Stream, u32, u32)> {
    if broken(view).is_some() {
        return None;
    }
    let (writer, reader) = (writer(view)?, reader(view)?);
    writer.written.iter().find_map(|(&stream, &written)| {
        let read = reader.streams.get(&stream)?.gone;
        (writer.streams.contains_key(&stream) && !reader.hidden.contains(&stream) && read < written)
            .then_some((stream, written, read))
    })
}
