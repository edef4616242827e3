//! The plot: a panel for each run, with answers and latencies over time, who led, and each fault as a band over all of it.

use std::ops::Range;
use std::time::Duration;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use testkit_plots::{Area, Drawn, TEXT, anchored, font, svg};

use super::measure::{BIN, Window, throughput, windows};
use super::run::Run;
use super::table::fault;

/// The width, unless a run is so long that its faults would not have room.
const WIDTH: u32 = 820;
/// So wide is a second at least.
const SECOND: f64 = 44.0;
const LEGEND: i32 = 62;
const PANEL: i32 = 262;
const AXIS: i32 = 40;
/// Left of the panels: their scales.
const LEFT: i32 = 58;
const RIGHT: i32 = 14;

/// From the top of a panel: what was done, answers, who led, latencies.
const FAULTS: Range<i32> = 28..56;
const ANSWERS: Range<i32> = 60..136;
const LEADERS: Range<i32> = 142..156;
const LATENCIES: Range<i32> = 162..248;

/// The scale of latencies, in milliseconds.
const SCALE: Range<f64> = 0.5..5_000.0;
const MARKS: [(f64, &str); 4] = [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s")];

const FINE: RGBColor = RGBColor(76, 132, 184);
const SLOWEST: RGBColor = RGBColor(221, 140, 30);
const LED: RGBAColor = RGBAColor(208, 69, 76, 0.30);
const FOLLOWED: RGBAColor = RGBAColor(128, 128, 128, 0.24);

const ALT: &str =
    "Answers a second and latencies over time of three runs under the same failures, each failure marked as a band";

/// What all panels share: how time and answers become pixels.
#[derive(Clone, Copy)]
struct Frame {
    width: i32,
    seconds: f64,
    /// The top of the scale of answers, a second.
    most: f64,
}

impl Frame {
    fn of(runs: &[Run]) -> Self {
        let seconds = runs.iter().map(|run| run.end.as_secs_f64()).fold(1.0, f64::max);
        let most = runs.iter().flat_map(throughput).max().unwrap_or(0) as f64 / BIN.as_secs_f64();
        let most = (most / 200.0).ceil().max(1.0) * 200.0;
        let room = (seconds * SECOND) as i32 + LEFT + RIGHT;
        Frame { width: room.max(WIDTH as i32), seconds, most }
    }

    fn x(&self, at: Duration) -> i32 {
        let share = (at.as_secs_f64() / self.seconds).min(1.0);
        LEFT + (share * f64::from(self.width - LEFT - RIGHT)).round() as i32
    }

    /// The height of so many answers a second.
    fn answers(&self, rate: f64) -> i32 {
        ANSWERS.end - (rate / self.most * f64::from(ANSWERS.end - ANSWERS.start)).round() as i32
    }
}

/// The height of a latency, on a scale of powers of ten.
fn latency(milliseconds: f64) -> i32 {
    let milliseconds = milliseconds.clamp(SCALE.start, SCALE.end);
    let share = (milliseconds / SCALE.start).ln() / (SCALE.end / SCALE.start).ln();
    LATENCIES.end - (share * f64::from(LATENCIES.end - LATENCIES.start)).round() as i32
}

/// Draws the plot as an SVG.
pub fn draw(runs: &[Run]) -> String {
    let frame = Frame::of(runs);
    let height = LEGEND + PANEL * runs.len() as i32 + AXIS;
    svg("chaos", ALT, (frame.width as u32, height as u32), |root| picture(root, frame, runs))
}

fn picture(root: &Area<'_>, frame: Frame, runs: &[Run]) -> Drawn {
    let (top, mut rest) = root.split_vertically(LEGEND);
    legend(&top)?;
    for run in runs {
        let (area, below) = rest.split_vertically(PANEL);
        panel(&area, frame, run)?;
        rest = below;
    }
    axis(&rest, frame)
}

fn legend(area: &Area<'_>) -> Drawn {
    let mut x = LEFT;
    for (color, text, width) in [
        (FINE.to_rgba(), "answers a second; median latency", 240),
        (SLOWEST.to_rgba(), "p99 latency", 106),
        (LED, "the leader is hit", 136),
        (FOLLOWED, "another is hit", 120),
    ] {
        area.draw(&Rectangle::new([(x, 14), (x + 13, 27)], color.filled()))?;
        area.draw(&Text::new(text, (x + 19, 20), anchored(12.0, HPos::Left, VPos::Center)))?;
        x += width;
    }
    let words =
        "full, fails: its disk. cut*: clients still reach it. leader: who says that it leads, a box for each term.";
    area.draw(&Text::new(words, (LEFT, 44), anchored(11.0, HPos::Left, VPos::Center)))?;
    Ok(())
}

fn panel(area: &Area<'_>, frame: Frame, run: &Run) -> Drawn {
    let title = format!("{}: {}", run.name, run.told);
    area.draw(&Text::new(title, (LEFT, 8), font(13.0)))?;
    bands(area, frame, run)?;
    scales(area, frame)?;
    for (number, answers) in (0..).zip(throughput(run)).filter(|(_, answers)| *answers > 0) {
        let (from, until) = (frame.x(BIN * number), frame.x(BIN * (number + 1)));
        let top = frame.answers(answers as f64 / BIN.as_secs_f64());
        area.draw(&Rectangle::new([(from, top), ((until - 1).max(from + 1), ANSWERS.end)], FINE.filled()))?;
    }
    leaders(area, frame, run)?;
    let windows = windows(run);
    line(area, frame, &windows, SLOWEST, |window| window.p99)?;
    line(area, frame, &windows, FINE, |window| window.p50)
}

/// What was done, from when to when, and to whom.
fn bands(area: &Area<'_>, frame: Frame, run: &Run) -> Drawn {
    for done in &run.report.faults {
        let (from, until) = (frame.x(done.from), frame.x(done.until));
        let color = if run.hit_the_leader(done) { LED } else { FOLLOWED };
        area.draw(&Rectangle::new([(from, FAULTS.start), (until, LATENCIES.end)], color.filled()))?;
        let middle = (from + until) / 2;
        for (text, y) in [(fault(done).to_owned(), FAULTS.start + 8), (format!("n{}", done.server), FAULTS.start + 21)]
        {
            area.draw(&Text::new(text, (middle, y), anchored(10.5, HPos::Center, VPos::Center)))?;
        }
    }
    Ok(())
}

fn scales(area: &Area<'_>, frame: Frame) -> Drawn {
    let right = frame.width - RIGHT;
    for rate in [0.0, frame.most / 2.0, frame.most] {
        rule(area, right, frame.answers(rate), &format!("{rate:.0}"))?;
    }
    for (milliseconds, text) in MARKS {
        rule(area, right, latency(milliseconds), text)?;
    }
    let middle = (LEADERS.start + LEADERS.end) / 2;
    area.draw(&Text::new("leader", (LEFT - 6, middle), anchored(10.5, HPos::Right, VPos::Center)))?;
    Ok(())
}

/// A faint line, and what it stands for.
fn rule(area: &Area<'_>, right: i32, y: i32, text: &str) -> Drawn {
    area.draw(&PathElement::new(vec![(LEFT, y), (right, y)], TEXT.mix(0.18)))?;
    area.draw(&Text::new(text, (LEFT - 6, y), anchored(10.5, HPos::Right, VPos::Center)))?;
    Ok(())
}

/// A box for each term in which a server was seen to lead.
fn leaders(area: &Area<'_>, frame: Frame, run: &Run) -> Drawn {
    for (number, seen) in run.glimpses.chunk_by(|one, next| one.leader == next.leader).enumerate() {
        let Some((server, _)) = seen[0].leader else { continue };
        let (from, until) = (frame.x(seen[0].at), frame.x(seen[seen.len() - 1].at + BIN));
        let shade = TEXT.mix(if number % 2 == 0 { 0.16 } else { 0.30 });
        area.draw(&Rectangle::new([(from, LEADERS.start), (until, LEADERS.end)], shade.filled()))?;
        if until - from > 18 {
            let middle = ((from + until) / 2, (LEADERS.start + LEADERS.end) / 2);
            area.draw(&Text::new(format!("n{server}"), middle, anchored(10.0, HPos::Center, VPos::Center)))?;
        }
    }
    Ok(())
}

/// A latency over time. Where nobody was answered there is none.
fn line(
    area: &Area<'_>,
    frame: Frame,
    windows: &[Option<Window>],
    color: RGBColor,
    of: fn(&Window) -> Duration,
) -> Drawn {
    for stretch in windows.split(Option::is_none) {
        let point = |window: &Window| (frame.x(window.at), latency(of(window).as_secs_f64() * 1e3));
        let points: Vec<_> = stretch.iter().flatten().map(point).collect();
        for point in &points {
            area.draw(&Circle::new(*point, 1, color.filled()))?;
        }
        area.draw(&PathElement::new(points, color.stroke_width(2)))?;
    }
    Ok(())
}

fn axis(area: &Area<'_>, frame: Frame) -> Drawn {
    for second in 0..=frame.seconds as u64 {
        let x = frame.x(Duration::from_secs(second));
        area.draw(&PathElement::new(vec![(x, 0), (x, 4)], TEXT.mix(0.6)))?;
        area.draw(&Text::new(second.to_string(), (x, 7), anchored(10.5, HPos::Center, VPos::Top)))?;
    }
    area.draw(&PathElement::new(vec![(LEFT, 0), (frame.width - RIGHT, 0)], TEXT.mix(0.6)))?;
    let says = "seconds since the start of the run";
    area.draw(&Text::new(says, (frame.width / 2, 36), anchored(11.0, HPos::Center, VPos::Bottom)))?;
    Ok(())
}
