//! The panel of a flow on a terminal: its script around the line where it stands, and what it waits for.

use std::io::{self, Write};

use rustix::termios::{Winsize, tcgetwinsize};

use super::waits::Standing;
use crate::launcher::terminal::Palette;
use crate::launcher::up::width::cut;
use crate::store::Timestamp;

/// How many lines of the script stand before and behind the one where it stands.
const AROUND: usize = 3;
/// Lines that the panel has at most besides: its head and what is waited for.
const MOST_WAITS: usize = 6;

/// What stands below the lines of a terminal. All that is written while there is one goes through it.
pub(super) struct Panel {
    palette: Palette,
    /// How many rows it has now.
    rows: usize,
    /// What stands in it.
    shown: Vec<String>,
}

impl Panel {
    pub(super) fn new(palette: Palette) -> Self {
        Self { palette, rows: 0, shown: Vec::new() }
    }

    /// Writes lines above the panel, and the panel anew.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn write(&mut self, above: &str, panel: &[String]) -> io::Result<()> {
        if above.is_empty() && self.shown == panel {
            return Ok(());
        }
        self.shown = panel.to_vec();
        let mut bytes = self.erased();
        bytes.extend_from_slice(above.as_bytes());
        if !above.is_empty() && !above.ends_with('\n') {
            bytes.push(b'\n');
        }
        let (rows, columns) = size();
        let shown = &panel[..panel.len().min(rows.saturating_sub(1))];
        for row in shown {
            bytes.extend(cut(row.as_bytes(), columns));
            bytes.extend_from_slice(b"\x1b[0m\n");
        }
        self.rows = shown.len();
        let mut stderr = io::stderr().lock();
        stderr.write_all(&bytes)?;
        stderr.flush()
    }

    /// What takes it away.
    fn erased(&mut self) -> Vec<u8> {
        match std::mem::take(&mut self.rows) {
            0 => Vec::new(),
            rows => format!("\x1b[{rows}A\r\x1b[J").into_bytes(),
        }
    }

    /// The rows for where a script stands.
    pub(super) fn rows(
        &self,
        title: &str,
        source: &str,
        standing: Option<&Standing>,
        now: Timestamp,
    ) -> Vec<String> {
        let palette = self.palette;
        let mut rows = vec![palette.dim(&format!("── {title} {}", "─".repeat(200)))];
        let Some(standing) = standing else { return rows };
        if let Some(frame) = standing.stood.frames.last() {
            rows.extend(excerpt(source, frame.line as usize, palette));
        }
        let waits = standing.lines(now, palette);
        rows.extend(waits.iter().take(MOST_WAITS).map(|line| format!("   {line}")));
        if waits.len() > MOST_WAITS {
            rows.push(palette.dim(&format!("   and {} more", waits.len() - MOST_WAITS)));
        }
        rows
    }
}

/// The lines of a script around one of them, which is marked.
fn excerpt(source: &str, line: usize, palette: Palette) -> Vec<String> {
    let first = line.saturating_sub(AROUND).max(1);
    let lines = source.lines().enumerate().skip(first - 1).take(line + AROUND + 1 - first);
    let row = |(place, text): (usize, &str)| {
        let number = place + 1;
        let text = text.replace('\t', "    ");
        match number == line {
            true => palette.bold(&format!(" → {number:>4} │ {text}")),
            false => format!("   {}", palette.dim(&format!("{number:>4} │ {text}"))),
        }
    };
    lines.map(row).collect()
}

/// Rows and columns of the terminal that is stderr; of an old one if it does not say.
fn size() -> (usize, usize) {
    match tcgetwinsize(io::stderr()) {
        Ok(Winsize { ws_row, ws_col, .. }) if ws_row > 0 && ws_col > 0 => (ws_row.into(), ws_col.into()),
        _ => (24, 80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_stands_among_its_neighbours() {
        let source: String = (1..=9).map(|number| format!("line {number}\n")).collect();
        let rows = excerpt(&source, 2, Palette::PLAIN);
        assert_eq!(rows.len(), 5);
        assert_eq!((rows[0].as_str(), rows[1].as_str()), ("      1 │ line 1", " →    2 │ line 2"));
        assert_eq!(excerpt(&source, 9, Palette::PLAIN).len(), 4);
        assert_eq!(excerpt("", 1, Palette::PLAIN).len(), 0);
    }
}
