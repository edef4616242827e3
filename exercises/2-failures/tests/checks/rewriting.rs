//! Rewriting a log: what it may hold meanwhile, and what it must hold afterwards.

use testkit::check::{Check, Proven, Rule};
use testkit::disk::{Faulty, Trouble};

use crate::subject::wal::{Record, Wal, WalError};

pub const REWRITTEN: Rule = Rule::new(
    "a log is rewritten in one step",
    "After a crash during a rewrite, the log opens with all the old records or all the new ones; after the rewrite, with the \
     new ones.",
    "Pillai et al. 2014, section 2: atomic replace by a rename",
    "2-failures/remember.md#rewriting",
);

const REFUSES: Rule = Rule::new(
    "a failed rewrite is fatal",
    "After a rewrite has failed, the log refuses everything until it is opened again.",
    "contract of `Wal`; Rebello et al. 2020, section 3.3",
    "2-failures/remember.md#rewriting",
);

/// What a log may hold that is being rewritten: while something is under way, there are two answers.
#[derive(Clone)]
pub struct Rewritten {
    right: Vec<Vec<Record>>,
}

impl Default for Rewritten {
    fn default() -> Self {
        Rewritten { right: vec![Vec::new()] }
    }
}

impl Rewritten {
    /// Something is done that leads to `records`, and has happened if `done` says so.
    fn leads_to(&mut self, records: &[&str], done: impl FnOnce() -> Result<(), WalError>) -> Result<(), WalError> {
        self.right.push(records.iter().map(|record| record.as_bytes().to_vec()).collect());
        done()?;
        self.right = self.right.split_off(1);
        Ok(())
    }
}

/// Three records; one that replaces all of them, and another one after it; then two that replace those, and one after them.
/// Whatever fails, it goes on: what says `Ok` must be so.
pub fn rewrite(disk: &Faulty, seen: &mut Rewritten) {
    let Ok((mut log, _)) = Wal::open(disk.clone()) else { return };
    let mut step = |records: &[&str], note: &str, act: &mut dyn FnMut(&mut Wal<Faulty>) -> Result<(), WalError>| {
        if !disk.is_off() && seen.leads_to(records, || act(&mut log)).is_ok() {
            disk.note(note);
        }
    };
    step(&["one", "two", "three"], "has three records", &mut |log| {
        ["one", "two", "three"].into_iter().for_each(|record| log.append(record.as_bytes()));
        log.sync()
    });
    step(&["all"], "has one record in their place", &mut |log| {
        log.append(b"not synced");
        log.rewrite(&[b"all".to_vec()])
    });
    step(&["all", "more"], "has one record more", &mut |log| {
        log.append(b"more");
        log.sync()
    });
    step(&["al", "l"], "has two records in their place", &mut |log| log.rewrite(&[b"al".to_vec(), b"l".to_vec()]));
    step(&["al", "l", "last"], "has a third record", &mut |log| {
        log.append(b"last");
        log.sync()
    });
    step(&[], "has nothing in their place", &mut |log| log.rewrite(&[]));
    step(&["new"], "has a record again", &mut |log| {
        log.append(b"new");
        log.sync()
    });
}

/// Once a rewrite has failed, neither a rewrite nor a sync succeeds, with nothing to write or with something.
pub fn refuses_for_good(check: &mut Check) -> Proven {
    let mut strikes = 0;
    for at in 1.. {
        let disk = Faulty::new().with(Trouble::Full(at));
        let Ok((mut log, _)) = Wal::open(disk.clone()) else { continue };
        if log.rewrite(&[b"all".to_vec()]).is_ok() {
            if disk.has_struck() {
                continue;
            }
            break;
        }
        strikes += 1;
        let mut says = |how: &str, again: Result<(), WalError>| {
            check.requires(REFUSES, matches!(again, Err(WalError::HasFailed)), || {
                let says = again.map_or_else(|error| format!("fails: {error}"), |()| "succeeds".to_owned());
                format!("The disk was full for a while, and `rewrite` has failed. Now {how} {says}. It should say that the log \
                         has failed before.")
            })
        };
        says("`sync`, with nothing to write,", log.sync())?;
        log.append(b"more");
        says("`sync`, with one record,", log.sync())?;
        says("`rewrite`", log.rewrite(&[b"all".to_vec()]))?;
    }
    check.evidence(format!(
        "{strikes} rewrites that fail because the disk is full for a while: nothing after them succeeds"
    ));
    Ok(())
}

/// Opens the log, compares, and rewrites it once more.
pub fn rewrite_again(disk: &Faulty, seen: &mut Rewritten) -> Result<(), String> {
    let mut log = holds_what_is_right(disk, seen)?;
    let rewritten = seen.leads_to(&["again"], || log.rewrite(&[b"again".to_vec()]));
    rewritten.map_err(|error| format!("The disk works again, but `rewrite` says: {error}."))?;
    holds_what_is_right(disk, seen).map(drop)
}

fn holds_what_is_right(disk: &Faulty, seen: &mut Rewritten) -> Result<Wal<Faulty>, String> {
    let (log, found) = Wal::open(disk.clone()).map_err(|error| format!("The log does not open: {error}."))?;
    if !seen.right.contains(&found) {
        let text = |records: &Vec<Record>| {
            records.iter().map(|record| String::from_utf8_lossy(record)).collect::<Vec<_>>().join(", ")
        };
        let right: Vec<_> = seen.right.iter().map(|records| format!("[{}]", text(records))).collect();
        return Err(format!("The log opens with [{}]. It should hold {}.", text(&found), right.join(" or ")));
    }
    seen.right = vec![found];
    Ok(log)
}
