//! Rows of characters: lifelines, arrows between them, and ink.

use crate::trace::story::{Arrow, Life, Mark, Scene};

/// What a character means, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Faint,
    Arrow,
    Warn,
    Bad,
    Good,
}

/// Puts ink on text, or leaves it plain.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    pub colour: bool,
}

impl Paint {
    pub fn ink(self, text: &str, ink: Ink) -> String {
        let code = match ink {
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Arrow => "36",
            Ink::Warn => "33",
            Ink::Bad => "1;31",
            Ink::Good => "32",
            Ink::Plain => "",
        };
        if !self.colour || code.is_empty() || text.trim().is_empty() {
            text.into()
        } else {
            format!("\x1b[{code}m{text}\x1b[0m")
        }
    }

    pub fn row(self, row: &Row) -> String {
        let runs = row.chunk_by(|(_, one), (_, other)| one == other);
        runs.map(|run| self.ink(&run.iter().map(|(c, _)| c).collect::<String>(), run[0].1)).collect()
    }
}

/// The part of a line that holds the lifelines: one cell a column.
pub(super) type Row = Vec<(char, Ink)>;

/// Where the lifelines stand.
pub(super) struct Lanes {
    names: Vec<String>,
    /// The columns between two lifelines.
    step: usize,
    width: usize,
}

/// The column of the first lifeline: the steps' numbers stand before it.
const FIRST: usize = 6;
/// The columns between the last lifeline and the text.
const GAP: usize = 4;

impl Lanes {
    pub fn new(names: &[&str], width: usize) -> Lanes {
        let between = names.len().saturating_sub(1).max(1);
        let step = (width * 2 / 5 - FIRST - GAP) / between;
        Lanes { names: names.iter().map(|&name| name.into()).collect(), step: step.clamp(4, 10), width }
    }

    fn column(&self, lane: usize) -> usize {
        FIRST + lane * self.step
    }

    fn total(&self) -> usize {
        self.column(self.names.len().max(1) - 1) + GAP
    }

    /// The columns that are left for text.
    pub fn text_width(&self) -> usize {
        (self.width - self.total().min(self.width)).max(16)
    }

    fn blank(&self) -> Row {
        vec![(' ', Ink::Plain); self.total()]
    }

    pub fn names(&self) -> Row {
        let mut row = self.blank();
        for (lane, name) in self.names.iter().enumerate() {
            let name: Vec<char> = name.chars().take(self.step - 1).collect();
            let start = self.column(lane) - name.len().saturating_sub(1) / 2;
            for (at, &c) in name.iter().enumerate() {
                put(&mut row, start + at, c, Ink::Strong);
            }
        }
        row
    }

    pub fn lifelines(&self, life: &[Life]) -> Row {
        let mut row = self.blank();
        for (lane, life) in life.iter().enumerate() {
            let line = match life {
                Life::Up { side } => ['│', '║', '┃'][side % 3],
                Life::Down => ' ',
            };
            put(&mut row, self.column(lane), line, Ink::Faint);
        }
        row
    }

    pub fn number(&self, row: &mut Row, number: usize) {
        for (at, c) in format!("{number:>3}").chars().enumerate() {
            put(row, at, c, Ink::Faint);
        }
    }

    pub fn scene(&self, row: &mut Row, scene: &Scene) {
        match scene {
            Scene::Arrow(arrow) => self.arrow(row, *arrow),
            Scene::Mark { who, mark } => {
                let (c, ink) = match mark {
                    Mark::Timer => ('◆', Ink::Warn),
                    Mark::Crash => ('✗', Ink::Bad),
                    Mark::Restart => ('↻', Ink::Good),
                    Mark::Other => ('●', Ink::Arrow),
                };
                put(row, self.column(*who), c, ink);
            }
            Scene::Link { ends: (a, b), works } => {
                let (line, middle, ink) = if *works { ('─', '✓', Ink::Good) } else { ('╌', '╳', Ink::Bad) };
                self.across(row, *a, *b, line, ink);
                put(row, self.column(*a), '├', ink);
                put(row, self.column(*b), '┤', ink);
                put(row, usize::midpoint(self.column(*a), self.column(*b)), middle, ink);
            }
            Scene::Sides(sides) => self.sides(row, sides),
        }
    }

    fn sides(&self, row: &mut Row, sides: &[(usize, usize)]) {
        for pair in sides.windows(2) {
            let [(a, one), (b, other)] = [pair[0], pair[1]];
            if one == other {
                self.across(row, a, b, '─', Ink::Good);
            } else {
                put(row, usize::midpoint(self.column(a), self.column(b)), '╳', Ink::Bad);
            }
        }
        for &(who, _) in sides {
            put(row, self.column(who), '●', Ink::Plain);
        }
    }

    /// An arrow from lifeline to lifeline; one that is lost ends halfway.
    pub fn arrow(&self, row: &mut Row, Arrow { from, to, lost }: Arrow) {
        let ink = if lost { Ink::Bad } else { Ink::Arrow };
        let (start, end) = (self.column(from), self.column(to));
        if from == to {
            put(row, end, '●', ink);
            put(row, end + 1, if lost { '✗' } else { '↩' }, ink);
            return;
        }
        let right = from < to;
        let before = |columns: usize| if right { end - columns } else { end + columns };
        self.across(row, from, to, '─', ink);
        put(row, start, if right { '├' } else { '┤' }, ink);
        if lost {
            put(row, before(1), ' ', ink);
            put(row, before(2), '✗', ink);
        } else {
            put(row, end, '●', ink);
            put(row, before(1), if right { '▶' } else { '◀' }, ink);
        }
    }

    /// A line between two lifelines, over those that it crosses.
    fn across(&self, row: &mut Row, from: usize, to: usize, line: char, ink: Ink) {
        let (left, right) = (from.min(to), from.max(to));
        for column in self.column(left) + 1..self.column(right) {
            let crossing = row[column].0 != ' ';
            put(row, column, if crossing { '┼' } else { line }, ink);
        }
    }
}

fn put(row: &mut Row, column: usize, c: char, ink: Ink) {
    if let Some(cell) = row.get_mut(column) {
        *cell = (c, ink);
    }
}
