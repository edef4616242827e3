//! A server that does what its clients tell it: a request is a list of things to do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use testkit::node::{ClientId, Membership, Node, NodeId, Outbox, RequestId};

/// One thing that a [`Puppet`] is told to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Do {
    Arm(&'static str),
    Disarm(&'static str),
    /// Keeps a number, which a crash takes.
    Remember(u32),
    /// Saves a number, which survives a crash.
    Save(u32),
    Tell(usize, u32),
    /// Answers at once.
    Answer(u32),
    /// Answers whenever the message [`ANSWER`] comes, each time.
    AnswerWhenTold,
    /// Answers a request that nobody has made.
    AnswerStranger,
    /// Leaves a note for whoever reads the run.
    Note(&'static str),
    Panic,
    Todo,
    IterateHashMap,
    CountCalls,
    ReadClock,
}

pub type Puppetry = Vec<Do>;

/// The message upon which a puppet answers what it has been asked so far.
pub const ANSWER: u32 = 0;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Puppet {
    pub started_with: Option<u32>,
    pub remembered: u32,
    pub heard: Vec<u32>,
    pub rung: Vec<&'static str>,
    open: Vec<RequestId>,
}

impl Node for Puppet {
    type Message = u32;
    type Timer = &'static str;
    type Request = Puppetry;
    type Response = u32;
    type Durable = u32;

    fn start(_me: Membership, saved: Option<u32>, out: &mut Outbox<Self>) -> Self {
        if saved.is_some() {
            out.arm("up again");
        }
        Puppet { started_with: saved, remembered: 0, heard: vec![], rung: vec![], open: vec![] }
    }

    fn on_message(&mut self, _from: NodeId, message: u32, out: &mut Outbox<Self>) {
        if message == ANSWER {
            self.open.iter().for_each(|id| out.reply(*id, 7));
        } else {
            self.heard.push(message);
        }
    }

    fn on_timer(&mut self, timer: &'static str, _out: &mut Outbox<Self>) {
        self.rung.push(timer);
    }

    fn on_request(&mut self, id: RequestId, request: Puppetry, out: &mut Outbox<Self>) {
        request.into_iter().for_each(|what| self.perform(id, what, out));
    }
}

impl Puppet {
    fn perform(&mut self, id: RequestId, what: Do, out: &mut Outbox<Self>) {
        match what {
            Do::Note(note) => testkit::note!("{note}, after {}", self.remembered),
            Do::Arm(timer) => out.arm(timer),
            Do::Disarm(timer) => out.disarm(timer),
            Do::Remember(number) => self.remembered = number,
            Do::Save(number) => out.save(number),
            Do::Tell(to, message) => out.send(NodeId(to), message),
            Do::Answer(number) => out.reply(id, number),
            Do::AnswerWhenTold => self.open.push(id),
            Do::AnswerStranger => out.reply(RequestId { client: ClientId(0), number: id.number + 1 }, 0),
            Do::Panic => panic!("pulled too hard"),
            Do::Todo => todo!("Tie the strings."),
            // Twelve numbers: two maps show them in the same order once in 479,001,600 times.
            Do::IterateHashMap => self.heard.extend((0..12).map(|n| (n, ())).collect::<HashMap<_, _>>().into_keys()),
            Do::CountCalls => {
                static CALLS: AtomicU32 = AtomicU32::new(0);
                self.remembered = CALLS.fetch_add(1, Ordering::Relaxed);
            }
            Do::ReadClock => {
                let moment = Instant::now();
                // A clock may be too coarse to tell two calls apart, so wait for its next tick.
                while moment == Instant::now() {}
                self.heard = format!("{:?}", Instant::now()).bytes().map(u32::from).collect();
            }
        }
    }
}
