//! The screen: every line of every service and of `up` itself, whole, in order, with its name in front.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::journal::{Journal, Line};
use super::panels::Panels;
use super::width::cut;

/// How many lines of a service are shown again if it fails.
const LINES_REPEATED: usize = 10;

/// Cyan, yellow, green, magenta, blue, and their bright ones. Red is for failures.
const COLOURS: [u8; 10] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

/// Fills the first row of a panel behind the service's name, up to the end of the row.
const RULE: &str = "─";

/// No terminal is wider.
const WIDEST: usize = 1_000;

/// Which stream a line came from, and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// How the screen is written.
#[derive(Clone, Copy, Default)]
pub(super) struct Look {
    /// Names in colours.
    pub(super) colour: bool,
    /// Every line one JSON object, for programs.
    pub(super) json: bool,
    /// Rows and columns of the terminal that panels are shown on, asked at every drawing; None: no panels.
    pub(super) size: Option<fn() -> (u16, u16)>,
    /// Whether lines of services are only kept, and shown to whoever asks for them.
    pub(super) is_quiet: bool,
}

impl Look {
    /// Rows and columns; none if there is no terminal.
    fn extent(self) -> (usize, usize) {
        self.size.map_or((0, 0), |size| {
            let (rows, columns) = size();
            (rows.into(), columns.into())
        })
    }
}

/// What all threads write through.
pub(super) struct Screen {
    look: Look,
    /// What stands before the lines of each service, then what stands before those of `up`.
    labels: Vec<String>,
    names: Vec<String>,
    inner: Mutex<Inner>,
}

struct Inner {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    panels: Panels,
    journal: Journal,
    /// The only service whose lines are shown, if not all are.
    only: Option<usize>,
    /// Whether the panel of `up` itself is gone for good.
    is_over: bool,
}

impl Screen {
    /// A screen for the services `names`, on two streams.
    pub(super) fn new(
        names: Vec<String>,
        look: Look,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let journal = Journal::of(names.len());
        let inner =
            Mutex::new(Inner { out, err, panels: Panels::default(), journal, only: None, is_over: false });
        Screen { look, labels: labels(&names, look.colour), names, inner }
    }

    /// Whether people read it in colours.
    pub(super) fn has_colours(&self) -> bool {
        self.look.colour && !self.look.json
    }

    /// How wide panels may be; None if they are not shown.
    pub(super) fn columns(&self) -> Option<u16> {
        self.look.size.map(|size| size().1)
    }

    /// The name of `service`.
    pub(super) fn name(&self, service: usize) -> &str {
        &self.names[service]
    }

    /// Shows a line of `service`.
    ///
    /// # Errors
    /// The stream it goes to is closed.
    pub(super) fn line(&self, service: usize, stream: Stream, line: &[u8]) -> io::Result<()> {
        let mut inner = self.lock();
        inner.journal.add(service, stream, line);
        let is_hidden = inner.only.is_some_and(|only| only != service);
        drop(inner);
        if self.look.is_quiet || is_hidden {
            return Ok(());
        }
        self.write_line(service, stream, line)
    }

    fn write_line(&self, service: usize, stream: Stream, line: &[u8]) -> io::Result<()> {
        let text = match self.look.json {
            true => json_line(&self.names[service], stream, line),
            false => [self.labels[service].as_bytes(), line].concat(),
        };
        self.lock().write(stream, &text, self.look)
    }

    /// The lines of these services, of all if none is named, from a number on; and the number of the next one.
    pub(super) fn lines_since(&self, services: &[usize], after: u64, most: usize) -> (Vec<Line>, u64) {
        self.lock().journal.since(services, after, most)
    }

    /// Shows a line of `up` itself. If nobody can read it, that is found out by the next line of a service.
    pub(super) fn notice(&self, text: &str) {
        let line = match self.look.json {
            true => json!({ "up": text }).to_string(),
            false => format!("{}{text}", self.labels[self.names.len()]),
        };
        let _ = self.lock().write(Stream::Err, line.as_bytes(), self.look);
    }

    /// Shows `text` on stdout as it is.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        self.lock().write(Stream::Out, text.as_bytes(), self.look)
    }

    /// Replaces the panel of `service`.
    pub(super) fn panel(&self, service: usize, mut panel: Vec<Vec<u8>>) -> io::Result<()> {
        let label = self.labels[service].trim_end();
        panel.insert(0, [label, &RULE.repeat(WIDEST)].concat().into_bytes());
        let extent = self.look.extent();
        let mut inner = self.lock();
        let mut bytes = Vec::new();
        inner.panels.erase(&mut bytes, extent.1);
        inner.panels.set(service, panel);
        inner.panels.draw(&mut bytes, extent);
        inner.out.write_all(&bytes)?;
        inner.out.flush()
    }

    /// Replaces the panel of `up` itself, which is below all others.
    pub(super) fn own_panel(&self, rows: Vec<String>) -> io::Result<()> {
        if self.lock().is_over {
            return Ok(());
        }
        self.panel(self.names.len(), rows.into_iter().map(String::into_bytes).collect())
    }

    /// Takes the panel of `up` away for good: what it says is over.
    pub(super) fn end_own_panel(&self) {
        let extent = self.look.extent();
        let mut inner = self.lock();
        inner.is_over = true;
        let mut bytes = Vec::new();
        inner.panels.erase(&mut bytes, extent.1);
        if inner.panels.remove(self.names.len()).is_some() {
            // Whoever cannot be written to is told by the summary.
            let _ = inner.out.write_all(&bytes);
        }
    }

    /// Shows only the lines of this service from now on, or those of all; the others are kept.
    pub(super) fn show_only(&self, service: Option<usize>) {
        self.lock().only = service;
    }

    /// Leaves the last panel of `service`, which has ended, among the lines.
    pub(super) fn keep_panel(&self, service: usize) {
        let mut inner = self.lock();
        if let Some(panel) = inner.panels.remove(service) {
            let columns = self.look.extent().1;
            let text = panel.iter().map(|row| cut(row, columns)).collect::<Vec<_>>().join(&b'\n');
            let _ = inner.write(Stream::Out, &text, self.look);
        }
    }

    /// Shows the last lines of `service` once more.
    pub(super) fn repeat_last_lines(&self, service: usize) {
        let lines = self.lock().journal.last(service, LINES_REPEATED);
        for line in lines {
            let _ = self.write_line(service, Stream::Err, &line.text);
        }
    }

    /// `text` as a failure.
    pub(super) fn alarming(&self, text: &str) -> String {
        painted(text, 31, self.has_colours())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A thread that panicked while it wrote leaves at worst half a line.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Writes `text` and the end of its line above the panels.
    fn write(&mut self, stream: Stream, text: &[u8], look: Look) -> io::Result<()> {
        let mut before = Vec::new();
        let extent = look.extent();
        self.panels.erase(&mut before, extent.1);
        let line = [text, b"\n"].concat();
        let mut after = Vec::new();
        if look.size.is_some() {
            self.panels.draw(&mut after, extent);
        }
        match stream {
            Stream::Out => self.out.write_all(&[before, line, after].concat())?,
            Stream::Err => {
                // One that is full must not keep the other from saying so.
                let cleared = self.out.write_all(&before).and_then(|()| self.out.flush());
                self.err.write_all(&line)?;
                self.err.flush()?;
                cleared?;
                self.out.write_all(&after)?;
            }
        }
        self.out.flush()
    }
}

/// `{"service", "stream", "line"}`; a line that is a JSON object itself stays one.
fn json_line(service: &str, stream: Stream, line: &[u8]) -> Vec<u8> {
    let stream = if stream == Stream::Out { "stdout" } else { "stderr" };
    let object = serde_json::from_slice(line).ok().filter(Json::is_object);
    let line = object.unwrap_or_else(|| String::from_utf8_lossy(line).into());
    json!({ "service": service, "stream": stream, "line": line }).to_string().into_bytes()
}

/// `name | ` for each service and for `up`, all of one width.
fn labels(names: &[String], colour: bool) -> Vec<String> {
    let own = "up".to_owned();
    let width = names.iter().chain([&own]).map(|name| name.chars().count()).max().unwrap_or_default();
    let label = |(index, name): (usize, &String)| {
        let colour_code = COLOURS[index % COLOURS.len()];
        painted(&format!("{name:width$} |"), colour_code, colour) + " "
    };
    let mut labels: Vec<String> = names.iter().enumerate().map(label).collect();
    labels.push(painted(&format!("{own:width$} |"), 1, colour) + " ");
    labels
}

fn painted(text: &str, colour_code: u8, colour: bool) -> String {
    match colour {
        true => format!("\x1b[{colour_code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Both streams of a screen, in the order of writing: one terminal.
    #[derive(Clone, Default)]
    struct Terminal(Arc<Mutex<Vec<u8>>>);

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is left on a terminal after `show`, as the text of its rows.
    fn left(look: Look, show: impl Fn(&Screen)) -> Vec<String> {
        let terminal = Terminal::default();
        let names = vec!["one".to_owned(), "second".to_owned()];
        let screen = Screen::new(names, look, Box::new(terminal.clone()), Box::new(terminal.clone()));
        show(&screen);
        let bytes = terminal.0.lock().unwrap().clone();
        played(&String::from_utf8(bytes).unwrap())
    }

    /// Plays the few control sequences that are used, on a terminal without end.
    fn played(text: &str) -> Vec<String> {
        let mut rows = vec![];
        let text = text.replace("\x1b[?7l", "").replace("\x1b[?7h", "").replace("\x1b[0m", "");
        for row in text.split_inclusive('\n') {
            let row = match row.strip_prefix("\x1b[").and_then(|rest| rest.split_once("A\r\x1b[J")) {
                Some((up, row)) => {
                    rows.truncate(rows.len() - up.parse::<usize>().unwrap());
                    row
                }
                None => row,
            };
            rows.push(row.trim_end_matches('\n').to_owned());
        }
        rows
    }

    #[test]
    fn panels_stay_below_the_lines() {
        let look = Look { size: Some(|| (24, 80)), ..Look::default() };
        let title = format!("second |{}", RULE.repeat(72));
        let rows = left(look, |screen| {
            screen.panel(1, vec![b"load #".to_vec()]).unwrap();
            screen.line(0, Stream::Out, b"out").unwrap();
            screen.panel(1, vec![b"load ##".to_vec()]).unwrap();
            screen.line(0, Stream::Err, b"err").unwrap();
            screen.notice("note");
        });
        assert_eq!(rows, ["one    | out", "one    | err", "up     | note", title.as_str(), "load ##"]);
    }

    #[test]
    fn the_panel_of_an_ended_service_stays_where_it_is() {
        let look = Look { size: Some(|| (24, 80)), ..Look::default() };
        let rows = left(look, |screen| {
            screen.panel(0, vec![b"load #".to_vec()]).unwrap();
            screen.keep_panel(0);
            screen.notice("note");
        });
        assert_eq!(rows, [&format!("one    |{}", RULE.repeat(72)), "load #", "up     | note"]);
    }

    #[test]
    fn the_panel_of_up_is_gone_at_the_end() {
        let look = Look { size: Some(|| (24, 80)), ..Look::default() };
        let rows = left(look, |screen| {
            screen.own_panel(vec!["table".to_owned()]).unwrap();
            screen.line(0, Stream::Out, b"out").unwrap();
            screen.end_own_panel();
            screen.own_panel(vec!["too late".to_owned()]).unwrap();
            screen.notice("note");
        });
        assert_eq!(rows, ["one    | out", "up     | note"]);
    }

    #[test]
    fn names_have_colours_and_failures_are_red() {
        let look = Look { colour: true, ..Look::default() };
        let rows = left(look, |screen| {
            screen.line(1, Stream::Out, b"x").unwrap();
            screen.notice(&screen.alarming("failed"));
        });
        assert_eq!(rows, ["\x1b[33msecond | x", "\x1b[1mup     | \x1b[31mfailed"]);
    }

    #[test]
    fn only_the_last_lines_are_repeated() {
        let rows = left(Look::default(), |screen| {
            (0..20).for_each(|number| screen.line(0, Stream::Out, format!("{number}").as_bytes()).unwrap());
            screen.repeat_last_lines(0);
        });
        assert_eq!(rows.len(), 30);
        assert_eq!((rows[20].as_str(), rows[29].as_str()), ("one    | 10", "one    | 19"));
    }
}
