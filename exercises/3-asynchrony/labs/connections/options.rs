//! What the lab is told on its command line.

use std::path::PathBuf;

use super::server::Kind;

/// How many connections are tried, if nothing else is said.
const COUNTS: [usize; 4] = [100, 1_000, 3_000, 10_000];

/// What is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which servers.
    pub kinds: Vec<Kind>,
    /// How many connections, in ascending order.
    pub counts: Vec<usize>,
    /// The folder and the date for a run that the book is to show.
    pub record: Option<(PathBuf, String)>,
}

impl Options {
    /// Reads the words of a command line. The error is a sentence for the person who wrote them.
    pub fn read(words: &[String]) -> Result<Self, String> {
        let mut options = Options { kinds: Kind::ALL.to_vec(), counts: COUNTS.to_vec(), record: None };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("Nothing follows `{word}`."));
            match word {
                "--only" => options.kinds = vec![kind(value()?)?],
                "--connections" => options.counts = vec![count(value()?)?],
                "--record" => options.record = Some((value()?.into(), value()?.to_owned())),
                _ => return Err(unknown(word)),
            }
        }
        let is_part = options.kinds != Kind::ALL || options.counts != COUNTS;
        if options.record.is_some() && is_part {
            return Err("The book shows all of it: leave `--only` and `--connections` out.".to_owned());
        }
        Ok(options)
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(|kind| format!("`{}`", kind.word())).join(", ");
    Kind::read(word).ok_or_else(|| format!("`--only {word}` must be one of {}.", names()))
}

fn count(word: &str) -> Result<usize, String> {
    let count = word.parse().ok().filter(|count| (1..=100_000).contains(count));
    count.ok_or_else(|| format!("`--connections {word}` must be a number from 1 to 100000."))
}

fn unknown(word: &str) -> String {
    format!(
        "This lab does not know `{word}`: it takes `--only KIND`, to run one server, `--connections N`, to try one number of them, or \
         `--record FOLDER DATE`, to write the tables and the plot of the book."
    )
}
