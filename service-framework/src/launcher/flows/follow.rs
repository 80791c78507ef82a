//! Following a flow: what it prints and does is shown as it happens, until it ends.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::panel::Panel;
use super::state::looker;
use super::steps::{Entry, Steps, What};
use super::waits::Standing;
use crate::flow::history::{End, Event, Move, Status};
use crate::flow::script::Stood;
use crate::flow::worker::Pool;
use crate::flow::{FlowError, FlowInfo, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::terminal::{Palette, printable};
use crate::store::{Timestamp, Topic, Watch};

/// How long it is waited for changes between two looks at everything else.
const SLICE: Duration = Duration::from_millis(100);
/// How often it is looked even if nothing seems to have changed.
const LOOK: Duration = Duration::from_secs(1);
/// How long a script has to stand still before it is looked where.
const SETTLED: Duration = Duration::from_millis(150);

/// How following ended.
pub(super) enum Followed {
    /// The flow ended.
    Ended(End),
    /// It goes on no more by itself.
    Parked,
    /// Whoever follows wants to do something else.
    Left,
}

/// What is shown of a flow.
enum View {
    /// What it prints, and trouble.
    Quiet,
    /// A line for each thing.
    Lines,
    /// One JSON object a line for each thing.
    Json,
    /// Lines, and its script below them.
    Live(Panel),
}

/// Somebody who follows a flow.
pub(super) struct Follower<'a> {
    flows: &'a Flows,
    id: &'a str,
    view: View,
    palette: Palette,
    steps: Steps,
    history: Vec<(Timestamp, u64, Event)>,
    version: u64,
    changed: Instant,
    /// The interpreter that only looks, once it was needed.
    pool: Option<Pool>,
    /// Where the script stood when it was looked last, and at which version that was.
    standing: Option<Standing>,
    looked: u64,
    /// What comes of a look.
    looking: Option<Receiver<Option<Stood>>>,
    title: String,
    source: String,
}

impl<'a> Follower<'a> {
    /// # Errors
    /// There is no such flow.
    pub(super) fn new(flows: &'a Flows, id: &'a str, options: &Options) -> Result<Self, FlowError> {
        let script = flows.script(id)?;
        let palette = options.color.palette(&stderr());
        let view = match (options.flows.follow, options.json) {
            (false, _) => View::Quiet,
            (true, true) => View::Json,
            (true, false) if stderr().is_terminal() => View::Live(Panel::new(palette)),
            (true, false) => View::Lines,
        };
        Ok(Self {
            flows,
            id,
            view,
            palette,
            steps: Steps::default(),
            history: Vec::new(),
            version: 0,
            changed: Instant::now(),
            pool: None,
            standing: None,
            looked: 0,
            looking: None,
            title: script.file,
            source: script.source,
        })
    }

    /// Follows until the flow has ended or `leaves` says so, which is asked all the time.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn follow(
        &mut self,
        mut leaves: impl FnMut(&FlowInfo) -> Result<bool, FlowError>,
    ) -> Result<Followed, FlowError> {
        let mut watch: Watch = self.flows.store().watch([Topic::category("flow")]);
        let mut read = Instant::now();
        let mut info = self.read()?;
        loop {
            if info.status.has_ended() && info.version <= self.version {
                self.show_end();
                if let Some(end) = self.flows.end(self.id)? {
                    return Ok(Followed::Ended(end));
                }
            }
            if info.status == Status::Parked {
                self.show_end();
                return Ok(Followed::Parked);
            }
            if leaves(&info)? {
                self.show_end();
                return Ok(Followed::Left);
            }
            self.look(&info);
            if watch.wait(SLICE) || read.elapsed() >= LOOK {
                read = Instant::now();
                info = self.read()?;
            }
        }
    }

    /// Shows what has happened since.
    fn read(&mut self) -> Result<FlowInfo, FlowError> {
        let info = self.flows.get(self.id)?;
        let news = match info.version > self.version {
            true => self.flows.since(self.id, self.version)?,
            false => Vec::new(),
        };
        let mut entries = Vec::new();
        for (at, version, event) in &news {
            entries.extend(self.steps.take(*at, *version, event));
            self.version = *version;
        }
        if !news.is_empty() {
            self.changed = Instant::now();
        }
        self.history.extend(news);
        let text: String = entries.iter().map(|entry| self.line(entry)).collect();
        self.show(&text, !entries.is_empty());
        Ok(info)
    }

    fn line(&self, entry: &Entry) -> String {
        match (&self.view, &entry.what) {
            (View::Quiet, What::Printed(text)) if stderr().is_terminal() => printable(text),
            (View::Quiet, What::Printed(text)) => text.clone(),
            (View::Quiet, What::Trouble(_)) => entry.to_text(self.palette),
            (View::Quiet, _) => String::new(),
            (View::Json, _) => format!("{}\n", entry.to_json()),
            _ if entry.is_news() => entry.to_text(self.palette),
            _ => String::new(),
        }
    }

    /// Whoever closed stderr does not want it; the flow goes on.
    fn show(&mut self, text: &str, is_new: bool) {
        match &mut self.view {
            View::Live(panel) if is_new => {
                let now = self.flows.store().now().unwrap_or_default();
                let rows = panel.rows(&self.title, &self.source, self.standing.as_ref(), now);
                let _ = panel.write(text, &rows);
            }
            View::Live(_) => {}
            _ => {
                let _ = io::stderr().lock().write_all(text.as_bytes());
            }
        }
    }

    /// Looks where the script stands, if it stands still and that is shown.
    fn look(&mut self, info: &FlowInfo) {
        if matches!(self.view, View::Quiet | View::Json) {
            return;
        }
        let is_still = self.changed.elapsed() >= SETTLED && !info.status.has_ended() && self.stands_still();
        if is_still && self.looking.is_none() && self.looked < self.version {
            self.looked = self.version;
            self.looking = self.begin_to_look();
        }
        let stood = self.looking.as_ref().and_then(|looking| match looking.try_recv() {
            Err(TryRecvError::Empty) => None,
            done => Some(done.ok().flatten()),
        });
        if let Some(stood) = stood {
            self.looking = None;
            self.stands(stood);
        }
        // What is left of a time changes.
        self.show("", true);
    }

    /// Whether the last that its script did was to wait: where that is takes no more than what it has done already.
    fn stands_still(&self) -> bool {
        let turn = self.history.iter().rev().find_map(|(_, _, event)| match event {
            Event::Turn(turn) => Some(turn),
            _ => None,
        });
        matches!(turn.and_then(|turn| turn.moves.last()), Some(Move::Asked(_) | Move::Awaits(_)))
    }

    /// Has an interpreter look, which may take as long as the script itself.
    fn begin_to_look(&mut self) -> Option<Receiver<Option<Stood>>> {
        if self.pool.is_none() {
            self.pool = looker().ok();
        }
        let (flows, pool, id) = (self.flows.clone(), self.pool.clone()?, self.id.to_owned());
        let (done, looking) = channel();
        let look = move || {
            let stood = flows.stood(&pool, &id, None);
            if let Err(error) = &stood {
                tracing::debug!(%error, "it cannot be seen where the script stands");
            }
            // Whoever asked may be gone.
            let _ = done.send(stood.ok());
        };
        thread::Builder::new().name("look".to_owned()).spawn(look).ok()?;
        Some(looking)
    }

    fn stands(&mut self, stood: Option<Stood>) {
        let Some(standing) = stood.map(|stood| Standing::of(stood, &self.history)) else { return };
        let is_new = self.standing.as_ref().is_none_or(|before| {
            (before.stood.moves, &before.waits) != (standing.stood.moves, &standing.waits)
        });
        self.standing = Some(standing);
        if is_new {
            self.tell();
        }
    }

    /// On no terminal, where it stands and what it waits for are lines like all others.
    fn tell(&mut self) {
        let (View::Lines, Some(standing)) = (&self.view, &self.standing) else { return };
        let mut text = String::new();
        if let Some(frame) = standing.stood.frames.last() {
            text.push_str(&format!("        at {}:{}  {}\n", self.title, frame.line, frame.text));
        }
        let now = self.flows.store().now().unwrap_or_default();
        for line in standing.lines(now, self.palette) {
            text.push_str(&format!("        {line}\n"));
        }
        self.show(&text, true);
    }

    /// Takes the panel away.
    fn show_end(&mut self) {
        if let View::Live(panel) = &mut self.view {
            let _ = panel.write("", &[]);
        }
    }
}
