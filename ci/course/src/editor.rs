//! Links that open a file in the reader's editor, where one is configured: `.course/config.toml` with `editor = "vscode"`.
//!
//! Editors register an address scheme of their own with the system; a page can only follow such a link.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::book::encoded;
use crate::error::Error;
use crate::workspace::Workspace;

/// Editors by name, and what their links look like.
const KNOWN: [(&str, &str); 7] = [
    ("cursor", "cursor://file{path}:{line}"),
    ("idea", "idea://open?file={path}&line={line}"),
    ("rustrover", "rustrover://open?file={path}&line={line}"),
    ("sublime", "subl://open?url=file://{path}&line={line}"),
    ("vscode", "vscode://file{path}:{line}"),
    ("vscodium", "vscodium://file{path}:{line}"),
    ("zed", "zed://file{path}:{line}"),
];

#[derive(Default, Deserialize)]
struct Config {
    editor: Option<String>,
}

/// The reader's editor.
#[derive(Debug, PartialEq, Eq)]
pub struct Editor {
    /// What a link looks like, with `{path}` and `{line}` to be put in.
    template: String,
}

impl Editor {
    /// The configured editor, if there is one.
    pub fn configured(workspace: &Workspace) -> Result<Option<Self>, Error> {
        let file = workspace.record().join("config.toml");
        let text = fs::read_to_string(&file).unwrap_or_default();
        Self::parse(&text).map_err(|why| Error::Course(format!("{}: {why}", workspace.shown(&file))))
    }

    fn parse(text: &str) -> Result<Option<Self>, String> {
        let config: Config = toml::from_str(text).map_err(|error| format!("{}.", error.message()))?;
        let Some(editor) = config.editor else { return Ok(None) };
        let known = KNOWN.iter().find(|(name, _)| *name == editor).map(|(_, template)| (*template).to_owned());
        match known {
            Some(template) => Ok(Some(Self { template })),
            None if editor.contains("{path}") && scheme(&editor).is_some_and(is_of_a_program) => {
                Ok(Some(Self { template: editor }))
            }
            None => {
                let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
                Err(format!(
                    "no editor is called `{editor}`: write {}, or a link like `myeditor://open{{path}}:{{line}}`.",
                    names.join(", ")
                ))
            }
        }
    }

    /// The link that opens a file at a line. What an address cannot hold is written as its number.
    pub fn link(&self, file: &Path, line: u64) -> String {
        let path = encoded(&file.to_string_lossy(), b"/");
        self.template.replace("{path}", &path).replace("{line}", &line.to_string())
    }
}

/// Schemes that a browser follows itself: a script that would run in the page, a file that it would show, a site that it would open.
const OF_BROWSERS: [&str; 15] = [
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "filesystem",
    "ftp",
    "http",
    "https",
    "javascript",
    "resource",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// The scheme of an address that begins with one, in small letters as they are compared.
fn scheme(address: &str) -> Option<String> {
    let (scheme, _) = address.split_once("://")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let is_one = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(fits);
    is_one.then(|| scheme.to_ascii_lowercase())
}

/// Whether the browser hands an address of this scheme to another program.
fn is_of_a_program(scheme: String) -> bool {
    !OF_BROWSERS.contains(&scheme.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_program_and_never_into_the_page() {
        for evil in [
            "javascript://{path}%0Aalert(1)",
            "JavaScript://{path}",
            "java\tscript://{path}",
            " javascript://{path}",
            "javascript:alert(1)//://{path}",
            "data:text/html,<script>//://{path}",
            "https://example.com/{path}",
            "file://{path}",
            "//example.com/{path}",
            "://{path}",
        ] {
            let text = toml::to_string(&toml::Table::from_iter([("editor".into(), evil.into())])).unwrap();
            assert!(Editor::parse(&text).is_err(), "{evil}");
        }
        assert!(Editor::parse("editor = \"my-editor+2://{path}\"").unwrap().is_some());
    }

    #[test]
    fn an_editor_is_known_by_name_or_by_its_link() {
        let link = |text: &str| Editor::parse(text).unwrap().map(|editor| editor.link(Path::new("/a b/c.rs"), 7));
        assert_eq!(link("editor = \"vscode\"").unwrap(), "vscode://file/a%20b/c.rs:7");
        assert_eq!(link("editor = \"my://{path}?{line}\"").unwrap(), "my:///a%20b/c.rs?7");
        assert_eq!(link(""), None);
        let error = Editor::parse("editor = \"ed\"").unwrap_err();
        assert!(error.starts_with("no editor is called `ed`: write cursor, idea,"), "{error}");
        assert!(Editor::parse("editor = 3").is_err());
    }
}
