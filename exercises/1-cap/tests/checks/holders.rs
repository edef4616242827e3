//! Replicas of the quorum register, as one coordinator hears them: the peers that a check plays against it.
//!
//! Three servers, of which only `n0` runs the learner's code. `n1` and `n2` each hold a version from the beginning, and answer what
//! they are asked: at any time, in any order, and again. Whatever `n0` answers its client must then be held by a majority, or a later
//! read may miss it. What is known of that, the answers say.

use std::collections::{BTreeMap, BTreeSet};

use testkit::cluster::{Cluster, History, Invocation, Peers, Transition};
use testkit::node::{ClientId, Effect, Node, NodeId, Outbox, RequestId};
use testkit::text::list;

use super::words;
use crate::subject::abd::{Abd, Message, Tag, Version};
use crate::subject::register::{Request, Response};

/// How many servers there are.
const SERVERS: usize = 3;

/// An operation that another server works on.
const STRANGER: RequestId = RequestId { client: ClientId(7), number: 0 };

/// The coordinator's replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Holders {
    /// What each held when it was asked first.
    held: BTreeMap<NodeId, Version>,
    /// What each was sent.
    sent: BTreeSet<(NodeId, Message)>,
    /// What each has shown to hold.
    shown: BTreeMap<NodeId, Version>,
    /// An answer to a client that was not held by a majority.
    pub wrong: Option<String>,
}

/// The version that `n1` or `n2` may hold. Two writers have used the same number.
pub fn written_by(writer: usize) -> Version {
    Version { tag: Tag { number: 1, writer: NodeId(writer) }, value: 10 * writer as u32 }
}

/// `n0` alone among two replicas that hold these versions, with one client.
pub fn among_holders(first: Version, second: Version, request: Request) -> Cluster<Abd, Holders> {
    let held = BTreeMap::from([(NodeId(1), first), (NodeId(2), second)]);
    Cluster::new(SERVERS, Holders { held, ..Holders::default() }).among_peers().client(&[0], [request])
}

impl Holders {
    fn show(&mut self, server: NodeId, version: Version) {
        let shown = self.shown.entry(server).or_insert(version);
        *shown = version.max(*shown);
    }

    /// The version that a replica was sent to hold for `operation`.
    fn told(&self, replica: NodeId, operation: RequestId) -> Option<Version> {
        self.sent.iter().find_map(|(to, message)| match message {
            Message::Store { operation: its, version } if (*to, *its) == (replica, operation) => Some(*version),
            _ => None,
        })
    }

    fn hear(&mut self, from: NodeId, message: &Message) {
        match *message {
            Message::QueryReply { held, .. } => self.show(from, held),
            Message::StoreAck { operation } => {
                if let Some(version) = self.told(from, operation) {
                    self.show(from, version);
                }
            }
            // A coordinator holds what it tells others to hold.
            Message::Store { version, .. } => self.show(from, version),
            Message::Query { .. } => {}
        }
    }

    /// Judges an answer to the client: which version is it about, and who has shown to hold that, or a newer one?
    fn judge(&mut self, own: Version, operation: RequestId, response: Response) {
        let told = (1..SERVERS).find_map(|replica| self.told(NodeId(replica), operation));
        let known = self.shown.values().copied().chain([own, Version::INITIAL]);
        let version = match response {
            Response::Written => told,
            Response::Read(value) => told.into_iter().chain(known).find(|version| version.value == value),
        };
        let Some(version) = version else {
            self.wrong =
                Some(format!("n0 answers {}, but no replica has shown it such a version.", words::response(response)));
            return;
        };
        let holders = self.shown.values().chain([&own]).filter(|held| **held >= version).count();
        if 2 * holders <= SERVERS {
            let shown = self.shown.iter().map(|(server, held)| format!("{server} {}", words::version(*held)));
            self.wrong = Some(format!(
                "n0 answers {}, which speaks of {}. n0 itself holds {}, and these replicas have shown what they hold: {}. That \
                 is no majority.",
                words::response(response),
                words::version(version),
                words::version(own),
                list(shown, "nobody")
            ));
        }
    }
}

/// What a server answers when it is asked.
fn held_by(server: &Abd) -> Version {
    let mut out = Outbox::new();
    server.clone().on_message(NodeId(1), Message::Query { operation: STRANGER }, &mut out);
    let held = out.effects().iter().find_map(|effect| match effect {
        Effect::Send { message: Message::QueryReply { held, .. }, .. } => Some(*held),
        _ => None,
    });
    held.unwrap_or(Version::INITIAL)
}

impl History<Abd> for Holders {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Abd>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn transition(&mut self, transition: &Transition<'_, Abd>) {
        // What n0 tells itself, it knows.
        if let Some((from, message)) = transition.received().filter(|(from, _)| from.0 > 0) {
            self.hear(from, message);
        }
        self.sent.extend(transition.sent().filter(|(to, ..)| to.0 > 0).map(|(to, message, _)| (to, *message)));
        for effect in transition.effects {
            if let Effect::Reply { to, response } = effect {
                self.judge(held_by(transition.after), *to, *response);
            }
        }
    }
}

impl Peers<Abd> for Holders {
    fn may_say(&self, _: &Abd) -> Vec<(NodeId, Message)> {
        let mut says = Vec::new();
        for &(replica, message) in &self.sent {
            match message {
                Message::Query { operation } => {
                    let held = self.shown.get(&replica).copied().into_iter().chain([self.held[&replica]]).max();
                    says.extend(held.map(|held| (replica, Message::QueryReply { operation, held })));
                }
                Message::Store { operation, .. } => says.push((replica, Message::StoreAck { operation })),
                Message::QueryReply { .. } | Message::StoreAck { .. } => {}
            }
        }
        // n1 works on an operation of its own, in which n0 is a replica.
        says.push((NodeId(1), Message::Store { operation: STRANGER, version: self.held[&NodeId(1)] }));
        says
    }
}
