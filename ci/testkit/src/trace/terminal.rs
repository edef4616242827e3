//! The space-time diagram in text: a lifeline for each participant, time going down, and beside it what happened.
//!
//! Each step takes one row with an arrow or a mark, and as many more as its text needs; the lifelines run on beside
//! them. An arrow is drawn where a message *arrives*: that it was sent stands in the text of an earlier step, as an
//! effect.

mod canvas;

use std::ops::Range;

use canvas::{Ink, Lanes, Paint};
use unicode_width::UnicodeWidthStr;

use super::story::{self, Event, Life, Line, LineKind, Mark, Scene, wrap};
use super::{Producer, Trace, Violation};
use crate::text;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// The width in columns, from 60 to 100.
    pub width: usize,
    /// Whether the check and the broken rule are told above and below the diagram. A report tells them itself.
    pub framed: bool,
    /// Whether every step is drawn. A long run loses steps in the middle otherwise.
    pub whole: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { colour: false, width: 100, framed: true, whole: true }
    }
}

/// A run of more steps than this is long.
const LONG: usize = 24;

/// How many steps of a long run are drawn, from its beginning and from its end.
const EXCERPT: (usize, usize) = (3, 12);

/// Draws a trace. Every line ends with a newline, and none with spaces.
pub fn render(trace: &Trace, options: &Options) -> String {
    let width = options.width.clamp(60, 100);
    let (trace, left_out) = story::trimmed(trace);
    let names: Vec<&str> = trace.participants.iter().map(|participant| participant.name.as_str()).collect();
    let mut page =
        Page { paint: Paint { colour: options.colour }, lanes: Lanes::new(&names, width), text: String::new(), width };
    let events = story::events(&trace);
    page.title(&trace, &left_out, options.framed);
    page.header();
    let gap = if options.whole { 0..0 } else { left_out_steps(events.len()) };
    for (at, event) in events.iter().enumerate().filter(|(at, _)| !gap.contains(at)) {
        if at == gap.end && !gap.is_empty() {
            page.gap(&trace, gap.clone(), event);
        }
        page.event(at + 1, event);
    }
    if events.len() > 12 {
        page.header();
    }
    page.legend(&events);
    if let Some(violation) = trace.violation.as_ref().filter(|_| options.framed) {
        page.violation(violation);
    }
    page.text
}

/// Which steps an excerpt leaves out, by their place: none, if the run is not long.
fn left_out_steps(steps: usize) -> Range<usize> {
    let (first, last) = EXCERPT;
    if steps > LONG { first..steps - last } else { 0..0 }
}

/// The text so far, and how it is set.
struct Page {
    paint: Paint,
    lanes: Lanes,
    text: String,
    width: usize,
}

impl Page {
    /// Ends a line, without the spaces at its end.
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A paragraph, its first line set off by `lead` and the others indented as far.
    fn paragraph(&mut self, lead: &str, text: &str, ink: Ink) {
        let indent = " ".repeat(lead.width());
        for (at, part) in wrap(text, self.width - indent.len()).iter().enumerate() {
            let lead = if at == 0 { lead } else { indent.as_str() };
            self.line(&format!("{}{}", self.paint.ink(lead, ink), self.paint.ink(part, ink)));
        }
    }

    fn title(&mut self, trace: &Trace, left_out: &[&str], framed: bool) {
        let steps = text::steps(trace.steps.len());
        let seed = trace.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
        let by = match trace.producer {
            Producer::Model => "found by the model checker",
            Producer::Simulation => "a simulated run",
            Producer::Schedule => "a schedule written by hand",
            Producer::Crashes => "found by crashing at every moment",
            Producer::Network => "recorded on the network",
            Producer::Walk => "a walk of your own",
        };
        if !trace.scope.is_empty() {
            self.paragraph("", &trace.scope, Ink::Strong);
        }
        let staged = match trace.staged {
            0 => String::new(),
            1 => "; the first sets the scene".to_string(),
            staged => format!("; the first {staged} set the scene"),
        };
        let check = if trace.check.is_empty() || !framed { String::new() } else { format!("{}: ", trace.check) };
        self.paragraph("", &format!("{check}{steps}, {by}{seed}{staged}"), Ink::Faint);
        let beginnings = story::beginnings(trace);
        if !beginnings.is_empty() {
            self.line("");
        }
        for (start, state) in beginnings {
            self.paragraph(&format!("  {start} "), state, Ink::Faint);
        }
        if !left_out.is_empty() {
            self.paragraph("  ", &format!("Nothing happens to {}.", left_out.join(", ")), Ink::Faint);
        }
        self.line("");
    }

    fn header(&mut self) {
        let row = self.lanes.names();
        self.line(&self.paint.row(&row));
    }

    fn event(&mut self, number: usize, event: &Event) {
        let spacer = self.lanes.lifelines(&event.before);
        self.line(&self.paint.row(&spacer));
        for (at, line) in event.lines.iter().enumerate() {
            let life = if at == 0 { &event.before } else { &event.after };
            let mut row = self.lanes.lifelines(life);
            if at == 0 {
                self.lanes.number(&mut row, number);
                self.lanes.scene(&mut row, &event.scene);
            } else if let Some(arrow) = line.reply {
                self.lanes.arrow(&mut row, arrow);
            }
            self.beside(row, &event.after, line);
        }
    }

    /// Says how many steps are left out before `next`, and in which states they left the servers.
    fn gap(&mut self, trace: &Trace, gap: Range<usize>, next: &Event) {
        let beside = |page: &mut Page, kind, text: String| {
            let row = page.lanes.lifelines(&next.before);
            page.beside(row, &next.before, &Line { kind, text, reply: None });
        };
        let says = format!("… {} steps left out; `cargo course replay --all` shows them", gap.len());
        beside(self, LineKind::Effect, String::new());
        beside(self, LineKind::Label, says);
        for (index, participant) in trace.participants.iter().enumerate() {
            let last = trace.steps[gap.clone()].iter().rev().find(|step| step.who == index);
            let state = last.map_or("", |step| &step.after);
            if !state.is_empty() {
                beside(self, LineKind::Change, format!("{} is now {state}", participant.name));
            }
        }
    }

    /// Puts the text of `line` beside `row`, and beside as many rows of lifelines as it needs.
    fn beside(&mut self, row: canvas::Row, life: &[Life], line: &Line) {
        let (lead, ink) = match line.kind {
            LineKind::Label => ("", Ink::Strong),
            LineKind::Change => ("  ", Ink::Plain),
            LineKind::Effect => ("  ", Ink::Faint),
        };
        let mut row = row;
        for (at, part) in wrap(&line.text, self.lanes.text_width() - 4).iter().enumerate() {
            let indent = if at == 0 { "" } else { "  " };
            self.line(&format!("{}{lead}{indent}{}", self.paint.row(&row), self.paint.ink(part, ink)));
            row = self.lanes.lifelines(life);
        }
    }

    /// Explains the marks that occur.
    fn legend(&mut self, events: &[Event]) {
        let has = |test: fn(&Scene) -> bool| events.iter().any(|event| test(&event.scene));
        let split = |event: &Event| event.after.iter().any(|life| matches!(life, Life::Up { side } if *side > 0));
        let marks = [
            (
                has(|scene| matches!(scene, Scene::Arrow(arrow) if !arrow.lost && arrow.from != arrow.to)),
                "├──▶● arrives",
            ),
            (has(|scene| matches!(scene, Scene::Arrow(arrow) if arrow.lost)), "├──✗ is lost"),
            (has(|scene| matches!(scene, Scene::Mark { mark: Mark::Timer, .. })), "◆ a timer fires"),
            (has(|scene| matches!(scene, Scene::Mark { mark: Mark::Crash, .. })), "✗ crashes"),
            (has(|scene| matches!(scene, Scene::Mark { mark: Mark::Restart, .. })), "↻ restarts"),
            (has(|scene| matches!(scene, Scene::Arrow(arrow) if arrow.from == arrow.to)), "●↩ to itself"),
            (events.iter().any(split), "│ ║ ┃ sides of a partition"),
        ];
        let legend: Vec<&str> = marks.iter().filter(|(occurs, _)| *occurs).map(|(_, mark)| *mark).collect();
        self.line("");
        if !legend.is_empty() {
            self.paragraph("    ", &legend.join("   "), Ink::Faint);
        }
    }

    fn violation(&mut self, violation: &Violation) {
        let Violation { rule, says, source, explanation, .. } = violation;
        self.line("");
        self.paragraph("  ✗ ", &format!("Broken: {rule}"), Ink::Bad);
        for (lead, text) in [("    Rule:   ", says), ("    Here:   ", explanation), ("    Source: ", source)] {
            for (at, text) in text.lines().enumerate() {
                let lead = if at == 0 { lead } else { "            " };
                self.paragraph(lead, text, Ink::Plain);
            }
        }
    }
}

#[cfg(test)]
mod tests;
