//! A recorded run, to step through. It is shown from its end, where the rule is broken. Where scripts do not run, the picture of the whole
//! run stands in its place.

use std::path::Path;

use testkit::trace::{Trace, svg};

/// The run in `traces/<name>.json` of a page's folder. The error is a sentence.
pub fn load(folder: &Path, name: &str) -> Result<String, String> {
    let file = folder.join("traces").join(format!("{name}.json"));
    let trace =
        Trace::load(&file).map_err(|error| format!("{error} `cargo course dev bugs` records the runs of bugs."))?;
    Ok(html(&trace))
}

/// The element, with the run as data and as a picture. No line is blank: one would end the HTML in Markdown.
fn html(trace: &Trace) -> String {
    let data = serde_json::to_string(trace).expect("text and numbers always have a JSON form").replace('<', "\\u003c");
    let picture: String = svg::render(trace).lines().filter(|line| !line.is_empty()).flat_map(|l| [l, "\n"]).collect();
    let end = trace.steps.len();
    format!("<space-time step=\"{end}\">\n<script type=\"application/json\">{data}</script>\n{picture}</space-time>\n")
}

#[cfg(test)]
mod tests {
    use testkit::trace::{Kind, Participant, Producer, Trace, VERSION};

    use super::html;

    #[test]
    fn a_run_stands_in_the_page_as_data_and_as_a_picture() {
        let trace = Trace {
            version: VERSION,
            stage: String::new(),
            check: String::new(),
            scope: "</script><b>".into(),
            producer: Producer::Model,
            seed: None,
            participants: vec![Participant { name: "n0".into(), kind: Kind::Server, state: "Log".into() }],
            staged: 0,
            steps: Vec::new(),
            violation: None,
        };
        let html = html(&trace);
        assert_eq!(html.matches("</script>").count(), 1, "{html}");
        assert!(!html.contains("\n\n") && html.contains("<svg") && html.ends_with("</svg>\n</space-time>\n"), "{html}");
    }
}
