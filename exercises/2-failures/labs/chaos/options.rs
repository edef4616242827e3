//! What the lab is told on its command line.

use std::path::PathBuf;

/// How many of the monkey's days a run has if nobody says so.
const DAYS: usize = 11;
/// How many days it may have.
const MOST_DAYS: usize = 100;
/// The monkey's chance, if nobody says otherwise.
const SEED: u64 = 1;
/// Timeouts that are set badly: an operator wanted fast elections. A leader is deposed whenever a sync, or the wait for a
/// processor, takes longer than 5 ms; and when it has nothing to send, its heartbeat comes too late anyway. Of the settings that
/// were tried this one shows it best, on a quiet machine as well: with 10-20, entries that count as heartbeats carry it as long
/// as clients ask, so that it does sometimes worse than the usual setting and sometimes better; with 2000-4000 nothing is seen
/// until a leader is hit.
const BAD: (&str, &str) = ("5-10", "50");

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where chance comes from.
    pub seed: u64,
    /// For how many of the monkey's days.
    pub days: usize,
    /// How long a follower of the third run waits for its leader, in milliseconds: `5-10`.
    pub election: String,
    /// How long a leader of the third run is silent at most, in milliseconds.
    pub heartbeat: String,
    /// The folder and the date for a run that the book is to show.
    pub record: Option<(PathBuf, String)>,
}

impl Options {
    /// Reads the words of a command line. The error is a sentence for whoever wrote them.
    pub fn read(words: &[String]) -> Result<Self, String> {
        let (election, heartbeat) = (BAD.0.to_owned(), BAD.1.to_owned());
        let mut options = Options { seed: SEED, days: DAYS, election, heartbeat, record: None };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("Nothing follows `{word}`."));
            match word {
                "--seed" => options.seed = seed(value()?)?,
                "--days" => options.days = days(value()?)?,
                "--election" => options.election = election_of(value()?)?,
                "--heartbeat" => options.heartbeat = heartbeat_of(value()?)?,
                "--record" => options.record = Some((value()?.into(), value()?.to_owned())),
                _ => return Err(unknown(word)),
            }
        }
        Ok(options)
    }
}

fn unknown(word: &str) -> String {
    format!(
        "This lab does not know `{word}`: it takes `--seed N`, `--days N`, and for the third run `--election 5-10` and `--heartbeat 50`; or \
         `--record FOLDER DATE`, to write the page and the plot of the book."
    )
}

fn seed(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`--seed {word}` must be a whole number that is not below 0."))
}

fn days(word: &str) -> Result<usize, String> {
    let days = word.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.ok_or_else(|| {
        format!(
            "`--days {word}` must be a number from 1 to {MOST_DAYS}: a day takes 1.4 seconds, in each of three runs."
        )
    })
}

/// Servers read it themselves. But they would say that it is wrong only after the first run.
fn election_of(word: &str) -> Result<String, String> {
    let ends = word.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let is_range = ends.is_some_and(|(from, to): (u64, u64)| 0 < from && from < to);
    is_range
        .then(|| word.to_owned())
        .ok_or_else(|| format!("`--election {word}` must be a range of milliseconds above 0, such as `5-10`."))
}

fn heartbeat_of(word: &str) -> Result<String, String> {
    let is_time = word.parse().is_ok_and(|heartbeat: u64| heartbeat > 0);
    is_time
        .then(|| word.to_owned())
        .ok_or_else(|| format!("`--heartbeat {word}` must be a number of milliseconds above 0, such as `50`."))
}
