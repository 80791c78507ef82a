//! Flows as somebody sees them who has the store: started, looked at, and told things.

use std::sync::Arc;

use crate::store::{
    Batch, Error as StoreError, Expected, Filter, NewEvent, Refused, Store, StreamInfo, Timestamp, new_id,
};
use crate::value::Value;

use super::engine::Script;
use super::errors::FlowError;
use super::history::{End, Event, Started, Status, fork, published, retry_from};
use super::journal;
use super::shared::Shared;
use super::start::check_id;
use super::stream::{CATEGORY, callback_key, delivered_key, encoded, id_in, read, saved_key, source, stream};
use super::worker::Stored;

/// How often something is tried while the flow goes on.
const TRIES: u32 = 100;
/// How many flows are listed at once at most.
const PAGE: usize = 1000;

/// The flows of a store. Clones are the same.
#[derive(Clone, Debug)]
pub struct Flows(pub(super) Store, pub(super) Arc<Shared>);

/// One flow of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowInfo {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub status: Status,
    /// The lease of the host that has it.
    pub host: Option<String>,
    /// Version of its last event.
    pub version: u64,
    /// When it was started.
    pub began: Timestamp,
    /// When something last happened to it.
    pub changed: Timestamp,
    /// Under what the store lists it: the lease of its host, or what it is queued for.
    pub(super) listed: Option<String>,
}

/// Whether something that came for a flow was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is written.
    Written,
    /// The flow has ended; it changes nothing any more.
    Over,
}

impl Flows {
    /// The flows of this store.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self(store.clone(), Arc::default())
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0
    }

    /// Flows in the order of their ids, which is that in which they were started where they were given none: at most `limit`,
    /// behind the flow `after`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(
        &self,
        status: Option<Status>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<FlowInfo>, FlowError> {
        let filter = Filter::category(CATEGORY);
        let filter = match status {
            Some(status) => filter.status(status.word()),
            None => filter,
        };
        let page = self.0.streams(&filter, after.map(stream).as_deref(), limit.min(PAGE))?;
        Ok(page.into_iter().filter_map(info_of).collect())
    }

    /// One flow.
    ///
    /// # Errors
    /// There is none of this id.
    pub fn get(&self, id: &str) -> Result<FlowInfo, FlowError> {
        let found = self.0.stream(&stream(id))?.and_then(info_of);
        found.ok_or_else(|| FlowError::NoFlow(id.to_owned()))
    }

    /// What a flow was started with.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
    pub fn started(&self, id: &str) -> Result<Started, FlowError> {
        let first = journal::first(&self.0, id)?.ok_or_else(|| FlowError::NoFlow(id.to_owned()))?;
        match Event::from_bytes(&first.kind, &first.payload) {
            Ok(Event::Started(started)) => Ok(started),
            Ok(_) => Err(FlowError::Incomplete {
                flow: id.to_owned(),
                reason: "its first event is missing".to_owned(),
            }),
            Err(source) => Err(FlowError::Event { flow: id.to_owned(), version: first.version, source }),
        }
    }

    /// What a flow runs.
    ///
    /// # Errors
    /// There is none of this id, or its script is missing.
    pub fn script(&self, id: &str) -> Result<Script, FlowError> {
        script_of(&self.0, id, self.started(id)?)
    }

    /// All events of a flow, with the times at which they were written.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
    pub fn history(&self, id: &str) -> Result<Vec<(Timestamp, u64, Event)>, FlowError> {
        self.get(id)?;
        self.since(id, 0)
    }

    /// A message for a flow, which takes it by this name.
    ///
    /// # Errors
    /// There is no such flow.
    pub fn signal(&self, id: &str, name: &str, data: Value) -> Result<Told, FlowError> {
        self.tell(id, &Event::Message { name: name.to_owned(), data }, Batch::new())
    }

    /// Has a flow ended: it is interrupted where it stands, and its compensations run.
    ///
    /// # Errors
    /// There is no such flow.
    pub fn cancel(&self, id: &str) -> Result<Told, FlowError> {
        self.change(id, &Event::Cancelled, |status| match status {
            status if status.has_ended() => Err("it has ended"),
            Status::Running => Ok(Status::Running),
            _ => Ok(Status::Ready),
        })
    }

    /// Has a flow stand still after its turn, until it is resumed. What comes for it is kept.
    ///
    /// # Errors
    /// There is no such flow, or it has ended.
    pub fn pause(&self, id: &str) -> Result<Told, FlowError> {
        self.change(id, &Event::Paused, |status| match status {
            Status::Ready | Status::Queued | Status::Running | Status::Waiting => Ok(Status::Paused),
            _ => Err("only one that goes on by itself can be paused"),
        })
    }

    /// Has a flow stand still of which the store has nothing whole, until somebody has looked at it.
    ///
    /// # Errors
    /// There is no such flow, or it does not go on anyway.
    pub(super) fn park(&self, id: &str, reason: String) -> Result<Told, FlowError> {
        self.change(id, &Event::Parked { reason }, |status| match status {
            Status::Ready | Status::Queued | Status::Running | Status::Waiting => Ok(Status::Parked),
            _ => Err("only one that goes on by itself can be parked"),
        })
    }

    /// Has a flow go on that was paused or parked.
    ///
    /// # Errors
    /// There is no such flow, or it is neither.
    pub fn resume(&self, id: &str) -> Result<Told, FlowError> {
        self.change(id, &Event::Resumed, |status| match status {
            Status::Paused | Status::Parked => Ok(Status::Ready),
            _ => Err("only one that is paused or parked can be resumed"),
        })
    }

    /// Has a flow go on that failed: what it failed at is asked for once more.
    ///
    /// # Errors
    /// It has not failed, or its compensations have run.
    pub fn retry(&self, id: &str) -> Result<Told, FlowError> {
        let info = self.get(id)?;
        let status = info.status;
        let events: Vec<Event> = self.history(id)?.into_iter().map(|(_, _, event)| event).collect();
        let keep =
            retry_from(&events).map_err(|needed| FlowError::NotNow { id: id.to_owned(), status, needed })?;
        let event = encoded(&Event::Retried { keep })?;
        // What was saved may stand behind the place to which it goes back.
        match self.append(&info, &event, Status::Ready, None, Batch::new().release(saved_key(id)))? {
            true => Ok(Told::Written),
            false => Err(FlowError::Busy(id.to_owned())),
        }
    }

    /// Starts another flow where this one stood after so many moves: it goes on from there by itself. Its id.
    ///
    /// # Errors
    /// There is no such flow, it has not made so many moves, or the id is taken.
    pub fn fork(&self, id: &str, moves: u64, new: Option<String>) -> Result<String, FlowError> {
        let events: Vec<Event> = self.history(id)?.into_iter().map(|(_, _, event)| event).collect();
        let forked = fork(id, &events, moves)
            .map_err(|reason| FlowError::Incomplete { flow: id.to_owned(), reason })?;
        let new = new.unwrap_or_else(new_id);
        check_id(&new)?;
        let fresh = forked.iter().map(encoded).collect::<Result<Vec<_>, _>>()?;
        let batch = Batch::new().append(stream(&new), Expected::NoStream, fresh).mark(
            stream(&new),
            CATEGORY,
            Status::Ready.word(),
            None,
        );
        match self.0.commit(batch) {
            Ok(_) => Ok(new),
            Err(StoreError::Refused(Refused::Conflict { .. })) => Err(FlowError::Taken { id: new }),
            Err(error) => Err(error.into()),
        }
    }

    /// How a flow ended, if it has.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
    pub fn end(&self, id: &str) -> Result<Option<End>, FlowError> {
        let info = self.get(id)?;
        if !info.status.has_ended() {
            return Ok(None);
        }
        let last = self.0.read(&stream(id), info.version, 1)?;
        let Some(last) = last.first() else { return Ok(None) };
        let read = Event::from_bytes(&last.kind, &last.payload);
        match read.map_err(|source| FlowError::Event {
            flow: id.to_owned(),
            version: last.version,
            source,
        })? {
            Event::Turn(turn) => Ok(turn.end),
            Event::Ended(end) => Ok(Some(end)),
            _ => Ok(None),
        }
    }

    /// What a flow has published, by name.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
    pub fn published(&self, id: &str) -> Result<Vec<(Value, Value)>, FlowError> {
        let events: Vec<Event> = self.history(id)?.into_iter().map(|(_, _, event)| event).collect();
        Ok(published(&events))
    }

    fn change(
        &self,
        id: &str,
        event: &Event,
        to: impl Fn(Status) -> Result<Status, &'static str>,
    ) -> Result<Told, FlowError> {
        let event = encoded(event)?;
        for _ in 0..TRIES {
            let info = self.get(id)?;
            let status = info.status;
            let to = to(status).map_err(|needed| FlowError::NotNow { id: id.to_owned(), status, needed })?;
            let owner = info.host.as_deref().filter(|_| to == Status::Running);
            if self.append(&info, &event, to, owner, Batch::new())? {
                return Ok(Told::Written);
            }
        }
        Err(FlowError::Busy(id.to_owned()))
    }

    /// Writes what came for a flow, and what belongs to it; a flow that waits is made ready.
    ///
    /// # Errors
    /// There is no such flow, or the store cannot be written.
    pub(super) fn tell(&self, id: &str, event: &Event, with: Batch) -> Result<Told, FlowError> {
        self.tell_encoded(id, &encoded(event)?, with)
    }

    /// As [`Flows::tell`].
    pub(super) fn tell_encoded(&self, id: &str, event: &NewEvent, with: Batch) -> Result<Told, FlowError> {
        let _turn = self.1.tellers.turn_for(id);
        for _ in 0..TRIES {
            let info = self.get(id)?;
            if info.status.has_ended() {
                if !with.is_empty() {
                    self.0.commit(with)?;
                }
                return Ok(Told::Over);
            }
            let status = if info.status == Status::Waiting { Status::Ready } else { info.status };
            if self.append(&info, event, status, info.listed.as_deref(), with.clone())? {
                return Ok(Told::Written);
            }
        }
        Err(FlowError::Busy(id.to_owned()))
    }

    /// Appends an event to a flow as it was seen; false if it has changed since.
    fn append(
        &self,
        seen: &FlowInfo,
        event: &NewEvent,
        status: Status,
        owner: Option<&str>,
        with: Batch,
    ) -> Result<bool, FlowError> {
        let name = stream(&seen.id);
        let batch = with.append(&name, Expected::Version(seen.version), [event.clone()]).mark(
            &name,
            CATEGORY,
            status.word(),
            owner,
        );
        match self.0.commit(batch) {
            Ok(_) => Ok(true),
            Err(StoreError::Refused(Refused::Conflict { .. })) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a flow has made this callback.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_callback(&self, callback: &str) -> Result<bool, FlowError> {
        Ok(self.0.claimed(&callback_key(callback))?.is_some())
    }

    /// Delivers a callback, at most once.
    ///
    /// # Errors
    /// The store cannot be written: nothing was delivered.
    pub fn deliver(&self, callback: &str, body: Value) -> Result<Delivery, FlowError> {
        let Some(flow) = self.0.claimed(&callback_key(callback))? else { return Ok(Delivery::Unknown) };
        let flow = String::from_utf8_lossy(&flow).into_owned();
        // Whoever comes second has another value for the key, and is refused.
        let with = Batch::new().claim(delivered_key(callback), new_id().into_bytes());
        let event = Event::Delivered { callback: callback.to_owned(), body };
        match self.tell(&flow, &event, with) {
            Ok(_) => Ok(Delivery::First(flow)),
            Err(FlowError::Store(StoreError::Refused(Refused::Claimed { .. }))) => Ok(Delivery::Again),
            Err(error) => Err(error),
        }
    }

    /// The events of a flow as they are stored, from this version on.
    pub(super) fn events(&self, id: &str, from: u64) -> Result<Vec<Stored>, FlowError> {
        read(&self.0, id, from)
    }
}

/// What a delivery was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The first: it counts, for this flow.
    First(String),
    /// A later one: the first counts.
    Again,
    /// No flow made this callback.
    Unknown,
}

/// The script that was started so.
pub(super) fn script_of(store: &Store, id: &str, started: Started) -> Result<Script, FlowError> {
    let source = source(store, &started.source)?.ok_or_else(|| FlowError::Incomplete {
        flow: id.to_owned(),
        reason: format!("its script {} is missing", started.source),
    })?;
    Ok(Script { file: started.file, source, function: started.function, args: started.args })
}

fn info_of(info: StreamInfo) -> Option<FlowInfo> {
    let status = Status::of_word(&info.mark.status)?;
    Some(FlowInfo {
        id: id_in(&info.stream)?.to_owned(),
        status,
        host: info.mark.owner.clone().filter(|_| status == Status::Running),
        listed: info.mark.owner,
        version: info.version,
        began: info.created,
        changed: info.changed,
    })
}
