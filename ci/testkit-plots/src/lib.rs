//! What the plots of all labs have in common: a canvas that becomes the text of an SVG, its texts, and the colour of the reader's own.
//!
//! It is a crate of its own, so that the checks do not wait for a library that draws.

mod theme;

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The colour to draw texts and axes with. At the end it is replaced by the reader's own text colour, so nothing else may have it.
pub const TEXT: RGBColor = RGBColor(1, 2, 3);

/// What a function returns that draws.
pub type Drawn = Result<(), Box<dyn Error>>;

/// A part of a plot.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A plot as an SVG of that many pixels, which follows the reader's light or dark scheme. `class` is the name of the lab: a page may show several plots,
/// and the style of each names its own class. `alt` is what a screen reader says; it is in an attribute, so it has neither quotes nor angle brackets.
///
/// # Panics
/// If `picture` fails. It has no reason to: it draws into a text.
pub fn svg(class: &str, alt: &str, size: (u32, u32), picture: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    picture(&root).and_then(|()| Ok(root.present()?)).expect("nothing fails that is drawn into a string");
    drop(root);
    theme::themed(&svg, class, alt)
}

/// A text of that many pixels, to be drawn from its upper left corner on.
pub fn font(size: f64) -> TextStyle<'static> {
    // The backend divides by 1.24.
    ("sans-serif", size * 1.24).into_font().color(&TEXT)
}

/// A text that is drawn from another point of it.
pub fn anchored(size: f64, h: HPos, v: VPos) -> TextStyle<'static> {
    font(size).pos(Pos::new(h, v))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_large_as_it_is_said_to_be() {
        let drawn = svg("plot", "A text", (80, 20), |area| Ok(area.draw(&Text::new("text", (1, 2), font(12.0)))?));
        assert!(drawn.contains("class=\"plot\"") && drawn.contains("font-size=\"12\""), "{drawn}");
        assert!(drawn.contains("fill=\"currentColor\""), "{drawn}");
    }
}
