//! Reading a recording.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row};
use serde_json::Value as Json;

use super::error::RecordingError;
use super::file;
use super::filter::Filter;
use super::message::Message;
use super::write::WholeState;
use super::{Direction, Kind};
use crate::connection::tap::Wanted;

/// What [`Recording::message`] reads.
pub(super) const COLUMNS: &str =
    "id, time, service, connection, direction, kind, workflow_id, topic, peer, size, took, outcome";

/// A recording that is read.
///
/// Everything in it is taken for what it is: bytes from outside. What is damaged is an error, never a panic.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    pub(super) connection: Connection,
    services: Vec<RecordedService>,
    pub(super) connections: HashMap<i64, Arc<str>>,
}

/// One run of a service in a recording.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedService {
    /// The name that it has in its system, or its own.
    pub name: Arc<str>,
    /// The name of its system.
    pub system: Option<String>,
    /// What it is called by its model.
    pub service: String,
    /// Its process.
    pub pid: Option<u32>,
    /// Since when it was recorded, in microseconds since 1970.
    pub since: u64,
    /// Its model, if it was open.
    pub model: Option<Json>,
    /// Where it listened, by names such as `in.ask.replyer`.
    pub listens: Option<Json>,
    pub(crate) id: i64,
}

impl RecordedService {
    fn is(&self, wanted: &str) -> bool {
        let is_full = || {
            let system = self.system.as_deref();
            system.is_some_and(|system| wanted.strip_prefix(system) == Some(&format!("/{}", self.name)))
        };
        *wanted == *self.name || is_full() || self.pid.is_some_and(|pid| pid.to_string() == wanted)
    }
}

impl Recording {
    /// Opens a file.
    ///
    /// # Errors
    /// It is not there, is no recording, or is one of a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let connection = file::open(path)?;
        let damaged = |error| RecordingError::damaged(path, error);
        let services = read_services(&connection).map_err(damaged)?;
        let connections = read_connections(&connection).map_err(damaged)?;
        Ok(Self { path: path.into(), connection, services, connections })
    }

    /// Every run of every service, in the order in which they were found.
    #[must_use]
    pub fn services(&self) -> &[RecordedService] {
        &self.services
    }

    /// When the first message was seen and when the last one, in microseconds since 1970; None if there is none.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn span(&self) -> Result<Option<(u64, u64)>, RecordingError> {
        let time = |row: &Row<'_>, column: usize| -> rusqlite::Result<_> {
            Ok(row.get::<_, Option<i64>>(column)?.map(unsigned))
        };
        let span = self.connection.query_row("SELECT min(time), max(time) FROM messages", [], |row| {
            Ok(time(row, 0)?.zip(time(row, 1)?))
        });
        span.map_err(|error| self.damaged(error))
    }

    /// How many messages were seen and had no room.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn lost(&self) -> Result<u64, RecordingError> {
        let sum = "SELECT coalesce(sum(count), 0) FROM losses";
        let lost = self.connection.query_row(sum, [], |row| row.get::<_, i64>(0));
        lost.map(unsigned).map_err(|error| self.damaged(error))
    }

    /// The whole states that were recorded for the services and connections that are meant, each with its service, in the
    /// order of time.
    pub(crate) fn whole_states(&self, filter: &Filter) -> Result<Vec<(i64, WholeState)>, RecordingError> {
        let select =
            "SELECT service, time, connection, type, number, epoch, body FROM states ORDER BY time, id";
        let read = |row: &Row<'_>| {
            let connection: i64 = row.get(2)?;
            let connection = self.connections.get(&connection).map(|name| name.to_string());
            let state = WholeState {
                time: unsigned(row.get(1)?),
                connection: connection.unwrap_or_default(),
                kind: row.get(3)?,
                number: row.get(4)?,
                epoch: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
                body: row.get(6)?,
            };
            Ok((row.get(0)?, state))
        };
        let mut statement = self.connection.prepare(select).map_err(|error| self.damaged(error))?;
        let all = statement.query_map([], read).and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
        let mut all: Vec<(i64, WholeState)> = all.map_err(|error| self.damaged(error))?;
        let services = self.services_of(filter);
        all.retain(|(service, state)| {
            services.as_ref().is_none_or(|services| services.contains(service))
                && named(&filter.connections).includes(&state.connection)
        });
        Ok(all)
    }

    pub(crate) fn service_of(&self, id: i64) -> Option<&RecordedService> {
        self.services.iter().find(|service| service.id == id)
    }

    /// Names in a filter that nothing in this recording has.
    #[must_use]
    pub fn unknown(&self, filter: &Filter) -> Vec<String> {
        let services = filter.services.iter();
        let services = services.filter(|wanted| !self.services.iter().any(|service| service.is(wanted)));
        let has = |wanted: &&String| {
            let only = named(std::slice::from_ref(*wanted));
            self.connections.values().any(|name| only.includes(name))
        };
        services.chain(filter.connections.iter().filter(|wanted| !has(wanted))).cloned().collect()
    }

    /// The names of all services, once each, and of all connections.
    #[must_use]
    pub fn names(&self) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let once = |mut names: Vec<Arc<str>>| {
            names.sort();
            names.dedup();
            names
        };
        let services = self.services.iter().map(|service| service.name.clone());
        (once(services.collect()), once(self.connections.values().cloned().collect()))
    }

    pub(super) fn damaged(&self, error: impl ToString) -> RecordingError {
        RecordingError::damaged(&self.path, error)
    }

    pub(super) fn services_of(&self, filter: &Filter) -> Option<Vec<i64>> {
        let is_meant = |service: &&RecordedService| filter.services.iter().any(|wanted| service.is(wanted));
        let ids = || self.services.iter().filter(is_meant).map(|service| service.id).collect();
        (!filter.services.is_empty()).then(ids)
    }
}

pub(super) fn named(connections: &[String]) -> Wanted {
    Wanted { bodies: false, connections: connections.to_vec() }
}

impl Recording {
    pub(super) fn message(&self, row: &Row<'_>) -> Result<Message, RecordingError> {
        let (service, connection): (i64, i64) = (self.column(row, 2)?, self.column(row, 3)?);
        let (direction, kind): (String, String) = (self.column(row, 4)?, self.column(row, 5)?);
        let unknown = |what: &str, text: &str| self.damaged(format!("{text:?} is no {what}"));
        let run = self.service_of(service).ok_or_else(|| self.damaged("a message is of no service"))?;
        let connection = self.connections.get(&connection);
        Ok(Message {
            id: self.column(row, 0)?,
            time: unsigned(self.column(row, 1)?),
            service: run.name.clone(),
            connection: connection.ok_or_else(|| self.damaged("a message is of no connection"))?.clone(),
            direction: match direction.as_str() {
                "in" => Direction::In,
                "out" => Direction::Out,
                other => return Err(unknown("direction", other)),
            },
            kind: Kind::named(&kind).ok_or_else(|| unknown("kind", &kind))?,
            workflow_id: self.column(row, 6)?,
            topic: self.column(row, 7)?,
            peer: self.column(row, 8)?,
            size: unsigned(self.column(row, 9)?),
            took: self.column::<Option<i64>>(row, 10)?.map(|took| Duration::from_micros(unsigned(took))),
            outcome: self.column(row, 11)?,
            body: None,
            run: service,
        })
    }

    /// The reply that a service gave to a request, the first behind it that is in none of `others`.
    pub(crate) fn reply_to(
        &self,
        request: &Message,
        others: &HashSet<i64>,
    ) -> Result<Option<Message>, RecordingError> {
        let text = format!(
            "SELECT {COLUMNS} FROM messages WHERE workflow_id = ?1 AND service = ?2 AND +time >= ?3 \
             AND direction = 'out' AND kind IN ('reply', 'error_reply') ORDER BY time, id"
        );
        let damaged = |error: rusqlite::Error| self.damaged(error);
        let mut statement = self.connection.prepare_cached(&text).map_err(damaged)?;
        let time = i64::try_from(request.time).unwrap_or(i64::MAX);
        let values = rusqlite::params![request.workflow_id, request.run, time];
        let mut rows = statement.query(values).map_err(damaged)?;
        while let Some(row) = rows.next().map_err(damaged)? {
            let mut reply = self.message(row)?;
            if reply.connection == request.connection && !others.contains(&reply.id) {
                reply.body = self.body(reply.id)?;
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    fn column<T: rusqlite::types::FromSql>(&self, row: &Row<'_>, column: usize) -> Result<T, RecordingError> {
        row.get(column).map_err(|error| self.damaged(error))
    }

    pub(super) fn body(&self, id: i64) -> Result<Option<Vec<u8>>, RecordingError> {
        let statement = self.connection.prepare_cached("SELECT body FROM messages WHERE id = ?1");
        let body = statement.and_then(|mut statement| statement.query_row([id], |row| row.get(0)));
        body.map_err(|error| self.damaged(error))
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn read_services(connection: &Connection) -> rusqlite::Result<Vec<RecordedService>> {
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let read = |row: &Row<'_>| {
        Ok(RecordedService {
            id: row.get(0)?,
            name: row.get::<_, String>(1)?.into(),
            system: row.get(2)?,
            service: row.get(3)?,
            pid: row.get::<_, Option<i64>>(4)?.and_then(|pid| u32::try_from(pid).ok()),
            since: unsigned(row.get(5)?),
            model: json(row.get(6)?),
            listens: json(row.get(7)?),
        })
    };
    let select = "SELECT id, name, system, service, pid, since, model, listens FROM services ORDER BY id";
    connection.prepare(select)?.query_map([], read)?.collect()
}

fn read_connections(connection: &Connection) -> rusqlite::Result<HashMap<i64, Arc<str>>> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?.into()));
    connection.prepare("SELECT id, name FROM connections")?.query_map([], read)?.collect()
}
