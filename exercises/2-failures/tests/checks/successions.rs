//! What a server may save right after something else: all of it in a small world, and the edges of a large one.
//!
//! One server's logs obey log matching over time too: an index and a term name one entry, and what comes before it. So two logs that follow
//! one another agree up to some index, and after it no index has the same term in both.

use std::sync::Arc;

use testkit::node::NodeId;

use super::entries;
use super::life::entry;
use crate::subject::raft;
use crate::subject::raft::log::{Index, Log, Term};
use crate::subject::snapshot::Durable;

/// The terms of a log's entries, from index 1 on.
type Terms = Vec<Term>;

/// A server's memory: what its log was before anything was cut off, up to where its snapshot goes, and up to where the log is cut off.
#[derive(Clone, Copy)]
struct Sketch<'t> {
    terms: &'t [Term],
    snapshot: Index,
    cut: Index,
}

/// What is saved first, and what after it.
pub type Succession = (Durable, Durable);

/// Every two logs of up to four entries of three terms that can follow one another, without a snapshot.
pub fn of_logs() -> Vec<Succession> {
    let logs = logs(4, 3);
    let whole = |terms| Sketch { terms, snapshot: 0, cut: 0 }.durable();
    follow(&logs).map(|(before, after, _)| (whole(before), whole(after))).collect()
}

/// Every two logs of up to three entries that can follow one another, with snapshots up to any index, cut off anywhere before that.
pub fn of_snapshots() -> Vec<Succession> {
    let logs = logs(3, 3);
    let mut found = Vec::new();
    for (before, after, agreement) in follow(&logs) {
        for earlier in sketches(before).filter(|earlier| earlier.snapshot <= agreement) {
            let later = sketches(after)
                .filter(|later| later.snapshot > 0 && later.snapshot >= earlier.snapshot && later.cut >= earlier.cut);
            found.extend(later.map(|later| (earlier.durable(), later.durable())));
        }
    }
    found
}

/// Every change of term and vote, with a log that stays, that grows, that is replaced, and that is cut off.
pub fn of_votes() -> Vec<Succession> {
    let sketch = |terms, snapshot| Sketch { terms, snapshot, cut: snapshot }.durable();
    let logs = [
        (sketch(&[], 0), sketch(&[], 0)),
        (sketch(&[1, 1], 0), sketch(&[1, 1], 0)),
        (sketch(&[1], 0), sketch(&[1, 2], 0)),
        (sketch(&[1, 2, 2], 0), sketch(&[1, 3, 3], 0)),
        (sketch(&[1, 2], 1), sketch(&[1, 2], 1)),
        (sketch(&[1, 2], 1), sketch(&[1, 2], 2)),
    ];
    let votes = [None, Some(NodeId(0)), Some(NodeId(1))];
    let mut found = Vec::new();
    for term in [3, 4] {
        for (before, after) in votes.iter().flat_map(|before| votes.map(|after| (*before, after))) {
            if term > 3 || before.is_none() || before == after {
                found.extend(logs.iter().map(|logs| (with_vote(&logs.0, 3, before), with_vote(&logs.1, term, after))));
            }
        }
    }
    found
}

fn with_vote(durable: &Durable, term: Term, voted_for: Option<NodeId>) -> Durable {
    let raft = raft::Durable { term, voted_for, log: durable.raft.log.clone() };
    Durable { raft, ..durable.clone() }
}

/// A log of a hundred entries of which some are replaced, by none, by some or by more, with a snapshot and without; and two logs that take
/// more than 64 KiB.
pub fn of_long_logs() -> Vec<Succession> {
    let long = |kept: usize, more: usize| [vec![1; kept], vec![2; more]].concat();
    let mut found = Vec::new();
    for kept in [0, 1, 2, 50, 98, 99, 100] {
        for more in [0, 1, 2, 50, 100, 200] {
            for (snapshot, cut) in [(0, 0), (1, 1), (50, 50), (50, 40), (100, 100)] {
                let (before, after) = (long(100, 0), long(kept, more));
                if snapshot <= kept as Index {
                    let sketch = |terms| Sketch { terms, snapshot, cut }.durable();
                    found.push((sketch(&before), sketch(&after)));
                }
            }
        }
    }
    let whole = |terms: &[Term]| Sketch { terms, snapshot: 0, cut: 0 }.durable();
    found.push((whole(&long(10_000, 0)), whole(&long(10, 10_000))));
    found
}

/// All logs of up to `longest` entries of the terms 1 to `terms`: terms never fall.
fn logs(longest: usize, terms: Term) -> Vec<Terms> {
    let mut logs: Vec<Terms> = vec![Vec::new()];
    let mut last = logs.clone();
    for _ in 0..longest {
        let longer = |log: &Terms| {
            let log = log.clone();
            (log.last().copied().unwrap_or(1)..=terms).map(move |term| [&log[..], &[term]].concat())
        };
        last = last.iter().flat_map(longer).collect();
        logs.extend(last.iter().cloned());
    }
    logs
}

/// The pairs of logs that can follow one another, with the index up to which they agree.
fn follow(logs: &[Terms]) -> impl Iterator<Item = (&Terms, &Terms, Index)> {
    let pairs = logs.iter().flat_map(move |before| logs.iter().map(move |after| (before, after)));
    pairs.filter_map(|(before, after)| {
        let same = |(before, after): &(&Term, &Term)| before == after;
        let agreement = before.iter().zip(after).take_while(same).count();
        let matches = !before[agreement..].iter().zip(&after[agreement..]).any(|pair| same(&pair));
        matches.then_some((before, after, agreement as Index))
    })
}

/// A log with a snapshot up to each of its indices, cut off at each index up to that.
fn sketches(terms: &[Term]) -> impl Iterator<Item = Sketch<'_>> {
    let snapshots = 0..=terms.len() as Index;
    snapshots.flat_map(move |snapshot| (0..=snapshot).map(move |cut| Sketch { terms, snapshot, cut }))
}

impl Sketch<'_> {
    fn durable(self) -> Durable {
        let mut log = Log::default();
        self.terms.iter().zip(1..).for_each(|(term, index)| log.push(entry(*term, index)));
        let snapshot = self.snapshot.checked_sub(1).map(|last| {
            let term = self.terms[last as usize];
            Arc::new(entries::snapshot(self.snapshot, term))
        });
        log.cut_up_to(self.cut);
        Durable { snapshot, raft: raft::Durable { term: 3, voted_for: None, log } }
    }
}
