//! A state that is watched on a terminal: a table that is redrawn in place.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::Watch;
use super::cell::{count, cut, standing, width};
use super::follow::{Follower, Look, News};
use super::table::{self, Table};
use super::target::Target;
use crate::launcher::arguments::Options;
use crate::launcher::terminal::Palette;
use crate::launcher::up;
use crate::value::Value;

/// The time between two looks.
const TICK: Duration = Duration::from_millis(100);
/// How long a row stays marked that has changed.
const MARKED: Duration = Duration::from_millis(1_500);
/// Over what time updates are counted.
const COUNTED: Duration = Duration::from_secs(2);
/// Lines that are no rows: the status, the names of the columns, how many keys are not shown, and where the cursor is.
const OTHER_LINES: usize = 4;

/// What is on the terminal.
pub(super) struct Live {
    name: String,
    palette: Palette,
    /// The rows that are shown: what is in them, and when that was new.
    shown: HashMap<Vec<u8>, (Vec<u8>, Option<Instant>)>,
    /// When updates came, and how many.
    updates: VecDeque<(Instant, u64)>,
    frame: Vec<String>,
}

impl Live {
    pub(super) fn new(target: &Target, options: &Options) -> Self {
        Self {
            name: target.name.clone(),
            palette: options.color.palette(&io::stdout()),
            shown: HashMap::new(),
            updates: VecDeque::new(),
            frame: Vec::new(),
        }
    }

    /// The lines that a terminal of this size is to show.
    fn frame(&mut self, look: Option<&Look>, (rows, columns): (u16, u16), now: Instant) -> Vec<String> {
        let (rows, columns) = (usize::from(rows), usize::from(columns));
        let Some(look) = look else { return vec![cut(&format!("{} waiting", self.name), columns)] };
        let shown = look.rows(rows.saturating_sub(OTHER_LINES));
        let changed = self.changed(&shown, now);
        let mut lines = vec![self.status_line(look, columns)];
        let table_look = table::Look { width: Some(columns), palette: self.palette };
        lines.extend(Table::of(&shown, &changed).lines(table_look));
        let hidden = look.keys() - shown.len().min(look.keys());
        if hidden > 0 {
            lines.push(self.palette.dim(&cut(&format!("  and {} more", count(hidden, "key")), columns)));
        }
        lines
    }

    fn status_line(&self, look: &Look, columns: usize) -> String {
        let text = format!(" {}, {} updates/s", standing(look), self.rate());
        let text = cut(&text, columns.saturating_sub(width(&self.name)));
        let painted = match look.status().is_current() {
            true => self.palette.green(&text),
            false => self.palette.yellow(&text),
        };
        format!("{}{painted}", self.palette.bold(&cut(&self.name, columns)))
    }

    /// Which rows have changed a moment ago; none of those that are there when the first ones are shown.
    fn changed(&mut self, rows: &[(Value, Value)], now: Instant) -> Vec<bool> {
        let is_first = self.shown.is_empty();
        let mut shown = HashMap::with_capacity(rows.len());
        let mut changed = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let (key, value) = (key.to_msgpack(), value.to_msgpack());
            let since = match self.shown.remove(&key) {
                Some((before, since)) if before == value => since,
                Some(_) => Some(now),
                None => (!is_first).then_some(now),
            };
            changed.push(since.is_some_and(|since| now.saturating_duration_since(since) < MARKED));
            shown.insert(key, (value, since));
        }
        self.shown = shown;
        changed
    }

    fn count(&mut self, news: &News, now: Instant) {
        if news.updates > 0 {
            self.updates.push_back((now, news.updates));
        }
        while self.updates.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > COUNTED) {
            self.updates.pop_front();
        }
    }

    fn rate(&self) -> u64 {
        self.updates.iter().map(|(_, count)| count).sum::<u64>() / COUNTED.as_secs()
    }

    /// What puts `frame` in the place of the one before, without flicker; nothing if it is the same.
    fn redraw(&mut self, frame: Vec<String>) -> String {
        if frame == self.frame {
            return String::new();
        }
        let up = match self.frame.len() {
            0 => String::new(),
            rows => format!("\x1b[{rows}A\r"),
        };
        // Lines are not broken, so that their number is that of rows; each clears what is left of the one before it.
        let lines: String = frame.iter().map(|line| format!("{line}\x1b[K\n")).collect();
        self.frame = frame;
        format!("\x1b[?7l{up}{lines}\x1b[J\x1b[?7h")
    }
}

impl Watch for Live {
    fn turn(&mut self, follower: &Follower) -> io::Result<bool> {
        let news = follower.pause(TICK);
        let now = Instant::now();
        self.count(&news, now);
        let frame = self.frame(follower.look().as_ref(), up::size(), now);
        let text = self.redraw(frame);
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(!news.is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Live {
        Live {
            name: "book".into(),
            palette: Palette::PLAIN,
            shown: HashMap::new(),
            updates: VecDeque::new(),
            frame: Vec::new(),
        }
    }

    #[test]
    fn rows_are_marked_for_a_moment_when_they_change() {
        let (mut live, now) = (live(), Instant::now());
        let rows = |a: i64| [(Value::from("a"), Value::from(a)), ("b".into(), 1.into())];
        assert_eq!(live.changed(&rows(1), now), [false, false], "the first ones are not news");
        assert_eq!(live.changed(&rows(2), now), [true, false]);
        assert_eq!(live.changed(&rows(2), now + MARKED / 2), [true, false]);
        assert_eq!(live.changed(&rows(2), now + MARKED), [false, false]);
        let more = [&rows(2)[..], &[("c".into(), 1.into())]].concat();
        assert_eq!(live.changed(&more, now + 2 * MARKED), [false, false, true]);
    }

    #[test]
    fn a_frame_takes_the_place_of_the_one_before() {
        let mut live = live();
        let first = live.redraw(vec!["one".into(), "two".into()]);
        assert_eq!(first, "\x1b[?7lone\x1b[K\ntwo\x1b[K\n\x1b[J\x1b[?7h");
        assert_eq!(live.redraw(vec!["one".into(), "two".into()]), "");
        assert_eq!(live.redraw(vec!["three".into()]), "\x1b[?7l\x1b[2A\rthree\x1b[K\n\x1b[J\x1b[?7h");
    }

    #[test]
    fn updates_are_counted_over_a_while() {
        let (mut live, now) = (live(), Instant::now());
        let news = |updates| News { updates, ..News::default() };
        live.count(&news(10), now);
        live.count(&news(30), now + COUNTED / 2);
        assert_eq!(live.rate(), 20);
        live.count(&news(0), now + COUNTED + TICK);
        assert_eq!(live.rate(), 15);
    }
}
