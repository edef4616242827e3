//! What the lab is told on its command line.

use std::path::PathBuf;

use clap::ValueEnum;

use super::command::gateway::Kind;
use super::script::{SCRIPTS, Script};

/// What is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which gateways.
    pub kinds: Vec<Kind>,
    /// Which scripts.
    pub scripts: Vec<Script>,
    /// Whether all clients come from one address, as those of the first version of this lab did.
    pub one_address: bool,
    /// The folder and the date for a run that the book is to show.
    pub record: Option<(PathBuf, String)>,
}

impl Options {
    /// Reads the words of a command line. The error is a sentence for whoever wrote them.
    pub fn read(words: &[String]) -> Result<Self, String> {
        let mut options = Options {
            kinds: Kind::value_variants().to_vec(),
            scripts: SCRIPTS.to_vec(),
            one_address: false,
            record: None,
        };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("Nothing follows `{word}`."));
            match word {
                "--only" => options.kinds = vec![kind(value()?)?],
                "--script" => options.scripts = vec![script(value()?)?],
                "--one-address" => options.one_address = true,
                "--record" => options.record = Some((value()?.into(), value()?.to_owned())),
                _ => return Err(unknown(word)),
            }
        }
        let is_part = options.kinds.len() < Kind::value_variants().len()
            || options.scripts.len() < SCRIPTS.len()
            || options.one_address;
        if options.record.is_some() && is_part {
            return Err("The book shows all of it: leave `--only`, `--script` and `--one-address` out.".to_owned());
        }
        Ok(options)
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::from_str(word, false).map_err(|_| {
        let names: Vec<String> = Kind::value_variants().iter().map(|kind| format!("`{}`", kind.word())).collect();
        format!("`--only {word}` must be one of {}.", names.join(", "))
    })
}

fn script(word: &str) -> Result<Script, String> {
    let names = || SCRIPTS.map(|script| format!("`{}`", script.name)).join(" or ");
    SCRIPTS
        .into_iter()
        .find(|script| script.name == word)
        .ok_or_else(|| format!("`--script {word}` must be {}.", names()))
}

fn unknown(word: &str) -> String {
    format!(
        "This lab does not know `{word}`: it takes `--only KIND`, to run one gateway, `--script NAME`, to play one script, `--one-address`, to let all \
         clients come from one, or `--record FOLDER DATE`, to write the tables and the plots of the book."
    )
}
