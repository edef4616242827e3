//! Where changed solutions are tried out, one after the other: while the checks of one run, the next is built.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use indicatif::ProgressBar;
use testkit::check::supervise::{self, Limits};
use testkit::check::{Mode, RunRequest};

use super::memory::Memory;
use super::reach::Reach;
use super::scratch::{Planted, Scratch};
use super::{Fate, Mutant, Outcome, figures, matrix};
use crate::error::Error;
use crate::manifest::Stage;
use crate::runner::test_path;
use crate::workspace::Workspace;

/// Tries out changed solutions of one stage.
pub struct Bench<'w> {
    workspace: &'w Workspace,
    stage: &'w Stage,
    scratch: Scratch,
    reach: Reach,
    /// Every bug against every check, and what earlier runs of that sort found.
    full: Option<Memory>,
}

/// One changed solution on its way through the bench.
struct Trial<'m> {
    mutant: &'m Mutant,
    start: Instant,
    /// What its checks are known to say.
    known: Vec<(String, Fate)>,
    /// The checks that have to run.
    checks: Vec<String>,
    program: Planted,
}

impl<'w> Bench<'w> {
    /// A bench on which a bug meets the checks that must catch it, and a variant all that can tell it from the reference.
    pub fn new(workspace: &'w Workspace, stage: &'w Stage) -> Result<Self, Error> {
        let scratch = Scratch::new(workspace)?;
        let checks = workspace.exercises().join(&stage.id).join("tests/checks");
        let reach = Reach::new(&workspace.solution(&stage.id), &checks)?;
        Ok(Self { workspace, stage, scratch, reach, full: None })
    }

    /// A bench on which a bug meets all checks that can tell it from the reference. It remembers what they say; `afresh`
    /// forgets that first.
    pub fn full(workspace: &'w Workspace, stage: &'w Stage, afresh: bool) -> Result<Self, Error> {
        let bench = Self::new(workspace, stage)?;
        let memory = Memory::open(workspace, stage, &bench.reach)?;
        if afresh {
            memory.forget()?;
        }
        Ok(Self { full: Some(memory), ..bench })
    }

    /// The checks that a changed solution meets. One in real time meets only bugs that it must catch, and in a full run variants:
    /// what else it catches is chance, and it takes a hundred times as long as others.
    fn checks(&self, mutant: &Mutant) -> Vec<String> {
        if mutant.is_bug() && self.full.is_none() {
            return mutant.caught_by().to_vec();
        }
        let reached = self.reach.of(mutant.files());
        let is_reached = |check: &&String| check.rsplit_once("::").is_some_and(|(module, _)| reached.contains(module));
        let meets_variants = !mutant.is_bug() && self.full.is_some();
        let may_meet = |check: &&String| {
            !self.stage.is_in_real_time(check) || meets_variants || mutant.caught_by().contains(check)
        };
        matrix::checks(self.stage).filter(is_reached).filter(may_meet).cloned().collect()
    }

    /// Tries out `mutants`. `done` hears of each as it is through.
    pub fn try_out<'m>(
        &self,
        mutants: &'m [Mutant],
        bar: &ProgressBar,
        done: &(impl Fn(&Outcome) + Sync),
    ) -> Result<Vec<Outcome<'m>>, Error> {
        let (send, built) = mpsc::sync_channel::<Trial>(1);
        let died = || Error::Course("The thread that runs checks has died.".into());
        thread::scope(|scope| {
            let judge = scope.spawn(|| {
                let judge = |trial| self.judge(trial).inspect(done);
                built.into_iter().map(judge).collect::<Result<Vec<_>, Error>>()
            });
            for mutant in mutants {
                bar.set_message(format!("building {}", mutant.name));
                if send.send(self.prepare(mutant)?).is_err() {
                    // The other thread has met an error, and says which when it is joined.
                    break;
                }
            }
            bar.set_message("running the last checks");
            drop(send);
            judge.join().map_err(|_| died())?
        })
    }

    /// Builds a changed solution with those of its checks of which nothing is known.
    fn prepare<'m>(&self, mutant: &'m Mutant) -> Result<Trial<'m>, Error> {
        let start = Instant::now();
        let mut known = self.full.as_ref().map(|memory| memory.recall(mutant)).unwrap_or_default();
        let (known, checks): (Vec<_>, Vec<_>) = self
            .checks(mutant)
            .into_iter()
            .map(|check| (known.remove(&check), check))
            .partition(|(fate, _)| fate.is_some());
        let known = known.into_iter().filter_map(|(fate, check)| Some((check, fate?))).collect();
        let checks: Vec<String> = checks.into_iter().map(|(_, check)| check).collect();
        let program =
            if checks.is_empty() { Ok(Default::default()) } else { self.scratch.plant(self.stage, mutant, &checks)? };
        Ok(Trial { mutant, start, known, checks, program })
    }

    /// Runs the checks of a changed solution.
    fn judge<'m>(&self, trial: Trial<'m>) -> Result<Outcome<'m>, Error> {
        let Trial { mutant, start, known, checks, program } = trial;
        let traces = figures::traces(self.workspace, self.stage, mutant);
        let fates = program.map(|program| fates(&program, &checks, &traces));
        if let (Some(memory), Ok(fates)) = (&self.full, &fates) {
            memory.keep(mutant, fates)?;
        }
        let remembered = known.len();
        let place = |check: &String| matrix::checks(self.stage).position(|other| other == check);
        let fates = fates.map(|found| {
            let mut fates: Vec<_> = known.into_iter().chain(found).collect();
            fates.sort_by_cached_key(|(check, _)| place(check));
            fates
        });
        Ok(Outcome { mutant, fates, remembered, took: start.elapsed() })
    }
}

/// Runs checks of a program, two at once, in the order given.
pub fn fates(program: &Path, checks: &[String], traces: &Path) -> Vec<(String, Fate)> {
    let next = AtomicUsize::new(0);
    let fates = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..checks.len().min(2) {
            scope.spawn(|| {
                while let Some((at, check)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, checks.get(at)?)))
                {
                    let request = RunRequest::new(Mode::Grade, traces);
                    let fate = Fate::of(&supervise::run(program, &test_path(check), &request, &Limits::default()));
                    fates.lock().unwrap_or_else(PoisonError::into_inner).push((at, check.clone(), fate));
                }
            });
        }
    });
    let mut fates = fates.into_inner().unwrap_or_else(PoisonError::into_inner);
    fates.sort_by_key(|(at, ..)| *at);
    fates.into_iter().map(|(_, check, fate)| (check, fate)).collect()
}
