//! Keys and values as a table: records get a column for each field.

use super::cell::{cell, cut, width};
use crate::launcher::terminal::Palette;
use crate::value::Value;

/// The widest column.
const WIDEST: usize = 60;
/// Records with more fields than this are shown as they are.
const MOST_COLUMNS: usize = 24;
/// Stands before a row that has just changed, so that it is seen without colours too.
const MARKS: [&str; 2] = ["  ", "* "];

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    heads: Vec<String>,
    /// Whether a column has nothing but numbers.
    numbers: Vec<bool>,
    rows: Vec<Vec<String>>,
    changed: Vec<bool>,
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// How long a line may be.
    pub(super) width: Option<usize>,
    pub(super) palette: Palette,
}

impl Table {
    /// A table of these keys and values; which of them have just changed, if that is known.
    pub(super) fn of(rows: &[(Value, Value)], changed: &[bool]) -> Self {
        let fields = fields(rows);
        let heads = match &fields {
            Some(fields) => [&["key"][..], fields].concat(),
            None => vec!["key", "value"],
        };
        let cells = |(key, value): &(Value, Value)| match &fields {
            Some(fields) => [key.clone()]
                .into_iter()
                .chain(fields.iter().map(|field| value.get(field).cloned().unwrap_or(Value::Nil)))
                .collect::<Vec<_>>(),
            None => vec![key.clone(), value.clone()],
        };
        let values: Vec<Vec<Value>> = rows.iter().map(cells).collect();
        let is_number = |column: usize| {
            !values.is_empty() && values.iter().all(|row| row.get(column).is_some_and(is_number))
        };
        Self {
            numbers: (0..heads.len()).map(is_number).collect(),
            heads: heads.into_iter().map(|head| cell(&head.into())).collect(),
            rows: values.iter().map(|row| row.iter().map(cell).collect()).collect(),
            changed: (0..rows.len()).map(|row| changed.get(row).copied().unwrap_or_default()).collect(),
        }
    }

    /// The lines of the table, the names of the columns first; none if it has no rows.
    pub(super) fn lines(&self, look: Look) -> Vec<String> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let widths: Vec<usize> = (0..self.heads.len()).map(|column| self.width(column)).collect();
        let fit = |line: String| match look.width {
            Some(width) => cut(&line, width),
            None => line,
        };
        let head = look.palette.bold(&fit(self.line(&self.heads, &widths, false)));
        let rows = self.rows.iter().zip(&self.changed).map(|(row, changed)| {
            let line = fit(self.line(row, &widths, *changed));
            if *changed { look.palette.yellow(&line) } else { line }
        });
        [head].into_iter().chain(rows).collect()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain([&self.heads]).filter_map(|row| row.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or_default().min(WIDEST)
    }

    fn line(&self, cells: &[String], widths: &[usize], changed: bool) -> String {
        let cells = cells.iter().zip(widths).zip(&self.numbers);
        let padded: Vec<_> = cells
            .map(|((cell, &most), &is_number)| {
                let cell = cut(cell, most);
                let room = " ".repeat(most.saturating_sub(width(&cell)));
                if is_number { room + &cell } else { cell + &room }
            })
            .collect();
        format!("{}{}", MARKS[usize::from(changed)], padded.join("  ")).trim_end().to_owned()
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Decimal(_))
}

/// The names of all fields, if all values are records.
fn fields(rows: &[(Value, Value)]) -> Option<Vec<&str>> {
    let mut fields = Vec::new();
    for (_, value) in rows {
        let Value::Map(entries) = value else { return None };
        for (name, _) in entries {
            let name = name.as_str()?;
            if !fields.contains(&name) {
                fields.push(name);
            }
        }
    }
    (1..=MOST_COLUMNS).contains(&fields.len()).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn table(json: Json, changed: &[bool], width: Option<usize>) -> String {
        let Value::Map(rows) = Value::from_json(&json).unwrap() else { unreachable!() };
        Table::of(&rows, changed).lines(Look { width, palette: Palette::PLAIN }).join("\n")
    }

    #[test]
    fn records_get_columns() {
        let json = json!({
            "BTC-USD": {"bid": 64_000.5, "ask": 64_001, "venue": "kraken"},
            "ETH-USD": {"bid": 3_100, "ask": 3_100.25, "halted": true},
        });
        insta::assert_snapshot!(table(json.clone(), &[], None), @r"
        key          bid      ask  venue   halted
        BTC-USD  64000.5    64001  kraken
        ETH-USD     3100  3100.25          true
        ");
        insta::assert_snapshot!(table(json, &[false, true], Some(30)), @r"
          key          bid      ask  …
          BTC-USD  64000.5    64001  …
        * ETH-USD     3100  3100.25  …
        ");
    }

    #[test]
    fn other_values_stand_in_one_column() {
        let json = json!({"mode": "calm", "level": 7, "limits": {"most": 3}, "text": "a\nb", "long": "x".repeat(80)});
        insta::assert_snapshot!(table(json, &[], None), @r#"
        key     value
        mode    calm
        level   7
        limits  {"most":3}
        text    a\nb
        long    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        "#);
        assert_eq!(table(json!({}), &[], None), "");
    }

    #[test]
    fn numbers_stand_at_the_right() {
        insta::assert_snapshot!(table(json!({"a": 5, "b": 12.25, "c": 1_000}), &[], None), @r"
        key  value
        a        5
        b    12.25
        c     1000
        ");
    }
}
