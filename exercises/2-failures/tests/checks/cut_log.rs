//! Your own log of stage 1 with its beginning cut off, beside the same one whole.

use testkit::check::{Check, Proven, Rule};

use super::raft::words;
use crate::subject::raft::log::{Command, Entry, Index, Log, Term};

pub const SAME_LOG: Rule = Rule::new(
    "a cut log agrees as a whole one does",
    "For the entries that it still holds, a log whose beginning is cut off gives the same results as the whole log, in `merge`, \
     `hint` and `next_after` of your stage 1.",
    "Ongaro & Ousterhout 2014 (extended version), section 7: the log continues after the snapshot's last index and term",
    "2-failures/snapshots.md#your-own-log",
);

fn entry(term: Term) -> Entry {
    Entry { term, command: Command::Noop }
}

/// A log whose entries are of these terms, and change nothing.
pub fn log(terms: &[Term]) -> Log {
    let mut log = Log::default();
    terms.iter().for_each(|&term| log.push(entry(term)));
    log
}

/// All ways to write up to `length` terms from 1 to 3 that do not fall.
fn rising(length: usize) -> Vec<Vec<Term>> {
    let mut all = vec![vec![]];
    let mut longest = all.clone();
    for _ in 0..length {
        let longer = |terms: &Vec<Term>| {
            let least = terms.last().copied().unwrap_or(1);
            (least..=3).map(|term| [terms.clone(), vec![term]].concat()).collect::<Vec<_>>()
        };
        longest = longest.iter().flat_map(longer).collect();
        all.extend(longest.iter().cloned());
    }
    all
}

/// Your own `merge`, `hint` and `next_after` of stage 1, on logs whose beginning is cut off.
pub fn goes_by_its_indices(check: &mut Check) -> Proven {
    let mut compared = 0;
    for terms in rising(4) {
        let whole = log(&terms);
        for cut in 0..=whole.last_index() {
            let mut short = whole.clone();
            short.cut_up_to(cut);
            for other in rising(4) {
                compared += 1;
                merges_alike(check, (&whole, &short), &other)?;
                finds_alike(check, (&whole, &short), &log(&other))?;
            }
        }
    }
    check.evidence(format!("{compared} pairs of logs, one of them whole and cut"));
    Ok(())
}

/// A leader with entries of the terms `other` sends what follows each index up to which both agree.
fn merges_alike(check: &mut Check, (whole, short): (&Log, &Log), other: &[Term]) -> Proven {
    let start = short.start().index;
    for prev in start..=whole.last_index().min(other.len() as Index) {
        let agrees = (1..=prev).all(|index| whole.term_at(index) == other.get(index as usize - 1).copied());
        if !agrees {
            continue;
        }
        let entries: Vec<Entry> = other[prev as usize..].iter().copied().map(entry).collect();
        let (mut merged, mut expected) = (short.clone(), whole.clone());
        let changed = merged.merge(prev, entries.clone());
        let should = expected.merge(prev, entries.clone());
        expected.cut_up_to(start);
        check.requires(SAME_LOG, (changed, &merged) == (should, &expected), || {
            format!(
                "The log {whole:?} takes {entries:?} after index {prev}. With its beginning cut off up to {start}, it should \
                 then be {expected:?}, and `merge` should return {should}. Your `merge` makes it {merged:?}, and returns \
                 {changed}."
            )
        })?;
    }
    Ok(())
}

/// A follower with the log `other` refuses, and a leader with a cut log reads the hint.
fn finds_alike(check: &mut Check, (whole, short): (&Log, &Log), other: &Log) -> Proven {
    let start = short.start().index;
    for prev in 1..=whole.last_index() {
        if other.term_at(prev) == whole.term_at(prev) {
            continue;
        }
        let hint = other.hint(prev);
        let (expected, found) = (whole.next_after(hint), short.next_after(hint));
        // What is cut off cannot be found: then any step back will do.
        let fits = found == expected || expected <= start + 1 && found <= prev;
        check.requires(SAME_LOG, fits, || {
            format!(
                "A leader with the log {whole:?} hears of a conflict at {} and continues at {expected}. With the log's beginning cut off \
                 up to {start}, your `next_after` says {found}.",
                words::hint(hint)
            )
        })?;
        if prev <= start {
            continue;
        }
        // The cut log as the follower's.
        let (expected, found) = (whole.hint(prev), short.hint(prev));
        let fits = found.term == expected.term
            && (expected.index..=start.max(expected.index).saturating_add(1)).contains(&found.index);
        check.requires(SAME_LOG, fits, || {
            format!(
                "Asked about index {prev}, a follower with the log {whole:?} names a conflict at {}. With its beginning cut off up to \
                 {start}, your `hint` names one at {}.",
                words::hint(expected),
                words::hint(found)
            )
        })?;
    }
    Ok(())
}
