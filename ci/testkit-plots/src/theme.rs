//! The looks of a plot in the book, which has light and dark readers.

use super::TEXT;

/// Lets a plot follow the reader's light or dark scheme, and gives it a paper of its own. `class` is the name of the lab: a page may show
/// several plots, and the style of each names its own class. `alt` is what a screen reader says; it stands in an attribute, so it has neither
/// quotes nor angle brackets.
///
/// # Panics
/// If `svg` does not begin with a tag that ends its line, as those do that plotters writes.
pub(crate) fn themed(svg: &str, class: &str, alt: &str) -> String {
    let (red, green, blue) = (TEXT.0, TEXT.1, TEXT.2);
    let svg = svg.replace(&format!("\"#{red:02X}{green:02X}{blue:02X}\""), "\"currentColor\"");
    let (open, rest) = svg.split_once(">\n").expect("an SVG has a first tag");
    format!(
        "{open} class=\"{class}\" role=\"img\" aria-label=\"{alt}\">
<style>
.{class} {{ color: #1f2328; max-width: 100%; height: auto; }}
.{class} .paper {{ fill: #ffffff; }}
@media (prefers-color-scheme: dark) {{
.{class} {{ color: #d7dde4; }}
.{class} .paper {{ fill: #161b22; }}
}}
</style>
<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"8\"/>
{rest}"
    )
}

#[cfg(test)]
mod tests {
    use super::themed;

    const SVG: &str =
        "<svg width=\"8\">\n<text fill=\"#010203\">\n#010203\n</text>\n<line stroke=\"#4C84B8\"/>\n</svg>\n";

    #[test]
    fn only_the_stand_in_becomes_the_readers_colour() {
        let svg = themed(SVG, "some-lab", "Some lines");
        let drawn = "<text fill=\"currentColor\">\n#010203\n</text>\n<line stroke=\"#4C84B8\"/>\n</svg>\n";
        assert!(svg.ends_with(drawn), "{svg}");
    }

    #[test]
    fn a_plot_names_itself_and_styles_nothing_else() {
        let svg = themed(SVG, "some-lab", "Some lines");
        assert!(
            svg.starts_with("<svg width=\"8\" class=\"some-lab\" role=\"img\" aria-label=\"Some lines\">\n<style>\n")
        );
        let style = svg.split_once("<style>\n").and_then(|(_, rest)| rest.split_once("</style>")).unwrap().0;
        assert!(style.lines().all(|line| line.starts_with(".some-lab ") || line.starts_with('@') || line == "}"));
    }
}
