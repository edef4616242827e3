//! The plot of a script: a panel for each gateway, with goodput, latencies and memory over time, and the script's phases as columns.

use std::ops::Range;
use std::time::Duration;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use testkit_plots::{Area, Drawn, TEXT, anchored, svg};

use super::command::gateway::Kind;
use super::forecast::Forecast;
use super::load::{Way, capacity, tails};
use super::measure::{BIN, Latencies, age, bins, goodput, is_void, offered, within};
use super::run::{Outcome, Run};
use super::script::Script;
use super::watch::Look;
use crate::subject::chain::parameters::Parameters;

const WIDTH: i32 = 820;
const LEGEND: i32 = 52;
const PANEL: i32 = 282;
const AXIS: i32 = 40;
/// Left and right of the panels: their scales.
const LEFT: i32 = 58;
const RIGHT: i32 = 14;

/// From the top of a panel: goodput, latencies, memory.
const GOODPUT: Range<i32> = 40..126;
const LATENCIES: Range<i32> = 138..222;
const MEMORY: Range<i32> = 234..270;

/// The scale of latencies, in milliseconds.
const SCALE: Range<f64> = 10.0..30_000.0;
const MARKS: [(f64, &str); 4] = [(10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s"), (10_000.0, "10 s")];

const LINES: RGBColor = RGBColor(76, 132, 184);
const TAILS: RGBColor = RGBColor(88, 152, 92);
const SLOWEST: RGBColor = RGBColor(221, 140, 30);
const AGE: RGBColor = RGBColor(208, 69, 76);
const USED: RGBAColor = RGBAColor(128, 128, 128, 0.5);

/// What all panels share: how time, goodput and memory become pixels.
#[derive(Clone, Copy)]
struct Frame {
    script: Script,
    parameters: Parameters,
    /// The top of the scale of goodput, a second.
    most: f64,
    /// What the chain can do.
    capacity: f64,
    /// The top of the scale of memory, in bytes.
    memory: u64,
}

impl Frame {
    fn of(outcome: &Outcome, script: Script) -> Self {
        let capacity = capacity(&outcome.parameters);
        let most = (capacity + tails(&outcome.parameters) / 2.0).max(1.2 * capacity);
        let memory = outcome.of(script).flat_map(|run| &run.looks).map(|look| look.memory).max().unwrap_or(1);
        Frame { script, parameters: outcome.parameters, most, capacity, memory }
    }

    fn x(&self, at: Duration) -> i32 {
        let share = (at.as_secs_f64() / self.script.lasts().as_secs_f64()).min(1.0);
        LEFT + (share * f64::from(WIDTH - LEFT - RIGHT)).round() as i32
    }

    /// The height of so many requests a second.
    fn rate(&self, rate: f64) -> i32 {
        height(&GOODPUT, rate / self.most)
    }

    fn memory(&self, bytes: u64) -> i32 {
        height(&MEMORY, bytes as f64 / self.memory as f64)
    }
}

fn height(band: &Range<i32>, share: f64) -> i32 {
    band.end - (share.min(1.0) * f64::from(band.end - band.start)).round() as i32
}

/// The height of a time, on a scale of powers of ten.
fn latency(time: Duration) -> i32 {
    let milliseconds = (time.as_secs_f64() * 1e3).clamp(SCALE.start, SCALE.end);
    height(&LATENCIES, (milliseconds / SCALE.start).ln() / (SCALE.end / SCALE.start).ln())
}

/// Draws the plot as an SVG.
pub fn draw(outcome: &Outcome, script: Script) -> String {
    let frame = Frame::of(outcome, script);
    let runs: Vec<&Run> = outcome.of(script).collect();
    let size = (WIDTH as u32, (LEGEND + PANEL * runs.len() as i32 + AXIS) as u32);
    let alt = format!("Goodput, latencies and memory over time of gateways while {}", script.told);
    svg(&format!("cascade-{}", script.name), &alt, size, |root| picture(root, frame, &runs))
}

fn picture(root: &Area<'_>, frame: Frame, runs: &[&Run]) -> Drawn {
    let (top, mut rest) = root.split_vertically(LEGEND);
    legend(&top)?;
    for run in runs {
        let (area, below) = rest.split_vertically(PANEL);
        panel(&area, frame, run)?;
        if run.kind == Kind::Blocking {
            forecast(&area, frame, run, &Forecast::new(&frame.script, &frame.parameters))?;
        }
        rest = below;
    }
    axis(&rest, frame)
}

fn legend(area: &Area<'_>) -> Drawn {
    let rows = [
        [(LINES.to_rgba(), "lines: goodput a second; p50", 200), (SLOWEST.to_rgba(), "lines: p99", 90)],
        [(TAILS.to_rgba(), "tails: goodput a second", 200), (AGE.to_rgba(), "age of the lines that are stored", 90)],
    ];
    for (row, y) in rows.into_iter().zip([14, 34]) {
        let mut x = LEFT;
        for (color, text, width) in row {
            area.draw(&Rectangle::new([(x, y - 6), (x + 13, y + 7)], color.filled()))?;
            area.draw(&Text::new(text, (x + 19, y), anchored(12.0, HPos::Left, VPos::Center)))?;
            x += width;
        }
    }
    for (text, y) in
        [("dashes: lines that come; thin line: simulation", 14), ("at the bottom: memory of the gateway", 34)]
    {
        area.draw(&Text::new(text, (LEFT + 420, y), anchored(12.0, HPos::Left, VPos::Center)))?;
    }
    Ok(())
}

fn panel(area: &Area<'_>, frame: Frame, run: &Run) -> Drawn {
    let void = if is_void(run) { ": void, the generator lagged" } else { "" };
    let title = format!("{}{void}", run.kind.told());
    area.draw(&Text::new(title, (LEFT, 8), anchored(13.0, HPos::Left, VPos::Center)))?;
    phases(area, frame)?;
    scales(area, frame)?;
    if is_void(run) {
        return Ok(());
    }
    goodputs(area, frame, run)?;
    times(area, frame, run)?;
    memory(area, frame, &run.looks)
}

/// The script's phases: a line where each begins, and its name.
fn phases(area: &Area<'_>, frame: Frame) -> Drawn {
    for (number, (at, phase)) in frame.script.moments().enumerate() {
        let (from, until) = (frame.x(at), frame.x(at + Duration::from_secs(phase.seconds)));
        if number % 2 == 1 {
            let band = Rectangle::new([(from, GOODPUT.start - 18), (until, MEMORY.end)], TEXT.mix(0.05).filled());
            area.draw(&band)?;
        }
        let at = ((from + until) / 2, GOODPUT.start - 10);
        area.draw(&Text::new(phase.name, at, anchored(10.5, HPos::Center, VPos::Center)))?;
    }
    Ok(())
}

fn scales(area: &Area<'_>, frame: Frame) -> Drawn {
    for rate in [0.0, frame.capacity / 2.0, frame.capacity] {
        rule(area, frame.rate(rate), &format!("{rate:.0}"))?;
    }
    for (milliseconds, text) in MARKS {
        rule(area, latency(Duration::from_secs_f64(milliseconds / 1e3)), text)?;
    }
    let most = format!("{:.0} MB", frame.memory as f64 / 1e6);
    rule(area, MEMORY.start, &most)?;
    rule(area, MEMORY.end, "0")
}

/// A faint line, and what it stands for.
fn rule(area: &Area<'_>, y: i32, text: &str) -> Drawn {
    area.draw(&PathElement::new(vec![(LEFT, y), (WIDTH - RIGHT, y)], TEXT.mix(0.18)))?;
    area.draw(&Text::new(text, (LEFT - 6, y), anchored(10.5, HPos::Right, VPos::Center)))?;
    Ok(())
}

fn goodputs(area: &Area<'_>, frame: Frame, run: &Run) -> Drawn {
    for bin in bins(run) {
        let (from, until) = (frame.x(bin.start), frame.x(bin.end));
        let top = frame.rate(goodput(run, Way::Line, bin.clone()));
        area.draw(&Rectangle::new([(from, top), ((until - 1).max(from + 1), GOODPUT.end)], LINES.mix(0.75).filled()))?;
        let came = frame.rate(offered(run, Way::Line, bin));
        area.draw(&PathElement::new(vec![(from + 1, came), (until - 2, came)], TEXT.mix(0.8)))?;
    }
    let tails = bins(run).map(|bin| (frame.x(bin.start + BIN / 2), frame.rate(goodput(run, Way::Tail, bin))));
    area.draw(&PathElement::new(tails.collect::<Vec<_>>(), TAILS.stroke_width(2)))?;
    Ok(())
}

/// What was simulated and predicted of the blocking chain: the goodput of lines, and moments.
fn forecast(area: &Area<'_>, frame: Frame, run: &Run, forecast: &Forecast) -> Drawn {
    let goodput = bins(run).map(|bin| (frame.x(bin.start + BIN / 2), frame.rate(forecast.goodput(&bin))));
    area.draw(&PathElement::new(goodput.collect::<Vec<_>>(), TEXT.stroke_width(1)))?;
    for (at, what) in &forecast.marks {
        let x = frame.x(*at);
        area.draw(&PathElement::new(vec![(x, GOODPUT.start), (x, LATENCIES.end)], TEXT.mix(0.8)))?;
        let style = anchored(10.5, HPos::Left, VPos::Center);
        area.draw(&Text::new(format!("predicted: {what}"), (x + 4, LATENCIES.start - 6), style))?;
    }
    Ok(())
}

/// What lines had to wait, and how old the ones were that were stored.
fn times(area: &Area<'_>, frame: Frame, run: &Run) -> Drawn {
    let percentile = |of_hundred: f64| {
        move |bin: &Range<Duration>| Latencies::of(within(run, Way::Line, bin.clone())).percentile(of_hundred)
    };
    line(area, frame, run, AGE, |bin| age(run, bin))?;
    line(area, frame, run, SLOWEST, percentile(99.0))?;
    line(area, frame, run, LINES, percentile(50.0))
}

/// A time, over time. Where there is none, there is no line.
fn line(
    area: &Area<'_>,
    frame: Frame,
    run: &Run,
    color: RGBColor,
    of: impl Fn(&Range<Duration>) -> Option<Duration>,
) -> Drawn {
    let points: Vec<_> = bins(run).map(|bin| Some((frame.x(bin.start + BIN / 2), latency(of(&bin)?)))).collect();
    for stretch in points.split(Option::is_none).filter(|stretch| !stretch.is_empty()) {
        let points: Vec<_> = stretch.iter().flatten().copied().collect();
        for point in &points {
            area.draw(&Circle::new(*point, 1, color.filled()))?;
        }
        area.draw(&PathElement::new(points, color.stroke_width(2)))?;
    }
    Ok(())
}

fn memory(area: &Area<'_>, frame: Frame, looks: &[Look]) -> Drawn {
    for pair in looks.windows(2) {
        let (from, until) = (frame.x(pair[0].at), frame.x(pair[1].at));
        let top = frame.memory(pair[0].memory);
        area.draw(&Rectangle::new([(from, top), (until, MEMORY.end)], USED.filled()))?;
    }
    let threads = looks.iter().map(|look| look.threads).max();
    let threads = threads.map_or(String::new(), |most| match most {
        1 => "1 thread".to_owned(),
        most => format!("{most} threads at most"),
    });
    area.draw(&Text::new(threads, (WIDTH - RIGHT - 4, MEMORY.start + 8), anchored(10.5, HPos::Right, VPos::Center)))?;
    Ok(())
}

fn axis(area: &Area<'_>, frame: Frame) -> Drawn {
    for second in (0..=frame.script.lasts().as_secs()).step_by(2) {
        let x = frame.x(Duration::from_secs(second));
        area.draw(&PathElement::new(vec![(x, 0), (x, 4)], TEXT.mix(0.6)))?;
        area.draw(&Text::new(second.to_string(), (x, 7), anchored(10.5, HPos::Center, VPos::Top)))?;
    }
    area.draw(&PathElement::new(vec![(LEFT, 0), (WIDTH - RIGHT, 0)], TEXT.mix(0.6)))?;
    let says = "seconds since the start of the script";
    area.draw(&Text::new(says, (WIDTH / 2, 36), anchored(11.0, HPos::Center, VPos::Bottom)))?;
    Ok(())
}
