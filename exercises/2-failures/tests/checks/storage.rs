//! Task `storage`: what a server saves comes back, whatever happens to the disk.

use std::ops::Range;

use testkit::check::{Check, Failure, Proven, Rule, check};
use testkit::disk::crash::Crashes;
use testkit::disk::{Disk, Faulty, Memory, Trouble};
use testkit::node::NodeId;

use super::life::{Life, entry, life, run_states};
use super::rewriting::{REWRITTEN, refuses_for_good, rewrite, rewrite_again};
use super::seen::{Keeper, Seen};
use super::successions::{self, Succession};
use super::words;
use crate::subject::snapshot::Durable;
use crate::subject::storage::Storage;
use crate::subject::wal::{FILE, Wal, WalError};

const SAME: Rule = Rule::new(
    "what was saved comes back",
    "A storage opens with what was saved last, or with nothing if nothing was ever saved.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, persistent state on all servers",
    "2-failures/remember.md#the-task-storage",
);

const SURVIVES: Rule = Rule::new(
    "what was synced survives",
    "After a crash a storage opens with what was saved before the last sync, or with something saved later, in full.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2; Pillai et al. 2014, table 1",
    "2-failures/remember.md#as-a-whole",
);

const FATAL: Rule = Rule::new(
    "a disk that has failed is not relied on",
    "After the disk has refused an operation, what was durable stays durable, and whatever is reported as synced later is \
     durable too.",
    "Rebello et al. 2020, section 3.3",
    "2-failures/wal.md#a-sync-that-fails",
);

const CHEAP: Rule = Rule::new(
    "a change costs what it changes",
    "The bytes written for a change do not depend on the length of the log.",
    "Ongaro 2014, section 10.2.1: writing to the disk is what a command waits for",
    "2-failures/remember.md#changes",
);

const SHORT: Rule = Rule::new(
    "the disk does not fill up",
    "When a server cuts off its log at a snapshot, the records before it leave the disk as well.",
    "Ongaro & Ousterhout 2014 (extended version), section 7",
    "2-failures/remember.md#rewriting",
);

const READABLE: Rule = Rule::new(
    "an unknown record is reported",
    "If the log holds a whole, undamaged record that no storage wrote, `open` reports its number and leaves the log as it is.",
    "contract of `Storage::open`",
    "2-failures/remember.md#the-task-storage",
);

type Opened<D> = Result<(Storage<D>, Option<Durable>), Box<Failure>>;

/// Opens the storage of a disk that works.
fn open<D: Disk>(check: &mut Check, disk: D) -> Opened<D> {
    let opened = Storage::open(disk);
    check.requires(SAME, opened.is_ok(), || {
        let error = opened.as_ref().err().map(ToString::to_string).unwrap_or_default();
        format!("Nothing is wrong with the disk, but the storage does not open: {error}.")
    })?;
    opened.map_err(|_| unreachable!("it was required that it opens"))
}

fn saves<D: Disk>(check: &mut Check, storage: &mut Storage<D>, durable: &Durable) -> Proven {
    storage.save(durable);
    syncs(check, storage)
}

fn syncs<D: Disk>(check: &mut Check, storage: &mut Storage<D>) -> Proven {
    let synced = storage.sync();
    check.requires(SAME, synced.is_ok(), || {
        format!(
            "`sync` fails on a disk that works: {}.",
            synced.as_ref().err().map(ToString::to_string).unwrap_or_default()
        )
    })
}

fn opens_with(expected: Option<&Durable>, found: Option<&Durable>) -> String {
    let (expected, found) = (words::durable(expected), words::durable(found));
    format!("What was saved and synced last is {expected}, but the storage opens with {found}.")
}

#[test]
pub fn what_was_saved_comes_back() {
    check(|check| {
        let states = life();
        for apart in 1..=4 {
            let disk = Faulty::new();
            let (mut storage, mut found) = open(check, disk.clone())?;
            let mut expected = None;
            for batch in states.chunks(apart) {
                check.requires(SAME, found == expected, || opens_with(expected.as_ref(), found.as_ref()))?;
                batch.iter().for_each(|durable| storage.save(durable));
                syncs(check, &mut storage)?;
                expected = batch.last().cloned();
                (storage, found) = open(check, disk.clone())?;
            }
            check.requires(SAME, found == expected, || opens_with(expected.as_ref(), found.as_ref()))?;
            // Without a start in between, and the same twice.
            let disk = Faulty::new();
            let (mut storage, _) = open(check, disk.clone())?;
            for durable in &states {
                saves(check, &mut storage, durable)?;
                saves(check, &mut storage, durable)?;
            }
            let (_, found) = open(check, disk)?;
            check.requires(SAME, found.as_ref() == states.last(), || opens_with(states.last(), found.as_ref()))?;
        }
        check.evidence(format!("{} states, saved one, two, three and four at a time", states.len()));
        Ok(())
    });
}

#[test]
pub fn a_save_comes_back_whatever_was_saved_before_it() {
    check(|check| {
        for (what, pairs) in [
            ("logs of up to four entries", successions::of_logs()),
            ("logs of up to three entries, with snapshots", successions::of_snapshots()),
            ("terms and votes", successions::of_votes()),
            ("long logs", successions::of_long_logs()),
        ] {
            for pair in &pairs {
                Way::ALL.into_iter().try_for_each(|way| comes_back(check, pair, way))?;
            }
            if pairs.iter().all(|(_, after)| after.snapshot.is_none()) {
                pairs.iter().try_for_each(|pair| is_given_back(check, pair))?;
            }
            check.evidence(format!("{} pairs of {what}, one saved after the other, in three ways", pairs.len()));
        }
        Ok(())
    });
}

#[test]
pub fn a_record_that_nobody_can_read_is_reported() {
    check(|check| {
        let states = life();
        for saved in [0, 1, states.len()] {
            for behind in [0, 1, 2] {
                is_reported(check, &states[..saved], behind)?;
            }
        }
        check.evidence("a foreign record at the beginning, at the end and in the middle of a log");
        Ok(())
    });
}

/// A storage saves `states`, another program appends a record, and perhaps more of them behind it.
fn is_reported(check: &mut Check, states: &[Durable], behind: usize) -> Proven {
    let disk = Faulty::new();
    let (mut storage, _) = open(check, disk.clone())?;
    states.iter().try_for_each(|durable| saves(check, &mut storage, durable))?;
    let Ok((mut log, records)) = Wal::open(disk.clone()) else { return Ok(()) };
    (0..=behind).for_each(|_| log.append(b"no record of a storage"));
    check.requires(SAME, log.sync().is_ok(), || "`sync` fails on a disk that works.".to_owned())?;
    let (before, number) = (disk.operations(), records.len() as u64);
    let contents = disk.copy().read(FILE).ok();
    let opened = Storage::open(disk.clone()).map(|(_, found)| found);
    let is_told = matches!(opened, Err(WalError::Unknown { record }) if record == number);
    let untouched = disk.copy().read(FILE).ok() == contents;
    check.requires(READABLE, is_told && untouched, || {
        let says = match &opened {
            Ok(found) => format!("opens with {}", words::durable(found.as_ref())),
            Err(error) => format!("says: {error}"),
        };
        let did = disk.operations() - before;
        format!(
            "A log holds {number} records of a storage, and then {} of another program. The storage {says}. It did {did} \
             operations on the disk. It should report that record {number}, counted from 0, is unknown, and leave the log as it \
             is.",
            behind + 1
        )
    })
}

/// How one thing is saved after another.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Synced,
    Together,
    StartedAgain,
}

impl Way {
    const ALL: [Way; 3] = [Way::Synced, Way::Together, Way::StartedAgain];
}

/// Saves one after the other, and then one entry more; whenever something is synced, that is what a storage opens with.
fn comes_back(check: &mut Check, (before, after): &Succession, way: Way) -> Proven {
    let (mut storage, _) = open(check, Memory::new())?;
    storage.save(before);
    if way != Way::Together {
        holds(check, &mut storage, before, || format!("A server saved {}.", words::durable(Some(before))))?;
    }
    if way == Way::StartedAgain {
        (storage, _) = open(check, storage.disk().after_crash())?;
    }
    let how = match way {
        Way::Synced => "It was synced. Then the server",
        Way::Together => "Before that was synced, the server",
        Way::StartedAgain => "It was synced, and the server restarted. Then it",
    };
    let story =
        || format!("A server saved {}. {how} saved {}.", words::durable(Some(before)), words::durable(Some(after)));
    storage.save(after);
    holds(check, &mut storage, after, story)?;
    let mut longer = after.clone();
    longer.raft.term = 5;
    longer.raft.log.push(entry(5, 500));
    storage.save(&longer);
    holds(check, &mut storage, &longer, || format!("{} Then it saved {}.", story(), words::durable(Some(&longer))))
}

/// What was synced goes on where it was, after something else was saved: a follower's log is replaced by one leader and given back by the next.
fn is_given_back(check: &mut Check, (before, between): &Succession) -> Proven {
    let (mut storage, _) = open(check, Memory::new())?;
    saves(check, &mut storage, before)?;
    let mut after = before.clone();
    after.raft.term = 5;
    after.raft.log.push(entry(5, 500));
    storage.save(between);
    storage.save(&after);
    holds(check, &mut storage, &after, || {
        let [before, between, after] = [before, between, &after].map(|durable| words::durable(Some(durable)));
        format!(
            "A server saved {before}. It was synced. Then the server saved {between}, and before that was synced, {after}."
        )
    })
}

/// Syncs, and demands that a storage opens with this after a crash.
fn holds(check: &mut Check, storage: &mut Storage<Memory>, durable: &Durable, story: impl Fn() -> String) -> Proven {
    syncs(check, storage)?;
    let (_, found) = open(check, storage.disk().after_crash())?;
    check.requires(SAME, found.as_ref() == Some(durable), || {
        format!("{} It was synced. After a crash the storage opens with {}.", story(), words::durable(found.as_ref()))
    })
}

impl Keeper for Storage<Faulty> {
    type Item = Durable;

    const PROMISES: &str = "lets others hear of it";

    fn keep(&mut self, durable: &Durable) {
        self.save(durable);
    }

    fn syncs(&mut self) -> bool {
        self.sync().is_ok()
    }

    fn shown(durable: &Durable) -> String {
        words::durable(Some(durable))
    }
}

/// Compares with what a storage opens with, and from now on relies on that.
fn compare(seen: &mut Seen<Durable>, disk: &Faulty, found: Option<&Durable>) -> Result<(), String> {
    let promised = seen.promised.checked_sub(1).map(|last| &seen.handed[last]);
    let at = match found {
        None => Some(0),
        Some(found) => seen.handed.iter().rposition(|saved| saved == found).map(|at| at + 1),
    };
    match at {
        Some(at) if at >= seen.promised => {
            seen.rely_on(disk, at, "is relied on for what it opens with");
            Ok(())
        }
        Some(_) => Err(format!(
            "Others have heard of {}. But the storage opens with {}, which is older.",
            words::durable(promised),
            words::durable(found)
        )),
        None => Err(format!("The storage opens with {}, which was never saved like this.", words::durable(found))),
    }
}

/// Four syncs, of which two rewrite the log. Whatever fails, it goes on.
fn run(disk: &Faulty, seen: &mut Seen<Durable>) {
    let Ok((mut storage, _)) = Storage::open(disk.clone()) else { return };
    for states in run_states() {
        if disk.is_off() {
            return;
        }
        seen.write(disk, &mut storage, states);
    }
}

/// Opens the storage on the disk that is found, compares, saves one more term, and opens it once more.
fn recover(disk: &Faulty, seen: &mut Seen<Durable>) -> Result<(), String> {
    let refusal = |error| format!("The storage does not open: {error}.");
    let (mut storage, found) = Storage::open(disk.clone()).map_err(refusal)?;
    compare(seen, disk, found.as_ref())?;
    let mut later = found.unwrap_or_else(|| Life::new().durable);
    later.raft.term += 1;
    later.raft.log.push(entry(later.raft.term, 77));
    seen.write(disk, &mut storage, [later]);
    if !seen.all_is_promised() {
        return Err("The disk works again, but `sync` fails.".to_owned());
    }
    let (_, found) = Storage::open(disk.clone()).map_err(refusal)?;
    compare(seen, disk, found.as_ref())
}

fn crashes(rule: Rule) -> Crashes<'static, Seen<Durable>> {
    Crashes { rule, program: "storage", run: &run, recover: &recover }
}

#[test]
pub fn what_was_synced_survives_every_crash() {
    check(|check| check.survives("four syncs", &crashes(SURVIVES), Trouble::Crash));
}

#[test]
pub fn a_disk_that_has_failed_is_not_relied_on() {
    check(|check| {
        check.survives("four syncs of which one fails", &crashes(FATAL), Trouble::FailedSync)?;
        check.survives("four syncs, and the disk is full for a while", &crashes(FATAL), Trouble::Full)
    });
}

/// All that a disk holds, in bytes.
fn size(disk: &Memory) -> usize {
    let mut disk = disk.clone();
    let names = disk.list().unwrap_or_default();
    names.iter().map(|name| disk.read(name).map_or(0, |bytes| bytes.len())).sum()
}

#[test]
pub fn a_change_costs_what_it_changes() {
    check(|check| {
        let grown = |life: Life, numbers: Range<usize>| {
            numbers.fold(life, |life, number| life.then(|raft| raft.log.push(entry(1, number))))
        };
        let plain = grown(Life::new().then(|raft| raft.term = 1), 0..1_000);
        let cut = grown(grown(Life::new().then(|raft| raft.term = 1), 0..10).snapshot(8, 1, 8), 10..1_000);
        for (what, long) in [("A log", plain), ("A snapshot with a log", cut)] {
            for restart in [false, true] {
                costs_what_it_changes(check, what, long.clone(), restart)?;
            }
        }
        check.evidence(
            "1,000 entries, and then fifty more, fifty votes, fifty in place of others and forty at once, without a \
                        snapshot and after one, and after a restart",
        );
        Ok(())
    });
}

/// Saves something long, and then small changes to it, perhaps after a start.
fn costs_what_it_changes(check: &mut Check, what: &str, long: Life, restart: bool) -> Proven {
    let disk = Faulty::new();
    let (mut storage, _) = open(check, disk.clone())?;
    saves(check, &mut storage, &long.durable)?;
    let whole = storage.disk().written();
    if restart {
        (storage, _) = open(check, disk)?;
    }
    let before = storage.disk().written(); // a program may write the log anew when it opens it
    let when = if restart { " Then the server restarted." } else { "" };
    let mut life = Life { durable: long.durable, states: Vec::new() };
    for number in 1_000..1_050 {
        life = life.then(|raft| raft.log.push(entry(1, number)));
        life = life.then(|raft| (raft.term, raft.voted_for) = (raft.term + 1, Some(NodeId(1))));
        life = life.then(|raft| {
            raft.log.truncate(raft.log.last_index() - 1);
            raft.log.push(entry(raft.term, number));
        });
    }
    life = life.then(|raft| {
        raft.term += 1; // two entries of one term at one index would be the same
        raft.log.truncate(raft.log.last_index() - 40);
        (0..40).for_each(|number| raft.log.push(entry(raft.term, number)));
    });
    for durable in &life.states {
        saves(check, &mut storage, durable)?;
    }
    let written = storage.disk().written() - before;
    check.requires(CHEAP, written < whole, || {
        format!(
            "{what} of 1,000 entries was saved: {whole} bytes were written.{when} Then fifty times an entry came, a vote was \
             given, and the last entry was replaced; and once the last forty were. For these changes {written} bytes were \
             written."
        )
    })
}

#[test]
pub fn the_disk_does_not_fill_up() {
    check(|check| {
        let (mut storage, _) = open(check, Memory::new())?;
        let mut life = Life::new();
        let mut first_round = 0;
        for round in 1..=40 {
            for number in 0..50 {
                life = life.then(|raft| raft.log.push(entry(0, number)));
                saves(check, &mut storage, &life.durable)?;
            }
            if round == 1 {
                first_round = size(storage.disk());
            }
            life = life.snapshot(round * 50, 0, round * 50);
            saves(check, &mut storage, &life.durable)?;
            let held = size(storage.disk());
            check.requires(SHORT, held <= 10 * first_round, || {
                format!(
                    "A server took {} entries, with a snapshot after each 50. After the first 50, its disk held {first_round} \
                     bytes, and now it holds {held}.",
                    round * 50
                )
            })?;
        }
        check.evidence(format!("2,000 entries, a snapshot after each 50: {} bytes in the end", size(storage.disk())));
        Ok(())
    });
}

#[test]
pub fn a_log_is_rewritten_in_one_step() {
    check(|check| {
        let crashes = Crashes { rule: REWRITTEN, program: "log", run: &rewrite, recover: &rewrite_again };
        check.survives("a rewrite between two syncs", &crashes, Trouble::Crash)?;
        check.survives("a rewrite between two syncs, of which one fails", &crashes, Trouble::FailedSync)?;
        check.survives("a rewrite between two syncs, and the disk is full for a while", &crashes, Trouble::Full)?;
        refuses_for_good(check)
    });
}
