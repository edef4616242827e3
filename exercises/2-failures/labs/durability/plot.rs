//! The plot: what a sync costs and what sharing it brings, and how the stores do under load.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use testkit_plots::{Area, Drawn, TEXT, anchored, font, svg};

use super::experiment::{CLIENTS, Outcome};
use super::syncs::GROUPS;
use super::table::{millis, whole};

const WIDTH: u32 = 820;
const LEGEND: u32 = 40;
const BARS: u32 = 210;
const LATENCIES: u32 = 270;
/// How far from the edges everything stays.
const EDGE: i32 = 24;

const COLORS: [RGBColor; 2] = [RGBColor(76, 132, 184), RGBColor(221, 160, 30)];
const SYNC: RGBColor = RGBColor(110, 150, 90);
const FAINT: RGBAColor = RGBAColor(128, 128, 128, 0.4);

/// The scale of the latencies in milliseconds, from its floor to its top; both are powers of ten.
const SCALE: [f64; 2] = [0.1, 1000.0];

const ALT: &str = "Records a second with 1, 8 and 64 records for each sync; operations a second and latencies of the stores with 1, 8 and 64 clients";

/// Draws the plot as an SVG.
pub fn draw(outcome: &Outcome) -> String {
    svg("durability", ALT, (WIDTH, LEGEND + BARS + LATENCIES), |root| picture(root, outcome))
}

fn picture(root: &Area<'_>, outcome: &Outcome) -> Drawn {
    let (top, rest) = root.split_vertically(LEGEND);
    legend(&top, outcome)?;
    let (bars, latencies) = rest.split_vertically(BARS);
    let (left, right) = bars.split_horizontally(WIDTH * 2 / 5);
    let records = outcome.syncs.iter().flatten().map(|group| vec![group.syncs.rate * group.records as f64]);
    self::bars(&left, "records a second", "records for each sync", (&GROUPS, &[SYNC]), &records.collect::<Vec<_>>())?;
    let rate = |place: usize| outcome.stores.iter().map(|store| store.medians()[place].rate).collect();
    let rates: Vec<Vec<_>> = (0..CLIENTS.len()).map(rate).collect();
    if !outcome.stores.is_empty() {
        self::bars(&right, "operations a second", "clients", (&CLIENTS, &COLORS), &rates)?;
        self::latencies(&latencies, outcome)?;
    }
    Ok(())
}

fn legend(area: &Area<'_>, outcome: &Outcome) -> Drawn {
    let one_for_all = [("a log alone", SYNC)].into_iter();
    let stores = outcome.stores.iter().zip(COLORS).map(|(store, color)| (store.name.as_str(), color));
    let mut x = EDGE;
    for (text, color) in one_for_all.chain(stores) {
        area.draw(&Rectangle::new([(x, 14), (x + 13, 27)], color.filled()))?;
        area.draw(&Text::new(text.to_owned(), (x + 19, 20), anchored(13.0, HPos::Left, VPos::Center)))?;
        x += 50 + 8 * text.chars().count() as i32;
    }
    Ok(())
}

/// For each number of `below` a bar of each colour. The scale begins at 0.
fn bars(
    area: &Area<'_>,
    title: &str,
    unit: &str,
    (below, colors): (&[usize], &[RGBColor]),
    values: &[Vec<f64>],
) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let (floor, room) = (height as i32 - 44, height as i32 - 100);
    area.draw(&Text::new(title.to_owned(), (EDGE, 8), font(13.0)))?;
    let highest = values.iter().flatten().fold(1.0, |highest: f64, value| highest.max(*value));
    let step = (width as i32 - 2 * EDGE) / below.len() as i32;
    for (number, (label, values)) in below.iter().zip(values).enumerate() {
        let middle = EDGE + step * number as i32 + step / 2;
        let thick = (step - 18) / values.len().max(1) as i32;
        for (place, (value, color)) in values.iter().zip(colors).enumerate() {
            let left = middle - thick * values.len() as i32 / 2 + thick * place as i32;
            let top = floor - (value / highest * f64::from(room)).round() as i32;
            area.draw(&Rectangle::new([(left + 3, top), (left + thick - 3, floor)], color.mix(0.9).filled()))?;
            let at = (left + thick / 2, top - 4);
            area.draw(&Text::new(whole(*value), at, anchored(11.0, HPos::Center, VPos::Bottom)))?;
        }
        area.draw(&Text::new(label.to_string(), (middle, floor + 6), anchored(12.0, HPos::Center, VPos::Top)))?;
    }
    area.draw(&Text::new(unit.to_owned(), (width as i32 / 2, floor + 24), anchored(11.0, HPos::Center, VPos::Top)))?;
    area.draw(&PathElement::new(vec![(EDGE, floor), (width as i32 - EDGE, floor)], TEXT.mix(0.6)))?;
    Ok(())
}

/// For each number of clients and each store a line from the median latency to the 999th of a thousand, with a mark at the 99th percentile.
fn latencies(area: &Area<'_>, outcome: &Outcome) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let (left, floor, room) = (70, height as i32 - 44, height as i32 - 90);
    let title = "latency in milliseconds, each step ten times as long: a bar from p50 to p99, a line on to p99.9";
    area.draw(&Text::new(title, (EDGE, 8), font(13.0)))?;
    let [low, high] = SCALE.map(f64::log10);
    let y = |time: f64| {
        let share = (time.max(SCALE[0]).log10() - low) / (high - low);
        floor - (share.min(1.0) * f64::from(room)).round() as i32
    };
    for power in low as i32..=high as i32 {
        let time = 10f64.powi(power);
        area.draw(&PathElement::new(vec![(left, y(time)), (width as i32 - EDGE, y(time))], FAINT))?;
        let label = if power < 0 { format!("{time:.1}") } else { whole(time) };
        area.draw(&Text::new(label, (left - 8, y(time)), anchored(11.0, HPos::Right, VPos::Center)))?;
    }
    let step = (width as i32 - left - EDGE) / CLIENTS.len() as i32;
    for (number, clients) in CLIENTS.iter().enumerate() {
        let middle = left + step * number as i32 + step / 2;
        for (place, (store, color)) in outcome.stores.iter().zip(COLORS).enumerate() {
            let median = store.medians()[number];
            let [usual, late, last] = [500, 990, 999].map(|permille| median.permille(permille));
            let x = middle + 84 * place as i32 - 42 * (outcome.stores.len() as i32 - 1);
            area.draw(&PathElement::new(vec![(x, y(last)), (x, y(usual))], color.stroke_width(2)))?;
            area.draw(&Rectangle::new([(x - 7, y(late)), (x + 7, y(usual))], color.filled()))?;
            for (time, up) in [(usual, 6), (late, 0), (last, -6)] {
                let at = (x + 12, y(time) + up);
                area.draw(&Text::new(millis(time), at, anchored(10.0, HPos::Left, VPos::Center)))?;
            }
        }
        area.draw(&Text::new(clients.to_string(), (middle, floor + 6), anchored(12.0, HPos::Center, VPos::Top)))?;
    }
    area.draw(&Text::new("clients", (left + step * 3 / 2, floor + 24), anchored(11.0, HPos::Center, VPos::Top)))?;
    Ok(())
}
