//! Disks: the one that fails keeps what the real one promises, and no more.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use testkit::check::FailureKind;
use testkit::disk::crash::Crashes;
use testkit::disk::{Ailing, Ailment, Disk, Faulty, Folder, Trouble};
use testkit::rule::Rule;

const KEPT: Rule = Rule::new("kept", "What was promised is there.", "this test", "");

/// What may be found of the file `a` after a crash now; `None` where there is no such file.
fn found(disk: &Faulty) -> BTreeSet<Option<Vec<u8>>> {
    disk.aftermath().into_iter().map(|(mut disk, _)| disk.read("a").ok()).collect()
}

fn some(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_vec())
}

/// A disk with the file `a`, which holds `synced` for good.
fn holding(synced: &[u8]) -> Faulty {
    let mut disk = Faulty::new();
    disk.create("a").unwrap();
    disk.append("a", synced).unwrap();
    disk.sync("a").unwrap();
    disk.sync_dir().unwrap();
    disk
}

/// What any disk does as long as nothing fails.
fn behaves(disk: &mut dyn Disk) {
    disk.create("b").unwrap();
    disk.create("a").unwrap();
    assert_eq!(disk.create("a").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.append("none", b"x").unwrap_err().kind(), ErrorKind::NotFound);
    disk.append("a", b"one").unwrap();
    disk.append("a", b"two").unwrap();
    assert_eq!(disk.read("a").unwrap(), b"onetwo");
    disk.truncate("a", 4).unwrap();
    disk.append("a", b"!").unwrap();
    disk.sync("a").unwrap();
    assert_eq!(disk.read("a").unwrap(), b"onet!");
    disk.append("b", b"bee").unwrap();
    disk.rename("b", "a").unwrap();
    assert_eq!(disk.list().unwrap(), ["a"]);
    disk.append("a", b"s").unwrap();
    assert_eq!(disk.read("a").unwrap(), b"bees");
    disk.sync_dir().unwrap();
    disk.remove("a").unwrap();
    assert_eq!(disk.list().unwrap(), [""; 0]);
    assert_eq!(disk.read("a").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn both_disks_behave_alike() {
    behaves(&mut Faulty::new());
    let place = std::env::temp_dir().join(format!("course-disk-{}", std::process::id()));
    let mut folder = Folder::open(place.join("made/on/the/way")).unwrap();
    behaves(&mut folder);
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_folder_is_open_once_at_a_time() {
    let place = std::env::temp_dir().join(format!("course-lock-{}", std::process::id()));
    let mut first = Folder::open(&place).unwrap();
    first.create("a").unwrap();
    assert_eq!(first.list().unwrap(), ["a"], "the lock is not one of its files");
    let second = Folder::open(&place).unwrap_err();
    let says = format!("process {} holds its lock", std::process::id());
    assert_eq!((second.kind(), second.to_string()), (ErrorKind::ResourceBusy, says));
    first.append("a", b"goes on").unwrap();
    drop(first);
    assert_eq!(Folder::open(&place).unwrap().read("a").unwrap(), b"goes on");
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn what_was_synced_is_found() {
    assert_eq!(found(&holding(b"kept")), [some(b"kept")].into());
}

#[test]
fn a_write_may_be_lost_cut_off_or_full_of_zeros() {
    let mut disk = holding(b"-");
    disk.append("a", b"abcd").unwrap();
    let expected = [&b"-"[..], b"-a", b"-ab", b"-abc", b"-abcd", b"-\0\0\0\0", b"-\0\0cd", b"-ab\0\0"];
    assert_eq!(found(&disk), expected.into_iter().map(some).collect());
}

#[test]
fn writes_of_one_file_happen_in_order() {
    let mut disk = holding(b"");
    disk.append("a", b"A").unwrap();
    disk.append("a", b"B").unwrap();
    let expected = [&b""[..], b"A", b"AB", b"\0", b"A\0"];
    assert_eq!(found(&disk), expected.into_iter().map(some).collect());
}

#[test]
fn a_file_without_a_synced_folder_may_be_gone_whatever_it_holds() {
    let mut disk = Faulty::new();
    disk.create("a").unwrap();
    disk.append("a", b"x").unwrap();
    disk.sync("a").unwrap();
    assert_eq!(found(&disk), [None, some(b"x")].into());
}

#[test]
fn a_change_of_the_folder_may_be_undone_and_a_later_one_survive() {
    let mut disk = holding(b"x");
    disk.remove("a").unwrap();
    disk.create("b").unwrap();
    disk.rename("b", "c").unwrap();
    let folders: BTreeSet<String> =
        disk.aftermath().into_iter().map(|(mut disk, _)| disk.list().unwrap().join(" ")).collect();
    assert_eq!(folders, ["a", "", "b", "a b", "c", "a c"].map(str::to_owned).into());
}

#[test]
fn a_cut_or_a_new_name_may_be_undone() {
    let mut disk = holding(b"long");
    disk.truncate("a", 2).unwrap();
    assert_eq!(found(&disk), [some(b"long"), some(b"lo")].into());
    disk.sync("a").unwrap();
    disk.create("b").unwrap();
    disk.sync("b").unwrap();
    disk.rename("b", "a").unwrap();
    assert_eq!(found(&disk), [some(b"lo"), some(b"")].into());
    disk.sync_dir().unwrap();
    assert_eq!(found(&disk), [some(b"")].into());
}

#[test]
fn a_removed_file_may_come_back() {
    let mut disk = holding(b"x");
    disk.remove("a").unwrap();
    assert_eq!(found(&disk), [None, some(b"x")].into());
}

#[test]
fn after_a_failed_sync_a_second_one_proves_nothing() {
    let mut disk = holding(b"-").with(Trouble::FailedSync(1));
    disk.append("a", b"x").unwrap();
    assert!(disk.sync("a").is_err() && disk.has_struck());
    disk.sync("a").unwrap();
    assert_eq!(disk.read("a").unwrap(), b"-x", "a program sees it all the same");
    assert_eq!(found(&disk), [some(b"-")].into());
    disk.append("a", b"y").unwrap();
    disk.sync("a").unwrap();
    assert_eq!(found(&disk), [some(b"-\0y")].into(), "a hole stays");
}

#[test]
fn a_full_disk_takes_half_a_write() {
    let mut disk = holding(b"-").with(Trouble::Full(1));
    assert_eq!(disk.append("a", b"abcd").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.read("a").unwrap(), b"-ab");
}

#[test]
fn nothing_works_without_power() {
    let mut disk = holding(b"-").with(Trouble::Crash(2));
    disk.append("a", b"x").unwrap();
    assert!(disk.sync("a").is_err() && disk.is_off());
    assert!(disk.read("a").is_err() && disk.list().is_err() && disk.append("a", b"y").is_err());
    assert!(
        found(&disk).contains(&some(b"-")) && found(&disk).contains(&some(b"-x")),
        "it may have done its work or not"
    );
}

#[test]
fn a_bit_can_flip() {
    let disk = holding(b"abc");
    disk.flip("a", 1);
    assert_eq!(found(&disk), [some(b"arc")].into());
}

/// A program that keeps one byte after the other in the file `a`.
struct Keeper {
    syncs: bool,
    syncs_folder: bool,
}

impl Keeper {
    fn keep(&self, disk: &Faulty, promised: &mut Vec<u8>) -> std::io::Result<()> {
        let mut disk = disk.clone();
        if disk.list()?.is_empty() {
            disk.create("a")?;
            if self.syncs_folder {
                disk.sync_dir()?;
            }
        }
        for byte in *b"xyz" {
            disk.append("a", &[byte])?;
            if self.syncs {
                disk.sync("a")?;
            }
            promised.push(byte);
            disk.note(format!("promises {}", char::from(byte)));
        }
        Ok(())
    }

    fn survives(&self, trouble: fn(usize) -> Trouble) -> Result<String, String> {
        let crashes = Crashes {
            rule: KEPT,
            program: "keeper",
            run: &|disk, promised: &mut Vec<u8>| drop(self.keep(disk, promised)),
            recover: &|disk, promised| {
                let there = disk.clone().read("a").unwrap_or_default();
                let kept = there.starts_with(promised);
                if kept { Ok(()) } else { Err(format!("{there:?} is there.")) }
            },
        };
        crashes.survive(trouble).map_err(|finding| {
            assert_eq!(finding.kind, FailureKind::Violated);
            let steps = finding.trace.unwrap().steps;
            steps.iter().map(|step| step.label.as_str()).collect::<Vec<_>>().join("\n")
        })
    }
}

#[test]
fn a_program_that_syncs_survives_and_one_that_does_not_is_shown_the_shortest_story() {
    let careful = Keeper { syncs: true, syncs_folder: true };
    assert_eq!(careful.survives(Trouble::Crash).unwrap(), "9 moments, 31 disks that may be found");
    let careless = Keeper { syncs: false, syncs_folder: true };
    assert_eq!(
        careless.survives(Trouble::Crash).unwrap_err(),
        "creates a\nsyncs the folder\nappends 1 byte to a\npromises x\nappends 1 byte to a\nthe power fails\n\
         the power is back; found: a: nothing of what was not synced, 0 bytes left"
    );
    let nameless = Keeper { syncs: true, syncs_folder: false };
    let story = nameless.survives(Trouble::Crash).unwrap_err();
    assert!(story.ends_with("found: the folder does not know that a was created"), "{story}");
}

#[test]
fn a_recovery_that_crashes_is_followed_by_another() {
    let moves = |disk: &Faulty, _: &mut ()| {
        let mut disk = disk.clone();
        let _ = disk.create("new").and_then(|()| disk.sync_dir());
    };
    // It takes two steps for what only one of them leaves behind.
    let recover = |disk: &Faulty, (): &mut ()| -> Result<(), String> {
        let mut disk = disk.clone();
        let names = disk.list().map_err(|error| error.to_string())?;
        if names == ["half"] {
            return Err("It is stuck half way.".to_owned());
        }
        if names == ["new"] {
            let _ = disk.rename("new", "half").and_then(|()| disk.rename("half", "new")).and_then(|()| disk.sync_dir());
        }
        Ok(())
    };
    let crashes = Crashes { rule: KEPT, program: "mover", run: &moves, recover: &recover };
    assert_eq!(crashes.survive(Trouble::Crash).unwrap_err().summary, "It is stuck half way.");
}

#[test]
fn a_panic_is_told_with_all_that_led_to_it() {
    testkit::panics::listen();
    let run = |disk: &Faulty, (): &mut ()| {
        let _ = disk.clone().create("a");
        panic!("too careless");
    };
    let crashes = Crashes { rule: KEPT, program: "breaker", run: &run, recover: &|_, ()| Ok(()) };
    let finding = crashes.survive(Trouble::Crash).unwrap_err();
    assert_eq!((finding.kind, finding.trace.unwrap().steps.len()), (FailureKind::Panicked, 1));
}

#[test]
fn what_is_written_counts_whether_it_is_still_there_or_not() {
    let mut disk = holding(b"kept");
    disk.truncate("a", 1).unwrap();
    disk.append("a", b"more").unwrap();
    disk.remove("a").unwrap();
    assert_eq!(disk.written(), 8);
}

#[test]
fn a_disk_fails_as_the_note_says_and_is_well_without_it() {
    let note = std::env::temp_dir().join(format!("course-ailment-{}", std::process::id()));
    let mut disk = Ailing::new(Faulty::new(), Some(note.clone()));
    behaves(&mut disk);
    let mut disk = Ailing::new(holding(b"kept"), Some(note.clone()));
    Ailment::Full.begin(&note).unwrap();
    assert_eq!(disk.append("a", b"half").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.create("b").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.read("a").unwrap(), b"keptha", "as much as there was room for");
    disk.sync("a").unwrap();
    Ailment::Failing.begin(&note).unwrap();
    disk.append("a", b"lf").unwrap();
    assert!(disk.sync("a").is_err() && disk.sync_dir().is_err());
    Ailment::end(&note).unwrap();
    Ailment::end(&note).unwrap(); // there is none any more
    disk.sync("a").unwrap();
    disk.sync_dir().unwrap();
    assert_eq!(disk.read("a").unwrap(), b"kepthalf");
}

#[test]
fn a_disk_without_a_place_for_notes_is_well() {
    behaves(&mut Ailing::new(Faulty::new(), None));
}
