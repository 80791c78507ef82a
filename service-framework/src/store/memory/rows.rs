//! The rows of a store as maps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::store::batch::NewEvent;
use crate::store::error::Error;
use crate::store::location::Location;
use crate::store::rows::{Event, Filter, LeaseState, Mark, OutboxItem, StreamInfo, Timer};
use crate::store::rules::{At, ClaimRow, Queues, Rows, StreamRow, Taking, WaitingRow};
use crate::store::time::Timestamp;
use crate::store::upkeep::{Info, MarkCount};

/// A stream and its events, of which each but the first follows the one before it.
#[derive(Default)]
struct Stream {
    row: StreamRow,
    /// The mark under which it is in the list.
    listed: Option<Arc<Mark>>,
    events: VecDeque<Event>,
}

/// A timer or a message.
#[derive(Clone)]
struct Waiting {
    due: Timestamp,
    /// When it is due or no longer held.
    ready: Timestamp,
    payload: Arc<[u8]>,
    attempt: u32,
}

/// A message and where it waits.
#[derive(Clone)]
struct Queued {
    queue: Arc<str>,
    waiting: Waiting,
}

/// Category, status and name of a stream.
type Listed = (Arc<str>, Arc<str>, Arc<str>);

/// Everything.
#[derive(Default)]
pub(super) struct Maps {
    streams: BTreeMap<Arc<str>, Stream>,
    listed: BTreeSet<Listed>,
    claims: BTreeMap<Arc<str>, ClaimRow>,
    leases: BTreeMap<Arc<str>, LeaseState>,
    timers: BTreeMap<Arc<str>, Waiting>,
    ready_timers: BTreeSet<(Timestamp, Arc<str>)>,
    messages: BTreeMap<Arc<str>, Queued>,
    ready_messages: BTreeSet<(Arc<str>, Timestamp, Arc<str>)>,
}

impl Maps {
    pub(super) fn events(&self, stream: &str, from: u64, limit: usize) -> Vec<Event> {
        let Some(stream) = self.streams.get(stream) else { return Vec::new() };
        let before = from.saturating_sub(stream.row.first.max(1));
        let events = stream.events.iter().skip(usize::try_from(before).unwrap_or(usize::MAX));
        events.take(limit).cloned().collect()
    }

    pub(super) fn head(&self, stream: &str) -> u64 {
        self.streams.get(stream).map_or(0, |stream| stream.row.head)
    }

    pub(super) fn claimed(&self, key: &str) -> Option<ClaimRow> {
        self.claims.get(key).cloned()
    }

    pub(super) fn held(&self, lease: &str) -> Option<LeaseState> {
        self.leases.get(lease).cloned()
    }

    pub(super) fn stream_info(&self, name: &str) -> Option<StreamInfo> {
        let row = &self.streams.get(name)?.row;
        let mark = Mark::clone(row.mark.as_deref()?);
        let (stream, version) = (name.to_owned(), row.head);
        Some(StreamInfo { stream, version, mark, created: row.created, changed: row.changed })
    }

    pub(super) fn list(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Vec<StreamInfo> {
        let after: Arc<str> = after.unwrap_or_default().into();
        let fits = |info: &StreamInfo| filter.fits(&info.mark);
        match &filter.status {
            Some(status) => {
                let (category, status): (Arc<str>, Arc<str>) =
                    (filter.category.as_str().into(), status.as_str().into());
                let from = (Arc::clone(&category), Arc::clone(&status), Arc::clone(&after));
                let names =
                    self.listed.range(from..).take_while(|entry| entry.0 == category && entry.1 == status);
                let names = names.map(|entry| &entry.2).filter(|name| **name > after);
                names.filter_map(|name| self.stream_info(name)).filter(fits).take(limit).collect()
            }
            None => {
                let names = self.streams.range(Arc::clone(&after)..).map(|(name, _)| name);
                let names = names.filter(|name| **name > after);
                names.filter_map(|name| self.stream_info(name)).filter(fits).take(limit).collect()
            }
        }
    }

    /// How it stands, apart from where it is.
    pub(super) fn info(&self, now: Timestamp) -> Info {
        let mut marks: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (category, status, _) in &self.listed {
            *marks.entry((category, status)).or_default() += 1;
        }
        let mark_count = |((category, status), count): ((&str, &str), u64)| MarkCount {
            category: category.to_owned(),
            status: status.to_owned(),
            count,
        };
        Info {
            backend: "memory",
            location: Location::Memory.to_string(),
            schema: 0,
            migrated_from: None,
            size: 0,
            streams: self.streams.len() as u64,
            events: self.streams.values().map(|stream| stream.events.len() as u64).sum(),
            marks: marks.into_iter().map(mark_count).collect(),
            timers: self.timers.len() as u64,
            outbox: self.messages.len() as u64,
            claims: self.claims.len() as u64,
            leases: self.leases.len() as u64,
            now,
        }
    }

    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.ready_timers.first().map(|(ready, _)| *ready)
    }

    pub(super) fn next_message(&self, queue: &str) -> Option<Timestamp> {
        self.ready_of(queue).next().map(|(ready, _)| ready)
    }

    /// The messages of a queue in the order in which they are ready.
    fn ready_of(&self, queue: &str) -> impl Iterator<Item = (Timestamp, Arc<str>)> {
        let queue: Arc<str> = queue.into();
        let from = (Arc::clone(&queue), Timestamp::from_micros(i64::MIN), Arc::from(""));
        let entries = self.ready_messages.range(from..).take_while(move |entry| entry.0 == queue);
        entries.map(|(_, ready, id)| (*ready, Arc::clone(id)))
    }

    fn unlist(&mut self, name: &str) {
        let mark = self.streams.get(name).and_then(|stream| stream.listed.as_ref());
        if let Some(listed) = mark.map(|mark| listed(mark, name)) {
            self.listed.remove(&listed);
        }
    }
}

fn listed(mark: &Mark, name: &str) -> Listed {
    (mark.category.as_str().into(), mark.status.as_str().into(), name.into())
}

impl Waiting {
    fn new(row: WaitingRow<'_>) -> Self {
        Self { due: row.due, ready: row.due, payload: row.payload.into(), attempt: 0 }
    }

    fn taken(&self, until: Timestamp) -> Self {
        Self { ready: until, attempt: self.attempt.saturating_add(1), ..self.clone() }
    }
}

impl Rows for &mut Maps {
    fn lease(&mut self, name: &str) -> Result<Option<LeaseState>, Error> {
        Ok(self.leases.get(name).cloned())
    }

    fn put_lease(&mut self, name: &str, lease: &LeaseState) -> Result<(), Error> {
        self.leases.insert(name.into(), lease.clone());
        Ok(())
    }

    fn stream(&mut self, name: &str) -> Result<Option<StreamRow>, Error> {
        Ok(self.streams.get(name).map(|stream| stream.row.clone()))
    }

    fn put_stream(&mut self, name: &str, row: &mut StreamRow, has_new_mark: bool) -> Result<(), Error> {
        if has_new_mark {
            self.unlist(name);
            self.listed.extend(row.mark.as_ref().map(|mark| listed(mark, name)));
        }
        let stream = match self.streams.get_mut(name) {
            Some(stream) => stream,
            None => self.streams.entry(name.into()).or_default(),
        };
        if has_new_mark {
            stream.listed.clone_from(&row.mark);
        }
        stream.row = row.clone();
        Ok(())
    }

    fn put_event(&mut self, at: At<'_>, event: &NewEvent, is_packed: bool) -> Result<(), Error> {
        let kind = event.kind.clone().into_owned();
        let payload = event.payload.clone();
        let event = Event { version: at.version, kind, payload, at: at.time, is_packed };
        if let Some(stream) = self.streams.get_mut(at.name) {
            match stream.events.front().is_some_and(|first| first.version > at.version) {
                false => stream.events.push_back(event),
                true => stream.events.push_front(event),
            }
        }
        Ok(())
    }

    fn remove_events(&mut self, name: &str, _: &StreamRow, up_to: u64) -> Result<(), Error> {
        if let Some(stream) = self.streams.get_mut(name) {
            let count = stream.events.iter().take_while(|event| event.version <= up_to).count();
            stream.events.drain(..count);
        }
        Ok(())
    }

    fn remove_stream(&mut self, name: &str, _: &StreamRow) -> Result<(), Error> {
        self.unlist(name);
        self.streams.remove(name);
        Ok(())
    }

    fn claim(&mut self, key: &str) -> Result<Option<ClaimRow>, Error> {
        Ok(self.claims.get(key).cloned())
    }

    fn put_claim(&mut self, key: &str, claim: &ClaimRow) -> Result<(), Error> {
        self.claims.insert(key.into(), claim.clone());
        Ok(())
    }

    fn remove_claim(&mut self, key: &str) -> Result<(), Error> {
        self.claims.remove(key);
        Ok(())
    }

    fn put_timer(&mut self, timer: WaitingRow<'_>) -> Result<(), Error> {
        self.remove_timer(timer.id)?;
        self.ready_timers.insert((timer.due, timer.id.into()));
        self.timers.insert(timer.id.into(), Waiting::new(timer));
        Ok(())
    }

    fn remove_timer(&mut self, id: &str) -> Result<(), Error> {
        if let Some((id, waiting)) = self.timers.remove_entry(id) {
            self.ready_timers.remove(&(waiting.ready, id));
        }
        Ok(())
    }

    fn put_message(&mut self, queue: &str, message: WaitingRow<'_>) -> Result<(), Error> {
        self.remove_message(message.id)?;
        self.ready_messages.insert((queue.into(), message.due, message.id.into()));
        let queued = Queued { queue: queue.into(), waiting: Waiting::new(message) };
        self.messages.insert(message.id.into(), queued);
        Ok(())
    }

    fn remove_message(&mut self, id: &str) -> Result<(), Error> {
        if let Some((id, Queued { queue, waiting })) = self.messages.remove_entry(id) {
            self.ready_messages.remove(&(queue, waiting.ready, id));
        }
        Ok(())
    }
}

impl Queues for &mut Maps {
    fn take_timers(&mut self, taking: Taking<'_>) -> Result<Vec<Timer>, Error> {
        let ready = self.ready_timers.iter().take_while(|(ready, _)| *ready <= taking.now).take(taking.limit);
        let ready: Vec<_> = ready.cloned().collect();
        let mut timers = Vec::with_capacity(ready.len());
        for (ready, id) in ready {
            let Some(taken) = self.timers.get(&id).map(|waiting| waiting.taken(taking.until)) else {
                continue;
            };
            timers.push(Timer {
                id: id.to_string(),
                due: taken.due,
                payload: taken.payload.to_vec(),
                attempt: taken.attempt,
            });
            self.ready_timers.remove(&(ready, Arc::clone(&id)));
            self.ready_timers.insert((taking.until, Arc::clone(&id)));
            self.timers.insert(id, taken);
        }
        Ok(timers)
    }

    fn take_messages(&mut self, queue: &str, taking: Taking<'_>) -> Result<Vec<OutboxItem>, Error> {
        let ready = self.ready_of(queue).take_while(|(ready, _)| *ready <= taking.now).take(taking.limit);
        let ready: Vec<_> = ready.collect();
        let mut messages = Vec::with_capacity(ready.len());
        for (ready, id) in ready {
            let Some(Queued { queue, waiting }) = self.messages.get(&id).cloned() else { continue };
            let taken = waiting.taken(taking.until);
            messages.push(OutboxItem {
                queue: queue.to_string(),
                id: id.to_string(),
                due: taken.due,
                payload: taken.payload.to_vec(),
                attempt: taken.attempt,
            });
            self.ready_messages.remove(&(Arc::clone(&queue), ready, Arc::clone(&id)));
            self.ready_messages.insert((Arc::clone(&queue), taking.until, Arc::clone(&id)));
            self.messages.insert(id, Queued { queue, waiting: taken });
        }
        Ok(messages)
    }

    fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        let out = self.claims.iter().filter(|(_, claim)| claim.expires.is_some_and(|expires| expires <= now));
        let out: Vec<Arc<str>> = out.take(limit).map(|(key, _)| Arc::clone(key)).collect();
        for key in &out {
            self.claims.remove(key);
        }
        Ok(out.len())
    }
}
