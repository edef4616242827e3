//! The monkey's audit log, on the log of this stage.

use std::time::Duration;

use failures_solution::monkey::{Audit, Entry, Fault, Kind, Why};
use failures_solution::wal::Wal;
use testkit::disk::Faulty;

#[test]
fn an_entry_comes_back_from_the_disk() {
    let at = "2026-01-14T09:30:00Z".parse().unwrap();
    let kind = Kind::Slow { by: Duration::from_millis(200), lasts: Duration::from_secs(30) };
    let fault = Fault { at, group: "raft".to_owned(), victim: "n1".to_owned(), kind };
    let entries = [
        Entry::Will { fault: fault.clone(), dry: false },
        Entry::Failed { fault: fault.clone(), error: "no such process".to_owned() },
        Entry::Done { fault },
        Entry::Skipped { at, group: "raft".to_owned(), why: Why::TooFewHealthy },
    ];
    let disk = Faulty::new();
    let (mut log, _) = Wal::open(disk.clone()).unwrap();
    entries.iter().for_each(|entry| log.write(entry).unwrap());
    let (_, records) = Wal::open(disk).unwrap();
    let read: Vec<_> = records.iter().filter_map(|record| Entry::read(record)).collect();
    assert_eq!(read, entries);
    assert_eq!(Entry::read(b"something else"), None);
}
