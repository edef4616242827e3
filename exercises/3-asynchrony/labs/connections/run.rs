//! Goes through numbers of connections and servers, in rounds.

use indicatif::{ProgressBar, ProgressStyle};
use testkit::lab::machine;
use testkit::text::thousands;

use super::load::Seen;
use super::open_files;
use super::options::Options;
use super::server::Kind;
use super::site::{self, Tried};

/// How often everything is tried. The spread is that of the rounds.
pub const ROUNDS: usize = 3;

/// So many tries, of all, are made again at most.
const REPEATS: usize = 6;

/// How many files a process has open besides its connections, and some to spare.
const SPARE: u64 = 100;

/// What came of one try.
#[derive(Clone, Debug, PartialEq)]
pub struct Try {
    /// What the clients were connected to.
    pub kind: Kind,
    /// How many clients should be connected.
    pub count: usize,
    /// What the generator has seen.
    pub seen: Seen,
}

/// What came of all.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The machine, in a few words.
    pub machine: String,
    /// How many threads ran or waited to run when the lab began.
    pub load: Option<f64>,
    /// Whose gateway it is.
    pub whose: String,
    /// How many connections were tried, in ascending order.
    pub counts: Vec<usize>,
    /// The tries, round after round.
    pub tries: Vec<Try>,
    /// How many tries were made again, since the generator lagged.
    pub repeated: usize,
    /// What was refused or is missing, in a sentence each.
    pub refused: Vec<String>,
}

impl Outcome {
    /// What was seen with so many connections, in each round in which all of them were there.
    pub fn of(&self, kind: Kind, count: usize) -> impl Iterator<Item = &Seen> {
        let is_meant = move |tried: &&Try| tried.kind == kind && tried.count == count && tried.seen.connected == count;
        self.tries.iter().filter(is_meant).map(|tried| &tried.seen)
    }
}

/// Runs what is wanted.
pub fn all(whose: &str, options: &Options) -> Result<Outcome, String> {
    let (counts, refused) = possible(&options.counts, open_files::allow_many())?;
    let machine = machine::describe(&std::env::temp_dir());
    let (whose, load) = (whose.to_owned(), machine::load());
    let mut outcome = Outcome { machine, load, whose, counts, tries: Vec::new(), repeated: 0, refused };
    let plan = plan(&options.kinds, &outcome.counts);
    let bar = bar(plan.len());
    for (kind, count) in plan {
        bar.set_message(format!("{} connections, {}", thousands(count), kind.told()));
        let mut attempt = site::attempt(kind, count);
        while attempt.as_ref().is_ok_and(|tried| tried.seen.is_void()) && outcome.repeated < REPEATS {
            outcome.repeated += 1;
            attempt = site::attempt(kind, count);
        }
        outcome.note(kind, count, attempt);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(outcome)
}

/// How many connections can be tried, and what has to be said about that. Where not all are possible, as many are tried as are.
fn possible(counts: &[usize], files: Option<u64>) -> Result<(Vec<usize>, Vec<String>), String> {
    let most = files.map_or(usize::MAX, |files| files.saturating_sub(SPARE) as usize);
    if most == 0 {
        return Err(format!("A process may have {} files open here (`ulimit -Hn`): too few.", files.unwrap_or(0)));
    }
    let (mut possible, wanted) = (counts.to_vec(), counts.last().copied().unwrap_or(0));
    if wanted <= most {
        return Ok((possible, Vec::new()));
    }
    possible.retain(|&count| count < most);
    possible.push(most);
    let says = format!(
        "A process may have {} files open here (`ulimit -Hn`), so {} connections were tried instead of {}.",
        thousands(files.unwrap_or(0) as usize),
        thousands(most),
        thousands(wanted)
    );
    Ok((possible, vec![says]))
}

/// All tries, in order. In each round the two servers take turns, and every other round turns round; the gateway gets the greatest number.
fn plan(kinds: &[Kind], counts: &[usize]) -> Vec<(Kind, usize)> {
    let mut plan = Vec::new();
    for round in 0..ROUNDS {
        let mut servers: Vec<Kind> = kinds.iter().copied().filter(|&kind| kind != Kind::Gateway).collect();
        if round % 2 == 1 {
            servers.reverse();
        }
        plan.extend(counts.iter().flat_map(|&count| servers.iter().map(move |&kind| (kind, count))));
        let most = counts.last().filter(|_| kinds.contains(&Kind::Gateway));
        plan.extend(most.map(|&most| (Kind::Gateway, most)));
    }
    plan
}

impl Outcome {
    fn note(&mut self, kind: Kind, count: usize, attempt: Result<Tried, String>) {
        match attempt {
            Ok(Tried { seen, refused }) => {
                if seen.connected < count {
                    let why = if refused.is_empty() { told(&seen) } else { refused.join(" ") };
                    let (connected, wanted) = (thousands(seen.connected), thousands(count));
                    self.say(kind, &format!("{connected} of {wanted} clients were connected"), &why);
                }
                self.tries.push(Try { kind, count, seen });
            }
            Err(why) => self.say(kind, &format!("{} connections could not be measured", thousands(count)), &why),
        }
    }

    /// Says what happened, and why: once, even if it happens in each round.
    fn say(&mut self, kind: Kind, what: &str, why: &str) {
        let happened = format!("With {}, {what}: ", kind.told());
        if !self.refused.iter().any(|says| says.starts_with(&happened)) {
            self.refused.push(happened + why);
        }
    }
}

/// Why clients were not connected, as they see it.
fn told(seen: &Seen) -> String {
    let all: Vec<String> =
        seen.refused.iter().map(|(why, count)| format!("{why} (of {} clients)", thousands(*count))).collect();
    format!("{}. After that, no more were tried.", all.join("; "))
}

fn bar(tries: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:30} {pos}/{len}  {msg}").expect("the template is right");
    ProgressBar::new(tries as u64).with_style(style)
}
