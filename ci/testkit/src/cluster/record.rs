//! From steps to a trace and back: telling a run, and taking the same run again.

use std::fmt;

use super::liveness::Known;
use super::state::{Action, Causes, Event, State};
use super::tables::Output;
use super::{Cluster, History, Occurrence};
use crate::check::{Finding, IMPOSSIBLE};
use crate::node::{ClientId, Node, NodeId};
use crate::trace::{Kind, Participant, Producer, Step, StepKind, Trace};

impl<N: Node> fmt::Display for Occurrence<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Occurrence::Invoke { client, server, request } => write!(f, "{client} asks {server}: {request:?}"),
            Occurrence::Retry { client, server, request } => write!(f, "{client} asks {server} again: {request:?}"),
            Occurrence::Deliver { from, to, message, kept: false } => {
                write!(f, "{to} receives {message:?} from {from}")
            }
            Occurrence::Deliver { from, to, message, kept: true } => {
                write!(f, "{to} receives {message:?} from {from}, and a copy stays on its way")
            }
            Occurrence::Drop { from, to, message } => write!(f, "the network loses {message:?} from {from} to {to}"),
            Occurrence::Timeout { server, timer } => write!(f, "{server}'s timer {timer:?} fires"),
            Occurrence::Crash { server } => write!(f, "{server} crashes"),
            Occurrence::Restart { server } => write!(f, "{server} crashes and restarts"),
            Occurrence::Partition { groups } => {
                let side =
                    |side: &Vec<usize>| side.iter().map(|id| NodeId(*id).to_string()).collect::<Vec<_>>().join(" ");
                write!(f, "the network splits: {}", groups.iter().map(side).collect::<Vec<_>>().join(" | "))
            }
            Occurrence::Heal => write!(f, "the network heals"),
            Occurrence::CutLink { a, b } => write!(f, "the link between {a} and {b} is cut"),
            Occurrence::HealLink { a, b } => write!(f, "the link between {a} and {b} works again"),
        }
    }
}

/// An event in the words of a trace's step: its sort, the server it happens to, where it comes from (by the index of the
/// participant), and what is handled.
pub(super) struct Told {
    pub kind: StepKind,
    pub who: NodeId,
    pub from: Option<usize>,
    message: Option<String>,
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// Names a step in a sentence, unlike any other that is possible in `state`.
    pub fn label(&self, state: &State, action: Action) -> String {
        let lost = if action.replies_lost { "; the reply is lost" } else { "" };
        let causes = match action.event {
            Event::Deliver { envelope, .. } | Event::Drop { envelope } => self.sent_knowing(envelope.causes),
            _ => String::new(),
        };
        let torn = match (action.torn_at, self.input(state, action.event)) {
            (Some(at), Some((server, _))) => {
                format!("; {server} crashes before its effect {}, a save, and restarts", at + 1)
            }
            _ => String::new(),
        };
        format!("{}{causes}{torn}{lost}", self.occurrence(state, action.event))
    }

    fn sent_knowing(&self, causes: Causes) -> String {
        let numbers: Vec<_> =
            (1..=Causes::BITS).filter(|n| causes >> (n - 1) & 1 == 1).map(|n| n.to_string()).collect();
        if numbers.is_empty() { String::new() } else { format!(" (caused by request {})", numbers.join(", ")) }
    }

    /// Tells the run that takes `steps` from the initial state, and the steps that set the scene before. The check fills in its
    /// own name.
    pub(crate) fn trace(&self, producer: Producer, steps: &[Action]) -> Trace {
        let mut state = self.unstaged();
        let participants = self.participants(&state);
        let steps = self.staged.iter().chain(steps).map(|&action| self.step_of_trace(&mut state, action)).collect();
        Trace { staged: self.staged.len(), ..Trace::new(producer, participants, steps) }
    }

    fn participants(&self, state: &State) -> Vec<Participant> {
        let client = |id| Participant { name: ClientId(id).to_string(), kind: Kind::Client, state: String::new() };
        let server =
            |id| Participant { name: NodeId(id).to_string(), kind: Kind::Server, state: self.shown(state, NodeId(id)) };
        (0..self.clients()).map(client).chain((0..self.size).map(server)).collect()
    }

    /// A server's state as text; empty while it is down.
    fn shown(&self, state: &State, id: NodeId) -> String {
        self.view(state).server(id).map(|node| format!("{node:?}")).unwrap_or_default()
    }

    /// What an event is in the format of traces.
    pub(super) fn told(&self, state: &State, event: Event) -> Told {
        let server = |id: NodeId| self.clients() + id.0;
        let occurrence = self.occurrence(state, event);
        let (kind, who, from, message) = match occurrence {
            Occurrence::Invoke { client, server: to, request } => {
                (StepKind::Invoke, to, Some(client.0), Some(format!("{request:?}")))
            }
            Occurrence::Retry { client, server: to, request } => {
                (StepKind::Retry, to, Some(client.0), Some(format!("{request:?}")))
            }
            Occurrence::Deliver { from, to, message, kept } => {
                let kind = if kept { StepKind::Duplicate } else { StepKind::Deliver };
                (kind, to, Some(server(from)), Some(format!("{message:?}")))
            }
            Occurrence::Drop { from, to, message } => {
                (StepKind::Drop, to, Some(server(from)), Some(format!("{message:?}")))
            }
            Occurrence::Timeout { server, timer } => (StepKind::Timeout, server, None, Some(format!("{timer:?}"))),
            Occurrence::Crash { server } => (StepKind::Crash, server, None, None),
            Occurrence::Restart { server } => (StepKind::Restart, server, None, None),
            Occurrence::Partition { .. } => (StepKind::Cut, NodeId(0), None, None),
            Occurrence::Heal => (StepKind::Heal, NodeId(0), None, None),
            Occurrence::CutLink { a, b } => (StepKind::Cut, a, Some(server(b)), None),
            Occurrence::HealLink { a, b } => (StepKind::Heal, a, Some(server(b)), None),
        };
        Told { kind, who, from, message }
    }

    /// Takes one step, and tells it.
    fn step_of_trace(&self, state: &mut State, action: Action) -> Step {
        let Told { kind, who, from, message } = self.told(state, action.event);
        let label = self.label(state, action);
        let before = self.shown(state, who);
        let effects = self.effects(state, action);
        self.apply(state, action);
        let after = self.shown(state, who);
        Step { label, kind, who: self.clients() + who.0, from, message, effects, before, after }
    }

    /// What the server does in answer to `action`, in words, after what it notes.
    fn effects(&self, state: &State, action: Action) -> Vec<String> {
        let notes = self.notes(state, action.event).into_iter().map(|note| format!("notes: {note}"));
        let outputs = self.outputs(state, action.event).map_or(&[][..], |(_, outputs)| outputs);
        let happen = action.torn_at.map_or(outputs.len(), usize::from);
        notes.chain(outputs[..happen].iter().map(|output| self.effect(output, action.replies_lost))).collect()
    }

    fn effect(&self, output: &Output, replies_lost: bool) -> String {
        match *output {
            Output::Send { to, message } => format!("sends {:?} to {to}", self.tables.messages.get(message)),
            Output::Arm { timer } => format!("arms {:?}", self.tables.timers.get(timer.into())),
            Output::Disarm { timer } => format!("disarms {:?}", self.tables.timers.get(timer.into())),
            Output::Save { durable } => format!("saves {:?}", self.tables.saved.get(durable)),
            Output::Reply { to, response } => {
                let lost = if replies_lost { ", but the reply is lost" } else { "" };
                format!("replies {:?} to {}{lost}", self.tables.responses.get(response), to.client)
            }
        }
    }

    /// Takes the run of `trace` again, with the code as it is now.
    ///
    /// # Errors
    /// The rule that the run still breaks.
    pub fn replay(mut self, trace: &Trace) -> Result<String, Box<Finding>> {
        self.replaying = true;
        let mut state = self.initial();
        let mut taken = Vec::new();
        let mut known = self.nothing_known();
        // The scene is set by the code as it is now, which may take other steps for that.
        for (at, step) in trace.steps.iter().enumerate().skip(trace.staged) {
            self.judge_replay(&state, &taken, trace, &mut known)?;
            let Some(action) = self.action_like(&state, step) else {
                let of = trace.steps.len();
                let (number, label) = (at + 1, &step.label);
                return Ok(format!(
                    "{IMPOSSIBLE}: step {number} of {of}, \"{label}\", is not possible now; no rule was broken up to there"
                ));
            };
            self.take(&mut state, action, &mut taken);
        }
        self.judge_replay(&state, &taken, trace, &mut known)?;
        Ok(format!("the run of {} steps breaks no rule any more", self.staged.len() + taken.len()))
    }

    /// Tests the rules that a state and the run up to it decide, and, if the trace is about one that a fair suffix decides, those too.
    fn judge_replay(
        &self,
        state: &State,
        taken: &[Action],
        trace: &Trace,
        known: &mut [Known],
    ) -> Result<(), Box<Finding>> {
        let mut suffixes = || if self.is_about_suffixes(trace) { self.test_suffixes(state, known) } else { Ok(()) };
        self.test_state(state).and_then(|()| self.test_run(state)).and_then(|()| suffixes()).map_err(|broken| {
            let mut finding = self.finding(trace.producer, &broken, taken);
            if let Some(again) = &mut finding.trace {
                again.seed = trace.seed;
            }
            Box::new(finding)
        })
    }

    fn is_about_suffixes(&self, trace: &Trace) -> bool {
        let broken = trace.violation.as_ref().map(|violation| violation.rule.as_str());
        let decided = self.properties.iter().filter(|property| property.expectation.promise().is_some());
        decided.into_iter().any(|property| Some(&*property.rule.name) == broken)
    }

    /// The possible step that a step of a trace names: with the same label, or else with one that differs only in what is in
    /// brackets (the fields of a message may have changed with the code).
    fn action_like(&self, state: &State, step: &Step) -> Option<Action> {
        let mut actions = Vec::new();
        self.enabled(state, &mut actions);
        let same = |wanted: &str, shown: fn(&str) -> String| {
            actions.iter().copied().find(|&action| shown(&self.label(state, action)) == wanted)
        };
        same(&step.label, str::to_owned).or_else(|| same(&outline(&step.label), outline))
    }
}

/// A label without what is in brackets: `n1 receives Query from n0`.
fn outline(label: &str) -> String {
    let mut depth = 0;
    let mut text = String::new();
    for c in label.chars() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::outline;

    #[test]
    fn an_outline_leaves_out_what_stands_in_brackets() {
        for (label, expected) in [
            ("n1 receives Query { operation: c0#0 } from n0", "n1 receives Query from n0"),
            ("c0 asks n0: Write(1); the reply is lost", "c0 asks n0: Write; the reply is lost"),
            ("n0's timer Election fires", "n0's timer Election fires"),
        ] {
            assert_eq!(outline(label), expected);
        }
    }
}
