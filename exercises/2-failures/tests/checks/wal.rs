//! Task `wal`: what the log has acknowledged is there, whatever happens to the disk.

use std::collections::BTreeMap;

use testkit::check::{Check, Proven, Rule, check};
use testkit::disk::crash::Crashes;
use testkit::disk::{Disk, Faulty, Trouble};
use testkit::text::list;

use super::seen::{Keeper, Seen};
use crate::subject::wal::{Record, Wal, WalError};

const KEPT: Rule = Rule::new(
    "acknowledged records survive",
    "After a crash the log opens with its records in order, from the first on: all that were acknowledged, and no fragment of \
     any other.",
    "Mohan et al. 1992 (ARIES), section 1.1; Pillai et al. 2014, table 1: what a crash may leave of a write",
    "2-failures/wal.md#what-a-crash-leaves",
);

const FATAL: Rule = Rule::new(
    "a failed sync is fatal",
    "A failed sync is not tried again: even if the next one succeeds, the records may not be on the disk.",
    "Rebello et al. 2020, section 3.3; PostgreSQL's fsync errors, 2018 (\"fsyncgate\")",
    "2-failures/wal.md#a-sync-that-fails",
);

const FULL: Rule = Rule::new(
    "a full disk",
    "When the disk fills up, what was acknowledged stays, and what is acknowledged later survives a crash.",
    "documentation of write(2): a write may be cut short",
    "2-failures/wal.md#a-sync-that-fails",
);

const DAMAGE: Rule = Rule::new(
    "damage is reported",
    "Damage that is followed by a whole frame is reported as `WalError::Corrupt`. No record is dropped silently, and the file \
     is not touched.",
    "Ganesan et al. 2017, section 4: how stores react to a corrupted block; Alagappan et al. 2018: a damaged log is not a torn one",
    "2-failures/wal.md#torn-and-corrupt",
);

const SAME: Rule = Rule::new(
    "a log is a list",
    "On a disk that works, the log opens with the records that were made durable, in order.",
    "contract of `Wal`",
    "2-failures/wal.md#the-task",
);

const CHEAP: Rule = Rule::new(
    "group commit",
    "Records appended before a sync are written in one go, and share that one sync.",
    "Spiro, Joshi & Rengarajan 1991, Designing an Optimized Transaction Commit Protocol: group commit",
    "2-failures/wal.md#one-sync-for-many",
);

impl Keeper for Wal<Faulty> {
    type Item = Record;

    const PROMISES: &str = "acknowledges all so far";

    fn keep(&mut self, record: &Record) {
        self.append(record);
    }

    fn syncs(&mut self) -> bool {
        self.sync().is_ok()
    }

    fn shown(record: &Record) -> String {
        shown(record)
    }
}

/// Compares with what a log holds, and from now on relies on that.
fn compare(seen: &mut Seen<Record>, disk: &Faulty, found: &[Record]) -> Result<(), String> {
    let same = found.iter().zip(&seen.handed).take_while(|(found, appended)| found == appended).count();
    if let Some(stranger) = found.get(same) {
        return Err(match seen.handed.get(same) {
            Some(appended) => {
                format!("Record {same} was {}, but the log holds {} in its place.", shown(appended), shown(stranger))
            }
            None => format!("The log holds {} as record {same}, which was never appended.", shown(stranger)),
        });
    }
    if same < seen.promised {
        let lost = shown(&seen.handed[same]);
        return Err(format!("Record {same}, {lost}, was relied on, but the log does not hold it any more."));
    }
    seen.rely_on(disk, same, "is relied on for all that it holds");
    Ok(())
}

fn shown(record: &[u8]) -> String {
    match std::str::from_utf8(record) {
        Ok("") => "an empty record".to_owned(),
        Ok(text) if text.len() <= 12 => format!("`{text}`"),
        _ => format!("a record of {} bytes", record.len()),
    }
}

/// Keeps one batch after the other. Whatever fails, it goes on.
fn keep(disk: &Faulty, seen: &mut Seen<Record>, batches: impl IntoIterator<Item = Vec<Record>>) {
    let Ok((mut log, _)) = Wal::open(disk.clone()) else { return };
    for records in batches {
        if disk.is_off() {
            return;
        }
        seen.write(disk, &mut log, records);
    }
}

/// A run of three syncs, of one record, of three, and of a larger one.
fn run(disk: &Faulty, seen: &mut Seen<Record>) {
    let batches = [&[&b"a"[..]][..], &[b"bee", b"", b"cee"], &[b"a longer record"]];
    keep(disk, seen, batches.map(|records| records.iter().map(|record| record.to_vec()).collect()));
}

/// A run of two syncs, of a hundred records, and of one whose length takes three bytes.
fn large_run(disk: &Faulty, seen: &mut Seen<Record>) {
    keep(disk, seen, [(0..100).map(|number| vec![number; 3]).collect(), vec![vec![7; 70_000]]]);
}

/// A run of two syncs, of a record whose length takes three bytes, and of a short one.
fn large_first_run(disk: &Faulty, seen: &mut Seen<Record>) {
    keep(disk, seen, [vec![vec![7; 70_000]], vec![b"end".to_vec()]]);
}

/// A run of a hundred syncs.
fn long_run(disk: &Faulty, seen: &mut Seen<Record>) {
    keep(disk, seen, (0..100).map(|number| vec![vec![number; 1 + usize::from(number) % 40]]));
}

/// Opens the log on the disk that is found, compares, adds a record, and opens it once more.
fn recover(disk: &Faulty, seen: &mut Seen<Record>) -> Result<(), String> {
    let (mut log, found) = Wal::open(disk.clone()).map_err(|error| refusal(&error))?;
    compare(seen, disk, &found)?;
    seen.write(disk, &mut log, [b"later".to_vec()]);
    if !seen.all_is_promised() {
        return Err("The log opens, but takes no more records, though the disk works.".to_owned());
    }
    let (_, found) = Wal::open(disk.clone()).map_err(|error| refusal(&error))?;
    compare(seen, disk, &found)
}

fn refusal(error: &WalError) -> String {
    format!("Nothing on the disk is damaged; only what was being written is torn. But the log does not open: {error}.")
}

fn crashes(rule: Rule) -> Crashes<'static, Seen<Record>> {
    Crashes { rule, program: "log", run: &run, recover: &recover }
}

fn large_crashes(rule: Rule) -> Crashes<'static, Seen<Record>> {
    Crashes { run: &large_run, ..crashes(rule) }
}

#[test]
pub fn a_log_opens_as_it_was_left() {
    check(|check| {
        let disk = Faulty::new();
        let mut expected: Vec<Record> = Vec::new();
        let large = [vec![7; 65_535], vec![7; 65_536], vec![7; 70_000]];
        let hundred: Vec<Record> = (0..100).map(|number| vec![number]).collect();
        let large: Vec<&[u8]> = large.iter().map(|record| &record[..]).collect();
        let hundred: Vec<&[u8]> = hundred.iter().map(|record| &record[..]).collect();
        let mut batches: Vec<&[&[u8]]> = vec![&[], &[b"a"], &[b"", b"bb", b""], &[&[7; 5000]], &large, &hundred, &[]];
        batches.extend(hundred.chunks(1));
        let opened = batches.len() + 2;
        for batch in batches {
            let mut log = reopened(check, &disk, &expected)?;
            batch.iter().for_each(|record| log.append(record));
            let synced = log.sync().and_then(|()| log.sync());
            let says = || format!("`sync` fails on a disk that works: {}.", synced.as_ref().unwrap_err());
            check.requires(SAME, synced.is_ok(), says)?;
            expected.extend(batch.iter().map(|record| record.to_vec()));
            let durable = log.durable();
            check.requires(SAME, durable == expected.len() as u64, || {
                format!("{} records are durable, but `durable` says {durable}.", expected.len())
            })?;
        }
        let mut log = reopened(check, &disk, &expected)?;
        log.append(b"promised to nobody");
        reopened(check, &disk, &expected)?;
        check.evidence(format!("a log of {} records, opened {opened} times", expected.len()));
        Ok(())
    });
}

/// Opens the log of a disk that works, and demands that it holds what is expected.
fn reopened(
    check: &mut Check,
    disk: &Faulty,
    expected: &[Record],
) -> Result<Wal<Faulty>, Box<testkit::check::Failure>> {
    let mut found = Vec::new();
    let opened = Wal::open(disk.clone()).map(|(log, records)| {
        found = records;
        log
    });
    let list = |records: &[Record]| records.iter().map(|record| shown(record)).collect::<Vec<_>>().join(", ");
    let same = opened.is_ok() && found == expected;
    check.requires(SAME, same, || match &opened {
        Err(error) => format!("Nothing is wrong with the disk, but the log does not open: {error}."),
        Ok(_) => {
            format!("These records were made durable: [{}]. But the log opens with [{}].", list(expected), list(&found))
        }
    })?;
    opened.map_err(|_| unreachable!("it was required that it opens"))
}

#[test]
pub fn what_was_acknowledged_survives_every_crash() {
    check(|check| {
        check.survives("three syncs", &crashes(KEPT), Trouble::Crash)?;
        check.survives("two syncs, of many records and of a large one", &large_crashes(KEPT), Trouble::Crash)
    });
}

#[test]
pub fn a_sync_that_failed_is_not_tried_again() {
    check(|check| {
        check.survives("three syncs of which one fails", &crashes(FATAL), Trouble::FailedSync)?;
        let scope = "two syncs, of many records and of a large one, of which one fails";
        check.survives(scope, &large_crashes(FATAL), Trouble::FailedSync)?;
        refuses_for_good(check, Trouble::FailedSync, "a sync fails")?;
        refuses_for_good(check, Trouble::Full, "the disk is full for a while")
    });
}

/// Once a sync has failed, all later ones say so, those with nothing to write too, whatever the disk would say.
fn refuses_for_good(check: &mut Check, trouble: fn(usize) -> Trouble, what: &str) -> Proven {
    let (mut strikes, mut at) = (0, 0);
    loop {
        at += 1;
        let disk = Faulty::new().with(trouble(at));
        let opened = Wal::open(disk.clone());
        let failed = opened.is_err();
        let Ok((mut log, _)) = opened else { continue };
        let mut fails = |record: &[u8]| {
            log.append(record);
            log.sync().is_err()
        };
        if failed || !(0..3).any(|number| fails(&[number])) {
            if disk.has_struck() {
                continue;
            }
            break;
        }
        strikes += 1;
        for (how, record) in [("at once", None), ("with one record more", Some(&b"more"[..])), ("once more", None)] {
            record.into_iter().for_each(|record| log.append(record));
            let again = log.sync();
            check.requires(FATAL, matches!(again, Err(WalError::HasFailed)), || {
                let says = again.map_or_else(|error| format!("fails: {error}"), |()| "succeeds".to_owned());
                format!("When {what}, `sync` has failed. It is called again, {how}, and {says}. It should say that the log has \
                         failed before.")
            })?;
        }
    }
    check.evidence(format!("{strikes} syncs that fail because {what}: none after them succeeds"));
    Ok(())
}

#[test]
pub fn a_full_disk_takes_nothing_back() {
    check(|check| {
        check.survives("three syncs, and the disk is full for a while", &crashes(FULL), Trouble::Full)?;
        let scope = "two syncs, of many records and of a large one, and the disk is full for a while";
        check.survives(scope, &large_crashes(FULL), Trouble::Full)
    });
}

#[test]
pub fn damage_is_reported_and_left_alone() {
    check(|check| {
        let mut flips = 0;
        // From the last frame alone nobody can tell damage from a torn write.
        for (run, records, safe, apart) in [
            (run as fn(&Faulty, &mut Seen<Record>), 5, 4, 1),
            (long_run, 100, 99, 7),
            (large_run, 101, 100, 499),
            (large_first_run, 2, 1, 499),
        ] {
            let disk = Faulty::new();
            let mut seen = Seen::default();
            run(&disk, &mut seen);
            check.requires(SAME, seen.promised == records, || "`sync` fails on a disk that works.".to_owned())?;
            for (name, size) in sizes_of(&disk) {
                for at in (0..size).step_by(apart) {
                    flips += 1;
                    damaged(check, &disk, &seen.handed, safe, (&name, at))?;
                }
            }
        }
        check.evidence(format!("{flips} bytes of four logs, damaged one at a time"));
        a_frame_is_gone(check)?;
        Ok(())
    });
}

/// Of three batches, the disk has lost just the bytes of the second.
fn a_frame_is_gone(check: &mut Check) -> Proven {
    let disk = Faulty::new();
    let mut log = reopened(check, &disk, &[])?;
    let mut sizes = vec![sizes_of(&disk)];
    for record in [&b"one"[..], b"two", b"three"] {
        log.append(record);
        let synced = log.sync().is_ok();
        check.requires(SAME, synced, || "`sync` fails on a disk that works.".to_owned())?;
        sizes.push(sizes_of(&disk));
    }
    let left = Faulty::new();
    for (name, bytes) in contents(&disk) {
        let size = |after: usize| sizes[after].get(&name).copied().unwrap_or(0);
        let kept = [&bytes[..size(1)], &bytes[size(2)..]].concat();
        let mut left = left.clone();
        let written = left.create(&name).and_then(|()| left.append(&name, &kept)).and_then(|()| left.sync(&name));
        written.and_then(|()| left.sync_dir()).expect("this disk works");
    }
    let before = contents(&left);
    let opened = Wal::open(left.clone());
    let told = matches!(opened, Err(WalError::Corrupt { .. })) && contents(&left) == before;
    check.requires(DAMAGE, told, || {
        let says = match &opened {
            Ok((_, records)) => format!("opens with {}", list(records.iter().map(|record| shown(record)), "nothing")),
            Err(error) => format!("says: {error}"),
        };
        format!(
            "Three batches were made durable, and then the disk lost just the bytes of the second one: the others are whole. The log {says}."
        )
    })?;
    check.evidence("a log of three frames of which the second is gone");
    Ok(())
}

/// The files of a disk, with what is in them.
fn contents(disk: &Faulty) -> BTreeMap<String, Vec<u8>> {
    let names = disk.copy().list().unwrap_or_default();
    names.into_iter().map(|name| (name.clone(), disk.copy().read(&name).unwrap_or_default())).collect()
}

fn sizes_of(disk: &Faulty) -> BTreeMap<String, usize> {
    contents(disk).into_iter().map(|(name, bytes)| (name, bytes.len())).collect()
}

fn damaged(check: &mut Check, disk: &Faulty, expected: &[Record], safe: usize, (name, at): (&str, usize)) -> Proven {
    let damaged = disk.copy();
    damaged.flip(name, at);
    let disk = damaged.copy();
    let what = format!("In a log of {} records, byte {at} of the file was damaged", expected.len());
    match Wal::open(disk.clone()) {
        Ok((_, records)) => {
            let fine = expected.starts_with(&records) && records.len() >= safe;
            check.requires(DAMAGE, fine, || {
                format!("{what}. The log opens with {} of the records, and reports nothing.", records.len())
            })
        }
        Err(WalError::Corrupt { .. }) => {
            let untouched = disk.copy().read(name).ok() == damaged.copy().read(name).ok();
            check.requires(DAMAGE, untouched, || {
                format!("{what}. The log says so, but has changed the file all the same.")
            })
        }
        Err(error) => {
            check.requires(DAMAGE, false, || format!("{what}. `open` says: {error}. That is the wrong error."))
        }
    }
}

#[test]
pub fn a_batch_costs_one_sync() {
    check(|check| {
        let disk = Faulty::new();
        let mut log = reopened(check, &disk, &[])?;
        for size in [1, 10, 1000] {
            let before = (disk.syncs(), disk.operations());
            (0..size).for_each(|_| log.append(b"record"));
            let synced = log.sync().is_ok();
            check.requires(SAME, synced, || "`sync` fails on a disk that works.".to_owned())?;
            let (syncs, operations) = (disk.syncs() - before.0, disk.operations() - before.1);
            check.requires(CHEAP, syncs == 1 && operations <= 4, || {
                format!("For {size} records the log did {operations} operations on the disk, {syncs} of them syncs. One write and one sync are enough.")
            })?;
        }
        let before = disk.operations();
        let idle = log.sync().is_ok() && disk.operations() == before;
        check.requires(CHEAP, idle, || "A sync with nothing to make durable touched the disk.".to_owned())?;
        check.evidence("batches of 1, 10 and 1,000 records, one sync each");
        Ok(())
    });
}
