//! A state that is watched through a pipe: one line for each change, for people or as JSON.

use std::io::{self, Write};
use std::time::Duration;

use super::Watch;
use super::cell::{cell, standing};
use super::follow::{AnyView, Follower, Look};
use super::object::{self, Update};
use super::target::Target;
use crate::state::Status;
use crate::value::Value;

/// How long a state may be stale before a line says so.
const STEP: Duration = Duration::from_millis(100);
/// Keys of one change that are shown to people.
const MOST_SHOWN: usize = 16;

/// What was written of a state.
pub(super) struct Lines {
    name: String,
    json: bool,
    /// The status that was told last.
    told: Option<&'static str>,
    /// Epoch and number of the whole state that was written; changes say the rest.
    whole: Option<(Option<u64>, Option<i64>)>,
}

impl Lines {
    pub(super) fn new(target: &Target, json: bool) -> Self {
        Self { name: target.name.clone(), json, told: None, whole: None }
    }

    /// The line of a status that is not told yet.
    fn status(&mut self, look: Option<&Look>) -> Option<String> {
        let status = look.map_or(Status::Waiting, Look::status).word();
        if self.told == Some(status) || (status == "current" && self.whole.is_none()) {
            return None;
        }
        self.told = Some(status);
        Some(match (self.json, look) {
            (true, _) => object::standing(&self.name, look).to_string(),
            (false, Some(look)) => format!("{} {}", self.name, standing(look)),
            (false, None) => format!("{} waiting", self.name),
        })
    }

    /// The line of the whole state.
    fn whole(&mut self, look: &Look) -> String {
        self.whole = Some((look.epoch(), look.number()));
        self.told = Some(look.status().word());
        if self.json {
            return object::whole(&self.name, Some(look)).to_string();
        }
        format!("{} {}: {}", self.name, standing(look), entries(&look.rows(MOST_SHOWN), look.keys()))
    }

    /// The line of an update; none of one that is in the whole state already.
    fn change(&mut self, look: &Look, args: Value) -> Option<String> {
        let update = Update::read(args);
        let (epoch, number) = self.whole?;
        if epoch == look.epoch() && update.number.is_some() && update.number <= number {
            return None;
        }
        Some(self.change_line(look, update))
    }

    fn change_line(&mut self, look: &Look, update: Update) -> String {
        if self.json {
            self.told = Some(look.status().word());
            return object::change(&self.name, look, update).to_string();
        }
        let number = update.number.map(|number| format!(" number {number}")).unwrap_or_default();
        let Value::Map(changes) = &update.changes else { return format!("{}{number}", self.name) };
        let others = match update.others.as_slice() {
            [] => String::new(),
            others => format!(" ({})", entries(others, others.len())),
        };
        format!("{}{number}: {}{others}", self.name, entries(changes, changes.len()))
    }

    /// The lines of what has come.
    fn lines(&mut self, follower: &Follower) -> (Vec<String>, bool) {
        let news = follower.wait(STEP);
        let look = follower.look();
        let mut lines = Vec::new();
        if let Some(look) = look.as_ref().filter(|look| look.has_value()) {
            let is_full = matches!(look.view, AnyView::Full(_));
            let is_new = news.updates > 0 && (is_full || news.too_many);
            if is_new || (self.whole.is_none() && look.status().is_current()) {
                lines.push(self.whole(look));
            } else {
                lines.extend(news.changes.into_iter().filter_map(|args| self.change(look, args)));
            }
        }
        lines.extend(self.status(look.as_ref()));
        (lines, news.is_over)
    }
}

impl Watch for Lines {
    fn turn(&mut self, follower: &Follower) -> io::Result<bool> {
        let (lines, is_over) = self.lines(follower);
        if !lines.is_empty() {
            let mut stdout = io::stdout().lock();
            stdout.write_all((lines.join("\n") + "\n").as_bytes())?;
            stdout.flush()?;
        }
        Ok(!is_over)
    }
}

/// Keys with what they are now.
fn entries(entries: &[(Value, Value)], all: usize) -> String {
    let entry = |(key, value): &(Value, Value)| match value {
        Value::Nil => format!("{} is gone", cell(key)),
        value => format!("{} = {}", cell(key), cell(value)),
    };
    let mut shown: Vec<_> = entries.iter().take(MOST_SHOWN).map(entry).collect();
    if all > shown.len() {
        shown.push(format!("and {} more", all - shown.len()));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_one_short_line() {
        let rows = |json| match Value::from_json(&json).unwrap() {
            Value::Map(rows) => rows,
            _ => Vec::new(),
        };
        let three = rows(json!({"a": 1, "b": null, "c": "x\ny"}));
        assert_eq!(entries(&three, 3), "a = 1, b is gone, c = x\\ny");
        assert_eq!(entries(&three, 9), "a = 1, b is gone, c = x\\ny, and 6 more");
        let args = json!({"current_num": 7, "is_snapshot": false, "state": {"a": 1}, "why": "x"});
        let update = Update::read(Value::from_json(&args).unwrap());
        assert_eq!((update.number, update.changes.to_json()), (Some(7), json!({"a": 1})));
        assert_eq!(update.others, [("why".into(), "x".into())]);
    }
}
