//! Panels: the blocks that stay at the bottom of a terminal while lines scroll above them.
//! Knows which bytes move and clear, and writes nothing itself.

use std::collections::BTreeMap;

use super::width::{columns_of, cut};

/// No terminal line is broken between these two, so that a panel's rows can be counted.
const NO_WRAP: &[u8] = b"\x1b[?7l";
const WRAP: &[u8] = b"\x1b[?7h";
const PLAIN: &[u8] = b"\x1b[0m\n";

/// The last panel of each service that has one, by its place in the system file.
#[derive(Default)]
pub(super) struct Panels {
    panels: BTreeMap<usize, Vec<Vec<u8>>>,
    /// The columns of each row that is shown.
    shown: Vec<usize>,
}

impl Panels {
    pub(super) fn set(&mut self, service: usize, panel: Vec<Vec<u8>>) {
        self.panels.insert(service, panel);
    }

    /// Forgets the panel of `service` and returns it, to be printed for good.
    pub(super) fn remove(&mut self, service: usize) -> Option<Vec<Vec<u8>>> {
        self.panels.remove(&service)
    }

    /// Adds what clears the panels that are shown, on a terminal of so many `columns` now: one that has become
    /// narrower has broken the rows that were wider.
    pub(super) fn erase(&mut self, screen: &mut Vec<u8>, columns: usize) {
        let rows: usize = self.shown.drain(..).map(|width| width.div_ceil(columns.max(1)).max(1)).sum();
        if rows > 0 {
            screen.extend_from_slice(format!("\x1b[{rows}A\r\x1b[J").as_bytes());
        }
    }

    /// Adds what shows the panels again, on a terminal of so many `rows` and `columns`; nothing if there are none.
    pub(super) fn draw(&mut self, screen: &mut Vec<u8>, (rows, columns): (usize, usize)) {
        // The cursor stands below the panels, and a row above must stay for the lines.
        let shown = self.panels.values().flatten().take(rows.saturating_sub(2));
        screen.extend_from_slice(NO_WRAP);
        for row in shown {
            let row = cut(row, columns);
            screen.extend_from_slice(&row);
            screen.extend_from_slice(PLAIN);
            self.shown.push(columns_of(&row));
        }
        screen.extend_from_slice(WRAP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(panels: &mut Panels, rows: usize) -> String {
        let mut screen = Vec::new();
        panels.draw(&mut screen, (rows, 80));
        String::from_utf8(screen).unwrap()
    }

    fn erased(panels: &mut Panels) -> String {
        let mut screen = Vec::new();
        panels.erase(&mut screen, 80);
        String::from_utf8(screen).unwrap()
    }

    #[test]
    fn what_is_drawn_is_what_is_erased() {
        let mut panels = Panels::default();
        assert_eq!(erased(&mut panels), "");
        panels.set(1, vec![b"b".to_vec()]);
        panels.set(0, vec![b"a1".to_vec(), b"a2".to_vec()]);
        assert_eq!(drawn(&mut panels, 24), "\x1b[?7la1\x1b[0m\na2\x1b[0m\nb\x1b[0m\n\x1b[?7h");
        assert_eq!(erased(&mut panels), "\x1b[3A\r\x1b[J");
        assert_eq!(erased(&mut panels), "", "nothing is shown any more");
    }

    #[test]
    fn a_low_terminal_shows_the_first_rows() {
        let mut panels = Panels::default();
        panels.set(0, vec![b"row".to_vec(); 9]);
        assert_eq!(drawn(&mut panels, 5).matches("row").count(), 3);
        assert_eq!(erased(&mut panels), "\x1b[3A\r\x1b[J");
        assert_eq!(drawn(&mut panels, 0).matches("row").count(), 0);
    }

    #[test]
    fn rows_are_cut_to_the_columns_there_are_and_erased_as_the_terminal_has_broken_them() {
        let mut panels = Panels::default();
        panels.set(0, vec![b"0123456789".to_vec(), vec![]]);
        let mut screen = Vec::new();
        panels.draw(&mut screen, (24, 8));
        assert!(screen.starts_with(b"\x1b[?7l01234567\x1b[0m\n"));
        screen.clear();
        panels.erase(&mut screen, 3);
        assert_eq!(screen, b"\x1b[4A\r\x1b[J", "three rows of three and an empty one");
    }

    #[test]
    fn a_removed_panel_is_handed_back_once() {
        let mut panels = Panels::default();
        panels.set(0, vec![b"last".to_vec()]);
        assert_eq!(panels.remove(0), Some(vec![b"last".to_vec()]));
        assert_eq!(panels.remove(0), None);
    }
}
