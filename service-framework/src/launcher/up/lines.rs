//! What services print, cut into whole lines, and the panels among them.
//!
//! A panel is a block of lines that replaces the one before it, such as live bars. A service that finds
//! `SERVICE_FRAMEWORK_COLUMNS` in its environment may print one: a line with the terminal's control sequence
//! for "begin synchronized update", the block, a line with the one for its end.

use std::io::{self, BufRead, BufReader, Read};
use std::mem;

/// The variable that says a panel will be shown, and how many columns wide it may be.
pub(super) const COLUMNS: &str = "SERVICE_FRAMEWORK_COLUMNS";

const PANEL_BEGINS: &[u8] = b"\x1b[?2026h";
const PANEL_ENDS: &[u8] = b"\x1b[?2026l";

/// Longer lines are cut, so that no service can fill our memory with one.
const LONGEST_LINE: u64 = 64 * 1024;

/// Longer panels are cut; no terminal shows them anyway.
const HIGHEST_PANEL: usize = 500;

/// Calls `take` with every line of `pipe`, without its end, until the pipe is closed.
pub(super) fn for_each_line(pipe: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        take(text.strip_suffix(b"\r").unwrap_or(text));
        line.clear();
    }
    Ok(())
}

/// What a line means where panels are shown.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Line(&'a [u8]),
    Panel(Vec<Vec<u8>>),
}

/// Tells lines and panels of one stream apart.
#[derive(Default)]
pub(super) struct Pieces {
    panel: Option<Vec<Vec<u8>>>,
}

impl Pieces {
    /// What `line` completes, if anything.
    pub(super) fn next<'a>(&mut self, line: &'a [u8]) -> Option<Piece<'a>> {
        match (line, &mut self.panel) {
            (PANEL_BEGINS, _) => self.panel = Some(Vec::new()),
            (PANEL_ENDS, Some(panel)) => {
                let panel = mem::take(panel);
                self.panel = None;
                return Some(Piece::Panel(panel));
            }
            (line, Some(panel)) if panel.len() < HIGHEST_PANEL => panel.push(line.to_owned()),
            (_, Some(_)) => {}
            (line, None) => return Some(Piece::Line(line)),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for_each_line(bytes, |line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        lines
    }

    #[test]
    fn lines_are_whole_and_without_their_ends() {
        assert_eq!(lines(b"one\r\ntwo\n\nlast"), ["one", "two", "", "last"]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn an_endless_line_is_cut() {
        let lengths: Vec<usize> = lines(&[b'x'; 150_000]).iter().map(String::len).collect();
        assert_eq!(lengths, [65_536, 65_536, 18_928]);
    }

    #[test]
    fn panels_are_told_from_lines() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.next(b"log"), Some(Piece::Line(b"log")));
        assert_eq!(pieces.next(b"\x1b[?2026h"), None);
        assert_eq!(pieces.next(b"load ####"), None);
        let panel = Piece::Panel(vec![b"load ####".to_vec()]);
        assert_eq!(pieces.next(b"\x1b[?2026l"), Some(panel));
        assert_eq!(
            pieces.next(b"\x1b[?2026l"),
            Some(Piece::Line(b"\x1b[?2026l")),
            "an end without a beginning"
        );
    }

    #[test]
    fn an_endless_panel_is_cut() {
        let mut pieces = Pieces::default();
        pieces.next(PANEL_BEGINS);
        (0..100_000).for_each(|_| assert_eq!(pieces.next(b"bar"), None));
        let Some(Piece::Panel(panel)) = pieces.next(PANEL_ENDS) else { panic!("no panel") };
        assert_eq!(panel.len(), HIGHEST_PANEL);
    }
}
