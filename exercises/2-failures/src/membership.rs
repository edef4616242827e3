//! Membership: servers that leave and come back, one at a time, while the others go on.
//!
//! Source: Ongaro 2014, "Consensus: Bridging Theory and Practice", chapter 4; Ongaro, "bug in single-server membership changes",
//! raft-dev, 10 July 2015. Sections named here are those of the former.
//!
//! # The problem
//!
//! Five servers bear two failures. Two of them are gone for good. The three others go on, and bear none: a majority of five is still three.
//! A cluster of three would bear one. So somebody has to say that the two count no more, while the others go on.
//!
//! # The protocol
//!
//! How many servers count is a value of the map, under the key [`SIZE`]. So it is replicated, kept by snapshots, and changed by an
//! entry of the log. A cluster of 3 is n0, n1 and n2. At first all servers count.
//!
//! - A server goes by the last change *in its log*, committed or not (section 4.1). So a change counts for each server from the moment
//!   at which it has it, and is taken back with its entry.
//! - Majorities of two sizes that differ by one meet. So a leader changes the size by one, and only if nothing is under way: the last change is
//!   committed, and so is an entry of the leader's own term.
//! - A leader does not remove itself. It resigns, and whoever is asked next makes the change.
//! - A server that is out does not stand for election. It may not know that it is out: while there is a leader, nobody listens to candidates
//!   from outside, unless they know of a later one (section 4.2.3).
//!
//! # How it is built
//!
//! [`Member`] is a server around [`Compacting`], which stays as it is. Three methods of the innermost server help ([`cap::raft::membership`]):
//! `regroup`, `resign` and `leader`.
//!
//! # Left out on purpose
//!
//! Sets of any servers, and changes of many at once, by joint consensus (section 4.3). Newcomers that catch up before they count
//! (section 4.2.1): here a change is not done before a majority of the new size has it. A leader that hands over to another one (section 3.10).
//! And new names: who comes back must have what it had saved.

#![allow(
    unused_variables,
    unused_imports,
    dead_code,
    reason = "for the holes below: delete this line when all are filled"
)]
use cap::raft::log::{Command, Index};
use cap::raft::store::Request::{self, Add, Get, Put};
use cap::raft::store::{Key, Response, Value};
use cap::raft::{Raft, Timer, message};
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use crate::snapshot::{Compacting, Durable, Message};

/// Under this key stands how many servers count. 0: nobody has changed that yet, and all of them do.
pub const SIZE: Key = '#';

/// A server that may have to leave, and may come back.
///
/// Invariants:
/// - the inner server goes by the size that the last change in its log asks for;
/// - of the changes in a leader's log, all but the last are committed;
/// - no change stands in a log that the store will leave out, since its client has gone on;
/// - who is out neither stands for election nor leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member<const LIMIT: Index> {
    /// This server, and all servers that there are, whether they count or not.
    me: Membership,
    server: Compacting<LIMIT>,
}

impl<const LIMIT: Index> Node for Member<LIMIT> {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        let mut inner = Outbox::new();
        let mut member = Member { me, server: Compacting::start(me, saved, &mut inner) };
        member.pass_on(inner, out);
        member
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        if !(self.is_out(from) && self.disturbs(&message)) {
            self.inside(out, |server, out| server.on_message(from, message, out));
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        match timer {
            Timer::Election if self.is_out(self.me.id) => self.sit_out(out),
            _ => self.inside(out, |server, out| server.on_timer(timer, out)),
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match request {
            Put(SIZE, size) if self.raft().is_leader() => self.on_change(id, size, out),
            Add(SIZE, _) => self.ask(id, Get(SIZE), out),
            _ => self.ask(id, request, out),
        }
    }
}

impl<const LIMIT: Index> Member<LIMIT> {
    /// How many servers count for this one: what the last change in its log asks for, whether it is committed or not; without one, what
    /// the applied entries led to.
    ///
    /// Source: section 4.1: "a server always uses the latest configuration in its log".
    fn size(&self) -> usize {
        todo!("Of the changes that are under way here, which one counts? And if there is none?")
    }

    /// On a leader: may the size be changed to `size` now, by the request `id`?
    ///
    /// - There are that many servers, and at least one, and the change is by one.
    /// - Nothing is under way: neither a change, nor what leaders of earlier terms may have left behind. The second is so if the last
    ///   committed entry is of the leader's own term. Other entries of its own may be under way.
    /// - The request is new: of its client, none of this number or a later one was carried out or stands in the log already, be it as
    ///   a question. Otherwise its entry would count in the log, and the store would leave it out. What was carried out is in
    ///   [`sessions`](Raft::sessions), what stands in the log is in `ahead`.
    ///
    /// Source: section 4.1 and figure 4.3; Ongaro 2015; for the last one the thesis, section 6.3.
    fn may_change(&self, id: RequestId, size: Value) -> bool {
        todo!("Ask one question after the other. One \"no\" is enough.")
    }

    /// On a leader: a client wants that `size` servers count.
    ///
    /// If that may not be done now, the request becomes a question: it takes its way through the log as `Get`, and the answer says how it is. If
    /// it may be done and would remove this server, the leader resigns, and refuses the client without naming another one. Otherwise the inner server goes by the new
    /// size from now on, and its entry goes to those only who count then: who is out has no use for it, and with an entry more than the
    /// others it would keep them from being elected.
    ///
    /// Source: sections 4.1 and 4.2.2.
    fn on_change(&mut self, id: RequestId, size: Value, out: &mut Outbox<Self>) {
        todo!(
            "Three cases. In the last one, mind the order: by which size does the inner server go when it sends the entry?"
        )
    }

    /// The election timer has fired, and this server is out. It must not stand: its own vote would count for something. One day it may be
    /// in again, and then it needs its timer.
    fn sit_out(&mut self, out: &mut Outbox<Self>) {
        todo!("Do nothing but wait.")
    }

    /// Is a message from a server that is out, as this one sees it, better left unheard? A candidate's is, as long as there is a leader: it
    /// would only bring its term, and depose that one. There are three exceptions, in which the candidate may know more than this server does:
    ///
    /// - There is no leader, as far as this server knows.
    /// - The candidate's log ends in a later term than this server is in. So there was a later leader, and the one that is known here is deposed.
    /// - This server is out itself. It has no say in who is in, and its vote is asked for by somebody who believes that it is.
    ///
    /// All other messages are heard.
    ///
    /// Source: section 4.2.3; on votes from and for servers outside, section 4.1.
    fn disturbs(&self, message: &Message) -> bool {
        todo!("Which message is it? And what does this server know that the candidate may not?")
    }

    /// Does a server not count, as this one sees it?
    fn is_out(&self, server: NodeId) -> bool {
        server.0 >= self.raft().size()
    }

    /// The commands that stand in the log and are not applied yet, in order. What is committed is applied at once.
    fn ahead(&self) -> impl DoubleEndedIterator<Item = &Command> {
        self.raft().log().after(self.raft().applied()).iter().map(|entry| &entry.command)
    }

    /// Those of them that are changes: the sizes that they ask for.
    fn under_way(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.ahead().filter_map(|command| match *command {
            Command::Client { request: Put(SIZE, size), .. } => usize::try_from(size).ok(),
            _ => None,
        })
    }

    /// The size that the applied entries led to.
    fn settled(&self) -> usize {
        match self.raft().store().get(SIZE) {
            0 => self.me.size,
            size => usize::try_from(size).expect("no other size gets into a log"),
        }
    }

    /// Passes a request on to the inner server.
    fn ask(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        self.inside(out, |server, out| server.on_request(id, request, out));
    }

    /// Lets the inner server do something, and passes on what it wants done.
    fn inside(
        &mut self,
        out: &mut Outbox<Self>,
        run: impl FnOnce(&mut Compacting<LIMIT>, &mut Outbox<Compacting<LIMIT>>),
    ) {
        let mut inner = Outbox::new();
        run(&mut self.server, &mut inner);
        self.pass_on(inner, out);
    }

    /// Passes on what the inner server wants done. Its log may have changed by then, and so may the size.
    fn pass_on(&mut self, inner: Outbox<Compacting<LIMIT>>, out: &mut Outbox<Self>) {
        out.pass_on(inner, |message| message, |durable| durable);
        let changed = self.raft().size() != self.me.size || self.settled() != self.me.size;
        if changed || self.under_way().next().is_some() {
            self.server.regroup(self.size());
        }
    }
}

/// What the checks look at.
impl<const LIMIT: Index> Member<LIMIT> {
    /// How many servers there are, whether they count or not.
    pub fn all(&self) -> usize {
        self.me.size
    }

    /// The inner server.
    pub fn compacting(&self) -> &Compacting<LIMIT> {
        &self.server
    }

    /// The innermost server.
    pub fn raft(&self) -> &Raft {
        self.server.raft()
    }
}
