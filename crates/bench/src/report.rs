//! How results are told: aligned tables while measuring, and at the end each figure with its target.

use std::fmt::Display;

/// Whether a figure reaches its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Short,
    /// Not slow but wrong: the run has failed.
    Wrong,
    /// There is no target, or nothing to compare with.
    None,
}

/// Something measured, and what it must reach.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    what: String,
    measured: String,
    target: String,
    mark: Mark,
}

impl Figure {
    /// A figure that is compared with a target.
    pub(crate) fn new(
        what: impl Into<String>,
        measured: impl Into<String>,
        target: impl Into<String>,
        reached: bool,
    ) -> Self {
        let mark = if reached { Mark::Ok } else { Mark::Short };
        Self { what: what.into(), measured: measured.into(), target: target.into(), mark }
    }

    /// Something that must not happen at all: no measurement but a proof that something is broken.
    pub(crate) fn must_be_none(what: impl Into<String>, count: u64) -> Self {
        let mark = if count == 0 { Mark::Ok } else { Mark::Wrong };
        let measured = thousands(count as f64);
        Self { what: what.into(), measured, target: "0".to_owned(), mark }
    }

    /// A figure that only informs.
    pub(crate) fn for_information(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), target: "-".to_owned(), mark: Mark::None }
    }
}

/// The figures of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

impl Report {
    pub(crate) fn new(figures: Vec<Figure>) -> Self {
        Self { figures }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.figures.extend(other.figures);
    }

    /// Whether something was found that is not slow but wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        self.figures.iter().any(|figure| figure.mark == Mark::Wrong)
    }

    /// Prints every figure with its target.
    pub(crate) fn print_figures(&self) {
        let mut table = Table::new("figures", &["figure", "measured", "target", ""]);
        for figure in &self.figures {
            let mark = match figure.mark {
                Mark::Ok => "ok",
                Mark::Short => "SHORT",
                Mark::Wrong => "WRONG",
                Mark::None => "",
            };
            table.row([&figure.what, &figure.measured, &figure.target, mark]);
        }
        table.print();
    }
}

/// Rows under headings: the first column is text, the others are aligned right.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, headings: &[&str]) -> Self {
        let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
        Self { title: title.into(), rows: vec![headings] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Display>) {
        self.rows.push(cells.into_iter().map(|cell| cell.to_string()).collect());
    }

    pub(crate) fn print(&self) {
        print!("{}", self.text());
    }

    fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = format!("\n{}\n", self.title);
        for (number, row) in self.rows.iter().enumerate() {
            let line: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            text.push_str(format!("  {}", line.join("  ")).trim_end());
            text.push('\n');
            if number == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                text.push_str(format!("  {}", rule.join("  ")).trim_end());
                text.push('\n');
            }
        }
        text
    }
}

/// Says where all this is measured: figures of a busy machine mean little.
pub(crate) fn print_surroundings() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores, shared by what is measured and what loads it.");
    if cfg!(debug_assertions) {
        println!("This is a debug build: run it with --release, or its figures mean nothing.");
    }
}

/// Says what happens now, so that nobody wonders during the silence.
pub(crate) fn say(line: impl Display) {
    println!("- {line}");
}

/// `12,345`.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0.0 && text != "0" { format!("-{text}") } else { text }
}

/// `83 %`; a dash where there is nothing to compare with.
pub(crate) fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.0} %", part / whole * 100.0) } else { "-".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new("speed", &["what", "a second"]);
        table.row(["plain", "12,345"]);
        table.row(["with history, ordered", "9"]);
        let expected = "
speed
  what                   a second
  ---------------------  --------
  plain                    12,345
  with history, ordered         9
";
        assert_eq!(table.text(), expected);
    }

    #[test]
    fn only_what_is_wrong_fails_a_run() {
        let slow = Figure::new("speed", "9", "1", false);
        assert!(!Report::new(vec![slow, Figure::must_be_none("lost", 0)]).is_wrong());
        assert!(Report::new(vec![Figure::must_be_none("lost", 1)]).is_wrong());
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0.4, "0"), (999.0, "999"), (1000.0, "1,000"), (-1_234_567.0, "-1,234,567")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(percent(1.0, 3.0), "33 %");
        assert_eq!(percent(1.0, 0.0), "-");
    }
}
