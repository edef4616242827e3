//! The plot: the first day as it went, register by register, and below it what all days cost.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use testkit::simulation::Tick;
use testkit::text::thousands;
use testkit_plots::{Area, Drawn, TEXT, anchored, font, svg};

use super::day::{PATIENCE, ROUNDS};
use super::measure::{Counts, Fate, fates};
use super::run::{Contender, Run};
use super::table::percent;

const WIDTH: u32 = 820;
const LEGEND: u32 = 40;
const STRIP: u32 = 110;
const AXIS: u32 = 36;
const TOTALS: u32 = 186;
/// Left of the strips: their scales.
const LEFT: u32 = 44;
/// A bar of a strip counts the operations of so many ticks.
const BIN: Tick = 200;
/// The top of a strip's scale: about so many operations are asked in [`BIN`] ticks, and some room for the marks.
const TOP: i32 = 10;

const FINE: RGBColor = RGBColor(76, 132, 184);
const STALE: RGBColor = RGBColor(221, 160, 30);
const REFUSED: RGBColor = RGBColor(208, 69, 76);
const CUT: RGBAColor = RGBAColor(128, 128, 128, 0.22);

const ALT: &str =
    "A day of each register, with its partitions shaded, and the shares of refused, stale and lost operations";

/// Draws the plot as an SVG.
pub fn draw(contenders: &[Contender]) -> String {
    let height = LEGEND + STRIP * contenders.len() as u32 + AXIS + TOTALS;
    svg("tradeoffs", ALT, (WIDTH, height), |root| picture(root, contenders))
}

fn picture(root: &Area<'_>, contenders: &[Contender]) -> Drawn {
    let (top, rest) = root.split_vertically(LEGEND);
    legend(&top)?;
    let (strips, totals) = rest.split_vertically(STRIP * contenders.len() as u32 + AXIS);
    for (number, contender) in contenders.iter().enumerate() {
        let (_, below) = strips.split_vertically(STRIP * number as u32);
        let is_last = number + 1 == contenders.len();
        let (area, _) = below.split_vertically(STRIP + if is_last { AXIS } else { 0 });
        strip(&area, contender, is_last)?;
    }
    let counts: Vec<_> = contenders.iter().map(|contender| contender.runs.as_deref().ok().map(Counts::of)).collect();
    let title = "All days together; \"then\" is while one server is cut off";
    totals.draw(&Text::new(title, (LEFT as i32, 16), font(13.0)))?;
    for (area, (title, measure)) in totals.split_evenly((1, PANELS.len())).iter().zip(PANELS) {
        let values: Vec<_> = counts.iter().map(|counts| counts.as_ref().map(measure)).collect();
        panel(area, title, contenders, &values)?;
    }
    Ok(())
}

fn legend(area: &Area<'_>) -> Drawn {
    let mut x = LEFT as i32;
    for (color, text, width) in [
        (FINE.to_rgba(), "answered", 100),
        (STALE.to_rgba(), "answered, stale", 140),
        (REFUSED.to_rgba(), "refused", 90),
        (CUT, "one server is cut off", 170),
    ] {
        area.draw(&Rectangle::new([(x, 14), (x + 13, 27)], color.filled()))?;
        area.draw(&Text::new(text, (x + 19, 20), anchored(13.0, HPos::Left, VPos::Center)))?;
        x += width;
    }
    cross(area, (x + 6, 20))?;
    area.draw(&Text::new("write that will be lost", (x + 19, 20), anchored(13.0, HPos::Left, VPos::Center)))?;
    Ok(())
}

fn cross(area: &Area<'_>, (x, y): (i32, i32)) -> Drawn {
    for (dx, dy) in [(4, 4), (4, -4)] {
        area.draw(&PathElement::new(vec![(x - dx, y - dy), (x + dx, y + dy)], TEXT.stroke_width(2)))?;
    }
    Ok(())
}

/// One register's first day: for each bin of ticks, what came of the operations that were asked in it.
fn strip(area: &Area<'_>, contender: &Contender, is_last: bool) -> Drawn {
    let run = match &contender.runs {
        Ok(runs) => &runs[0],
        Err(why) => {
            area.draw(&Text::new(why.as_str(), (LEFT as i32, 50), font(13.0)))?;
            return Ok(());
        }
    };
    let mut chart = ChartBuilder::on(area)
        .margin_right(14)
        .margin_top(20)
        .margin_bottom(7)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, if is_last { AXIS } else { 0 })
        .build_cartesian_2d(0..run.day.end as i32, 0..TOP)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(TEXT)
        .label_style(font(11.0))
        .y_labels(3)
        .x_labels(10)
        .x_label_formatter(&|tick| thousands(*tick as usize))
        .draw()?;
    let day = run.day.partitions.iter();
    let cut = day.map(|cut| Rectangle::new([(cut.start as i32, 0), (cut.end as i32, TOP)], CUT.filled()));
    chart.draw_series(cut)?;
    chart.draw_series(bars(run))?;
    for write in (0..ROUNDS).flat_map(|round| run.lost(round)) {
        cross(area, {
            let (x, y) = chart.backend_coord(&(write.planned.at as i32, TOP - 1));
            let (left, top) = area.get_base_pixel();
            (x - left, y - top)
        })?;
    }
    let title = format!("{} ({})", contender.name, contender.whose);
    area.draw(&Text::new(title, (LEFT as i32, 3), font(13.0)))?;
    if is_last {
        let text = format!("ticks of the first day; each bar counts the requests of {BIN} ticks");
        let below = (WIDTH as i32 / 2, (STRIP + AXIS) as i32);
        area.draw(&Text::new(text, below, anchored(11.0, HPos::Center, VPos::Bottom)))?;
    }
    Ok(())
}

/// The stacked bars of a day.
fn bars(run: &Run) -> Vec<Rectangle<(i32, i32)>> {
    let mut bins = vec![[0; 3]; (run.day.end / BIN) as usize + 1];
    for (operation, fate) in fates(run) {
        bins[(operation.planned.at / BIN) as usize][fate as usize] += 1;
    }
    let mut bars = Vec::new();
    for (number, bin) in bins.iter().enumerate() {
        let left = number as i32 * BIN as i32;
        let mut bottom = 0;
        for fate in [Fate::Fine, Fate::Stale, Fate::Refused].into_iter().filter(|&fate| bin[fate as usize] > 0) {
            let top = bottom + bin[fate as usize];
            bars.push(Rectangle::new([(left, bottom), (left + BIN as i32 * 5 / 6, top)], color(fate).filled()));
            bottom = top;
        }
    }
    bars
}

fn color(fate: Fate) -> RGBColor {
    match fate {
        Fate::Fine => FINE,
        Fate::Stale => STALE,
        Fate::Refused => REFUSED,
    }
}

/// What a panel shows of a register: the height of its bar, from 0 to 1, and the text above it.
type Measure = fn(&Counts) -> (f64, String);

/// The totals, with their colours told by what they are.
const PANELS: [((&str, RGBColor), Measure); 4] = [
    (("refused, of those asked then", REFUSED), |c| share(c.partition.refused, c.partition.operations)),
    (("stale, of the reads answered then", STALE), |c| share(c.partition.stale, c.partition.reads)),
    (("last write gone afterwards", TEXT), |c| share(c.lost, c.looks)),
    (("latency in ticks: median, 99th", FINE), latency),
];

fn share(some: usize, all: usize) -> (f64, String) {
    ((some as f64 / all.max(1) as f64).min(1.0), percent(some, all))
}

fn latency(counts: &Counts) -> (f64, String) {
    let [median, late] = [50, 99].map(|percent| counts.percentile(percent).unwrap_or(0));
    (median as f64 / PATIENCE as f64, format!("{median}, {late}"))
}

/// A bar for each register.
fn panel(
    area: &Area<'_>,
    (title, color): (&str, RGBColor),
    contenders: &[Contender],
    values: &[Option<(f64, String)>],
) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let (left, floor, room) = (14, height as i32 - 30, height as i32 - 106);
    area.draw(&Text::new(title, (left, 44), font(11.0)))?;
    let step = (width as i32 - 2 * left) / values.len() as i32;
    for (number, (contender, value)) in contenders.iter().zip(values).enumerate() {
        let middle = left + step * number as i32 + step / 2;
        let (height, text) = value.clone().unwrap_or((0.0, "–".to_owned()));
        let top = floor - (height * f64::from(room)).round() as i32;
        area.draw(&Rectangle::new([(middle - 18, top), (middle + 18, floor)], color.mix(0.85).filled()))?;
        area.draw(&Text::new(text, (middle, top - 4), anchored(12.0, HPos::Center, VPos::Bottom)))?;
        area.draw(&Text::new(contender.name, (middle, floor + 6), anchored(12.0, HPos::Center, VPos::Top)))?;
    }
    area.draw(&PathElement::new(vec![(left, floor), (width as i32 - left, floor)], TEXT.mix(0.6)))?;
    Ok(())
}
