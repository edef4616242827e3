//! What a sync costs: records go into a write-ahead log on the real disk, so many with each sync.

use std::panic;
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

/// Each group comes so many times, in turns with the others.
const ROUNDS: usize = 3;

/// How long each of its turns lasts.
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

/// Measures all groups on your log.
///
/// # Errors
/// If it is not written yet, or the disk refuses.
pub fn measure() -> Result<Vec<Group>, String> {
    panic::catch_unwind(groups).unwrap_or_else(|panic| match panics::take(panic) {
        (says, _) if says.starts_with("not yet implemented") => {
            Err("The write-ahead log is not written yet: cargo course check wal".to_owned())
        }
        (says, at) => Err(format!("The write-ahead log has panicked at {at} ({says}): cargo course check wal")),
    })
}

fn groups() -> Result<Vec<Group>, String> {
    let mut taken = GROUPS.map(|records| (records, Duration::ZERO, Vec::new()));
    for _ in 0..ROUNDS {
        for (records, lasted, latencies) in &mut taken {
            *lasted += turn(*records, latencies)?;
        }
    }
    let group = |(records, lasted, latencies)| Group { records, syncs: Measured::new(lasted, latencies) };
    Ok(taken.into_iter().map(group).collect())
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
