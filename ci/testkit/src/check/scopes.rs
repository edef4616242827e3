//! The steps of a check that look at many runs: a model's every run, a simulation's seeds, a schedule written by hand.
//!
//! Each has a scope, named in words. Grading looks at all of a check's scopes. A replay follows its trace in the scope that
//! made it, and a walk takes place in one scope; both pass over the others.

use std::ops::Range;

use super::{Check, FailureKind, Finding, Mode, Proven, Scope};
use crate::cluster::{Cluster, History};
use crate::node::Node;
use crate::rule::Rule;
use crate::schedule::{Played, Schedule, Unplayable};
use crate::search::{Bounds, Enough};
use crate::simulation::Simulation;
use crate::trace::Producer;

/// The most states that a check visits. A correct program stays far below; at the cap the check fails, and says so.
const STATES: usize = 4_000_000;

/// The most states that [`Check::explores`] visits.
const EXPLORED: usize = 1_000_000;

/// How many states are enough for it, once every run of the length that the check names has been looked at. A program with more states
/// than the reference, because it sends or keeps more, is judged after about as long.
const SETTLED: usize = 450_000;

impl Check {
    /// Looks at every reachable state of `cluster`.
    pub fn exhausts<N: Node, H: History<N>>(&mut self, scope: &str, cluster: Cluster<N, H>) -> Proven {
        self.looks(scope, cluster, |cluster| cluster.prove(Bounds::exhaustive(STATES), None))
    }

    /// Looks at every state of `cluster` that takes at most `depth` steps.
    pub fn bounded<N: Node, H: History<N>>(&mut self, scope: &str, cluster: Cluster<N, H>, depth: usize) -> Proven {
        self.looks(scope, cluster, |cluster| cluster.prove(Bounds { states: STATES, depth: Some(depth) }, None))
    }

    /// Looks at every reachable state of `cluster`; or, if there are very many, at every run of `enough` steps at least, and says so:
    /// up to 450,000 states, and up to a million if those runs take so many. For scopes that the reference exhausts, and that a correct
    /// program with more messages might not.
    pub fn explores<N: Node, H: History<N>>(&mut self, scope: &str, cluster: Cluster<N, H>, enough: usize) -> Proven {
        let enough = Enough { depth: enough, states: SETTLED };
        self.looks(scope, cluster, |cluster| cluster.prove(Bounds::exhaustive(EXPLORED), Some(enough)))
    }

    /// As [`explores`](Self::explores), for a scope of which the reference itself has so many `states`.
    pub fn explores_up_to<N: Node, H: History<N>>(
        &mut self,
        states: usize,
        scope: &str,
        cluster: Cluster<N, H>,
        enough: usize,
    ) -> Proven {
        let enough = Enough { depth: enough, states };
        self.looks(scope, cluster, |cluster| cluster.prove(Bounds::exhaustive(states), Some(enough)))
    }

    /// Runs `simulation` with each of `seeds`.
    pub fn simulates<N: Node, H: History<N>>(
        &mut self,
        scope: &str,
        simulation: Simulation<N, H>,
        seeds: Range<u64>,
    ) -> Proven {
        match self.mode {
            Mode::Grade => self.prove_scope(scope, simulation.run(seeds)),
            Mode::Replay { .. } => self.follow(scope, simulation.into_cluster()),
            // A simulated cluster has too many states to click through.
            Mode::Scopes | Mode::Walk { .. } => Ok(()),
        }
    }

    /// Plays a learner's `schedule` on `cluster`, and hands on what came of it.
    pub fn plays<N: Node, H: History<N>>(
        &mut self,
        scope: &str,
        cluster: Cluster<N, H>,
        schedule: &Schedule<N::Request, N::Timer>,
    ) -> Result<Played<N, H>, Box<super::Failure>> {
        self.play(PLAYABLE, scope, cluster, schedule, |unplayable| unplayable.to_string())
    }

    /// Plays a `schedule` of the check's own on `cluster`, and hands on what came of it. If a step cannot be played, the program
    /// has not come to where it should be, which breaks `rule`.
    pub fn drives<N: Node, H: History<N>>(
        &mut self,
        rule: Rule,
        scope: &str,
        cluster: Cluster<N, H>,
        schedule: &Schedule<N::Request, N::Timer>,
    ) -> Result<Played<N, H>, Box<super::Failure>> {
        self.play(rule, scope, cluster, schedule, Unplayable::as_interrupted)
    }

    fn play<N: Node, H: History<N>>(
        &mut self,
        rule: Rule,
        scope: &str,
        cluster: Cluster<N, H>,
        schedule: &Schedule<N::Request, N::Timer>,
        summary: impl FnOnce(&Unplayable<N, H>) -> String,
    ) -> Result<Played<N, H>, Box<super::Failure>> {
        let (played, refusal) = match cluster.play(schedule) {
            Ok(played) => (played, None),
            Err(unplayable) => {
                let refusal = summary(&unplayable);
                (unplayable.played, Some(refusal))
            }
        };
        let tested = played.tested();
        self.fail_if(scope, tested)?;
        self.requires_of_run(scope, &played, rule, refusal.is_none(), || refusal.unwrap_or_default())?;
        Ok(played)
    }

    /// Demands that `rule` holds after a schedule was played; a failure shows the run.
    pub fn requires_of_run<N: Node, H: History<N>>(
        &mut self,
        scope: &str,
        played: &Played<N, H>,
        rule: Rule,
        holds: bool,
        summary: impl FnOnce() -> String,
    ) -> Proven {
        if holds {
            return Ok(());
        }
        let summary = summary();
        let trace =
            played.cluster.trace_of(Producer::Schedule, &played.actions, FailureKind::Violated, &rule, &summary);
        let finding = Finding { kind: FailureKind::Violated, rule, summary, trace: Some(trace) };
        self.fail_if(scope, Err(Box::new(finding)))
    }

    fn looks<N: Node, H: History<N>>(
        &mut self,
        scope: &str,
        cluster: Cluster<N, H>,
        search: impl FnOnce(&Cluster<N, H>) -> Result<String, Box<Finding>>,
    ) -> Proven {
        match &self.mode {
            Mode::Grade => {
                let found = search(&cluster);
                self.prove_scope(scope, found)
            }
            Mode::Replay { .. } => self.follow(scope, cluster),
            Mode::Scopes => {
                let scope = Scope { name: scope.to_owned(), among_peers: cluster.is_among_peers() };
                self.evidence.push(serde_json::to_string(&scope).expect("words and a flag are JSON"));
                Ok(())
            }
            Mode::Walk { socket, scope: wanted } => {
                if wanted == scope {
                    self.guide(scope, cluster, &socket.clone());
                }
                Ok(())
            }
        }
    }

    /// Takes the run of the trace again, if this scope made it.
    fn follow<N: Node, H: History<N>>(&mut self, scope: &str, cluster: Cluster<N, H>) -> Proven {
        let Some(trace) = self.replayed().filter(|trace| trace.scope == scope) else { return Ok(()) };
        let replayed = cluster.replay(trace);
        self.prove_scope(scope, replayed)
    }

    fn prove_scope(&mut self, scope: &str, result: Result<String, Box<Finding>>) -> Proven {
        let line = result.map(|line| format!("{scope}: {line}"));
        self.fail_if(scope, line).map(|line| self.evidence(line))
    }

    fn fail_if<T>(&mut self, scope: &str, result: Result<T, Box<Finding>>) -> Result<T, Box<super::Failure>> {
        result.map_err(|finding| Box::new(self.failure_in(scope, *finding)))
    }

    fn failure_in(&self, scope: &str, mut finding: Finding) -> super::Failure {
        match &mut finding.trace {
            Some(trace) => trace.scope = scope.to_owned(),
            None => finding.summary.push_str(&format!("\nScope: {scope}.")),
        }
        self.failure(finding)
    }
}

/// A schedule names servers that exist and are up, and clients that do not wait.
const PLAYABLE: Rule = Rule::new(
    "a schedule can be played",
    "Each step names servers that exist and are up, and a client asks only after its last answer.",
    "documentation of testkit::schedule",
    "1-cap/break.md",
);
