//! Every moment in which a program can crash, and every disk that it may find then.
//!
//! A crash is one of two: the power fails, or the process is killed. After the second, the system still knows what was not synced, so
//! a program reads it back, and may lose it yet: whoever relies on what was read must sync it first.
//!
//! A check describes a *run*, which uses the program and notes what the program has promised, and a *recovery*, which starts the program
//! on the disk that is found and compares. The run is begun anew for each operation in which the power can fail. For each disk that may
//! be found then, the recovery is begun anew for each operation in which the power fails a second time. There is no third time: what
//! a recovery leaves behind is a disk like any other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::faulty::{DISK, step};
use super::{Faulty, Trouble};
use crate::check::{Check, FailureKind, Finding, Mode, Proven};
use crate::panics;
use crate::rule::Rule;
use crate::text::thousands;
use crate::trace::{Kind, Participant, Producer, Step, StepKind, Trace, Violation};

/// A run and its recovery, with what the program has promised (`W`).
pub struct Crashes<'c, W> {
    /// What every recovery must be true to.
    pub rule: Rule,
    /// How the program is called in the diagram.
    pub program: &'c str,
    /// Uses the program until it is done, or until the disk fails.
    pub run: &'c dyn Fn(&Faulty, &mut W),
    /// Starts the program on a disk, and uses it further. Its error says what is wrong; while the power is off, nothing is.
    pub recover: &'c dyn Fn(&Faulty, &mut W) -> Result<(), String>,
}

impl Check {
    /// Lets `trouble` strike at each of its moments while a program runs, and demands that each recovery is true to the rule.
    pub fn survives<W: Clone + Default>(
        &mut self,
        scope: &str,
        crashes: &Crashes<'_, W>,
        trouble: fn(usize) -> Trouble,
    ) -> Proven {
        let is_meant = match self.mode() {
            Mode::Grade => true,
            // What is found first is found again, or not any more.
            Mode::Replay { .. } => self.replayed().is_some_and(|trace| trace.scope == scope),
            Mode::Scopes | Mode::Walk { .. } => false,
        };
        if !is_meant {
            return Ok(());
        }
        let survived = crashes.survive(trouble).map(|evidence| format!("{scope}: {evidence}"));
        self.prove(survived.map_err(|mut finding| {
            finding.trace.iter_mut().for_each(|trace| scope.clone_into(&mut trace.scope));
            finding
        }))
    }
}

/// The steps so far.
struct Story<'c, W> {
    crashes: &'c Crashes<'c, W>,
    steps: Vec<Step>,
}

/// How much was looked at.
#[derive(Default)]
struct Count {
    points: usize,
    disks: usize,
}

impl<W: Clone + Default> Crashes<'_, W> {
    /// Lets the first trouble strike at each of its moments, then a crash at the end if it was none, and tries every recovery.
    ///
    /// # Errors
    /// The first recovery that is not true to the rule, with all that led to it.
    pub fn survive(&self, trouble: fn(usize) -> Trouble) -> Result<String, Box<Finding>> {
        let mut count = Count::default();
        for moment in 1.. {
            let disk = Faulty::new().with(trouble(moment));
            let mut promised = W::default();
            let story = Story { crashes: self, steps: Vec::new() };
            story.guard(&disk, || (self.run)(&disk, &mut promised))?;
            count.points += 1;
            self.recover_each(&story.after(&disk), &disk, &promised, 1, &mut count)?;
            if !disk.has_struck() {
                break;
            }
        }
        let Count { points, disks } = count;
        Ok(format!("{} moments, {} disks that may be found", thousands(points), thousands(disks)))
    }

    /// Tries the recovery on each disk that may be found, without trouble and with a crash at each of its moments.
    fn recover_each(
        &self,
        story: &Story<'_, W>,
        disk: &Faulty,
        promised: &W,
        crashes_left: usize,
        count: &mut Count,
    ) -> Result<(), Box<Finding>> {
        for (found, how) in endings(disk) {
            count.disks += 1;
            let story = story.ended(disk, &found, how);
            let (calm, mut then) = (found.copy(), promised.clone());
            let judged = story.guard(&calm, || (self.recover)(&calm, &mut then))?;
            judged.map_err(|why| story.after(&calm).finding(FailureKind::Violated, self.rule.clone(), why))?;
            if crashes_left == 0 {
                continue;
            }
            for moment in 1.. {
                let (again, mut then) = (found.copy().with(Trouble::Crash(moment)), promised.clone());
                // What it says counts for nothing: the power is off.
                let _ = story.guard(&again, || (self.recover)(&again, &mut then))?;
                if !again.is_off() {
                    break;
                }
                self.recover_each(&story.after(&again), &again, &then, crashes_left - 1, count)?;
            }
        }
        Ok(())
    }
}

/// How a run can end, and the disk that the next one finds: the power fails, or the process is killed and the system lives on, so that
/// whatever it had not written down yet it may still lose.
fn endings(disk: &Faulty) -> Vec<(Faulty, [String; 2])> {
    let failed = |(found, about): (Faulty, String)| {
        (found, ["the power fails".to_owned(), format!("the power is back; found: {about}")])
    };
    let killed =
        ["the process is killed", "it starts again; the system still knows all, and may still lose what is not synced"];
    let mut endings: Vec<_> = disk.aftermath().into_iter().map(failed).collect();
    if disk.is_remembered() {
        endings.push((disk.copy(), killed.map(str::to_owned)));
    }
    endings
}

impl<W> Story<'_, W> {
    /// The story with all that was done to a disk.
    fn after(&self, disk: &Faulty) -> Self {
        Self { crashes: self.crashes, steps: [&self.steps[..], &disk.steps()].concat() }
    }

    /// The story with a crash, and with what is found afterwards.
    fn ended(&self, disk: &Faulty, found: &Faulty, [crash, restart]: [String; 2]) -> Self {
        let crash = step(crash, StepKind::Crash, DISK, format!("{disk:?}"), String::new());
        let restart = step(restart, StepKind::Restart, DISK, String::new(), format!("{found:?}"));
        Self { crashes: self.crashes, steps: [&self.steps[..], &[crash, restart]].concat() }
    }

    /// Runs a part that calls learner code. A panic is a finding.
    fn guard<T>(&self, disk: &Faulty, part: impl FnOnce() -> T) -> Result<T, Box<Finding>> {
        catch_unwind(AssertUnwindSafe(part)).map_err(|payload| {
            let (message, at) = panics::take(payload);
            let Finding { kind, rule, summary, .. } = Finding::panicked(&message, &at);
            self.after(disk).finding(kind, rule, summary)
        })
    }

    fn finding(&self, kind: FailureKind, rule: Rule, summary: String) -> Box<Finding> {
        let participant =
            |name: &str, kind, state: &str| Participant { name: name.to_owned(), kind, state: state.to_owned() };
        // In the order of `PROGRAM` and `DISK`.
        let participants =
            vec![participant(self.crashes.program, Kind::Client, ""), participant("disk", Kind::Server, "no files")];
        let mut trace = Trace::new(Producer::Crashes, participants, self.steps.clone());
        trace.violation = Some(Violation::new(kind, &rule, &summary));
        Box::new(Finding { kind, rule, summary, trace: Some(trace) })
    }
}
