//! The history of a flow as steps: each move of its script has a number, and stands with what was asked and what came.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::calls::{call_json, called, came, cut, outcome_json, seconds_text};
use crate::flow::engine::{Call, Failure, Outcome, Raised};
use crate::flow::history::{End, Event, Move, Turn};
use crate::launcher::logs::Utc;
use crate::launcher::terminal::{Palette, printable};
use crate::store::Timestamp;
use crate::value::Value;

/// One line of a history.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Step(Step),
    /// What the script printed.
    Printed(String),
    /// What happened to the flow besides.
    Note(String),
    /// The same, and not as it should be.
    Trouble(String),
    End(End),
}

/// A move of the script.
#[derive(Debug)]
pub(super) struct Step {
    number: u64,
    kind: Kind,
    /// The call that it is about.
    call: Option<Call>,
    /// What that came to.
    outcome: Option<Outcome>,
    /// How long it took until then.
    took: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Answered,
    Asked,
    Begun,
    Awaits,
    Took,
    TimedOut,
    Interrupted,
}

/// Numbers steps, event by event.
#[derive(Default)]
pub(super) struct Steps {
    number: u64,
    calls: HashMap<u32, (Call, Timestamp)>,
    /// What events brought, by their versions.
    brought: HashMap<u64, Outcome>,
    /// Whether what comes is that of the flow from which it was forked.
    is_forked: bool,
}

impl Steps {
    /// All of a history.
    pub(super) fn of(history: &[(Timestamp, u64, Event)]) -> Vec<Entry> {
        let mut steps = Self::default();
        history.iter().flat_map(|(at, version, event)| steps.take(*at, *version, event)).collect()
    }

    /// The call of this number, and when it was made.
    pub(super) fn call(&self, number: u32) -> Option<&(Call, Timestamp)> {
        self.calls.get(&number)
    }

    /// The lines of one more event.
    pub(super) fn take(&mut self, at: Timestamp, version: u64, event: &Event) -> Vec<Entry> {
        let note = |text: String| vec![Entry { at, what: What::Note(text) }];
        let trouble = |text: String| vec![Entry { at, what: What::Trouble(text) }];
        match event {
            Event::Turn(turn) => return self.turn(at, turn),
            Event::Ended(end) => return vec![Entry { at, what: What::End(end.clone()) }],
            Event::Result { outcome, .. } => drop(self.brought.insert(version, outcome.clone())),
            Event::Message { name, data } => {
                self.brought.insert(version, Outcome::Value(data.clone()));
                return note(format!("message {name} came: {}", cut(&data.to_json().to_string())));
            }
            Event::Delivered { callback, body } => {
                self.brought.insert(version, Outcome::Value(body.clone()));
                return note(format!("callback {callback} came: {}", cut(&body.to_json().to_string())));
            }
            Event::Tried { call, attempt, reason, after } => {
                let what = self.calls.get(call).map_or_else(|| "a call".to_owned(), |(call, _)| called(call));
                let again = seconds_text(*after);
                return trouble(format!("{what}: attempt {attempt} failed: {reason}; again in {again}"));
            }
            Event::Watched { by, .. } => return note(format!("flow {by} waits for its end")),
            Event::Cancelled => return note("it is to be cancelled".to_owned()),
            Event::Exceeded { reason } => {
                return trouble(format!("interrupted, because it took more than it may: {reason}"));
            }
            Event::Paused => return trouble("paused".to_owned()),
            // It stands in the place of what a fork leaves out.
            Event::Resumed if self.is_forked => {}
            Event::Resumed => return note("resumed".to_owned()),
            Event::Retried { keep } => {
                self.number = *keep;
                self.is_forked = false;
                return note(format!("goes on from step {keep}"));
            }
            Event::Died { reason } => return trouble(format!("its interpreter died: {reason}")),
            Event::Parked { reason } => return trouble(format!("parked: {reason}")),
            Event::Started(started) => self.is_forked = started.forked_from.is_some(),
            Event::Claimed { .. } | Event::Elapsed(_) => {}
        }
        Vec::new()
    }

    fn turn(&mut self, at: Timestamp, turn: &Turn) -> Vec<Entry> {
        let steps = turn.moves.iter().map(|made| Entry { at, what: What::Step(self.step(at, made)) });
        let mut entries: Vec<Entry> = steps.collect();
        if !turn.printed.is_empty() {
            let printed = Entry { at, what: What::Printed(turn.printed.clone()) };
            // What it stands for now it asked for last.
            let stands = matches!(turn.moves.last(), Some(Move::Asked(_) | Move::Awaits(_)));
            entries.insert(entries.len() - usize::from(stands), printed);
        }
        entries.extend(turn.end.clone().map(|end| Entry { at, what: What::End(end) }));
        entries
    }

    fn step(&mut self, at: Timestamp, made: &Move) -> Step {
        self.number += 1;
        let number = self.number;
        let mut asked = |call: &Call, kind, outcome| {
            self.calls.insert(call.id, (call.clone(), at));
            Step { number, kind, call: Some(call.clone()), outcome, took: None }
        };
        match made {
            Move::Answered(call, outcome) => asked(call, Kind::Answered, Some(outcome.clone())),
            Move::Asked(call) => asked(call, Kind::Asked, None),
            Move::Begun(call) => asked(call, Kind::Begun, None),
            Move::Awaits(call) => asked(call, Kind::Awaits, None),
            Move::Took { call, from } => {
                let outcome = self.brought.get(from).cloned().unwrap_or(Outcome::Value(Value::Nil));
                self.came(at, number, Kind::Took, *call, outcome)
            }
            Move::TimedOut { call, .. } => {
                let raised =
                    Raised { kind: "TimeoutError".to_owned(), message: "the time is over".to_owned() };
                self.came(at, number, Kind::TimedOut, *call, Outcome::Error(raised))
            }
            Move::Interrupted => {
                Step { number, kind: Kind::Interrupted, call: None, outcome: None, took: None }
            }
        }
    }

    fn came(&self, at: Timestamp, number: u64, kind: Kind, call: u32, outcome: Outcome) -> Step {
        let asked = self.calls.get(&call);
        Step {
            number,
            kind,
            call: asked.map(|(call, _)| call.clone()),
            outcome: Some(outcome),
            took: asked.map(|(_, asked)| at.since(*asked)),
        }
    }
}

impl Entry {
    /// Whether it is worth a line while it happens: not the clock, not the dice.
    pub(super) fn is_news(&self) -> bool {
        let What::Step(step) = &self.what else { return true };
        let is_quiet = |call: &Call| {
            let quiet = ["time.now", "random.float", "random.bytes", "uuid.new", "flow.self", "deadline.pop"];
            quiet.contains(&call.name.as_str())
        };
        !step.call.as_ref().is_some_and(is_quiet)
    }

    /// As a line for people, or lines.
    pub(super) fn to_text(&self, palette: Palette) -> String {
        let time = palette.dim(&clock(self.at));
        match &self.what {
            What::Step(step) => format!("{:>6}  {time}  {}\n", step.number, step.to_text(palette)),
            What::Printed(text) => {
                let line = |line: &str| format!("        {time}  {} {line}\n", palette.dim("|"));
                printable(text).lines().map(line).collect()
            }
            What::Note(text) => {
                format!("        {time}  {}\n", palette.cyan(&format!("* {}", printable(text))))
            }
            What::Trouble(text) => {
                format!("        {time}  {}\n", palette.yellow(&format!("! {}", printable(text))))
            }
            What::End(end) => format!("        {time}  {}\n", end_text(end, palette)),
        }
    }

    /// For other programs.
    pub(super) fn to_json(&self) -> Json {
        let at = Utc(self.at.to_system_time()).to_string();
        match &self.what {
            What::Step(step) => step.to_json(&at),
            What::Printed(text) => json!({"at": at, "printed": text}),
            What::Note(text) => json!({"at": at, "note": text}),
            What::Trouble(text) => json!({"at": at, "trouble": text}),
            What::End(end) => {
                let mut json = end_json(end);
                json["at"] = at.into();
                json
            }
        }
    }
}

impl Step {
    fn to_text(&self, palette: Palette) -> String {
        let call = self.call.as_ref().map(called).unwrap_or_default();
        let outcome = || self.outcome.as_ref().map(|outcome| came(self.call.as_ref(), outcome, palette));
        let outcome = outcome().unwrap_or_default();
        let arrow = |text: String| if outcome.is_empty() { text } else { format!("{text} -> {outcome}") };
        match self.kind {
            Kind::Answered => arrow(call),
            Kind::Asked | Kind::Begun | Kind::Awaits => palette.bold(&call),
            Kind::Took | Kind::TimedOut => {
                let took = self.took.map(|took| format!(" ({})", seconds_text(took.as_secs_f64())));
                format!("{}{}", arrow(format!("  {call}")), palette.dim(&took.unwrap_or_default()))
            }
            Kind::Interrupted => palette.yellow("interrupted: KeyboardInterrupt"),
        }
    }

    fn to_json(&self, at: &str) -> Json {
        let kind = match self.kind {
            Kind::Answered => "answered",
            Kind::Asked => "asked",
            Kind::Begun => "begun",
            Kind::Awaits => "awaits",
            Kind::Took => "took",
            Kind::TimedOut => "timed_out",
            Kind::Interrupted => "interrupted",
        };
        let mut json = json!({"step": self.number, "at": at, "kind": kind});
        if let Some(Json::Object(call)) = self.call.as_ref().map(call_json) {
            call.into_iter().for_each(|(name, value)| json[name] = value);
        }
        if let Some(outcome) = &self.outcome {
            json["outcome"] = outcome_json(outcome);
        }
        if let Some(took) = self.took {
            json["took_ms"] = (took.as_secs_f64() * 1000.0).into();
        }
        json
    }
}

/// How a flow ended, in a line; a failure without its traceback.
fn end_text(end: &End, palette: Palette) -> String {
    match end {
        End::Done(Value::Nil) => palette.green("done"),
        End::Done(value) => format!("{} {}", palette.green("done:"), cut(&value.to_json().to_string())),
        End::Failed(failure) => format!("{} {}", palette.red("failed:"), failure_text(failure)),
        End::Cancelled(failure) => format!("{}{}", palette.yellow("cancelled"), undone(failure)),
    }
}

/// What failed, in a line.
pub(super) fn failure_text(failure: &Failure) -> String {
    let Failure { kind, message, .. } = failure;
    let text = if message.is_empty() { kind.clone() } else { format!("{kind}: {message}") };
    format!("{}{}", cut(&text.replace('\n', " ")), undone(failure))
}

fn undone(failure: &Failure) -> String {
    let mut text = String::new();
    if !failure.compensated.is_empty() {
        text.push_str(&format!("; undone by {}", failure.compensated.join(", ")));
    }
    for problem in &failure.not_compensated {
        text.push_str(&format!("; not undone: {problem}"));
    }
    text
}

/// How a flow ended, for other programs.
pub(super) fn end_json(end: &End) -> Json {
    match end {
        End::Done(value) => json!({"status": "done", "result": value.to_json()}),
        End::Failed(failure) => json!({"status": "failed", "error": failure_json(failure)}),
        End::Cancelled(failure) => json!({"status": "cancelled", "error": failure_json(failure)}),
    }
}

fn failure_json(failure: &Failure) -> Json {
    json!({
        "kind": failure.kind,
        "message": failure.message,
        "traceback": failure.traceback,
        "compensated": failure.compensated,
        "not_compensated": failure.not_compensated,
    })
}

/// The time of a day, in UTC, to the millisecond.
pub(super) fn clock(time: Timestamp) -> String {
    let text = Utc(time.to_system_time()).to_string();
    text.split_once('T').map_or(text.clone(), |(_, clock)| clock.trim_end_matches('Z').to_owned())
}

/// A moment, as logs write it.
pub(super) fn utc(time: Timestamp) -> String {
    Utc(time.to_system_time()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: u32, name: &str) -> Call {
        Call { id, name: name.to_owned(), args: Vec::new() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1000)
    }

    #[test]
    fn moves_are_numbered_and_stand_with_what_came() {
        let turn = |moves, printed: &str| Event::Turn(Turn { moves, printed: printed.to_owned(), end: None });
        let history = [
            (
                at(0),
                2,
                turn(
                    vec![
                        Move::Answered(call(0, "time.now"), Outcome::Value(1.into())),
                        Move::Asked(call(1, "program.run")),
                    ],
                    "hello\n",
                ),
            ),
            (at(30), 3, Event::Result { call: 1, outcome: Outcome::Value(7.into()) }),
            (at(31), 4, turn(vec![Move::Took { call: 1, from: 3 }], "")),
            (at(40), 5, Event::Retried { keep: 1 }),
            (
                at(41),
                6,
                Event::Turn(Turn {
                    moves: vec![Move::Interrupted],
                    end: Some(End::Done(Value::Nil)),
                    ..Turn::default()
                }),
            ),
        ];
        let text: String = Steps::of(&history).iter().map(|entry| entry.to_text(Palette::PLAIN)).collect();
        insta::assert_snapshot!(text, @r"
             1  00:00:00.000  time.now -> 1
                00:00:00.000  | hello
             2  00:00:00.000  program.run
             3  00:00:00.031    program.run -> 7 (31 ms)
                00:00:00.040  * goes on from step 1
             2  00:00:00.041  interrupted: KeyboardInterrupt
                00:00:00.041  done
        ");
        let json = Steps::of(&history)[3].to_json();
        assert_eq!(
            (&json["step"], &json["kind"], &json["outcome"]["value"]),
            (&3.into(), &"took".into(), &7.into())
        );
    }
}
