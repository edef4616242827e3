//! The plot: four figures over the number of connections, of both servers, with the spread of the rounds.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use testkit::text::thousands;
use testkit_plots::{Area, Drawn, TEXT, anchored, svg};

use super::run::Outcome;
use super::server::Kind;
use super::spread::{Of, Spread, number};
use super::table::{DEMANDED, connecting, in_all, p99, rate};

const WIDTH: i32 = 820;
const LEGEND: i32 = 46;
const HEIGHT: i32 = 214;
/// Where a panel has its figures: left of them is the scale, above the title, below the numbers of connections.
const ACROSS: Range<i32> = 62..396;
const DOWN: Range<i32> = 34..176;
/// How far a server's marks are from the middle of their column.
const BESIDE: i32 = 14;

const THREADS: RGBColor = RGBColor(221, 140, 30);
const TASKS: RGBColor = RGBColor(76, 132, 184);
const GATEWAY: RGBColor = RGBColor(88, 152, 92);

/// A panel: what it shows, and on which scale.
struct Panel {
    title: &'static str,
    of: Of,
    is_logarithmic: bool,
    /// Whether the gateway is shown as well.
    has_gateway: bool,
}

const PANELS: [Panel; 4] = [
    Panel { title: "resident memory of the server, idle, MB", of: in_all, is_logarithmic: true, has_gateway: true },
    Panel { title: "until all clients have an answer, ms", of: connecting, is_logarithmic: true, has_gateway: false },
    Panel { title: "all at once: requests a second", of: rate, is_logarithmic: false, has_gateway: false },
    Panel { title: "2,000 requests a second: p99, µs", of: p99, is_logarithmic: true, has_gateway: false },
];

/// How a figure becomes a height.
#[derive(Clone, Copy)]
struct Scale {
    least: f64,
    most: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(panel: &Panel, spreads: &[Spread]) -> Self {
        let most = spreads.iter().map(|spread| spread.most).fold(1.0, f64::max);
        let least = spreads.iter().map(|spread| spread.least).fold(most, f64::min).max(1e-3);
        let (least, most) = if panel.is_logarithmic {
            (10_f64.powf(least.log10().floor()), 10_f64.powf(most.log10().ceil()))
        } else {
            (0.0, most * 1.1)
        };
        Scale { least, most: most.max(least * 10.0), is_logarithmic: panel.is_logarithmic }
    }

    fn y(&self, figure: f64) -> i32 {
        let share = if self.is_logarithmic {
            (figure.max(self.least) / self.least).ln() / (self.most / self.least).ln()
        } else {
            figure / self.most
        };
        DOWN.end - (share.clamp(0.0, 1.0) * f64::from(DOWN.end - DOWN.start)).round() as i32
    }

    /// The figures that have a line.
    fn marks(&self) -> Vec<f64> {
        if self.is_logarithmic {
            let (first, last) = (self.least.log10().round() as i32, self.most.log10().round() as i32);
            return (first..=last).map(|power| 10_f64.powi(power)).collect();
        }
        let step = 10_f64.powf(self.most.log10().floor());
        let step = if self.most / step < 3.0 { step / 2.0 } else { step };
        (0..).map(|number| f64::from(number) * step).take_while(|mark| *mark <= self.most).collect()
    }
}

/// Draws the plot as an SVG.
pub fn draw(outcome: &Outcome) -> String {
    let alt = "Memory, time to connect, throughput and latency over the number of connections, of a server with a thread for each and of \
               one with a task for each";
    svg("connections", alt, (WIDTH as u32, (LEGEND + 2 * HEIGHT) as u32), |root| picture(root, outcome))
}

fn picture(root: &Area<'_>, outcome: &Outcome) -> Drawn {
    let (top, rest) = root.split_vertically(LEGEND);
    legend(&top)?;
    for (area, panel) in rest.split_evenly((2, 2)).iter().zip(&PANELS) {
        draw_panel(area, outcome, panel)?;
    }
    Ok(())
}

fn legend(area: &Area<'_>) -> Drawn {
    let shown = [(THREADS, "a thread for each"), (TASKS, "a task for each"), (GATEWAY, "the gateway of the chain")];
    for ((color, text), x) in shown.into_iter().zip([ACROSS.start, ACROSS.start + 150, ACROSS.start + 285]) {
        area.draw(&Rectangle::new([(x, 9), (x + 13, 22)], color.filled()))?;
        area.draw(&Text::new(text, (x + 19, 15), anchored(12.0, HPos::Left, VPos::Center)))?;
    }
    let says = "bars: the middle of the rounds; whiskers: the least and the greatest; dashed: what this stage allows the reference's gateway";
    area.draw(&Text::new(says, (ACROSS.start, 34), anchored(11.0, HPos::Left, VPos::Center)))?;
    Ok(())
}

fn draw_panel(area: &Area<'_>, outcome: &Outcome, panel: &Panel) -> Drawn {
    area.draw(&Text::new(panel.title, (ACROSS.start, 14), anchored(12.5, HPos::Left, VPos::Center)))?;
    let most = outcome.counts.last().copied().unwrap_or(0);
    let gateway = panel.has_gateway.then(|| Spread::of(outcome, Kind::Gateway, most, panel.of)).flatten();
    let spread = |kind, count| Spread::of(outcome, kind, count, panel.of);
    let both = |&count: &usize| [spread(Kind::Threads, count), spread(Kind::Tasks, count)];
    let shown: Vec<Spread> = outcome.counts.iter().flat_map(both).chain([gateway]).flatten().collect();
    let scale = Scale::of(panel, &shown);
    for mark in scale.marks() {
        rule(area, scale.y(mark), &number_of(mark))?;
    }
    if panel.has_gateway {
        demanded(area, scale)?;
    }
    let width = (ACROSS.end - ACROSS.start) / outcome.counts.len().max(1) as i32;
    for (column, &count) in outcome.counts.iter().enumerate() {
        let middle = ACROSS.start + width * column as i32 + width / 2;
        bar(area, scale, middle - BESIDE, THREADS, spread(Kind::Threads, count))?;
        bar(area, scale, middle + BESIDE, TASKS, spread(Kind::Tasks, count))?;
        let at = (middle, DOWN.end + 12);
        area.draw(&Text::new(thousands(count), at, anchored(11.0, HPos::Center, VPos::Center)))?;
        if count == most {
            bar(area, scale, middle + 3 * BESIDE - 4, GATEWAY, gateway)?;
        }
    }
    let at = ((ACROSS.start + ACROSS.end) / 2, DOWN.end + 28);
    area.draw(&Text::new("connections", at, anchored(10.5, HPos::Center, VPos::Center)))?;
    Ok(())
}

fn number_of(mark: f64) -> String {
    if mark > 0.0 && mark < 9.95 && mark.fract() != 0.0 { number(mark) } else { thousands(mark.round() as usize) }
}

/// A faint line, and the figure that it stands for.
fn rule(area: &Area<'_>, y: i32, text: &str) -> Drawn {
    area.draw(&PathElement::new(vec![(ACROSS.start, y), (ACROSS.end, y)], TEXT.mix(0.18)))?;
    area.draw(&Text::new(text.to_owned(), (ACROSS.start - 6, y), anchored(10.5, HPos::Right, VPos::Center)))?;
    Ok(())
}

/// What the reference may take with 10,000 connections: a dashed line.
fn demanded(area: &Area<'_>, scale: Scale) -> Drawn {
    let y = scale.y(DEMANDED / 1e6);
    for x in (ACROSS.start..ACROSS.end).step_by(10) {
        area.draw(&PathElement::new(vec![(x, y), (x + 5, y)], GATEWAY.stroke_width(1)))?;
    }
    Ok(())
}

fn bar(area: &Area<'_>, scale: Scale, x: i32, color: RGBColor, spread: Option<Spread>) -> Drawn {
    let Some(spread) = spread else { return Ok(()) };
    let top = scale.y(spread.middle);
    area.draw(&Rectangle::new([(x - 11, top), (x + 11, DOWN.end)], color.mix(0.8).filled()))?;
    let (least, most) = (scale.y(spread.least), scale.y(spread.most));
    area.draw(&PathElement::new(vec![(x, least), (x, most)], TEXT.stroke_width(1)))?;
    for y in [least, most] {
        area.draw(&PathElement::new(vec![(x - 4, y), (x + 4, y)], TEXT.stroke_width(1)))?;
    }
    Ok(())
}
