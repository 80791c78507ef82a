//! Writing a recording: by one thread, in batches, each of which is there whole or not at all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde_json::Value as Json;

use super::error::RecordingError;
use super::file;
use crate::connection::tap::{Direction, Kind, Record, now};
use crate::wire::{Extras, WorkflowId, write_request};

/// A recording that is being written.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    connection: Connection,
    names: HashMap<Arc<str>, i64>,
    is_in_batch: bool,
}

/// A state as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WholeState {
    pub(crate) time: u64,
    /// Such as `states.out.book`.
    pub(crate) connection: String,
    /// `delta_update` or `full_update`.
    pub(crate) kind: String,
    pub(crate) number: Option<i64>,
    pub(crate) epoch: Option<u64>,
    pub(crate) body: Option<Vec<u8>>,
}

impl Writer {
    /// Makes the file.
    ///
    /// # Errors
    /// There is one already, or it cannot be made.
    pub(crate) fn create(path: &Path) -> Result<Self, RecordingError> {
        let connection = file::create(path)?;
        Ok(Self { path: path.into(), connection, names: HashMap::new(), is_in_batch: false })
    }

    /// Adds a run of a service: what it answers to `ping`. Its number for what follows.
    ///
    /// # Errors
    /// Nothing can be written; so for all methods.
    pub(crate) fn service(&mut self, ping: &Json) -> Result<i64, RecordingError> {
        let text = |key| ping.get(key).and_then(Json::as_str);
        let pid = ping.get("pid").and_then(Json::as_i64);
        let row = params![
            text("name").unwrap_or(""),
            text("system"),
            text("service").unwrap_or(""),
            pid,
            signed(now())
        ];
        self.within_batch(|connection| {
            let insert =
                "INSERT INTO services (name, system, service, pid, since) VALUES (?1, ?2, ?3, ?4, ?5)";
            connection.prepare_cached(insert)?.insert(row)
        })
    }

    /// Notes the model of a service and where it listens.
    pub(crate) fn opened(&mut self, service: i64, said: &Json) -> Result<(), RecordingError> {
        let text = |key| said.get(key).map(Json::to_string);
        self.within_batch(|connection| {
            let update = "UPDATE services SET model = ?2, listens = ?3 WHERE id = ?1";
            connection.prepare_cached(update)?.execute(params![service, text("model"), text("listens")])
        })?;
        Ok(())
    }

    /// Adds a message.
    pub(crate) fn message(&mut self, service: i64, record: &Record) -> Result<(), RecordingError> {
        let name = self.name(&record.connection)?;
        self.within_batch(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO messages (time, service, connection, direction, kind, workflow_id, topic, peer, \
                     size, took, outcome, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                )?
                .execute(params![
                    signed(record.time),
                    service,
                    name,
                    record.direction.as_str(),
                    record.kind.as_str(),
                    record.workflow_id.as_deref(),
                    record.topic.as_deref(),
                    record.peer.as_deref(),
                    i64::try_from(record.size).unwrap_or(i64::MAX),
                    record.took.map(|took| i64::try_from(took.as_micros()).unwrap_or(i64::MAX)),
                    record.outcome.as_deref(),
                    record.body.as_deref(),
                ])
        })?;
        Ok(())
    }

    /// Adds a whole state.
    pub(crate) fn state(&mut self, service: i64, state: &WholeState) -> Result<(), RecordingError> {
        let name = self.name(&Arc::from(&*state.connection))?;
        self.within_batch(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO states (time, service, connection, type, number, epoch, body) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    signed(state.time),
                    service,
                    name,
                    state.kind,
                    state.number,
                    state.epoch.map(u64::cast_signed),
                    state.body.as_deref(),
                ])
        })?;
        Ok(())
    }

    /// Notes that so many messages more of a service were seen and had no room.
    pub(crate) fn lost(&mut self, service: i64, count: u64) -> Result<(), RecordingError> {
        self.within_batch(|connection| {
            let insert = "INSERT INTO losses (time, service, count) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(insert)?.execute(params![signed(now()), service, signed(count)])
        })?;
        Ok(())
    }

    /// Ends a batch: what was added until now stays.
    pub(crate) fn commit(&mut self) -> Result<(), RecordingError> {
        if std::mem::take(&mut self.is_in_batch) {
            let committed = self.connection.execute_batch("COMMIT");
            committed.map_err(|error| RecordingError::cannot_write(&self.path, &error))?;
        }
        Ok(())
    }

    fn name(&mut self, name: &Arc<str>) -> Result<i64, RecordingError> {
        if let Some(known) = self.names.get(name) {
            return Ok(*known);
        }
        let id = self.within_batch(|connection| {
            connection.prepare_cached("INSERT INTO connections (name) VALUES (?1)")?.insert([&**name])
        })?;
        self.names.insert(name.clone(), id);
        Ok(id)
    }

    fn within_batch<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RecordingError> {
        let begun = match self.is_in_batch {
            true => Ok(()),
            false => self.connection.execute_batch("BEGIN IMMEDIATE"),
        };
        self.is_in_batch = true;
        begun
            .and_then(|()| write(&self.connection))
            .map_err(|error| RecordingError::cannot_write(&self.path, &error))
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Writes a recording with one request and its reply, for examples.
///
/// # Errors
/// It cannot be written.
#[doc(hidden)]
pub fn write_example(path: &Path) -> Result<(), RecordingError> {
    let mut writer = Writer::create(path)?;
    let service = writer.service(&serde_json::json!({ "name": "desk", "service": "desk", "pid": 1 }))?;
    let (mut asked, mut answered, mut id) = (Vec::new(), Vec::new(), Vec::new());
    let workflow = WorkflowId::from("4711");
    workflow.write(&mut id);
    // {"item": "rope"} and {"price": 3}
    write_request(&mut asked, b"\x81\xa4item\xa4rope", &workflow, &Extras::default());
    crate::wire::write_reply(&mut answered, b"\x81\xa5price\x03", Some(&id));
    let frames = [(Direction::In, Kind::Request, asked), (Direction::Out, Kind::Reply, answered)];
    for (time, (direction, kind, frame)) in (1_000_000..).zip(frames) {
        let is_reply = kind == Kind::Reply;
        writer.message(
            service,
            &Record {
                time,
                connection: "in.ask".into(),
                direction,
                kind,
                workflow_id: Some("4711".into()),
                topic: None,
                peer: None,
                size: frame.len(),
                took: is_reply.then_some(std::time::Duration::from_micros(1)),
                outcome: is_reply.then(|| "ok".into()),
                body: Some(frame.into()),
            },
        )?;
    }
    writer.commit()
}
