//! The workflows of which something was seen, to choose one from. Reads no clock.

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};

use super::paths::{Message, root};
use crate::connection::tap::{Kind, OK};

/// Which workflows are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    /// Those in which there is more than updates of states.
    Messages,
    /// Those in which something went wrong.
    Errors,
    All,
}

impl Only {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "errors" => Self::Errors,
            "all" => Self::All,
            _ => Self::Messages,
        }
    }
}

/// The latest workflows of which something was seen, newest first: those with `find` in their id, a service or a connection.
pub(super) fn latest<'a>(
    messages: impl Iterator<Item = &'a Message>,
    find: &str,
    only: Only,
    most: usize,
) -> Vec<Json> {
    let mut all: HashMap<&str, Summary<'_>> = HashMap::new();
    for message in messages {
        all.entry(root(message.workflow())).or_default().add(message, find);
    }
    let wanted = all
        .into_iter()
        .filter(|(id, summary)| (summary.is_found || id.contains(find)) && summary.is_of(only));
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_unstable_by_key(|(id, summary)| (std::cmp::Reverse(summary.began), *id));
    wanted.truncate(most);
    wanted.into_iter().map(|(id, summary)| summary.to_json(id)).collect()
}

/// All that was seen of one workflow.
#[derive(Default)]
struct Summary<'a> {
    began: u64,
    ended: u64,
    messages: usize,
    services: HashSet<&'a str>,
    first: Option<(&'a str, &'a str)>,
    wrong: Option<&'a str>,
    is_found: bool,
    /// Whether it is about more than states.
    is_more: bool,
}

impl<'a> Summary<'a> {
    fn add(&mut self, message: &'a Message, find: &str) {
        let record = &message.record;
        let began = record.time.saturating_sub(message.took());
        if self.first.is_none() || began < self.began {
            (self.began, self.first) = (began, Some((&*message.service, &*record.connection)));
        }
        self.ended = self.ended.max(record.time);
        self.messages += usize::from(record.kind != Kind::Handled);
        self.services.insert(&message.service);
        let wrong = record.outcome.as_deref().filter(|outcome| *outcome != OK);
        self.wrong = self.wrong.or(wrong);
        self.is_more |= !record.connection.starts_with("states.");
        self.is_found |= message.service.contains(find) || record.connection.contains(find);
    }

    fn is_of(&self, only: Only) -> bool {
        match only {
            Only::Messages => self.is_more,
            Only::Errors => self.wrong.is_some(),
            Only::All => true,
        }
    }

    fn to_json(&self, id: &str) -> Json {
        let (service, connection) = self.first.unwrap_or_default();
        json!({
            "workflow": id,
            "began": self.began,
            "took": self.ended.saturating_sub(self.began),
            "messages": self.messages,
            "services": self.services.len(),
            "service": service,
            "connection": connection,
            "wrong": self.wrong,
        })
    }
}
