//! Figures of several rounds, from the least to the greatest.

use testkit::text::thousands;

use super::load::Seen;
use super::run::Outcome;
use super::server::Kind;

/// A figure of each round, or nothing of a round that has none.
pub type Of = fn(&Seen) -> Option<f64>;

/// Figures of the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The least of them.
    pub least: f64,
    /// The one in the middle; of an even number, the lower one.
    pub middle: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    /// Of some figures. None without any.
    pub fn new(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (&least, &most) = figures.first().zip(figures.last())?;
        Some(Spread { least, middle: figures[(figures.len() - 1) / 2], most })
    }

    /// Of a server with so many connections.
    pub fn of(outcome: &Outcome, kind: Kind, count: usize, of: Of) -> Option<Self> {
        Spread::new(outcome.of(kind, count).filter_map(of))
    }

    /// Whether some value is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.least <= other.most && other.least <= self.most
    }

    /// From the least to the greatest, with a unit.
    pub fn told(&self, unit: &str) -> String {
        let (least, most) = (number(self.least), number(self.most));
        if least == most { format!("{least}{unit}") } else { format!("{least}–{most}{unit}") }
    }
}

/// How many times a figure of the threads is that of the tasks, in words: of the rounds, from the least ratio to the greatest. If the spreads of
/// the two meet, it is undecided.
pub fn ratio(outcome: &Outcome, count: usize, of: Of) -> Option<String> {
    let spread = |kind| Spread::of(outcome, kind, count, of);
    if spread(Kind::Threads)?.meets(&spread(Kind::Tasks)?) {
        return Some("undecided".to_owned());
    }
    let figures = |kind| outcome.of(kind, count).map(of);
    let pairs = figures(Kind::Threads).zip(figures(Kind::Tasks));
    let ratios = Spread::new(pairs.filter_map(|(threads, tasks)| Some(threads? / tasks?)))?;
    let number = |ratio: f64| if ratio < 9.95 { format!("{ratio:.2}") } else { format!("{ratio:.0}") };
    Some(format!("{}–{}", number(ratios.least), number(ratios.most)))
}

/// With a digit after the point if there would be only one before it, and it is not a count.
pub fn number(figure: f64) -> String {
    if figure.abs() < 9.95 && (figure.fract() != 0.0 || figure == 0.0) {
        format!("{figure:.1}")
    } else {
        thousands(figure.round().max(0.0) as usize)
    }
}
