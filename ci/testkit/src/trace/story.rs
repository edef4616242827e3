//! What a diagram of a trace tells, before it is drawn: for each step a scene between the lifelines and the lines of
//! text beside it. Both views draw the same story.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::diff::{self, Change};
use super::{Kind, Participant, Step, StepKind, Trace};

/// With more lifelines than this, those without an event are left out.
const CROWD: usize = 6;

/// One step, ready to be drawn.
pub(super) struct Event {
    pub scene: Scene,
    pub lines: Vec<Line>,
    /// The lifelines above and below the step.
    pub before: Vec<Life>,
    pub after: Vec<Life>,
}

/// What is drawn between the lifelines. Numbers are indices of participants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// From one participant to another.
    Arrow(Arrow),
    /// A mark on one lifeline.
    Mark { who: usize, mark: Mark },
    /// A link that stops working, or works again.
    Link { ends: (usize, usize), works: bool },
    /// The servers fall apart into sides (or are one again, all on side 0), in the order of their lifelines.
    Sides(Vec<(usize, usize)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Timer,
    Crash,
    Restart,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub from: usize,
    pub to: usize,
    pub lost: bool,
}

/// A line of text beside the lifelines.
pub(super) struct Line {
    pub kind: LineKind,
    pub text: String,
    /// An answer to a client, drawn beside the line that tells it.
    pub reply: Option<Arrow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// What happened.
    Label,
    /// What it changed.
    Change,
    /// What it led to.
    Effect,
}

/// How a lifeline runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is up, on this side of a partition; on side 0 if there is none.
    Up {
        side: usize,
    },
    Down,
}

/// Tells the steps of `trace`.
pub(super) fn events(trace: &Trace) -> Vec<Event> {
    let mut life = vec![Life::Up { side: 0 }; trace.participants.len()];
    let mut events = Vec::new();
    for step in &trace.steps {
        let scene = scene(trace, step);
        let before = life.clone();
        match &scene {
            Scene::Mark { who, mark: Mark::Crash } => life[*who] = Life::Down,
            Scene::Mark { who, mark: Mark::Restart } => life[*who] = Life::Up { side: side_of(&life, *who) },
            Scene::Sides(sides) => {
                for &(who, side) in sides.iter().filter(|(who, _)| before[*who] != Life::Down) {
                    life[who] = Life::Up { side };
                }
            }
            _ => {}
        }
        events.push(Event { scene, lines: lines(trace, step), before, after: life.clone() });
    }
    events
}

fn side_of(life: &[Life], who: usize) -> usize {
    match life[who] {
        Life::Up { side } => side,
        Life::Down => 0,
    }
}

fn scene(trace: &Trace, step: &Step) -> Scene {
    let who = step.who;
    let mark = |mark| Scene::Mark { who, mark };
    match (step.kind, step.from) {
        (StepKind::Cut | StepKind::Heal, Some(from)) => {
            Scene::Link { ends: (from.min(who), from.max(who)), works: step.kind == StepKind::Heal }
        }
        (StepKind::Cut, None) => Scene::Sides(sides(trace, step)),
        (StepKind::Heal, None) => Scene::Sides(servers(trace).map(|server| (server, 0)).collect()),
        (StepKind::Timeout, _) => mark(Mark::Timer),
        (StepKind::Crash, _) => mark(Mark::Crash),
        (StepKind::Restart, _) => mark(Mark::Restart),
        (kind, Some(from)) => Scene::Arrow(Arrow { from, to: who, lost: kind == StepKind::Drop }),
        (_, None) => mark(Mark::Other),
    }
}

fn servers(trace: &Trace) -> impl Iterator<Item = usize> {
    (0..trace.participants.len()).filter(|&index| trace.participants[index].kind == Kind::Server)
}

/// Reads the sides of a partition from a label like `the network splits: n0 n1 | n2`. Without them, the participant
/// that the step names is alone on its side.
fn sides(trace: &Trace, step: &Step) -> Vec<(usize, usize)> {
    let (_, groups) = step.label.rsplit_once(':').unwrap_or_default();
    let groups: Vec<Vec<&str>> = groups.split('|').map(|group| group.split([' ', ',']).collect()).collect();
    let side =
        |server: usize| groups.iter().position(|group| group.contains(&trace.participants[server].name.as_str()));
    let alone = |server: usize| usize::from(server == step.who);
    match servers(trace).map(|server| Some((server, side(server)?))).collect() {
        Some(sides) if groups.len() > 1 => sides,
        _ => servers(trace).map(|server| (server, alone(server))).collect(),
    }
}

fn lines(trace: &Trace, step: &Step) -> Vec<Line> {
    let line = |kind, text| Line { kind, text, reply: None };
    let mut lines = vec![line(LineKind::Label, step.label.clone())];
    if !step.after.is_empty() {
        lines.extend(told(step).into_iter().map(|text| line(LineKind::Change, text)));
    }
    lines.extend(effects(step).into_iter().map(|text| {
        let reply = reply(trace, step.who, &text);
        Line { kind: LineKind::Effect, text, reply }
    }));
    lines
}

/// What changed, with short changes side by side.
fn told(step: &Step) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for change in diff::changes(&step.before, &step.after) {
        let text = told_alone(&change);
        match told.last_mut() {
            Some(last) if last.width() + text.width() < 44 => {
                last.push_str(" · ");
                last.push_str(&text);
            }
            _ => told.push(text),
        }
    }
    told
}

fn told_alone(Change { field, before, after }: &Change) -> String {
    match (field.as_str(), before.as_str(), after.as_str()) {
        ("", "", after) => format!("starts as {after}"),
        ("", before, after) => format!("{before} → {after}"),
        (field, "", after) => format!("{field}: + {after}"),
        (field, before, "") => format!("{field}: − {}", brief(before)),
        (field, before, after) => format!("{field}: {} → {after}", brief(before)),
    }
}

/// What a value was, by its name alone if it is long: it was told in full when it came to be.
fn brief(value: &str) -> Cow<'_, str> {
    let (name, rest) = value.split_at(value.find(['{', '(']).unwrap_or(0));
    let has_name = name.starts_with(char::is_alphabetic) && value.width() > 32;
    match rest.chars().next() {
        Some('{') if has_name => format!("{name}{{ … }}").into(),
        Some('(') if has_name => format!("{name}(…)").into(),
        _ => value.into(),
    }
}

/// The effects, with messages that go to several recipients told once: `sends Query to n1, n2`.
fn effects(step: &Step) -> Vec<String> {
    let mut effects: Vec<String> = Vec::new();
    let mut last_sent: Option<&str> = None;
    for effect in &step.effects {
        let sent = effect.strip_prefix("sends ").and_then(|sent| sent.rsplit_once(" to "));
        match (effects.last_mut(), sent) {
            (Some(last), Some((message, to))) if last_sent == Some(message) => {
                last.push_str(", ");
                last.push_str(to);
            }
            _ => effects.push(effect.clone()),
        }
        last_sent = sent.map(|(message, _)| message);
    }
    effects
}

/// The arrow of an effect like `replies Written to c0` or `replies Written to c0#1, but the reply is lost`.
fn reply(trace: &Trace, who: usize, effect: &str) -> Option<Arrow> {
    let (_, rest) = effect.strip_prefix("replies ")?.rsplit_once(" to ")?;
    let (name, more) = rest.split_at(rest.find(['#', ',', ' ']).unwrap_or(rest.len()));
    let to = trace.participants.iter().position(|participant| participant.name == name)?;
    (to != who).then_some(Arrow { from: who, to, lost: more.contains("lost") })
}

/// The states before the first step: (`n0, n1, n2 start as`, state). Those that are alike but for their own name are
/// told together.
pub(super) fn beginnings(trace: &Trace) -> Vec<(String, &str)> {
    let mut groups: Vec<Vec<&Participant>> = Vec::new();
    for participant in trace.participants.iter().filter(|participant| !participant.state.is_empty()) {
        match groups.iter_mut().find(|group| alike(group[0], participant)) {
            Some(group) => group.push(participant),
            None => groups.push(vec![participant]),
        }
    }
    groups.into_iter().map(|group| (who_starts(&group), group[0].state.as_str())).collect()
}

/// Whether two states differ only by their participants' own names: `me: n0 of 3` and `me: n1 of 3`.
fn alike(one: &Participant, other: &Participant) -> bool {
    let own = |text: &str, name: &str| {
        text.split_inclusive(|c: char| !c.is_alphanumeric())
            .map(|word| {
                word.strip_prefix(name)
                    .filter(|rest| !rest.starts_with(char::is_alphanumeric))
                    .unwrap_or(word)
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    let changes = diff::changes(&one.state, &other.state);
    changes.iter().all(|change| own(&change.before, &one.name) == own(&change.after, &other.name))
}

fn who_starts(group: &[&Participant]) -> String {
    let names: Vec<&str> = group.iter().map(|participant| participant.name.as_str()).collect();
    match names.as_slice() {
        [name] => format!("{name} starts as"),
        [name, ..] if group.iter().any(|other| other.state != group[0].state) => {
            format!("{} start like {name}:", names.join(", "))
        }
        _ => format!("{} start as", names.join(", ")),
    }
}

/// The trace without the lifelines on which nothing happens, if it has so many that they are in the way; and the names
/// that are left out.
pub(super) fn trimmed(trace: &Trace) -> (Cow<'_, Trace>, Vec<&str>) {
    let takes_part = |index: usize| {
        let replies =
            |step: &Step| step.effects.iter().filter_map(|e| reply(trace, step.who, e)).any(|r| r.to == index);
        trace.steps.iter().any(|step| step.who == index || step.from == Some(index) || replies(step))
    };
    let kept: Vec<usize> = (0..trace.participants.len()).filter(|&index| takes_part(index)).collect();
    if trace.participants.len() <= CROWD || kept.is_empty() || kept.len() == trace.participants.len() {
        return (Cow::Borrowed(trace), Vec::new());
    }
    let place = |index: usize| kept.iter().position(|&other| other == index).unwrap_or_default();
    let mut fewer = trace.clone();
    fewer.participants = kept.iter().map(|&index| trace.participants[index].clone()).collect();
    for step in &mut fewer.steps {
        step.who = place(step.who);
        step.from = step.from.map(place);
    }
    let left_out = (0..trace.participants.len()).filter(|index| !kept.contains(index));
    (Cow::Owned(fewer), left_out.map(|index| trace.participants[index].name.as_str()).collect())
}

/// Breaks `text` into lines of at most `width` columns. It breaks between the fields of a value if it can, else at a
/// space, else anywhere. Control characters are shown as escapes.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    let text: String = text.chars().map(shown).collect();
    let fits = |piece: &&str| piece.width() <= width;
    let pieces =
        glued(&text).into_iter().flat_map(|piece| if fits(&piece) { vec![piece] } else { piece.split(' ').collect() });
    let (mut lines, mut line) = (Vec::new(), String::new());
    for piece in pieces {
        if !line.is_empty() && line.width() + 1 + piece.width() > width {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        for c in piece.chars() {
            if line.width() + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// Cuts `text` at the spaces where a reader would break it: not after `name:`, nor just inside a bracket.
fn glued(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (space, _) in text.match_indices(' ') {
        let (before, after) = (&text[start..space], &text[space + 1..]);
        let glue = before.ends_with([':', '{', '→', '+', '−']) || after.starts_with(['{', '}', ')', ']']);
        if !glue {
            pieces.push(before);
            start = space + 1;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests;
