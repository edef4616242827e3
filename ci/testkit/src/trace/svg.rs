//! The space-time diagram as a picture: a plain SVG, without scripts and without anything to load.
//!
//! It is part of the book, so it may share a page with others: its style names everything under the
//! class `space-time`, and it has no ids. It brings its own paper and follows the reader's light or dark scheme.

use std::fmt::Write;

use super::Trace;
use super::story::{self, Arrow, Event, Life, LineKind, Mark, Scene, wrap};

/// The columns of text beside the lifelines.
const COLUMNS: usize = 68;
/// The width of a character of the text, in pixels.
const CHARACTER: usize = 7;
/// The height of a line of text.
const LINE: usize = 18;
/// The space between two steps.
const SPACE: usize = 12;
/// Left of the first lifeline.
const LEFT: usize = 64;
const MARGIN: usize = 20;

const STYLE: &str = "\
.space-time { max-width: 100%; height: auto; color: #1f2328; font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, \
'DejaVu Sans Mono', monospace; }\n\
.space-time text { fill: currentColor; stroke: none; white-space: pre; }\n\
.space-time .paper { fill: #ffffff; }\n\
.space-time .head, .space-time .label { font-weight: 600; }\n\
.space-time .name { font-weight: 600; text-anchor: middle; }\n\
.space-time .number { text-anchor: end; }\n\
.space-time .faint { fill: #59636e; }\n\
.space-time .life { stroke: #afb8c1; stroke-width: 1.5; }\n\
.space-time .side1 { stroke-width: 5; }\n\
.space-time .side2 { stroke-dasharray: 6 4; stroke-width: 3; }\n\
.space-time .arrow { stroke: #0969da; fill: #0969da; stroke-width: 1.5; }\n\
.space-time .warn { stroke: #9a6700; fill: #9a6700; }\n\
.space-time .bad { stroke: #cf222e; fill: none; stroke-width: 2; }\n\
.space-time text.bad { fill: #cf222e; stroke: none; font-weight: 600; }\n\
.space-time .good { stroke: #1a7f37; fill: none; stroke-width: 2; }\n\
.space-time .cut { stroke-dasharray: 3 4; }\n\
@media (prefers-color-scheme: dark) {\n\
.space-time { color: #e6edf3; }\n\
.space-time .paper { fill: #0d1117; }\n\
.space-time .faint { fill: #9198a1; }\n\
.space-time .life { stroke: #57606a; }\n\
.space-time .arrow { stroke: #4493f8; fill: #4493f8; }\n\
.space-time .warn { stroke: #d29922; fill: #d29922; }\n\
.space-time .bad { stroke: #f85149; }\n\
.space-time text.bad { fill: #f85149; }\n\
.space-time .good { stroke: #3fb950; }\n\
}\n";

/// Draws a trace.
pub fn render(trace: &Trace) -> String {
    let (trace, _) = story::trimmed(trace);
    let trace = trace.as_ref();
    let lanes = trace.participants.len().max(1);
    let lane = (400 / lanes).clamp(48, 76);
    let text = LEFT + (lanes - 1) * lane + 32;
    let mut page = Page { lifelines: String::new(), body: String::new(), y: MARGIN, lane, text };
    page.title(trace);
    page.names(trace);
    let mut since = vec![(page.y, Life::Up { side: 0 }); trace.participants.len()];
    for (number, event) in (1..).zip(story::events(trace)) {
        page.event(number, &event, &mut since);
    }
    for (index, (from, life)) in since.into_iter().enumerate() {
        page.lifeline(index, from, page.y, life);
    }
    page.violation(trace);
    page.finish(trace)
}

/// The picture so far; `y` is where it goes on.
struct Page {
    /// What lies under the rest.
    lifelines: String,
    body: String,
    y: usize,
    /// The distance between two lifelines.
    lane: usize,
    /// Where the text starts.
    text: usize,
}

impl Page {
    fn x(&self, index: usize) -> usize {
        LEFT + index * self.lane
    }

    fn width(&self) -> usize {
        self.text + COLUMNS * CHARACTER + CHARACTER + MARGIN
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.body, "{element}");
    }

    fn write(&mut self, x: usize, class: &str, text: &str) {
        let y = self.y + LINE - 5;
        self.put(format_args!(r#"<text x="{x}" y="{y}" class="{class}">{}</text>"#, escape(text)));
    }

    fn line(&mut self, class: &str, (x1, y1): (usize, usize), (x2, y2): (usize, usize)) {
        self.put(format_args!(r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{class}"/>"#));
    }

    fn paragraph(&mut self, x: usize, class: &str, text: &str) {
        for line in wrap(text, (self.width() - MARGIN - x) / CHARACTER - 4) {
            self.write(x, class, &line);
            self.y += LINE;
        }
    }

    fn title(&mut self, trace: &Trace) {
        if !trace.scope.is_empty() {
            self.paragraph(MARGIN, "head", &trace.scope);
        }
        for (start, state) in story::beginnings(trace) {
            self.paragraph(MARGIN, "faint", &format!("{start} {state}"));
        }
        self.y += SPACE;
    }

    fn names(&mut self, trace: &Trace) {
        for (index, participant) in trace.participants.iter().enumerate() {
            let name: String = participant.name.chars().take(self.lane / CHARACTER - 1).collect();
            self.write(self.x(index), "name", &name);
        }
        self.y += LINE + 4;
    }

    fn event(&mut self, number: usize, event: &Event, since: &mut [(usize, Life)]) {
        self.y += SPACE;
        let middle = self.y + LINE / 2;
        for (index, (life, since)) in event.after.iter().zip(since).enumerate() {
            if since.1 != *life {
                let (from, before) = std::mem::replace(since, (middle, *life));
                self.lifeline(index, from, middle, before);
            }
        }
        self.write(MARGIN + 18, "number faint", &number.to_string());
        self.scene(&event.scene, middle);
        for line in &event.lines {
            if let Some(arrow) = line.reply {
                self.arrow(arrow, self.y + LINE / 2);
            }
            let (indent, class) = match line.kind {
                LineKind::Label => (0, "label"),
                LineKind::Change => (2, ""),
                LineKind::Effect => (2, "faint"),
            };
            for (at, part) in wrap(&line.text, COLUMNS - 4).iter().enumerate() {
                let indent = indent + if at == 0 { 0 } else { 2 };
                self.write(self.text + indent * CHARACTER, class, part);
                self.y += LINE;
            }
        }
    }

    fn lifeline(&mut self, index: usize, from: usize, to: usize, life: Life) {
        if let Life::Up { side } = life {
            let (x, side) = (self.x(index), side % 3);
            let _ =
                writeln!(self.lifelines, r#"<line x1="{x}" y1="{from}" x2="{x}" y2="{to}" class="life side{side}"/>"#);
        }
    }

    fn scene(&mut self, scene: &Scene, y: usize) {
        match scene {
            Scene::Arrow(arrow) => self.arrow(*arrow, y),
            Scene::Mark { who, mark } => self.mark(self.x(*who), y, *mark),
            Scene::Link { ends: (a, b), works } => {
                let (a, b) = (self.x(*a), self.x(*b));
                let class = if *works { "good" } else { "bad cut" };
                self.line(class, (a, y), (b, y));
                self.ends(if *works { "good" } else { "bad" }, &[a, b], y);
                if !works {
                    self.cross(usize::midpoint(a, b), y);
                }
            }
            Scene::Sides(sides) => {
                for pair in sides.windows(2) {
                    let (a, b) = (self.x(pair[0].0), self.x(pair[1].0));
                    if pair[0].1 == pair[1].1 {
                        self.line("good", (a, y), (b, y));
                    } else {
                        self.cross(usize::midpoint(a, b), y);
                    }
                }
                let whole = sides.iter().all(|&(_, side)| side == 0);
                let servers: Vec<usize> = sides.iter().map(|&(who, _)| self.x(who)).collect();
                self.ends(if whole { "good" } else { "bad" }, &servers, y);
            }
        }
    }

    fn ends(&mut self, class: &str, xs: &[usize], y: usize) {
        for x in xs {
            self.put(format_args!(r#"<circle cx="{x}" cy="{y}" r="3" class="{class}"/>"#));
        }
    }

    fn arrow(&mut self, Arrow { from, to, lost }: Arrow, y: usize) {
        let (start, end) = (self.x(from), self.x(to));
        let before = |pixels: usize| if start <= end { end - pixels } else { end + pixels };
        if lost {
            self.line("bad", (start, y), (before(16), y));
            self.cross(before(16), y);
        } else if from == to {
            self.put(format_args!(r#"<path d="M{end} {} h14 v10 h-12" class="arrow" fill-opacity="0"/>"#, y - 5));
            self.put(format_args!(r#"<circle cx="{end}" cy="{}" r="3.5" class="arrow"/>"#, y + 5));
        } else {
            self.line("arrow", (start, y), (before(4), y));
            let (tip, wing, top, bottom) = (before(3), before(12), y - 4, y + 4);
            self.put(format_args!(r#"<polygon points="{tip},{y} {wing},{top} {wing},{bottom}" class="arrow"/>"#));
            self.put(format_args!(r#"<circle cx="{end}" cy="{y}" r="3.5" class="arrow"/>"#));
        }
    }

    fn mark(&mut self, x: usize, y: usize, mark: Mark) {
        match mark {
            Mark::Crash => self.cross(x, y),
            Mark::Restart => self.put(format_args!(r#"<circle cx="{x}" cy="{y}" r="5" class="good"/>"#)),
            Mark::Other => self.put(format_args!(r#"<circle cx="{x}" cy="{y}" r="4" class="arrow"/>"#)),
            Mark::Timer => {
                let (left, right, top, bottom) = (x - 6, x + 6, y - 6, y + 6);
                self.put(format_args!(
                    r#"<polygon points="{left},{y} {x},{top} {right},{y} {x},{bottom}" class="warn"/>"#
                ));
            }
        }
    }

    fn cross(&mut self, x: usize, y: usize) {
        let (left, right, top, bottom) = (x - 5, x + 5, y - 5, y + 5);
        self.put(format_args!(
            r#"<path d="M{left} {top} L{right} {bottom} M{left} {bottom} L{right} {top}" class="bad"/>"#
        ));
    }

    fn violation(&mut self, trace: &Trace) {
        self.y += SPACE;
        let Some(violation) = &trace.violation else { return };
        self.paragraph(MARGIN, "bad", &format!("Broken: {}", violation.rule));
        for (class, text) in [("", &violation.says), ("", &violation.explanation)] {
            text.lines().for_each(|line| self.paragraph(MARGIN, class, line));
        }
        self.paragraph(MARGIN, "faint", &format!("Source: {}", violation.source));
    }

    fn finish(self, trace: &Trace) -> String {
        let (width, height) = (self.width(), self.y + MARGIN);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"space-time\" role=\"img\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n<desc>{}</desc>\n<style>\n{STYLE}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"8\" class=\"paper\"/>\n{}{}</svg>\n",
            escape(&format!("Space-time diagram: {}", trace.scope)),
            escape(&described(trace)),
            self.lifelines,
            self.body,
        )
    }
}

/// The run in words, for those who cannot see the picture.
fn described(trace: &Trace) -> String {
    let mut text = String::new();
    for (number, step) in (1..).zip(&trace.steps) {
        let _ = write!(text, "Step {number}: {}. ", step.label);
    }
    if let Some(violation) = &trace.violation {
        let _ = write!(text, "Broken: {}. {}", violation.rule, violation.explanation);
    }
    text
}

/// Text as it may stand in XML, in an element or in an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(c.escape_default()),
            c if c.is_control() => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escape, render};
    use crate::trace::samples;

    #[test]
    fn a_picture_tells_every_step_and_stands_alone() {
        for (name, trace) in samples::all() {
            let picture = render(&trace);
            for step in &trace.steps {
                let first = step.label.split(' ').next().unwrap_or_default();
                assert!(picture.contains(&format!(r#"class="label">{first}"#)), "{name}: {}", step.label);
            }
            assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"), "{name}");
            for needed in [r#"role="img""#, "<title>", "<desc>", "prefers-color-scheme: dark", "currentColor"] {
                assert!(picture.contains(needed), "{name} has no {needed}");
            }
            for foreign in ["<script", "href", "url(", " id="] {
                assert!(!picture.contains(foreign), "{name} has {foreign}");
            }
        }
    }

    #[test]
    fn every_element_is_closed() {
        for (name, trace) in samples::all() {
            let picture = render(&trace);
            let opened = picture.matches('<').count() - picture.matches("</").count() - picture.matches("/>").count();
            assert_eq!(opened, picture.matches("</").count(), "{name}");
        }
    }

    #[test]
    fn text_cannot_break_out_of_the_picture() {
        assert_eq!(escape("<a href=\"x\">&\u{0}\u{ffff}"), "&lt;a href=&quot;x&quot;&gt;&amp;\\u{0}\\u{ffff}");
    }
}
