//! Membership: servers that leave and come back, one at a time, while the others go on.
//!
//! Source: Ongaro 2014, "Consensus: Bridging Theory and Practice", chapter 4; Ongaro, "bug in single-server membership changes",
//! raft-dev, 10 July 2015. Sections named here are those of the former.
//!
//! # The problem
//!
//! Five servers survive two failures. Suppose that two of them are gone for good. The other three go on, but survive no further
//! failure: a majority of five is still three. A cluster of three would survive one. So the cluster must be told that the two no
//! longer count, while the others go on.
//!
//! # The protocol
//!
//! How many servers count is a value of the map, under the key [`SIZE`]. So it is replicated, kept by snapshots, and changed by
//! an entry of the log. A cluster of 3 is n0, n1 and n2. At first, all servers count.
//!
//! - A server goes by the last change *in its log*, committed or not (section 4.1). So a change counts for a server as soon as
//!   its log holds the entry, and no longer if that entry is replaced.
//! - Majorities of two sizes that differ by one share a server. So a leader changes the size by one, and only if nothing is
//!   under way: the last change is committed, and so is an entry of the leader's own term.
//! - A leader does not remove itself. It resigns, and the next leader makes the change.
//! - A server that is out does not become a candidate. It may not know that it is out. So while there is a leader, servers
//!   ignore candidates from outside, unless such a candidate knows of a later leader (section 4.2.3).
//!
//! # How it is built
//!
//! [`Member`] is a server around [`Compacting`], which stays as it is. Three methods of the innermost server help ([`cap::raft::membership`]):
//! `regroup`, `resign` and `leader`.
//!
//! # Left out on purpose
//!
//! Arbitrary sets of servers, and changes of many at once, by joint consensus (section 4.3). Newcomers that catch up before they
//! count (section 4.2.1): here a change is committed once a majority of the new size has it. A leader that hands over to another
//! server (section 3.10). And replacements: a server that comes back must have what it had saved.

use cap::raft::log::{Command, Index};
use cap::raft::store::Request::{self, Add, Get, Put};
use cap::raft::store::{Key, Response, Value};
use cap::raft::{Raft, Timer, message};
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use crate::snapshot::{Compacting, Durable, Message};

/// The key of how many servers count. 0 means that no change was made yet, and all of them do.
pub const SIZE: Key = '#';

/// A server that may have to leave, and may come back.
///
/// Invariants:
/// - the inner server goes by the size that the last change in its log asks for;
/// - of the changes in a leader's log, all but the last are committed;
/// - no log holds a change that the store will ignore because its client has gone on;
/// - a server that is out neither becomes a candidate nor leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member<const LIMIT: Index> {
    /// This server, and how many servers exist, whether they count or not.
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
    /// How many servers count for this one: what the last change in its log asks for, whether it is committed or not. Without a
    /// change in the log, what its store says.
    ///
    /// Source: section 4.1: "a server always uses the latest configuration in its log".
    fn size(&self) -> usize {
        self.under_way().fold(self.settled(), |_, later| later)
    }

    /// On a leader: may the request `id` change the size to `size` now? Yes, if all of these hold:
    ///
    /// - `size` is at least 1 and at most the number of servers that exist, and one more or one less than the size that counts
    ///   now.
    /// - No change is under way: every change in the log is committed, and so is an entry of the leader's own term, so that no
    ///   earlier leader's change can come back. Other entries of the leader's own term need not be committed.
    /// - The request is new: no request of the same client with this number or a higher one was carried out
    ///   ([`sessions`](Raft::sessions)) or is in the log already (`ahead`), even as a question. Otherwise the entry would count
    ///   in the log, and the store would ignore it.
    ///
    /// Source: section 4.1 and figure 4.3; Ongaro 2015; for the last one the thesis, section 6.3.
    fn may_change(&self, id: RequestId, size: Value) -> bool {
        self.is_a_step(size) && self.is_quiet() && self.is_new(id)
    }

    /// Is `size` possible here, and next to what counts now?
    fn is_a_step(&self, size: Value) -> bool {
        let possible = usize::try_from(size).ok().filter(|size| (1..=self.me.size).contains(size));
        possible.is_some_and(|size| size.abs_diff(self.size()) == 1)
    }

    /// On a leader: is all that could change the size over, here and in what earlier leaders have left behind?
    fn is_quiet(&self) -> bool {
        let raft = self.raft();
        self.under_way().next().is_none() && raft.log().term_at(raft.commit_index()) == Some(raft.term())
    }

    /// Is this the latest request of its client, among those that were carried out and those that stand in the log?
    fn is_new(&self, id: RequestId) -> bool {
        let done = self.raft().sessions().get(&id.client).map(|session| session.number);
        let standing = self.ahead().filter_map(|command| match command {
            Command::Client { id: other, .. } if other.client == id.client => Some(other.number),
            _ => None,
        });
        standing.chain(done).all(|number| number < id.number)
    }

    /// On a leader: a client wants `size` servers to count.
    ///
    /// If this [may not be done](Self::may_change) now, the request becomes a question: it goes through the log as `Get`, and
    /// the answer says what the size is. If it may be done but would remove this server, the leader resigns, leaves its log as
    /// it is, and refuses the client once, without naming a leader. Otherwise the change is in the log, and the new size counts
    /// at once. Only servers that count under the new size are sent the entry: one that is out has no use for it, and with one
    /// entry more than the others it would keep them from being elected.
    ///
    /// Source: sections 4.1 and 4.2.2.
    fn on_change(&mut self, id: RequestId, size: Value, out: &mut Outbox<Self>) {
        match usize::try_from(size).ok().filter(|_| self.may_change(id, size)) {
            None => self.ask(id, Get(SIZE), out),
            Some(wanted) if wanted <= self.me.id.0 => {
                self.inside(out, |server, out| server.resign(out));
                out.reply(id, Response::NotLeader { leader: None });
            }
            Some(wanted) => {
                self.server.regroup(wanted);
                self.ask(id, Put(SIZE, size), out);
            }
        }
    }

    /// The election timer has fired, and this server is out. It sends nothing and stays in its term, since its own vote must not
    /// count. One day it may be in again, so it needs its timer: that is armed again.
    fn sit_out(&mut self, out: &mut Outbox<Self>) {
        out.arm(Timer::Election);
    }

    /// Should this server ignore a message from a server that is out, by this server's own count? Only a candidate's request for
    /// a vote, since its term would depose a leader that works. And not even that, if the candidate may know more than this
    /// server:
    ///
    /// - this server knows of no leader in its term;
    /// - the candidate's log ends in a later term than this server's term: so there was a later leader, and the one that this
    ///   server knows is deposed;
    /// - this server is out itself, by its own count: it may be wrong about that, since the candidate believes that it is in.
    ///
    /// Every other message is heard.
    ///
    /// Source: section 4.2.3; on votes from and for servers outside, section 4.1.
    fn disturbs(&self, message: &Message) -> bool {
        match message {
            Message::Raft(message::Message::RequestVote { last_term, .. }) => {
                let knows_of_a_later_leader = *last_term > self.raft().term();
                self.raft().leader().is_some() && !knows_of_a_later_leader && !self.is_out(self.me.id)
            }
            _ => false,
        }
    }

    /// Is a server out, by this server's own count?
    fn is_out(&self, server: NodeId) -> bool {
        server.0 >= self.raft().size()
    }

    /// The commands in the log that are not applied yet, in order. What is committed is applied at once.
    fn ahead(&self) -> impl DoubleEndedIterator<Item = &Command> {
        self.raft().log().after(self.raft().applied()).iter().map(|entry| &entry.command)
    }

    /// The sizes that those of them ask for that are changes.
    fn under_way(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.ahead().filter_map(|command| match *command {
            Command::Client { request: Put(SIZE, size), .. } => usize::try_from(size).ok(),
            _ => None,
        })
    }

    /// The size by the applied entries.
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
    /// How many servers exist, whether they count or not.
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
