//! What has come in for a script and what it has not taken yet.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::asked::Awaited;
use crate::flow::engine::Outcome;
use crate::flow::history::{Event, Timing};
use crate::value::Value;

/// Everything that came in, by what it is for. Each has the version of its event, so that what came first is taken first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Inbox {
    /// Outcomes of errands by their calls. More than one if an errand was done twice, or asked for again after a retry.
    results: BTreeMap<u32, Vec<(u64, Outcome)>>,
    /// Times that are over.
    elapsed: BTreeMap<u32, u64>,
    messages: BTreeMap<String, VecDeque<(u64, Value)>>,
    delivered: BTreeMap<String, (u64, Value)>,
    /// Flows that wait for the end of this one, and their calls.
    pub(super) watchers: Vec<(String, u32)>,
    cancelled: Option<u64>,
    /// More than what it took, if it took more than it may.
    #[serde(default)]
    exceeded: Option<String>,
    /// Version of the last retry: what errands came to before counts only where it was taken.
    retried: u64,
    /// How often it was retried.
    retries: i64,
    /// Version of the last event that came in.
    pub(super) seen: u64,
}

impl Inbox {
    /// Takes an event in. Those that are not for the script change nothing.
    pub(super) fn take_in(&mut self, version: u64, event: &Event) {
        self.seen = version;
        match event {
            Event::Result { call, outcome } => {
                self.results.entry(*call).or_default().push((version, outcome.clone()));
            }
            Event::Elapsed(Timing::Sleep(call) | Timing::Deadline(call)) => {
                let first = self.elapsed.entry(*call).or_insert(version);
                if *first < self.retried {
                    *first = version;
                }
            }
            Event::Message { name, data } => {
                self.messages.entry(name.clone()).or_default().push_back((version, data.clone()));
            }
            Event::Delivered { callback, body } => {
                self.delivered.entry(callback.clone()).or_insert((version, body.clone()));
            }
            Event::Watched { by, call } => self.watchers.push((by.clone(), *call)),
            Event::Cancelled => self.cancelled = self.cancelled.or(Some(version)),
            Event::Exceeded { reason } => self.exceeded = Some(reason.clone()),
            Event::Retried { .. } => {
                self.exceeded = None;
                self.retried = version;
                self.retries += 1;
            }
            _ => {}
        }
    }

    /// When what is awaited was there.
    pub(super) fn when(&self, awaited: &Awaited) -> Option<u64> {
        match awaited {
            Awaited::Callback(id) => self.delivered.get(id).map(|(version, _)| *version),
            Awaited::Message(name) => self.messages.get(name)?.front().map(|(version, _)| *version),
            Awaited::Call(handle) => {
                let is_good = |outcome: &Outcome| matches!(outcome, Outcome::Value(_));
                let results = self.results.get(handle).into_iter().flatten();
                let mut valid =
                    results.filter(|(version, outcome)| *version > self.retried || is_good(outcome));
                // One of the two: what was begun is an errand or a sleep.
                valid.next().map(|(version, _)| *version).or_else(|| self.when_elapsed(*handle))
            }
        }
    }

    /// What is awaited, which came with the event of this version. A message is taken away, everything else stays.
    pub(super) fn take(&mut self, awaited: &Awaited, from: u64) -> Option<Outcome> {
        match awaited {
            Awaited::Callback(id) => self
                .delivered
                .get(id)
                .filter(|(version, _)| *version == from)
                .map(|(_, body)| Outcome::Value(body.clone())),
            Awaited::Message(name) => {
                let waiting = self.messages.get_mut(name)?;
                let first = waiting.pop_front_if(|(version, _)| *version == from)?;
                Some(Outcome::Value(first.1))
            }
            Awaited::Call(handle) => {
                let slept = self.elapsed.contains_key(handle).then_some(Outcome::Value(Value::Nil));
                self.result(*handle, from).cloned().or(slept)
            }
        }
    }

    fn result(&self, call: u32, from: u64) -> Option<&Outcome> {
        self.results.get(&call)?.iter().find(|(version, _)| *version == from).map(|(_, outcome)| outcome)
    }

    /// When an errand came to something for which the script stands still.
    pub(super) fn when_done(&self, call: u32) -> Option<u64> {
        let results = self.results.get(&call)?.iter();
        results.map(|(version, _)| *version).find(|version| *version > self.retried)
    }

    /// What the errand came to for which the script stood still. It is needed no more.
    pub(super) fn take_done(&mut self, call: u32, from: u64) -> Option<Outcome> {
        let outcome = self.result(call, from).cloned();
        if outcome.is_some() {
            self.results.remove(&call);
        }
        outcome
    }

    /// When the time of this call was over.
    pub(super) fn when_elapsed(&self, call: u32) -> Option<u64> {
        self.elapsed.get(&call).copied().filter(|version| *version > self.retried)
    }

    /// How often it was retried.
    pub(super) fn retries(&self) -> i64 {
        self.retries
    }

    /// More than what it took, if it took more than it may.
    pub(super) fn exceeded(&self) -> Option<&str> {
        self.exceeded.as_deref()
    }

    /// When it was cancelled.
    pub(super) fn when_cancelled(&self) -> Option<u64> {
        self.cancelled
    }
}
