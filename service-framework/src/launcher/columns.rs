//! Rows of text in columns, for people.

use super::up::width::columns_of;

/// One line for each row, its cells two spaces apart. Of each column the cells are as wide as the widest; those of the
/// columns `right` stand at the right. Colours take no room.
pub(crate) fn aligned(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| room(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().enumerate().map(|(column, cell)| {
            let padding = " ".repeat(widths[column] - room(cell));
            if right.contains(&column) { padding + cell } else { format!("{cell}{padding}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn room(cell: &str) -> usize {
    columns_of(cell.as_bytes())
}

/// A line break behind each line.
pub(crate) fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["name", "n", ""]), row(["\x1b[31ma\x1b[0m", "100", "x"]), vec!["alone".to_owned()]];
        assert_eq!(aligned(&rows, &[1]), ["name     n", "\x1b[31ma\x1b[0m      100  x", "alone"]);
    }
}
