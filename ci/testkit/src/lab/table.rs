//! Tables for the terminal and for the book. A table is lines of cells, as many in each line; the first line is its head.

/// How many columns of a terminal a text may take.
const COLUMNS: usize = 100;

/// A line of a table that compares several things: what is shown of each, and how.
pub struct Row<T> {
    /// What comes first.
    pub label: &'static str,
    /// The cell of one thing, with its unit if the label names none.
    pub cell: fn(&T) -> String,
}

/// A table with a column for each thing that is compared. `names` are their names, and `things` are they themselves, in the same order; of
/// what is missing, each cell is a dash.
pub fn compared<'t, T: 't>(
    names: impl IntoIterator<Item = String>,
    things: impl IntoIterator<Item = Option<&'t T>, IntoIter: Clone>,
    rows: &[Row<T>],
) -> Vec<Vec<String>> {
    let things = things.into_iter();
    let head = std::iter::once(String::new()).chain(names).collect();
    let line = |row: &Row<T>| {
        let cells = things.clone().map(|thing| thing.map_or("–".to_owned(), row.cell));
        std::iter::once(row.label.to_owned()).chain(cells).collect()
    };
    std::iter::once(head).chain(rows.iter().map(line)).collect()
}

/// A table for the terminal. The first `left` columns are set to the left, each with `gap` spaces behind it; the others to the right, each
/// with three spaces before it unless it is the first.
pub fn aligned(table: &[Vec<String>], left: usize, gap: usize) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in table {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            text += &match column {
                _ if column < left => format!("{cell:<width$}{:gap$}", ""),
                0 => format!("{cell:>width$}"),
                _ => format!("   {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

/// A table of the book. The first `left` columns are set to the left, and the others to the right.
pub fn markdown(table: &[Vec<String>], left: usize) -> String {
    let mut text = String::new();
    for (number, line) in table.iter().enumerate() {
        text += &format!("| {} |\n", line.join(" | "));
        if number == 0 {
            text += &format!("|{}{}\n", "---|".repeat(left), "---:|".repeat(line.len() - left));
        }
    }
    text
}

/// Breaks each line of a text, at spaces, into lines of at most 100 columns. A word that is longer stays whole.
pub fn wrapped(text: &str) -> String {
    text.lines().map(broken).collect::<Vec<_>>().join("\n")
}

fn broken(line: &str) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in line.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > COLUMNS {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += width;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[&[&str]]) -> Vec<Vec<String>> {
        lines.iter().map(|line| line.iter().map(|&cell| cell.to_owned()).collect()).collect()
    }

    #[test]
    fn what_is_compared_stands_side_by_side() {
        let rows = [Row { label: "bytes", cell: |text: &&str| text.len().to_string() }];
        let lines = compared(["one".to_owned(), "two".to_owned()], [Some(&"été"), None], &rows);
        assert_eq!(lines, table(&[&["", "one", "two"], &["bytes", "5", "–"]]));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = table(&[&["", "store", "–"], &["12,345", "x", "–"]]);
        assert_eq!(aligned(&lines, 0, 0), "         store   –\n12,345       x   –\n");
        assert_eq!(aligned(&lines, 1, 0), "         store   –\n12,345       x   –\n");
        assert_eq!(aligned(&lines, 2, 2), "        store     –\n12,345  x         –\n");
        assert_eq!(aligned(&[], 1, 0), "");
    }

    #[test]
    fn a_table_of_the_book_says_how_its_columns_are_set() {
        let lines = table(&[&["a", "b"], &["1", "2"]]);
        assert_eq!(markdown(&lines, 1), "| a | b |\n|---|---:|\n| 1 | 2 |\n");
        assert_eq!(markdown(&lines, 0), "| a | b |\n|---:|---:|\n| 1 | 2 |\n");
    }

    #[test]
    fn no_line_is_longer_than_a_hundred_columns() {
        let full = format!("{} {}", "ä".repeat(60), "ö".repeat(39));
        assert_eq!(wrapped(&full), full);
        assert_eq!(wrapped(&format!("{full} u\nnew")), format!("{full}\nu\nnew"));
        assert_eq!(wrapped(&format!("{full}ü")), full.replace(' ', "\n") + "ü");
        assert_eq!(wrapped(&"x".repeat(120)), "x".repeat(120), "a long word stays whole");
    }
}
