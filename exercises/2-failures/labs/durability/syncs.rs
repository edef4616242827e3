//! What a sync costs: records go into a write-ahead log on the real disk, so many with each sync.

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use testkit::disk::Folder;
use testkit::network::Enclosure;
use testkit::panics;

use super::load::{Measured, micros};
use crate::subject::wal::Wal;

/// How many records share a sync.
pub const GROUPS: [usize; 3] = [1, 8, 64];

/// How long a record is, in bytes.
pub const RECORD: usize = 100;

/// How long a turn of a group lasts.
const LASTS: Duration = Duration::from_millis(500);

/// No turn takes more syncs than these: on a file system in memory a sync is over at once.
const SYNCS: usize = 5_000;

/// What was measured with so many records for each sync.
#[derive(Clone, Debug)]
pub struct Group {
    /// How many records share a sync.
    pub records: usize,
    /// The syncs: how many a second, and how long each took with the write before it.
    pub syncs: Measured,
}

/// What was measured so far: for each group of [`GROUPS`] how long its turns took, and each sync.
#[derive(Debug, Default)]
pub struct Syncs([(Duration, Vec<u32>); GROUPS.len()]);

impl Syncs {
    /// Measures each group once more, on your log.
    ///
    /// # Errors
    /// If it is not written yet, or the disk refuses.
    pub fn round(self) -> Result<Self, String> {
        let round = AssertUnwindSafe(|| self.turns()); // after a panic nothing is left of it
        panic::catch_unwind(round).unwrap_or_else(|panic| match panics::take(panic) {
            (says, _) if says.starts_with("not yet implemented") => {
                Err("The write-ahead log is not written yet: cargo course check wal".to_owned())
            }
            (says, at) => Err(format!("The write-ahead log has panicked at {at} ({says}): cargo course check wal")),
        })
    }

    fn turns(mut self) -> Result<Self, String> {
        for ((lasted, latencies), records) in self.0.iter_mut().zip(GROUPS) {
            *lasted += turn(records, latencies)?;
        }
        Ok(self)
    }

    /// The groups, each over all of its turns.
    pub fn groups(self) -> Vec<Group> {
        let group = |((lasted, latencies), records)| Group { records, syncs: Measured::new(lasted, latencies) };
        self.0.into_iter().zip(GROUPS).map(group).collect()
    }
}

/// Appends and syncs for a while, in a new folder. Says how long it took.
fn turn(records: usize, latencies: &mut Vec<u32>) -> Result<Duration, String> {
    let enclosure = Enclosure::new().map_err(|error| error.to_string())?;
    let disk = Folder::open(enclosure.folder().join("wal")).map_err(|error| format!("The disk refuses: {error}."))?;
    let (mut wal, _) = Wal::open(disk).map_err(|error| error.to_string())?;
    let (begun, record) = (Instant::now(), [7; RECORD]);
    for _ in 0..SYNCS {
        (0..records).for_each(|_| wal.append(&record));
        let waits = Instant::now();
        wal.sync().map_err(|error| error.to_string())?;
        latencies.push(micros(waits));
        if begun.elapsed() >= LASTS {
            break;
        }
    }
    Ok(begun.elapsed())
}
