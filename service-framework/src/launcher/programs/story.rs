//! The story of a run: its calls in their order, with what each changed and how long it took.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::launcher::logs::Utc;
use crate::launcher::terminal::{Palette, printable};
use crate::program::{Changes, Event, Happened, RunInfo};
use crate::store::Timestamp;

/// One call of a hook, or something that happened between two of them.
#[derive(Debug, PartialEq)]
enum Entry {
    Call { hook: String, attempt: u32, is_reversing: bool, began: Timestamp, ended: Option<CallEnd> },
    Other { at: Timestamp, what: String },
}

#[derive(Debug, PartialEq)]
struct CallEnd {
    took: Duration,
    changes: Changes,
    error: Option<String>,
    in_doubt: bool,
}

/// A run, as `show` prints it.
pub(super) struct Story<'a> {
    info: &'a RunInfo,
    pool: Option<Json>,
    entries: Vec<Entry>,
}

impl<'a> Story<'a> {
    pub(super) fn of(info: &'a RunInfo, history: Vec<Happened>) -> Self {
        let mut story = Self { info, pool: None, entries: Vec::new() };
        for Happened { at, event } in history {
            match event {
                Event::Started { pool, .. } => story.pool = Some(pool.to_json()),
                Event::Began { hook, attempt, is_reversing } => {
                    story.entries.push(Entry::Call { hook, attempt, is_reversing, began: at, ended: None });
                }
                Event::Ended { changes, error, in_doubt } => {
                    story.end_call(at, |took| CallEnd { took, changes, error, in_doubt });
                }
                other => story.entries.push(Entry::Other { at, what: told(&other) }),
            }
        }
        story
    }

    fn end_call(&mut self, at: Timestamp, end: impl FnOnce(Duration) -> CallEnd) {
        let open = self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Call { began, ended, .. } if ended.is_none() => Some((*began, ended)),
            _ => None,
        });
        if let Some((began, ended)) = open {
            *ended = Some(end(at.since(began)));
        }
    }

    pub(super) fn to_json(&self) -> Json {
        let entries: Vec<Json> = self.entries.iter().map(entry_to_json).collect();
        json!({
            "run": self.info.run,
            "program": self.info.program,
            "status": self.info.status,
            "began": utc(self.info.began),
            "changed": utc(self.info.changed),
            "server": self.info.server,
            "pool": self.pool,
            "steps": entries,
        })
    }

    pub(super) fn to_text(&self, palette: Palette) -> String {
        let took = self.info.changed.since(self.info.began);
        let mut text = format!(
            "{} {} {}\nbegan {}, {}\n",
            palette.bold(&self.info.program),
            self.info.run,
            painted(&self.info.status, palette),
            utc(self.info.began),
            if self.info.status == "running" {
                "running".to_owned()
            } else {
                format!("took {}", short(took))
            },
        );
        if let Some(pool) = &self.pool {
            text.push_str(&format!("pool {}\n", cut(&pool.to_string())));
        }
        for entry in &self.entries {
            text.push_str(&entry_to_text(entry, palette));
        }
        text
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::Noted { text } => text.clone(),
        Event::Recovered => "taken up by another server after a crash".to_owned(),
        Event::TimedOut => "its time was over".to_owned(),
        Event::Cancelled => "cancelled by an operator".to_owned(),
        Event::Parked { reason } => format!("stuck: {reason}"),
        Event::Retried => "retried by an operator".to_owned(),
        Event::Resolved { note } => format!("resolved by an operator: {note}"),
        other => other.kind().to_owned(),
    }
}

fn entry_to_json(entry: &Entry) -> Json {
    match entry {
        Entry::Call { hook, attempt, is_reversing, began, ended } => json!({
            "hook": hook,
            "attempt": attempt,
            "reversing": is_reversing,
            "began": utc(*began),
            "took_ms": ended.as_ref().map(|end| end.took.as_micros() as f64 / 1000.0),
            "error": ended.as_ref().and_then(|end| end.error.as_ref()),
            "in_doubt": ended.as_ref().map(|end| end.in_doubt),
            "set": ended.as_ref().map(|end| end.changes.to_json()),
            "removed": ended.as_ref().map(|end| &end.changes.removed),
        }),
        Entry::Other { at, what } => json!({"at": utc(*at), "what": what}),
    }
}

fn entry_to_text(entry: &Entry, palette: Palette) -> String {
    let (hook, attempt, is_reversing, ended) = match entry {
        Entry::Call { hook, attempt, is_reversing, ended, .. } => (hook, *attempt, *is_reversing, ended),
        Entry::Other { what, .. } => {
            return format!("  {}\n", palette.yellow(&format!("! {}", printable(what))));
        }
    };
    let Some(end) = ended else {
        let called = called(hook, attempt, is_reversing);
        return format!("{called}  {}\n", palette.yellow("has not ended"));
    };
    let in_doubt = if end.in_doubt { palette.yellow("       it may have happened\n") } else { String::new() };
    let mut text = call_text(&called(hook, attempt, is_reversing), end.took, end.error.as_deref(), palette);
    text.push_str(&in_doubt);
    for (name, value) in end.changes.to_json().as_object().into_iter().flatten() {
        text.push_str(&format!("       {} {name} = {}\n", palette.green("+"), cut(&value.to_string())));
    }
    for name in &end.changes.removed {
        text.push_str(&format!("       {} {name}\n", palette.red("-")));
    }
    text
}

/// A call: whether it does or undoes something, its hook, and which attempt it is.
pub(super) fn called(hook: &str, attempt: u32, is_reversing: bool) -> String {
    let sign = if is_reversing { "<-" } else { "->" };
    let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
    format!("  {sign} {hook}{again}")
}

/// How a call went.
pub(super) fn call_text(called: &str, took: Duration, error: Option<&str>, palette: Palette) -> String {
    let how = if error.is_some() { palette.red("failed") } else { palette.green("ok") };
    let why =
        error.map(|error| format!("       {}\n", printable(error.trim_end()).replace('\n', "\n       ")));
    format!("{called}  {how}  {}\n{}", palette.dim(&short(took)), why.unwrap_or_default())
}

/// How a status looks.
pub(super) fn painted(status: &str, palette: Palette) -> String {
    match status {
        "done" | "resolved" => palette.green(status),
        "rectified" => palette.yellow(status),
        "stuck" => palette.red(status),
        _ => palette.cyan(status),
    }
}

/// A time, as logs write it.
pub(super) fn utc(time: Timestamp) -> String {
    Utc(time.to_system_time()).to_string()
}

/// A length of time in two or three figures.
pub(super) fn short(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds >= 120.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds >= 1.0 => format!("{seconds:.1} s"),
        _ if seconds >= 0.001 => format!("{:.0} ms", seconds * 1000.0),
        _ => format!("{:.0} us", seconds * 1_000_000.0),
    }
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((place, _)) => format!("{}…", &text[..place]),
        None => text.to_owned(),
    }
}
