//! Two hosts and a link that loses, repeats and reorders: `n0` sends records, and `n1` receives and reads them. Both use the learner's
//! limits.

use std::collections::BTreeSet;
use std::fmt;

use testkit::check::Rule;
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};
use testkit::text::list;

use super::oracle::{Broken, keeps};
use crate::subject::credit::limit::{Arrival, Receiver, Sender, Status};

const IN_LIMIT: Rule = Rule::new(
    "no further than the limit",
    "A sender sends no record for which the receiver has made no room.",
    "RFC 9000, QUIC, section 4.1",
    "3-asynchrony/credit.md#increments-on-a-lossy-link",
);

const PROMISED: Rule = Rule::new(
    "a promise is kept",
    "A record that was allowed once is accepted whenever it comes, however often.",
    "RFC 9000, QUIC, section 4.1",
    "3-asynchrony/credit.md#a-limit-that-falls",
);

const BOUNDED: Rule = Rule::new(
    "a buffer has a bound",
    "The limit leaves room for every record that it allows. The buffer holds what came and was not consumed, and nothing else.",
    "RFC 9000, QUIC, section 4.1",
    "3-asynchrony/credit.md#invariants-to-keep",
);

const KNOWN: Rule = Rule::new(
    "a copy is thrown away",
    "A record that is in the buffer or was consumed is known, and any other one is new.",
    "contract of `limit::Receiver::receive`",
    "3-asynchrony/credit.md#copies",
);

const IN_ORDER: Rule = Rule::new(
    "in order, each once",
    "The application gets all records in order, each once, as soon as they are there.",
    "contract of `limit::Receiver::consume`",
    "3-asynchrony/credit.md#copies",
);

const AGAIN: Rule = Rule::new(
    "what may be missing is sent again",
    "Sent again are the records that were sent and that the sender does not know to have been consumed: all of them, and no others.",
    "RFC 9000, QUIC, section 13.3",
    "3-asynchrony/credit.md#silence",
);

const ALL_READ: Rule = Rule::new(
    "nothing is lost for good",
    "Once the link works and both sides repeat themselves, all records are read.",
    "RFC 9000, QUIC, section 13.3; cloudflare/quiche, pull request 525",
    "3-asynchrony/credit.md#silence",
);

const WAITS: Rule = Rule::new(
    "a sender has to wait",
    "There is a run in which the limit is reached, and everything is read all the same.",
    "RFC 9000, QUIC, section 4.1",
    "3-asynchrony/credit.md#absolute-limits",
);

/// What a client wants of one of the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Of `n0`: send so many records.
    Write(u64),
    /// Of `n1`: make room for so many from now on.
    Resize(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accepted;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Packet {
    Record(u64),
    Is(Status),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Nothing was heard for a while, so `n0` sends records again.
    Again,
    /// Nothing has come for a while, so `n1` says where it is.
    Reports,
    /// The application reads a record.
    Reads,
}

/// One of the two hosts, with room for `WINDOW` records at first.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Peer<const WINDOW: u64> {
    Writes(Box<Writer>),
    Reads(Box<Reader>),
}

/// The host that sends.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Writer {
    sender: Sender,
    written: u64,
    sent: u64,
    /// The most that it has heard to be consumed.
    consumed: u64,
    has_waited: bool,
    broken: Option<Broken>,
}

/// The host that receives.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reader {
    receiver: Receiver,
    window: u64,
    /// The largest limit that was said.
    promised: u64,
    held: BTreeSet<u64>,
    read: u64,
    broken: Option<Broken>,
}

impl<const WINDOW: u64> fmt::Debug for Peer<WINDOW> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Writes(writer) => write!(f, "{:?}, to send: {}", writer.sender, writer.written - writer.sent),
            Peer::Reads(reader) => reader.receiver.fmt(f),
        }
    }
}

impl Writer {
    fn breaks(&mut self, rule: Rule, why: String) {
        self.broken.get_or_insert((rule, why));
    }

    fn pump<N: Node<Message = Packet>>(&mut self, out: &mut Outbox<N>) {
        while self.sent < self.written {
            let Some(number) = self.sender.send() else {
                self.has_waited = true;
                return;
            };
            self.sent += 1;
            out.send(NodeId(1), Packet::Record(number));
        }
    }

    fn sends_again<N: Node<Message = Packet>>(&mut self, out: &mut Outbox<N>) {
        let (again, right) = (self.sender.again(), self.consumed..self.sent);
        if again != right && !(again.is_empty() && right.is_empty()) {
            return self.breaks(
                AGAIN,
                format!(
                    "{} records were sent, and n0 has heard that {} were consumed. `again` gives {again:?}, and not {right:?}.",
                    self.sent, self.consumed
                ),
            );
        }
        again.for_each(|number| out.send(NodeId(1), Packet::Record(number)));
    }
}

impl Reader {
    fn breaks(&mut self, rule: Rule, why: String) {
        self.broken.get_or_insert((rule, why));
    }

    fn receives<const WINDOW: u64>(&mut self, number: u64, out: &mut Outbox<Peer<WINDOW>>) {
        let is_new = number >= self.read && self.held.insert(number);
        match self.receiver.receive(number) {
            Ok(arrival) if (arrival == Arrival::New) == is_new => {
                if is_new {
                    out.arm(Timer::Reads);
                }
            }
            Ok(arrival) => {
                let was = if is_new { "was never here" } else if number < self.read { "was consumed" } else { "is in the buffer" };
                self.breaks(KNOWN, format!("Record {number} {was}, and `receive` says that it is {arrival:?}."));
            }
            Err(violation) if number < self.promised => self.breaks(
                PROMISED,
                format!(
                    "n1 has said that records before {} may be sent. Record {number} comes, and to n1 that is a violation: {violation:?}.",
                    self.promised
                ),
            ),
            Err(violation) => {
                self.held.remove(&number);
                let (read, held) = (self.read, list(&self.held, "none"));
                self.breaks(
                    IN_LIMIT,
                    format!(
                        "Records read: {read}. Records in the buffer: {held}. Record {number} comes, and there is no room for it: \
                         {violation:?}."
                    ),
                );
            }
        }
    }

    fn reads<const WINDOW: u64>(&mut self, out: &mut Outbox<Peer<WINDOW>>) {
        let right = self.held.remove(&self.read).then_some(self.read);
        let told = self.receiver.consume();
        if told != right {
            return self.breaks(
                IN_ORDER,
                format!(
                    "The application has read {} records, and the next one is {}. `consume` gives {told:?}.",
                    self.read,
                    if right.is_some() { "there" } else { "missing" }
                ),
            );
        }
        let (held, right_held) = (self.receiver.held(), self.held.len());
        if held != right_held {
            return self.breaks(
                BOUNDED,
                format!("After `consume`, {right_held} records wait to be read, and the buffer holds {held}."),
            );
        }
        if right.is_some() {
            self.read += 1;
            self.reports(out);
        }
        if !self.held.is_empty() {
            out.arm(Timer::Reads);
        }
    }

    fn reports<const WINDOW: u64>(&mut self, out: &mut Outbox<Peer<WINDOW>>) {
        let Some(status) = self.receiver.report() else { return };
        let most = self.promised.max(self.read + self.window);
        if status.limit > most {
            return self.breaks(
                BOUNDED,
                format!(
                    "There is room for {} records, {} were consumed, and the largest limit said before is {}. Now n1 says {status:?}.",
                    self.window, self.read, self.promised
                ),
            );
        }
        self.promised = self.promised.max(status.limit);
        out.send(NodeId(0), Packet::Is(status));
    }
}

impl<const WINDOW: u64> Node for Peer<WINDOW> {
    type Message = Packet;
    type Timer = Timer;
    type Request = Request;
    type Response = Accepted;
    type Durable = ();

    fn start(membership: Membership, _: Option<()>, out: &mut Outbox<Self>) -> Self {
        if membership.id == NodeId(0) {
            out.arm(Timer::Again);
            let sender = Sender::new(WINDOW);
            Peer::Writes(Box::new(Writer { sender, written: 0, sent: 0, consumed: 0, has_waited: false, broken: None }))
        } else {
            out.arm(Timer::Reports);
            Peer::Reads(Box::new(Reader {
                receiver: Receiver::new(WINDOW),
                window: WINDOW,
                promised: WINDOW,
                held: BTreeSet::new(),
                read: 0,
                broken: None,
            }))
        }
    }

    fn on_message(&mut self, _: NodeId, packet: Packet, out: &mut Outbox<Self>) {
        match (self, packet) {
            (Peer::Writes(writer), Packet::Is(status)) => {
                writer.sender.hear(status);
                writer.consumed = writer.consumed.max(status.consumed);
                writer.pump(out);
            }
            (Peer::Reads(reader), Packet::Record(number)) => reader.receives(number, out),
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        match (self, timer) {
            (Peer::Writes(writer), Timer::Again) => {
                writer.sends_again(out);
                out.arm(Timer::Again);
            }
            (Peer::Reads(reader), Timer::Reports) => {
                reader.reports(out);
                out.arm(Timer::Reports);
            }
            (Peer::Reads(reader), Timer::Reads) => reader.reads(out),
            _ => {}
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match (self, request) {
            (Peer::Writes(writer), Request::Write(records)) => {
                writer.written += records;
                writer.pump(out);
            }
            (Peer::Reads(reader), Request::Resize(window)) => {
                reader.window = window;
                reader.receiver.resize(window);
                reader.reports(out);
            }
            _ => {}
        }
        out.reply(id, Accepted);
    }
}

/// Two hosts, of which one sends so many records each time that it is asked. They repeat themselves so often in all while the link may fail.
pub fn records<const WINDOW: u64>(writes: &[u64], repeats: u8) -> Cluster<Peer<WINDOW>> {
    let repeated = |step: &Occurrence<'_, Peer<WINDOW>>| {
        matches!(step, Occurrence::Timeout { timer: Timer::Again | Timer::Reports, .. })
    };
    let cluster = Cluster::new(2, ()).client(&[0], writes.iter().copied().map(Request::Write)).limit(repeats, repeated);
    let all: u64 = writes.iter().sum();
    let rules = [IN_LIMIT, PROMISED, BOUNDED, KNOWN, IN_ORDER, AGAIN];
    let cluster = keeps(cluster, rules, broken);
    cluster
        .leads_to(ALL_READ, 6, |view| {
            let (Some(writer), Some(reader)) = (writer(view), reader(view)) else { return Ok(()) };
            let (written, read) = (writer.written, reader.read);
            match read == written || broken(view).is_some() {
                true => Ok(()),
                false => Err(format!(
                    "{written} records were written and {read} were read. The link works again, both sides have repeated themselves, and no \
                     more comes."
                )),
            }
        })
        .sometimes(WAITS, move |view| writer(view).is_some_and(|writer| writer.has_waited) && reader(view).is_some_and(|reader| reader.read == all))
}

fn writer<'a, const WINDOW: u64>(view: &View<'a, Peer<WINDOW>, ()>) -> Option<&'a Writer> {
    match view.server(NodeId(0)) {
        Some(Peer::Writes(writer)) => Some(writer),
        _ => None,
    }
}

fn reader<'a, const WINDOW: u64>(view: &View<'a, Peer<WINDOW>, ()>) -> Option<&'a Reader> {
    match view.server(NodeId(1)) {
        Some(Peer::Reads(reader)) => Some(reader),
        _ => None,
    }
}

fn broken<'a, const WINDOW: u64>(view: &View<'a, Peer<WINDOW>, ()>) -> Option<&'a Broken> {
    let first = writer(view).and_then(|writer| writer.broken.as_ref());
    first.or_else(|| reader(view).and_then(|reader| reader.broken.as_ref()))
}
