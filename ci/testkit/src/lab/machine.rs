//! The machine, in a few words: a figure without them says little.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// The system, the processor, and the file system of a folder. What the system does not tell is left out.
pub fn describe(folder: &Path) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let cores = format!("{cores} core{}", if cores == 1 { "" } else { "s" });
    let mut words = vec![system(), cores];
    words.extend(processor());
    words.extend(file_system(folder).map(|kind| format!("files on {kind}")));
    words.join(", ")
}

/// How many threads ran or waited to run, on average of the last minute.
pub fn load() -> Option<f64> {
    line("/proc/loadavg")?.split(' ').next()?.parse().ok()
}

/// `Linux 6.1`: of the version only what says how old it is.
fn system() -> String {
    let Some(release) = line("/proc/sys/kernel/osrelease") else { return std::env::consts::OS.to_owned() };
    format!("Linux {}", release.splitn(3, '.').take(2).collect::<Vec<_>>().join("."))
}

fn line(file: &str) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

fn processor() -> Option<String> {
    let about = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = about.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(model.trim_start_matches([' ', '\t', ':']).trim().to_owned()).filter(|model| !model.is_empty())
}

/// The kind of the file system that a folder is on: of all that are mounted above it, the nearest.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((PathBuf::from(words.next()?), words.next()?.to_owned()))
    });
    let above = mounted.filter(|(place, _)| folder.starts_with(place));
    above.max_by_key(|(place, _)| place.components().count()).map(|(_, kind)| kind)
}
