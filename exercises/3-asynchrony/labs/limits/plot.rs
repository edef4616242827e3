//! The plot: for each scenario the three limits, and what calls took, over time.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use testkit::lab;
use testkit_plots::{Area, Drawn, TEXT, anchored, svg};

use super::law::Kind;
use super::scenario::{LASTS, PLACES, SCENARIOS};
use super::simulation::{Run, STEP};

const WIDTH: i32 = 820;
const LEGEND: i32 = 32;
const HEIGHT: i32 = 150;
const AXIS: i32 = 20;
/// Where a panel has its lines.
const ACROSS: Range<i32> = 52..398;
const DOWN: Range<i32> = 26..136;

/// A scale of powers of ten, and its lines.
struct Scale {
    from: f64,
    to: f64,
    marks: &'static [(f64, &'static str)],
}

const LIMITS: Scale = Scale { from: 1.0, to: 250.0, marks: &[(1.0, "1"), (10.0, "10"), (100.0, "100")] };
const LATENCIES: Scale =
    Scale { from: 10.0, to: 2_000.0, marks: &[(10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s")] };

impl Scale {
    fn y(&self, figure: f64) -> i32 {
        let share = (figure.clamp(self.from, self.to) / self.from).ln() / (self.to / self.from).ln();
        DOWN.end - (share * f64::from(DOWN.end - DOWN.start)).round() as i32
    }
}

fn color(kind: Kind) -> RGBColor {
    match kind {
        Kind::Aimd => RGBColor(88, 152, 92),
        Kind::Vegas => RGBColor(221, 140, 30),
        Kind::Gradient2 => RGBColor(76, 132, 184),
    }
}

/// Draws the plot as an SVG.
pub fn draw(runs: &[Run]) -> String {
    let height = LEGEND + HEIGHT * SCENARIOS.len() as i32 + AXIS;
    let alt = "Three limits on concurrency, and the median latency behind each, over sixty simulated seconds of five scenarios";
    svg("limits", alt, (WIDTH as u32, height as u32), |root| picture(root, runs))
}

fn picture(root: &Area<'_>, runs: &[Run]) -> Drawn {
    let (top, mut rest) = root.split_vertically(LEGEND);
    legend(&top)?;
    for of_one in runs.chunks(Kind::ALL.len()) {
        let (area, below) = rest.split_vertically(HEIGHT);
        let (left, right) = area.split_horizontally(WIDTH / 2);
        limits(&left, of_one)?;
        latencies(&right, of_one)?;
        rest = below;
    }
    let says = "seconds";
    rest.draw(&Text::new(says, (WIDTH / 2, AXIS / 2 - 2), anchored(10.5, HPos::Center, VPos::Center)))?;
    Ok(())
}

fn legend(area: &Area<'_>) -> Drawn {
    for (kind, x) in Kind::ALL.into_iter().zip([ACROSS.start, ACROSS.start + 90, ACROSS.start + 180]) {
        area.draw(&Rectangle::new([(x, 9), (x + 13, 22)], color(kind).filled()))?;
        area.draw(&Text::new(kind.told(), (x + 19, 15), anchored(12.0, HPos::Left, VPos::Center)))?;
    }
    let says = "dashed: ten calls at a time, and what a call takes that does not wait";
    area.draw(&Text::new(says, (WIDTH - 22, 15), anchored(11.0, HPos::Right, VPos::Center)))?;
    Ok(())
}

fn limits(area: &Area<'_>, runs: &[Run]) -> Drawn {
    frame(area, &format!("{}: the limit", runs[0].scenario), &LIMITS)?;
    dashed(area, &vec![LIMITS.y(f64::from(PLACES)); runs[0].limits.len()])?;
    for run in runs {
        let points = run.limits.iter().enumerate().map(|(step, &limit)| (x(step + 1), LIMITS.y(f64::from(limit))));
        area.draw(&PathElement::new(points.collect::<Vec<_>>(), color(run.kind).stroke_width(2)))?;
    }
    Ok(())
}

fn latencies(area: &Area<'_>, runs: &[Run]) -> Drawn {
    frame(area, &format!("{}: median latency", runs[0].scenario), &LATENCIES)?;
    dashed(area, &runs[0].takes.iter().map(|&takes| LATENCIES.y(takes)).collect::<Vec<_>>())?;
    for run in runs {
        let median = |step: usize| {
            let took = run.latencies(step as f64 * STEP, (step + 1) as f64 * STEP);
            lab::percentile(&took, 500).map(|took| (x(step + 1), LATENCIES.y(took)))
        };
        let points: Vec<_> = (0..run.limits.len()).filter_map(median).collect();
        area.draw(&PathElement::new(points, color(run.kind).stroke_width(2)))?;
    }
    Ok(())
}

/// The place of the end of a step.
fn x(step: usize) -> i32 {
    let share = step as f64 * STEP / LASTS;
    ACROSS.start + (share * f64::from(ACROSS.end - ACROSS.start)).round() as i32
}

fn frame(area: &Area<'_>, title: &str, scale: &Scale) -> Drawn {
    area.draw(&Text::new(title.to_owned(), (ACROSS.start, 10), anchored(12.0, HPos::Left, VPos::Center)))?;
    for &(mark, text) in scale.marks {
        let y = scale.y(mark);
        area.draw(&PathElement::new(vec![(ACROSS.start, y), (ACROSS.end, y)], TEXT.mix(0.18)))?;
        area.draw(&Text::new(text, (ACROSS.start - 6, y), anchored(10.5, HPos::Right, VPos::Center)))?;
    }
    for second in (0..=LASTS as usize).step_by(10) {
        let at = (x((second as f64 / STEP) as usize), DOWN.end + 8);
        area.draw(&Text::new(second.to_string(), at, anchored(10.0, HPos::Center, VPos::Center)))?;
    }
    Ok(())
}

/// What would be right, over time: of two steps one is drawn.
fn dashed(area: &Area<'_>, heights: &[i32]) -> Drawn {
    for (step, &y) in heights.iter().enumerate().step_by(2) {
        area.draw(&PathElement::new(vec![(x(step), y), (x(step + 1), y)], TEXT.mix(0.8)))?;
    }
    Ok(())
}
