//! A disk in memory that fails where it is told to.
//!
//! # What a crash leaves
//!
//! What was synced is there. Of the rest:
//!
//! - *Files.* Of the writes since the last sync of a file, any number from the first on have happened, and the next one in part: cut
//!   off anywhere, or in its full length with zeros in place of some of its bytes (the file system knew the new length before it had
//!   written the bytes, or wrote the pieces out of order). A truncation has happened or not.
//! - *The folder.* Of the changes since its last sync, any number from the first on have happened, and one of these perhaps not.
//! - Files and folder know nothing of each other: a file that was synced may have no name, and a name may lead to an empty file.
//!
//! Of the places where a write can be cut, a few stand for all: its ends, and before, in and after its middle.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;

use super::Disk;
use crate::trace::{Step, StepKind};

/// The program and its disk among a trace's participants.
pub(super) const PROGRAM: usize = 0;
pub(super) const DISK: usize = 1;

/// The index of a file's contents: names may change, contents stay where they are.
type Inode = usize;

/// A change of the folder.
#[derive(Clone, Debug)]
enum Change {
    Create { name: String, inode: Inode },
    Rename { from: String, to: String, inode: Inode },
    Remove { name: String },
}

/// A change of a file's contents.
#[derive(Clone, Debug)]
enum Write {
    /// Bytes at an offset: the end of the file when they were appended.
    Append {
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        len: usize,
    },
}

#[derive(Clone, Debug, Default)]
struct Contents {
    /// What is surely on the disk.
    synced: Vec<u8>,
    /// What programs see: the disk and the system's memory.
    seen: Vec<u8>,
    /// What was written since, and has not been synced.
    pending: Vec<Write>,
    /// A sync has failed: what was pending then is seen, and never gets to the disk.
    forgotten: bool,
}

/// What is to go wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The power fails while the operation with this number, from 1, is under way. Nothing works from then on.
    Crash(usize),
    /// The sync with this number, from 1, of a file fails: the system forgets that it has not written what was pending.
    FailedSync(usize),
    /// The disk is full when the append with this number, from 1, is half done.
    Full(usize),
}

#[derive(Clone, Debug, Default)]
struct State {
    contents: Vec<Contents>,
    /// The folder as it surely is on the disk.
    synced: BTreeMap<String, Inode>,
    /// The folder as programs see it.
    seen: BTreeMap<String, Inode>,
    pending: Vec<Change>,
    trouble: Option<Trouble>,
    struck: bool,
    off: bool,
    operations: usize,
    syncs: usize,
    appends: usize,
    written: usize,
    /// What was done, as steps of a trace.
    steps: Vec<Step>,
}

/// A disk in memory that fails where it is told to. A clone is the same disk, so a check can hold on to what a program owns.
#[derive(Clone, Default)]
pub struct Faulty {
    state: Rc<RefCell<State>>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.state.borrow().shown())
    }
}

impl Faulty {
    /// An empty disk on which nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has something go wrong. Operations are counted from here.
    pub fn with(self, trouble: Trouble) -> Self {
        {
            let mut state = self.state.borrow_mut();
            (state.operations, state.syncs, state.appends) = (0, 0, 0);
            state.trouble = Some(trouble);
        }
        self
    }

    /// Whether the power has failed.
    pub fn is_off(&self) -> bool {
        self.state.borrow().off
    }

    /// How many operations that change something there have been, the syncs among them.
    pub fn operations(&self) -> usize {
        self.state.borrow().operations
    }

    /// How many times a file was synced.
    pub fn syncs(&self) -> usize {
        self.state.borrow().syncs
    }

    /// How many bytes were appended to files, whether they are still there or not.
    pub fn written(&self) -> usize {
        self.state.borrow().written
    }

    /// Whether what was to go wrong has gone wrong.
    pub fn has_struck(&self) -> bool {
        self.state.borrow().struck
    }

    /// Whether the system's memory holds more than the disk, and will still write it down. After a failed sync it holds what it never
    /// will: a process that starts then reads what is not there, and no program that reads through that memory can tell.
    pub(super) fn is_remembered(&self) -> bool {
        let state = self.state.borrow();
        let waits = !state.pending.is_empty() || state.contents.iter().any(|contents| !contents.pending.is_empty());
        waits && !state.contents.iter().any(|contents| contents.forgotten)
    }

    /// What was done to it, as steps of a trace.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.state.borrow().steps.clone()
    }

    /// Notes what the program has come to, in its place among what it did.
    pub fn note(&self, what: impl Into<String>) {
        self.state.borrow_mut().tell(what.into());
    }

    /// Flips a bit of a byte that is on the disk.
    ///
    /// # Panics
    /// If there is no such byte.
    pub fn flip(&self, name: &str, at: usize) {
        let mut state = self.state.borrow_mut();
        let inode = state.seen[name];
        let contents = &mut state.contents[inode];
        contents.synced[at] ^= 0x10;
        contents.seen[at] ^= 0x10;
        state.tell(format!("a bit of byte {at} of {name} flips"));
    }

    /// A disk with the same contents, synced and not, to which nothing has been done and on which nothing goes wrong.
    pub fn copy(&self) -> Self {
        let state =
            State { steps: Vec::new(), trouble: None, struck: false, off: false, ..self.state.borrow().clone() };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// All that may be found after a crash at this moment, each with a word about what became of what was not synced. The disk with
    /// nothing of that comes first.
    pub fn aftermath(&self) -> Vec<(Faulty, String)> {
        let state = self.state.borrow();
        let mut found = Vec::new();
        for (folder, about_folder) in state.folders() {
            let mut disks = vec![Found { files: Vec::new(), about: about_folder }];
            for (name, &inode) in &folder {
                let outcomes = state.contents[inode].outcomes();
                disks = disks
                    .iter()
                    .flat_map(|found| outcomes.iter().map(|outcome| found.with(name, inode, outcome)))
                    .collect();
            }
            found.extend(disks.into_iter().map(|found| (Faulty::holding(&folder, &found.files), found.words())));
        }
        found
    }

    /// A disk that holds these files, all of it synced.
    fn holding(folder: &BTreeMap<String, Inode>, files: &[(Inode, Vec<u8>)]) -> Self {
        let mut state = State::default();
        for (name, inode) in folder {
            let bytes = files.iter().find(|(of, _)| of == inode).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
            state.synced.insert(name.clone(), state.contents.len());
            state.contents.push(Contents { seen: bytes.clone(), synced: bytes, ..Contents::default() });
        }
        state.seen = state.synced.clone();
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// Does an operation, unless the power is off or fails now. One that is under way then is done as far as memory goes.
    fn operate<T>(&self, what: String, operation: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.borrow_mut();
        if state.off {
            return Err(power());
        }
        state.operations += 1;
        state.off = state.trouble == Some(Trouble::Crash(state.operations));
        state.struck |= state.off;
        let before = state.shown();
        let done = operation(&mut state);
        let (done, effect) = match done {
            _ if state.off => (Err(power()), Some("is under way".to_owned())),
            Err(error) => {
                let effect = format!("fails: {error}");
                (Err(error), Some(effect))
            }
            Ok(done) => (Ok(done), None),
        };
        let after = state.shown();
        let step = step(what.clone(), StepKind::Invoke, DISK, before, after);
        let effects = effect.into_iter().collect();
        state.steps.push(Step { from: Some(PROGRAM), message: Some(what), effects, ..step });
        done
    }
}

/// A disk as it may be found.
struct Found {
    files: Vec<(Inode, Vec<u8>)>,
    about: Vec<String>,
}

impl Found {
    /// The same, and of one more file this is what is found.
    fn with(&self, name: &str, inode: Inode, (bytes, became): &Outcome) -> Self {
        let files = self.files.iter().cloned().chain([(inode, bytes.clone())]).collect();
        let became = became.iter().map(|became| format!("{name}: {became}"));
        Self { files, about: self.about.iter().cloned().chain(became).collect() }
    }

    fn words(&self) -> String {
        if self.about.is_empty() { "nothing was under way".to_owned() } else { self.about.join("; ") }
    }
}

/// What is found of a file, and a word about what became of what was not synced, if there was any.
type Outcome = (Vec<u8>, Option<String>);

/// A step of a trace in which nothing is sent.
pub(super) fn step(label: String, kind: StepKind, who: usize, before: String, after: String) -> Step {
    Step { label, kind, who, from: None, message: None, effects: Vec::new(), before, after }
}

fn power() -> io::Error {
    io::Error::other("the power is off")
}

impl State {
    /// The files, their lengths, and how much of that is surely on the disk.
    fn shown(&self) -> String {
        let about = |(name, inode): (&String, &Inode)| {
            let Contents { synced, seen, .. } = &self.contents[*inode];
            let named = if self.synced.get(name) == Some(inode) { "" } else { ", name not synced" };
            match synced == seen {
                true => format!("{name}: {}{named}", bytes_of(seen.len())),
                false => format!("{name}: {}, {} synced{named}", bytes_of(seen.len()), synced.len()),
            }
        };
        let files: Vec<_> = self.seen.iter().map(about).collect();
        if files.is_empty() { "no files".to_owned() } else { files.join("; ") }
    }

    /// Tells something that is no operation.
    fn tell(&mut self, label: String) {
        let shown = self.shown();
        self.steps.push(step(label, StepKind::Other, PROGRAM, shown.clone(), shown));
    }

    fn inode(&self, name: &str) -> io::Result<Inode> {
        self.seen.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The folders that may be found: with the first of the pending changes, and then with one of these missing. Each comes with what
    /// became of the others.
    fn folders(&self) -> Vec<(BTreeMap<String, Inode>, Vec<String>)> {
        let all = self.pending.len();
        let in_order = (0..=all).map(|first| (first, None));
        let one_missing = (0..=all).flat_map(|first| (1..first).map(move |missing| (first, Some(missing - 1))));
        let mut found: Vec<(BTreeMap<String, Inode>, Vec<String>)> = Vec::new();
        for (first, missing) in in_order.chain(one_missing) {
            let (folder, about) = self.folder_after(first, missing);
            if found.iter().all(|(known, _)| *known != folder) {
                found.push((folder, about));
            }
        }
        found
    }

    /// The folder with the first of its pending changes but for one of them, and what became of the others.
    fn folder_after(&self, first: usize, missing: Option<usize>) -> (BTreeMap<String, Inode>, Vec<String>) {
        let mut folder = self.synced.clone();
        let mut undone = Vec::new();
        for (at, change) in self.pending.iter().enumerate() {
            if at < first && Some(at) != missing {
                change.apply(&mut folder);
            } else {
                undone.push(format!("the folder does not know that {change}"));
            }
        }
        (folder, undone)
    }
}

impl Change {
    fn apply(&self, folder: &mut BTreeMap<String, Inode>) {
        match self {
            Change::Create { name, inode } => {
                folder.insert(name.clone(), *inode);
            }
            Change::Rename { from, to, inode } => {
                if folder.get(from) == Some(inode) {
                    folder.remove(from);
                }
                folder.insert(to.clone(), *inode);
            }
            Change::Remove { name } => {
                folder.remove(name);
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Create { name, .. } => write!(f, "{name} was created"),
            Change::Rename { from, to, .. } => write!(f, "{from} was renamed to {to}"),
            Change::Remove { name } => write!(f, "{name} was removed"),
        }
    }
}

impl Contents {
    /// What may be found after a crash.
    fn outcomes(&self) -> Vec<Outcome> {
        if self.pending.is_empty() {
            return vec![(self.synced.clone(), None)];
        }
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut bytes = self.synced.clone();
        let mut add = |bytes: Vec<u8>, about: String| {
            if outcomes.iter().all(|(known, _)| *known != bytes) {
                outcomes.push((bytes, Some(about)));
            }
        };
        add(bytes.clone(), format!("nothing of what was not synced, {} left", bytes_of(bytes.len())));
        for write in &self.pending {
            if let Write::Append { at, bytes: written } = write {
                for (part, about) in torn(written) {
                    let mut torn = bytes.clone();
                    put(&mut torn, *at, &part);
                    add(torn, format!("{about} of the {} at {at}", bytes_of(written.len())));
                }
            }
            write.apply(&mut bytes);
            add(bytes.clone(), format!("all up to {}", bytes_of(bytes.len())));
        }
        outcomes
    }
}

/// What may be there of a write that is under way, besides nothing and all.
fn torn(written: &[u8]) -> Vec<(Vec<u8>, String)> {
    let (len, half) = (written.len(), written.len() / 2);
    let cuts = [1, half, len.saturating_sub(1)].into_iter().filter(|&cut| 0 < cut && cut < len);
    let cuts = cuts.map(|cut| (written[..cut].to_vec(), format!("the first {cut}")));
    let zeroed = |from: usize, to: usize, about: &str| {
        let mut bytes = written.to_vec();
        bytes[from..to].fill(0);
        (bytes, about.to_owned())
    };
    let holes = [
        zeroed(0, len, "zeros in place"),
        zeroed(0, half, "zeros in place of the first half"),
        zeroed(half, len, "zeros in place of the second half"),
    ];
    cuts.chain(holes).collect()
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Write::Append { at, bytes: written } => put(bytes, *at, written),
            Write::Truncate { len } => bytes.truncate(*len),
        }
    }
}

/// Puts bytes at an offset. Where the file ends before it, zeros come between.
fn put(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    if bytes.len() < at + written.len() {
        bytes.resize(at + written.len(), 0);
    }
    bytes[at..at + written.len()].copy_from_slice(written);
}

fn bytes_of(len: usize) -> String {
    format!("{len} byte{}", if len == 1 { "" } else { "s" })
}

impl Disk for Faulty {
    fn list(&mut self) -> io::Result<Vec<String>> {
        let state = self.state.borrow();
        if state.off { Err(power()) } else { Ok(state.seen.keys().cloned().collect()) }
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.operate(format!("creates {name}"), |state| {
            if state.seen.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let change = Change::Create { name: name.to_owned(), inode: state.contents.len() };
            state.contents.push(Contents::default());
            state.change(change);
            Ok(())
        })
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.state.borrow();
        if state.off { Err(power()) } else { Ok(state.contents[state.inode(name)?].seen.clone()) }
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.operate(format!("appends {} to {name}", bytes_of(bytes.len())), |state| {
            let inode = state.inode(name)?;
            state.appends += 1;
            let full = state.trouble == Some(Trouble::Full(state.appends));
            let bytes = if full { &bytes[..bytes.len() / 2] } else { bytes };
            state.written += bytes.len();
            let contents = &mut state.contents[inode];
            contents.write(Write::Append { at: contents.seen.len(), bytes: bytes.to_vec() });
            if full {
                state.struck = true;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        })
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.operate(format!("cuts {name} off behind {}", bytes_of(len as usize)), |state| {
            let inode = state.inode(name)?;
            let contents = &mut state.contents[inode];
            if len as usize > contents.seen.len() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            contents.write(Write::Truncate { len: len as usize });
            Ok(())
        })
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.operate(format!("syncs {name}"), |state| {
            let inode = state.inode(name)?;
            if state.off {
                return Ok(()); // the power fails before it has done anything
            }
            state.syncs += 1;
            let contents = &mut state.contents[inode];
            if state.trouble == Some(Trouble::FailedSync(state.syncs)) {
                contents.pending.clear();
                contents.forgotten = true;
                state.struck = true;
                return Err(io::Error::other("input/output error"));
            }
            let pending = std::mem::take(&mut contents.pending);
            pending.iter().for_each(|write| write.apply(&mut contents.synced));
            Ok(())
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.operate(format!("renames {from} to {to}"), |state| {
            let inode = state.inode(from)?;
            state.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), inode });
            Ok(())
        })
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.operate(format!("removes {name}"), |state| {
            state.inode(name)?;
            state.change(Change::Remove { name: name.to_owned() });
            Ok(())
        })
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        self.operate("syncs the folder".to_owned(), |state| {
            if !state.off {
                state.pending.clear();
                state.synced = state.seen.clone();
            }
            Ok(())
        })
    }
}

impl State {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }
}

impl Contents {
    fn write(&mut self, write: Write) {
        write.apply(&mut self.seen);
        self.pending.push(write);
    }
}
