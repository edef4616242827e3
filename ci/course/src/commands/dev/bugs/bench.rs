//! Where changed solutions are tried out: while the checks of some run, others are built.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use testkit::check::supervise::{self, Limits};
use testkit::check::{Mode, RunRequest};

use super::base::Base;
use super::dependencies::Dependencies;
use super::memory::Memory;
use super::reach::Reach;
use super::schemata::Schemata;
use super::scratch::Scratch;
use super::{Fate, Mutant, Outcome, figures, matrix};
use crate::error::Error;
use crate::manifest::Stage;
use crate::runner::test_path;
use crate::workspace::Workspace;

/// How many checks run at once.
const JUDGES: usize = 2;

/// Tries out the changed solutions of one base of a stage.
pub struct Bench<'w> {
    workspace: &'w Workspace,
    stage: &'w Stage,
    base: &'w Base,
    scratch: Scratch,
    reach: Reach,
    dependencies: Dependencies,
    /// Every bug against every check, and what earlier runs of that sort found.
    full: Option<Memory>,
}

/// One changed solution on its way through the bench.
struct Trial<'m> {
    mutant: &'m Mutant,
    /// What its checks are known to say.
    known: Vec<(String, Fate)>,
    /// The checks that have to run.
    checks: Vec<String>,
}

/// A changed solution that was built, or why it could not be.
struct Built<'m> {
    trial: Trial<'m>,
    program: Result<PathBuf, String>,
}

impl<'w> Bench<'w> {
    /// A bench on which a bug meets the checks that must catch it, and a variant all that can tell it from the reference.
    pub fn new(workspace: &'w Workspace, stage: &'w Stage, base: &'w Base) -> Result<Self, Error> {
        let scratch = Scratch::new(workspace, base)?;
        let reach = Reach::of_stage(workspace, stage, base)?;
        let dependencies = Dependencies::new(workspace, stage, base, &reach)?;
        Ok(Self { workspace, stage, base, scratch, reach, dependencies, full: None })
    }

    /// A bench on which a bug of the reference meets all checks that can tell it from the reference. It remembers what they say;
    /// `afresh` forgets that first.
    pub fn full(workspace: &'w Workspace, stage: &'w Stage, base: &'w Base, afresh: bool) -> Result<Self, Error> {
        let bench = Self::new(workspace, stage, base)?;
        let memory = Memory::open(workspace, stage);
        if afresh {
            memory.forget()?;
        }
        Ok(Self { full: Some(memory), ..bench })
    }

    /// A hash of all on which it depends whether a changed solution is what it is there for: the verdicts of the checks that it has to
    /// meet. These decide which run the book shows as well.
    pub fn hash(&self, mutant: &Mutant) -> String {
        self.dependencies.of(mutant).hash(&self.must_meet(mutant)).shown()
    }

    /// The checks by which a changed solution is judged: those that a bug names, and all that can tell a variant from the reference. In which
    /// order the manifest lists those says nothing about a variant.
    fn must_meet(&self, mutant: &Mutant) -> Vec<String> {
        if mutant.is_bug() {
            return mutant.caught_by().to_vec();
        }
        let mut reached = self.reached(mutant, false);
        reached.sort_unstable();
        reached
    }

    /// The checks that a changed solution meets. One in real time meets only bugs that it must catch, and in a full run variants:
    /// what else it catches is chance, and it takes a hundred times as long as others.
    fn checks(&self, mutant: &Mutant) -> Vec<String> {
        if self.full.is_none() { self.must_meet(mutant) } else { self.reached(mutant, !mutant.is_bug()) }
    }

    /// The checks that can tell a changed solution from the reference, those that it names among them.
    fn reached(&self, mutant: &Mutant, in_real_time: bool) -> Vec<String> {
        let reached = self.reach.of(mutant.files());
        let is_whole = mutant.files().next().is_none();
        let is_reached =
            |check: &&String| is_whole || check.rsplit_once("::").is_some_and(|(module, _)| reached.contains(module));
        let may_meet =
            |check: &&String| !self.stage.is_in_real_time(check) || in_real_time || mutant.caught_by().contains(check);
        matrix::checks(self.stage).filter(is_reached).filter(may_meet).cloned().collect()
    }

    /// Tries out `mutants`. `done` hears of each as it is through.
    pub fn try_out<'m>(
        &self,
        mutants: &[&'m Mutant],
        bar: &ProgressBar,
        done: &(impl Fn(&Outcome) + Sync),
    ) -> Result<Vec<Outcome<'m>>, Error> {
        let trials = mutants.iter().map(|mutant| self.plan(mutant)).collect();
        let (send, built) = mpsc::channel::<Built>();
        let built = Mutex::new(built);
        let next = || built.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        let judge = || {
            let outcomes = std::iter::from_fn(next).map(|built| self.judge(built).inspect(done));
            outcomes.collect::<Result<Vec<_>, Error>>()
        };
        let died = |_| Error::Course("A thread that runs checks has died.".into());
        let mut outcomes = Vec::new();
        thread::scope(|scope| {
            let judges: Vec<_> = (0..JUDGES).map(|_| scope.spawn(judge)).collect();
            let all_built = self.build_all(trials, &send, bar);
            bar.set_message("running the last checks");
            drop(send);
            for judge in judges {
                outcomes.extend(judge.join().map_err(died)??);
            }
            all_built
        })?;
        outcomes.sort_by_cached_key(|outcome| mutants.iter().position(|mutant| mutant.name == outcome.mutant.name));
        Ok(outcomes)
    }

    /// Which checks a changed solution has to meet, and what is known already.
    fn plan<'m>(&self, mutant: &'m Mutant) -> Trial<'m> {
        let mut known = self.full.as_ref().map(|memory| memory.recall(&self.dependencies, mutant)).unwrap_or_default();
        let (known, checks): (Vec<_>, Vec<_>) = self
            .checks(mutant)
            .into_iter()
            .map(|check| (known.remove(&check), check))
            .partition(|(fate, _)| fate.is_some());
        let known = known.into_iter().filter_map(|(fate, check)| Some((check, fate?))).collect();
        Trial { mutant, known, checks: checks.into_iter().map(|(_, check)| check).collect() }
    }

    /// Builds changed solutions, those together that can be, and hands them on. Those that meet the most checks go first, so that
    /// no long one is left for the end.
    fn build_all<'m>(&self, trials: Vec<Trial<'m>>, send: &Sender<Built<'m>>, bar: &ProgressBar) -> Result<(), Error> {
        let (mut trials, nothing_to_do): (Vec<_>, Vec<_>) =
            trials.into_iter().partition(|trial| !trial.checks.is_empty());
        for trial in nothing_to_do {
            hand_on(send, trial, Ok(PathBuf::new()));
        }
        trials.sort_by_key(|trial| usize::MAX - trial.checks.len());
        let (_, alone) = Schemata::merge(trials.iter().map(|trial| trial.mutant), self.base.folder());
        let is_alone = |trial: &Trial| alone.iter().any(|mutant| mutant.name == trial.mutant.name);
        let (alone, together): (Vec<_>, Vec<_>) = trials.into_iter().partition(is_alone);
        self.build_together(together, send, bar)?;
        for trial in alone {
            self.build_alone(trial, send, bar)?;
        }
        Ok(())
    }

    /// Builds several changed solutions at once. If one of them does not compile, none of them does: then each half is tried.
    fn build_together<'m>(
        &self,
        mut trials: Vec<Trial<'m>>,
        send: &Sender<Built<'m>>,
        bar: &ProgressBar,
    ) -> Result<(), Error> {
        match &trials[..] {
            [] => return Ok(()),
            [_] => return self.build_alone(trials.remove(0), send, bar),
            _ => bar.set_message(format!("building {} together", trials.len())),
        }
        let (schemata, _) = Schemata::merge(trials.iter().map(|trial| trial.mutant), self.base.folder());
        let mut checks: Vec<String> = trials.iter().flat_map(|trial| &trial.checks).cloned().collect();
        checks.sort();
        checks.dedup();
        match self.scratch.plant_together(self.stage, &schemata, &checks)? {
            Ok(programs) => {
                trials.into_iter().zip(programs).for_each(|(trial, program)| hand_on(send, trial, Ok(program)));
                Ok(())
            }
            Err(_) => {
                let rest = trials.split_off(trials.len() / 2);
                self.build_together(trials, send, bar)?;
                self.build_together(rest, send, bar)
            }
        }
    }

    fn build_alone<'m>(&self, trial: Trial<'m>, send: &Sender<Built<'m>>, bar: &ProgressBar) -> Result<(), Error> {
        bar.set_message(format!("building {}", trial.mutant.name));
        let program = self.scratch.plant(self.stage, trial.mutant, &trial.checks)?;
        hand_on(send, trial, program);
        Ok(())
    }

    /// Runs the checks of a changed solution.
    fn judge<'m>(&self, built: Built<'m>) -> Result<Outcome<'m>, Error> {
        let Built { trial: Trial { mutant, known, checks }, program } = built;
        let start = Instant::now();
        let traces = figures::traces(self.workspace, self.stage, &self.base.qualified(mutant));
        let run = |program: &PathBuf, check: &String| (check.clone(), fate(program, check, &traces));
        let fates = program.map(|program| checks.iter().map(|check| run(&program, check)).collect::<Vec<_>>());
        let took = if checks.is_empty() { Duration::ZERO } else { start.elapsed() };
        if let (Some(memory), Ok(fates)) = (&self.full, &fates) {
            memory.keep(&self.dependencies, mutant, fates)?;
        }
        let remembered = known.len();
        let place = |check: &String| matrix::checks(self.stage).position(|other| other == check);
        let fates = fates.map(|found| {
            let mut fates: Vec<_> = known.into_iter().chain(found).collect();
            fates.sort_by_cached_key(|(check, _)| place(check));
            fates
        });
        Ok(Outcome { mutant, fates, remembered, took })
    }
}

/// Hands a changed solution to whoever runs its checks. If no one is left, that thread has met an error, and says which when it is joined.
fn hand_on<'m>(send: &Sender<Built<'m>>, trial: Trial<'m>, program: Result<PathBuf, String>) {
    let _ = send.send(Built { trial, program });
}

/// Runs one check of a program.
fn fate(program: &Path, check: &str, traces: &Path) -> Fate {
    let request = RunRequest::new(Mode::Grade, traces);
    Fate::of(&supervise::run(program, &test_path(check), &request, &Limits::default()))
}

/// Runs checks of a program, two at once. What they say comes in the order in which they were given.
pub fn fates(program: &Path, checks: &[String], traces: &Path) -> Vec<(String, Fate)> {
    let queue = Mutex::new(checks.iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || std::iter::from_fn(next).map(|(at, check)| (at, fate(program, check, traces))).collect::<Vec<_>>();
    let mut fates = thread::scope(|scope| {
        let judges: Vec<_> = (0..JUDGES).map(|_| scope.spawn(run)).collect();
        judges.into_iter().flat_map(|judge| judge.join().expect("a run never panics")).collect::<Vec<_>>()
    });
    fates.sort_by_key(|(at, _)| *at);
    fates.into_iter().map(|(at, fate)| (checks[at].clone(), fate)).collect()
}
