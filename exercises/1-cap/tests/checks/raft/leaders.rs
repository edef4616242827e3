//! What leaders and candidates may say to one server: the peers that a check plays against a follower.
//!
//! Seven servers, of which only `n0` runs the learner's code. `n1`, `n2` and `n3` lead the terms 1, 2 and 3. A [`World`] says what
//! their logs were in the end, and how far each of them knew its log to be committed. With seven servers, the others can elect and
//! commit without `n0`, so any world is possible that keeps the rules of figure 3,
//! whatever `n0` does.
//!
//! A leader may send any stretch of its log, from anywhere, with any commit index up to what it knew, at any time, and again. What
//! `n0` has heard so far excludes some worlds: no leader says what contradicts that. So the peers remember which are left.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use testkit::cluster::{Cluster, History, Invocation, Peers, Transition};
use testkit::node::{ClientId, NodeId, RequestId};

use super::servers::timeouts;
use crate::subject::raft::log::{Command, Entry, Index, Log, Term};
use crate::subject::raft::message::Message;
use crate::subject::raft::store::Request::Add;
use crate::subject::raft::store::{Response, Value};
use crate::subject::raft::{Durable, Raft};

/// How many servers there are.
const SERVERS: usize = 7;

/// The length of a leader's log at the end of its term.
const LENGTH: usize = 3;

/// What leaders and candidates talk of, so that a scope stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Talk {
    /// Requests for votes, and heartbeats that ask nothing, of three terms.
    Elections,
    /// The logs of three terms, in which nothing is known to be committed.
    Logs,
    /// The logs of two terms, and how far they are committed.
    Commits,
}

/// What happened among the others, by terms from 1 on. Logs are named by the terms of their entries.
#[derive(Clone, Debug, PartialEq, Eq)]
struct World {
    reigns: Vec<Reign>,
}

/// What a leader begins with, its log in the end, and how far it comes to know it to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reign {
    inherited: usize,
    log: Vec<Term>,
    committed: usize,
}

impl World {
    /// In term 1 a leader fills its log.
    fn first(commits: bool) -> Vec<World> {
        let most = if commits { LENGTH } else { 0 };
        let reign = |committed| Reign { inherited: 0, log: vec![1; LENGTH], committed };
        (0..=most).map(|committed| World { reigns: vec![reign(committed)] }).collect()
    }

    /// Every world to which the next term may lead.
    fn next(&self, commits: bool) -> Vec<World> {
        let newest = self.reigns.last().expect("the first leader is there");
        // Nobody who votes for the next leader needs to have heard of a term in which nothing new was committed.
        let skipped = self.reigns.iter().rev().skip(1).take_while(|reign| reign.committed == newest.committed);
        let term = self.reigns.len() as Term + 1;
        let mut reigns: Vec<Reign> = Vec::new();
        for base in [newest].into_iter().chain(skipped) {
            for inherited in newest.committed..=LENGTH {
                let mut log = base.log[..inherited].to_vec();
                log.resize(LENGTH, term);
                // It counts entries of its own term.
                let own = (inherited + 1..=LENGTH).filter(move |_| commits);
                let ends = [newest.committed].into_iter().chain(own);
                reigns.extend(ends.map(|committed| Reign { inherited, log: log.clone(), committed }));
            }
        }
        let mut worlds: Vec<World> = Vec::new();
        for reign in reigns {
            let world = World { reigns: [&self.reigns[..], &[reign]].concat() };
            if !worlds.contains(&world) {
                worlds.push(world);
            }
        }
        worlds
    }

    /// All that may be said in it of what is wanted.
    fn says(&self, talk: Talk) -> Vec<(NodeId, Message)> {
        let terms = self.reigns.iter().enumerate();
        let says = terms.flat_map(|(at, reign)| {
            let (leader, term) = (NodeId(at + 1), at as Term + 1);
            let said = match talk {
                Talk::Elections => {
                    vec![stands(term, &reign.log[..reign.inherited]), stretch(term, &reign.log, 0, 0, 0)]
                }
                Talk::Logs | Talk::Commits => stretches(term, reign),
            };
            said.into_iter().map(move |message| (leader, message))
        });
        // The leader of term 1 stands again, and loses.
        let in_vain = [2, 3].map(|term| (NodeId(1), stands(term, &self.reigns[0].log)));
        says.chain(in_vain.into_iter().filter(|_| talk == Talk::Elections)).collect()
    }
}

/// Every stretch of a leader's log, with every commit index that it may have known.
fn stretches(term: Term, reign: &Reign) -> Vec<Message> {
    let ends = (0..=LENGTH).flat_map(|prev| (prev..=LENGTH).map(move |end| (prev, end)));
    let known = move |(prev, end)| (0..=reign.committed).map(move |known| stretch(term, &reign.log, prev, end, known));
    ends.flat_map(known).collect()
}

fn stretch(term: Term, log: &[Term], prev: usize, end: usize, known: usize) -> Message {
    Message::AppendEntries {
        term,
        prev_index: prev as Index,
        prev_term: if prev == 0 { 0 } else { log[prev - 1] },
        entries: (prev..end).map(|at| entry(at as Index + 1, log[at])).collect(),
        commit_index: known as Index,
    }
}

fn stands(term: Term, log: &[Term]) -> Message {
    Message::RequestVote { term, last_index: log.len() as Index, last_term: log.last().copied().unwrap_or(0) }
}

/// The entry of `term` at `index`. At the first index stands one client's command, which it has asked each new leader for; at the
/// others, each leader has a command of its own.
fn entry(index: Index, term: Term) -> Entry {
    let client = if index == 1 { 0 } else { term };
    let id = RequestId { client: ClientId(client as usize), number: index as usize };
    Entry { term, command: Command::Client { id, request: Add('x', (client as Value + 1) << (8 * index)) } }
}

/// `n0` alone among those who talk. Its election timer fires `elections` times at most, and a task's `later` files may have holes.
pub fn among_leaders(talk: Talk, elections: u8, later: &[&'static str]) -> Cluster<Raft, Leaders> {
    timeouts(Cluster::new(SERVERS, Leaders::new(talk)).later_tasks(later).among_peers(), elections, 0)
}

/// What a server has saved that has heard the first `length` entries of the leader of term 1.
pub fn heard_of_term_1(length: usize) -> Durable {
    let mut log = Log::default();
    (1..=length as Index).for_each(|index| log.push(entry(index, 1)));
    Durable { term: 1, voted_for: None, log }
}

/// What may be said, each with the worlds in which it may be.
type Sayings = BTreeMap<(NodeId, Message), u64>;

fn sayings(talk: Talk) -> &'static Sayings {
    static ELECTIONS: LazyLock<Sayings> = LazyLock::new(|| gathered(Talk::Elections, 3, false));
    static LOGS: LazyLock<Sayings> = LazyLock::new(|| gathered(Talk::Logs, 3, false));
    static COMMITS: LazyLock<Sayings> = LazyLock::new(|| gathered(Talk::Commits, 2, true));
    match talk {
        Talk::Elections => &ELECTIONS,
        Talk::Logs => &LOGS,
        Talk::Commits => &COMMITS,
    }
}

fn gathered(talk: Talk, terms: usize, commits: bool) -> Sayings {
    let first = World::first(commits);
    let worlds = (1..terms).fold(first, |worlds, _| worlds.iter().flat_map(|world| world.next(commits)).collect());
    assert!(worlds.len() <= 64, "{} worlds do not fit into 64 bits", worlds.len());
    let mut sayings = Sayings::new();
    for (at, world) in worlds.iter().enumerate() {
        for said in world.says(talk) {
            *sayings.entry(said).or_insert(0) |= 1 << at;
        }
    }
    sayings
}

/// What `n0` has heard, as far as it says what may be said now, and what `n0` may take for committed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leaders {
    talk: Talk,
    /// The worlds in which all may have been said that was.
    possible: u64,
    /// How far the leader of this term has shown its log to match that of `n0`.
    matching: (Term, Index),
    /// How far any leader has said to have committed.
    told: Index,
    /// How far `n0` may take its log for committed.
    pub known: Index,
}

impl Leaders {
    fn new(talk: Talk) -> Self {
        Leaders { talk, possible: u64::MAX, matching: (0, 0), told: 0, known: 0 }
    }

    fn note_commits(&mut self, before: &Raft, after: &Raft, message: &Message) {
        let Message::AppendEntries { term, prev_index, prev_term, entries, commit_index } = message else { return };
        if self.matching.0 != after.term() {
            self.matching = (after.term(), 0);
        }
        self.told = self.told.max(*commit_index);
        if *term >= before.term() && before.log().term_at(*prev_index) == Some(*prev_term) {
            self.matching.1 = self.matching.1.max(prev_index + entries.len() as Index);
        }
        self.known = self.known.max(self.told.min(self.matching.1));
    }
}

impl History<Raft> for Leaders {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Raft>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn transition(&mut self, transition: &Transition<'_, Raft>) {
        let (Some(before), Some((from, message))) = (transition.before, transition.received()) else { return };
        self.possible &= sayings(self.talk).get(&(from, message.clone())).copied().unwrap_or(u64::MAX);
        if self.talk == Talk::Commits {
            self.note_commits(before, transition.after, message);
        }
    }
}

impl Peers<Raft> for Leaders {
    fn may_say(&self, _: &Raft) -> Vec<(NodeId, Message)> {
        let says = sayings(self.talk).iter().filter(|(_, worlds)| *worlds & self.possible != 0);
        says.map(|(said, _)| said.clone()).collect()
    }
}
