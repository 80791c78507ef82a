//! Where a script stands, and what it waits for there and until when.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::calls::{called, seconds_text};
use super::steps::{Steps, utc};
use crate::flow::engine::{Call, Frame};
use crate::flow::history::Event;
use crate::flow::script::{Stand, Stood};
use crate::launcher::terminal::Palette;
use crate::store::Timestamp;
use crate::value::Value;

/// Where a script stands, and what for.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) stood: Stood,
    pub(super) waits: Vec<Wait>,
    /// When the first of its deadlines is over.
    deadline: Option<Timestamp>,
}

/// Something that it waits for.
#[derive(Debug, PartialEq)]
pub(super) struct Wait {
    what: String,
    until: Option<Timestamp>,
    /// What has been tried for it.
    note: Option<String>,
}

impl Standing {
    /// What a script stood for in this history.
    pub(super) fn of(stood: Stood, history: &[(Timestamp, u64, Event)]) -> Self {
        let mut steps = Steps::default();
        for (at, version, event) in history {
            steps.take(*at, *version, event);
        }
        let waits = match &stood.stand {
            Stand::Asked(call) => vec![asked(call, &steps, history)],
            Stand::Awaits(calls) => calls.iter().map(|call| awaited(*call, &steps, history)).collect(),
            Stand::Asks(_) | Stand::Ended => Vec::new(),
        };
        let ends = stood.deadlines.iter().filter_map(|call| ends_at(steps.call(*call)?));
        let deadline = ends.min();
        Self { stood, waits, deadline }
    }

    /// In lines: what it waits for and until when.
    pub(super) fn lines(&self, now: Timestamp, palette: Palette) -> Vec<String> {
        let mut lines: Vec<String> = self.waits.iter().map(|wait| wait.line(now, palette)).collect();
        match &self.stood.stand {
            Stand::Asks(call) => lines.push(format!("its next step is {}", called(call))),
            Stand::Ended => lines.push("it has ended".to_owned()),
            Stand::Asked(_) | Stand::Awaits(_) => {}
        }
        lines.extend(self.deadline.map(|deadline| format!("at most until {}", until(deadline, now))));
        lines
    }

    pub(super) fn to_json(&self) -> Json {
        let frames = self.stood.frames.iter().map(|frame| {
            let Frame { function, line, column, text } = frame;
            json!({"function": function, "line": line, "column": column, "text": text})
        });
        let waits = self
            .waits
            .iter()
            .map(|wait| json!({"for": wait.what, "until": wait.until.map(utc), "note": wait.note}));
        let next = match &self.stood.stand {
            Stand::Asks(call) => Some(called(call)),
            _ => None,
        };
        json!({
            "step": self.stood.moves,
            "steps": self.stood.of,
            "stack": frames.collect::<Vec<_>>(),
            "waits": waits.collect::<Vec<_>>(),
            "next": next,
            "deadline": self.deadline.map(utc),
            "printed": self.stood.printed,
        })
    }
}

impl Wait {
    fn line(&self, now: Timestamp, palette: Palette) -> String {
        let Self { what, until: end, note } = self;
        let end = end.map(|end| format!(", until {}", until(end, now))).unwrap_or_default();
        let note = note.as_ref().map(|note| palette.yellow(&format!(" ({note})"))).unwrap_or_default();
        format!("waits for {}{end}{note}", palette.bold(what))
    }
}

/// A moment, and how far away it is.
fn until(end: Timestamp, now: Timestamp) -> String {
    // Tenths of a second only make it restless.
    let left = Duration::from_secs(end.since(now).as_micros().div_ceil(1_000_000) as u64);
    let left = match left {
        Duration::ZERO => "now".to_owned(),
        left => format!("in {}", seconds_text(left.as_secs_f64())),
    };
    format!("{} ({left})", utc(end))
}

/// When a sleep or a deadline is over that was asked for then.
fn ends_at((call, at): &(Call, Timestamp)) -> Option<Timestamp> {
    let seconds = call.args.first().and_then(Value::as_f64)?;
    Some(*at + Duration::try_from_secs_f64(seconds.max(0.0)).ok()?)
}

/// The same of a sleep that was begun.
fn begun_ends_at((call, at): &(Call, Timestamp)) -> Option<Timestamp> {
    match call.args.as_slice() {
        [Value::Str(name), Value::List(args)] if name == "time.sleep" => {
            ends_at(&(Call { args: args.clone(), ..call.clone() }, *at))
        }
        _ => None,
    }
}

fn asked(call: &Call, steps: &Steps, history: &[(Timestamp, u64, Event)]) -> Wait {
    if call.name == "time.sleep" {
        let until = steps.call(call.id).and_then(ends_at);
        return Wait { what: "the time".to_owned(), until, note: None };
    }
    Wait { what: called(call), until: None, note: tried(call.id, history) }
}

fn awaited(number: u32, steps: &Steps, history: &[(Timestamp, u64, Event)]) -> Wait {
    let Some((call, _)) = steps.call(number) else {
        return Wait { what: format!("call {number}"), until: None, note: None };
    };
    match (call.name.as_str(), call.args.as_slice()) {
        ("wait.callback", [Value::Str(id)]) => {
            Wait { what: format!("callback {id}"), until: None, note: None }
        }
        ("wait.message", [Value::Str(name)]) => {
            Wait { what: format!("message {name}"), until: None, note: None }
        }
        ("wait.call", [Value::Int(handle)]) => {
            let handle = u32::try_from(*handle).unwrap_or(u32::MAX);
            let until = steps.call(handle).and_then(begun_ends_at);
            let what = steps.call(handle).map(|(begun, _)| called(begun));
            let what = what.map(|what| what.strip_prefix("begin ").unwrap_or(&what).to_owned());
            let what = what.unwrap_or_else(|| format!("call {handle}"));
            Wait { what, until, note: tried(handle, history) }
        }
        _ => Wait { what: called(call), until: None, note: None },
    }
}

/// How it stands with what was tried more than once.
fn tried(number: u32, history: &[(Timestamp, u64, Event)]) -> Option<String> {
    history.iter().rev().find_map(|(at, _, event)| match event {
        Event::Tried { call, attempt, reason, after } if *call == number => {
            let again = *at + Duration::try_from_secs_f64(after.max(0.0)).unwrap_or_default();
            Some(format!("attempt {attempt} failed: {reason}; again at {}", utc(again)))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::engine::Outcome;
    use crate::flow::history::{Move, Turn};

    fn call(id: u32, name: &str, args: Vec<Value>) -> Call {
        Call { id, name: name.to_owned(), args }
    }

    fn lines(moves: Vec<Move>, stand: Stand, deadlines: Vec<u32>) -> Vec<String> {
        let second = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let history = [
            (second(10), 2, Event::Turn(Turn { moves, ..Turn::default() })),
            (second(11), 3, Event::Tried { call: 1, attempt: 2, reason: "no".to_owned(), after: 4.0 }),
        ];
        let stood = Stood { moves: 1, of: 1, frames: Vec::new(), printed: String::new(), stand, deadlines };
        Standing::of(stood, &history).lines(second(12), Palette::PLAIN)
    }

    #[test]
    fn what_a_script_waits_for_is_told_with_its_time() {
        let sleep = call(0, "time.sleep", vec![Value::Int(60)]);
        let said = lines(vec![Move::Asked(sleep.clone())], Stand::Asked(sleep), vec![]);
        assert_eq!(said, ["waits for the time, until 1970-01-01T00:01:10.000Z (in 58 s)"]);
        let push = call(0, "deadline.push", vec![Value::Float(30.0)]);
        let begun = call(1, "begin", vec!["program.run".into(), Value::List(vec!["order".into()])]);
        let moves = vec![
            Move::Answered(push, Outcome::Value(Value::Nil)),
            Move::Begun(begun),
            Move::Awaits(call(2, "wait.call", vec![Value::Int(1)])),
            Move::Awaits(call(3, "wait.message", vec!["go".into()])),
        ];
        assert_eq!(
            lines(moves, Stand::Awaits(vec![2, 3]), vec![0]),
            [
                "waits for program.run \"order\" (attempt 2 failed: no; again at 1970-01-01T00:00:15.000Z)",
                "waits for message go",
                "at most until 1970-01-01T00:00:40.000Z (in 28 s)"
            ]
        );
    }
}
