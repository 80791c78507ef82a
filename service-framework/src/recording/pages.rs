//! Messages of a recording by a filter, page by page.

use std::collections::VecDeque;

use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;

use super::error::RecordingError;
use super::filter::Filter;
use super::message::Message;
use super::read::{COLUMNS, Recording, named};

/// Messages that are looked up at once; their frames are read one by one.
const PAGE: usize = 512;

impl Recording {
    /// The messages that are meant, in the order of time.
    #[must_use]
    pub fn messages(&self, filter: &Filter) -> Messages<'_> {
        let condition = self.condition(filter);
        Messages {
            recording: self,
            condition,
            bodies: !filter.without_bodies,
            page: VecDeque::new(),
            after: (i64::MIN, i64::MIN),
            is_over: false,
        }
    }

    /// The filter in the words of SQL, with its values.
    fn condition(&self, filter: &Filter) -> Condition {
        let mut condition = Condition::default();
        if let Some(services) = self.services_of(filter) {
            condition.is_one_of("service", services.into_iter().map(Sql::from));
        }
        if !filter.connections.is_empty() {
            let wanted = named(&filter.connections);
            let meant = self.connections.iter().filter(|(_, name)| wanted.includes(name));
            condition.is_one_of("connection", meant.map(|(id, _)| Sql::from(*id)));
        }
        if !filter.kinds.is_empty() {
            condition.is_one_of("kind", filter.kinds.iter().map(|kind| Sql::from(kind.as_str().to_owned())));
        }
        if !filter.topics.is_empty() {
            condition.is_one_of("topic", filter.topics.iter().cloned().map(Sql::from));
        }
        if let Some(direction) = filter.direction {
            condition.add("direction = ?", [direction.as_str().to_owned().into()]);
        }
        if let Some(id) = &filter.workflow {
            // What follows `_` in ASCII ends those that begin with `ID_`. One range, which its index has.
            let values = [id.clone(), format!("{id}`"), id.clone(), format!("{id}_")].map(Sql::from);
            condition.add(
                "workflow_id >= ? AND workflow_id < ? AND (workflow_id = ? OR workflow_id >= ?)",
                values,
            );
            condition.is_of_workflow = true;
        }
        if let Some(from) = filter.from {
            condition.add("time >= ?", [i64::try_from(from).unwrap_or(i64::MAX).into()]);
        }
        if let Some(until) = filter.until {
            condition.add("time < ?", [i64::try_from(until).unwrap_or(i64::MAX).into()]);
        }
        condition
    }
}

/// What holds for the rows that are meant.
#[derive(Debug, Default)]
struct Condition {
    text: String,
    values: Vec<Sql>,
    /// Whether so few rows are meant that another index than that of time is to find them.
    is_of_workflow: bool,
}

impl Condition {
    fn add(&mut self, text: &str, values: impl IntoIterator<Item = Sql>) {
        self.text.push_str(" AND ");
        self.text.push_str(text);
        self.values.extend(values);
    }

    fn is_one_of(&mut self, column: &str, values: impl IntoIterator<Item = Sql>) {
        let values: Vec<Sql> = values.into_iter().collect();
        let places = vec!["?"; values.len()].join(", ");
        self.add(&format!("{column} IN ({places})"), values);
    }
}

/// Messages of a recording; see [`Recording::messages`].
#[derive(Debug)]
pub struct Messages<'a> {
    recording: &'a Recording,
    condition: Condition,
    bodies: bool,
    page: VecDeque<Message>,
    after: (i64, i64),
    is_over: bool,
}

impl Messages<'_> {
    fn turn_page(&mut self) -> Result<(), RecordingError> {
        let (recording, condition) = (self.recording, &self.condition);
        let time = if condition.is_of_workflow { "+time" } else { "time" };
        let text = format!(
            "SELECT {COLUMNS} FROM messages WHERE ({time}, id) > (?, ?){} ORDER BY time, id LIMIT {PAGE}",
            condition.text
        );
        let after = [Sql::from(self.after.0), Sql::from(self.after.1)];
        let values = params_from_iter(after.iter().chain(&condition.values));
        let damaged = |error: rusqlite::Error| recording.damaged(error);
        let mut statement = recording.connection.prepare_cached(&text).map_err(damaged)?;
        let mut rows = statement.query(values).map_err(damaged)?;
        while let Some(row) = rows.next().map_err(damaged)? {
            self.after = (row.get(1).map_err(damaged)?, row.get(0).map_err(damaged)?);
            self.page.push_back(recording.message(row)?);
        }
        self.is_over = self.page.len() < PAGE;
        Ok(())
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.is_over
            && let Err(error) = self.turn_page()
        {
            self.is_over = true;
            self.page.clear();
            return Some(Err(error));
        }
        let mut message = self.page.pop_front()?;
        if self.bodies {
            match self.recording.body(message.id) {
                Ok(body) => message.body = body,
                Err(error) => {
                    self.is_over = true;
                    self.page.clear();
                    return Some(Err(error));
                }
            }
        }
        Some(Ok(message))
    }
}
