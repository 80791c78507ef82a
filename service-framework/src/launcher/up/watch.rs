//! `up --watch`: a table of all services below their lines, redrawn every second, and keys that steer them.

use std::collections::HashMap;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::board::{Board, Seen};
use super::child::Event;
use super::ending::Readable;
use super::job::Order;
use super::keys::Cbreak;
use super::screen::Screen;
use crate::launcher::columns::aligned;
use crate::launcher::control::client::Client;
use crate::launcher::control::message::{Answer, Question};
use crate::launcher::control::place::{self, Kind};
use crate::launcher::control::usage;
use crate::launcher::look::{Load, size, state, time};
use crate::launcher::terminal::Palette;

/// The time between two looks at what services count, and between two drawings.
const TICK: Duration = Duration::from_secs(1);
const DRAWN: Duration = Duration::from_millis(250);

/// How long a service may take to say what it counted. The table waits for nobody longer.
const PATIENCE: Duration = Duration::from_millis(200);

const HEADS: [&str; 11] =
    ["", "name", "state", "restarts", "up for", "cpu", "memory", "in/s", "out/s", "p99", "errors"];

const KEYS: &str = "↑↓ choose   r restart   s stop   f only its lines   q stop all";

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Up,
    Down,
    Restart,
    Stop,
    Filter,
    Quit,
}

/// The table, for as long as this is kept.
pub(super) struct Watching {
    _terminal: Option<Cbreak>,
}

impl Watching {
    /// Begins to show the table, and to listen to keys if standard input is a terminal.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn start(
        screen: &Arc<Screen>,
        board: &Board,
        events: &Sender<Event>,
        palette: Palette,
    ) -> io::Result<Self> {
        let (sender, keys) = channel();
        let terminal = Cbreak::enter();
        if terminal.is_some() {
            thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(io::stdin(), &sender))?;
        }
        let mut table = Table {
            screen: screen.clone(),
            board: board.clone(),
            events: events.clone(),
            palette,
            chosen: 0,
            is_filtered: false,
            told: String::new(),
            answer: None,
            looks: HashMap::new(),
        };
        thread::Builder::new().name("table".to_owned()).spawn(move || table.go_on(&keys))?;
        Ok(Self { _terminal: terminal })
    }
}

fn read_keys(input: impl Read, keys: &Sender<Key>) {
    let mut bytes = BufReader::new(input).bytes().map_while(Result::ok);
    while let Some(byte) = bytes.next() {
        let key = match byte {
            b'k' => Some(Key::Up),
            b'j' => Some(Key::Down),
            b'r' => Some(Key::Restart),
            b's' => Some(Key::Stop),
            b'f' => Some(Key::Filter),
            b'q' => Some(Key::Quit),
            // An arrow is `ESC [ A` and the like.
            0x1b => match (bytes.next(), bytes.next()) {
                (Some(b'[' | b'O'), Some(b'A')) => Some(Key::Up),
                (Some(b'[' | b'O'), Some(b'B')) => Some(Key::Down),
                _ => None,
            },
            _ => None,
        };
        if key.is_some_and(|key| keys.send(key).is_err()) {
            return;
        }
    }
}

struct Table {
    screen: Arc<Screen>,
    board: Board,
    events: Sender<Event>,
    palette: Palette,
    /// The place of the chosen service.
    chosen: usize,
    is_filtered: bool,
    /// What became of the last order.
    told: String,
    answer: Option<Receiver<Answer>>,
    looks: HashMap<u32, Load>,
}

impl Table {
    fn go_on(&mut self, keys: &Receiver<Key>) {
        let mut next = Instant::now();
        loop {
            let seen = self.board.all();
            if next <= Instant::now() {
                self.look(&seen);
                next = Instant::now() + TICK;
            }
            self.hear();
            // Whoever cannot be written to any more is told by the next line of a service.
            let _ = self.screen.own_panel(self.rows(&seen));
            let pause = next.saturating_duration_since(Instant::now()).min(DRAWN);
            match keys.recv_timeout(pause) {
                Ok(key) => self.press(key, seen.len()),
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody can press a key.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(pause),
            }
        }
    }

    fn look(&mut self, seen: &[Seen]) {
        let now = Instant::now();
        let pids: Vec<u32> = seen.iter().filter_map(|seen| seen.pid).collect();
        self.looks.retain(|pid, _| pids.contains(pid));
        for pid in pids {
            look_at(self.looks.entry(pid).or_default(), pid, now);
        }
    }

    fn press(&mut self, key: Key, services: usize) {
        match key {
            Key::Up => self.chosen = self.chosen.saturating_sub(1),
            Key::Down => self.chosen = (self.chosen + 1).min(services.saturating_sub(1)),
            Key::Restart => self.order(Order::Restart(vec![self.chosen])),
            Key::Stop => self.order(Order::Stop(vec![self.chosen])),
            Key::Quit => self.order(Order::Down),
            Key::Filter => self.is_filtered = !self.is_filtered,
        }
        self.screen.show_only(self.is_filtered.then_some(self.chosen));
    }

    fn order(&mut self, order: Order) {
        let (reply, answer) = channel();
        if self.events.send(Event::Asked { order, reply }).is_ok() {
            self.answer = Some(answer);
            self.told.clear();
        }
    }

    /// Takes in what became of the last order.
    fn hear(&mut self) {
        if let Some(answer) = self.answer.as_ref().and_then(|answer| answer.try_recv().ok()) {
            self.answer = None;
            self.told = answer.err().map(|refusal| refusal.to_string()).unwrap_or_default();
        }
    }

    fn rows(&self, seen: &[Seen]) -> Vec<String> {
        let heads = HEADS.map(|head| self.palette.bold(head)).to_vec();
        let rows = seen.iter().enumerate().map(|(place, seen)| self.row(place, seen));
        let rows: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
        let mut lines = aligned(&rows, &[3, 4, 5, 6, 7, 8, 9, 10]);
        lines.push(match self.told.as_str() {
            "" => self.palette.dim(KEYS),
            told => self.palette.red(told),
        });
        lines
    }

    fn row(&self, place: usize, seen: &Seen) -> Vec<String> {
        let is_chosen = place == self.chosen;
        let look = seen.pid.and_then(|pid| self.looks.get(&pid));
        let of_look = |shown: &dyn Fn(&Load) -> String| look.map(shown).unwrap_or_default();
        vec![
            if is_chosen { self.palette.cyan(">") } else { String::new() },
            if is_chosen { self.palette.bold(&seen.name) } else { seen.name.clone() },
            state(&seen.to_json(), self.palette),
            seen.restarts.to_string(),
            seen.since.map(|since| Readable(since.elapsed()).to_string()).unwrap_or_default(),
            of_look(&|look| format!("{:.0} %", look.share * 100.0)),
            of_look(&|look| size(look.memory)),
            of_look(&|look| format!("{:.0}", look.rates.received)),
            of_look(&|look| format!("{:.0}", look.rates.sent)),
            of_look(&|look| look.rates.p99.map(time).unwrap_or_default()),
            of_look(&|look| look.rates.errors.to_string()),
        ]
    }
}

/// Takes in what a process has counted and used since the last look.
fn look_at(load: &mut Load, pid: u32, now: Instant) {
    let client = Client::connect(&place::socket(Kind::Service, pid), PATIENCE);
    let stats = client.map_err(Into::into).and_then(|mut client| client.ask(&Question::new("stats")));
    load.take(stats.ok().as_ref(), usage::of(pid), now);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::screen;
    use super::*;

    fn table(events: Sender<Event>) -> Table {
        let names = vec!["echo.1".to_owned(), "view".to_owned()];
        let screen = Screen::new(names, screen::Look::default(), Box::new(io::sink()), Box::new(io::sink()));
        Table {
            screen: Arc::new(screen),
            board: Board::default(),
            events,
            palette: Palette::PLAIN,
            chosen: 0,
            is_filtered: false,
            told: String::new(),
            answer: None,
            looks: HashMap::new(),
        }
    }

    #[test]
    fn keys_are_told_apart_from_other_bytes() {
        let (sender, keys) = channel();
        read_keys(&b"\x1b[Ax\x1bOBr\x1b[Zs"[..], &sender);
        drop(sender);
        let keys: Vec<Key> = keys.iter().collect();
        assert_eq!(keys, [Key::Up, Key::Down, Key::Restart, Key::Stop]);
    }

    #[test]
    fn a_key_is_about_the_chosen_service() {
        let (sender, events) = channel();
        let mut table = table(sender);
        for key in [Key::Down, Key::Down, Key::Restart] {
            table.press(key, 2);
        }
        match events.try_recv() {
            Ok(Event::Asked { order: Order::Restart(services), reply }) => {
                assert_eq!(services, [1], "there is nothing below the last");
                let refusal = crate::launcher::control::message::Refusal::new("busy", "not now");
                reply.send(Err(refusal)).unwrap();
            }
            other => panic!("{other:?}"),
        }
        table.hear();
        assert_eq!(table.rows(&[]).last().map(String::as_str), Some("not now"));
    }

    #[test]
    fn a_row_says_how_a_service_is() {
        let mut table = table(channel().0);
        let stats = |received: u64, sent: u64| json!({ "connections": { "in.echo": { "received": received, "sent": sent, "failed": 2, "p99": 0.002 } } });
        let (mut look, now) = (Load { share: 0.25, memory: 3 << 20, ..Load::default() }, Instant::now());
        look.take(Some(&stats(0, 0)), None, now);
        look.take(Some(&stats(12, 3)), None, now + TICK);
        table.looks.insert(7, look);
        let echo =
            Seen { name: "echo.1".into(), state: "ready", pid: Some(7), restarts: 1, ..Seen::default() };
        let waits_for = vec!["echo".to_owned()];
        let view = Seen { name: "view".into(), state: "blocked", waits_for, ..Seen::default() };
        insta::assert_snapshot!(table.rows(&[echo, view]).join("\n"), @"
           name    state             restarts  up for   cpu   memory  in/s  out/s     p99  errors
        >  echo.1  ready                    1          25 %  3.0 MiB    12      3  2.0 ms       2
           view    blocked for echo         0
        ↑↓ choose   r restart   s stop   f only its lines   q stop all
        ");
    }
}
