//! Links that open a file in the reader's editor, where one is configured: `.course/config.toml` with `editor = "vscode"`.
//!
//! Editors register an address scheme of their own with the system; a page can only follow such a link.

use std::fs;
use std::path::Path;

use serde::Deserialize;

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
            None if editor.contains("://") && editor.contains("{path}") => Ok(Some(Self { template: editor })),
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
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let path = file.to_string_lossy();
        let path: String = path
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
            .collect();
        self.template.replace("{path}", &path).replace("{line}", &line.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
