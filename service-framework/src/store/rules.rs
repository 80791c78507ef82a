//! What each part of a batch, and all other work, means: the same over every backend, which only keeps rows.

use std::sync::Arc;
use std::time::Duration;

use super::backend::{Change, Done, Take, Work};
use super::batch::{Expected, NewEvent, Part};
use super::error::{Error, Refused};
use super::rows::{Committed, Lease, LeaseState, Mark, OutboxItem, Timer};
use super::time::Timestamp;

/// One stream without its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamRow {
    /// The backend's own number, if it has one.
    pub(crate) id: i64,
    /// First version that is there; 0 without events.
    pub(crate) first: u64,
    /// Last version; 0 without events.
    pub(crate) head: u64,
    pub(crate) mark: Option<Arc<Mark>>,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
}

/// One claimed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimRow {
    pub(crate) value: Vec<u8>,
    pub(crate) expires: Option<Timestamp>,
}

/// One timer, or one message of the outbox, which has a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitingRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) due: Timestamp,
    pub(crate) payload: &'a [u8],
}

/// Who takes what is due, and until when it is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taking<'a> {
    pub(crate) holder: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) limit: usize,
}

/// The rows of a backend, within one atomic change.
pub(crate) trait Rows {
    fn lease(&mut self, name: &str) -> Result<Option<LeaseState>, Error>;
    fn put_lease(&mut self, name: &str, lease: &LeaseState) -> Result<(), Error>;
    fn stream(&mut self, name: &str) -> Result<Option<StreamRow>, Error>;
    /// Writes the row; one that was there without its mark, unless that has changed. A new one gets its number in `row.id`.
    fn put_stream(&mut self, name: &str, row: &mut StreamRow, has_new_mark: bool) -> Result<(), Error>;
    fn put_event(&mut self, stream: At<'_>, event: &NewEvent, is_packed: bool) -> Result<(), Error>;
    /// Takes the events up to and with this version away.
    fn remove_events(&mut self, name: &str, row: &StreamRow, up_to: u64) -> Result<(), Error>;
    fn remove_stream(&mut self, name: &str, row: &StreamRow) -> Result<(), Error>;
    fn claim(&mut self, key: &str) -> Result<Option<ClaimRow>, Error>;
    fn put_claim(&mut self, key: &str, claim: &ClaimRow) -> Result<(), Error>;
    fn remove_claim(&mut self, key: &str) -> Result<(), Error>;
    fn put_timer(&mut self, timer: WaitingRow<'_>) -> Result<(), Error>;
    fn remove_timer(&mut self, id: &str) -> Result<(), Error>;
    fn put_message(&mut self, queue: &str, message: WaitingRow<'_>) -> Result<(), Error>;
    fn remove_message(&mut self, id: &str) -> Result<(), Error>;
}

/// Taking what is due, and what ran out.
pub(crate) trait Queues {
    /// What is due and not held, in the order in which it became so, then of ids.
    fn take_timers(&mut self, taking: Taking<'_>) -> Result<Vec<Timer>, Error>;
    fn take_messages(&mut self, queue: &str, taking: Taking<'_>) -> Result<Vec<OutboxItem>, Error>;
    /// Takes away claims that ran out.
    fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<usize, Error>;
}

/// Where an event goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    pub(crate) name: &'a str,
    pub(crate) row: &'a StreamRow,
    pub(crate) version: u64,
    pub(crate) time: Timestamp,
}

/// Does the work on these rows.
///
/// # Errors
/// [`Error::Refused`] if it does not fit them, any other if they cannot be read or written. In both cases what it did until then
/// has to be undone.
pub(crate) fn work(rows: &mut (impl Rows + Queues), work: &Work, now: Timestamp) -> Result<Done, Error> {
    match work {
        Work::Change(change) => self::change(rows, change, now),
        Work::Take(take) => self::take(rows, take, now),
    }
}

/// The part of [`work`] that changes rows by their names.
pub(crate) fn change(rows: &mut impl Rows, change: &Change, now: Timestamp) -> Result<Done, Error> {
    match change {
        Change::Batch(batch) => self::batch(rows, &batch.parts, now).map(Done::Committed),
        Change::Acquire { lease, owner, ttl } => acquire(rows, lease, owner, now, *ttl).map(Done::Lease),
        Change::Renew { lease, ttl } => renew(rows, lease, now, *ttl).map(Done::Lease),
        Change::Release { lease } => release(rows, lease, now).map(Done::Released),
    }
}

/// The part of [`work`] that takes rows.
pub(crate) fn take(rows: &mut impl Queues, take: &Take, now: Timestamp) -> Result<Done, Error> {
    match take {
        Take::Timers { holder, hold, limit } => {
            let taking = Taking { holder, now, until: now + *hold, limit: *limit };
            rows.take_timers(taking).map(Done::Timers)
        }
        Take::Messages { queue, holder, hold, limit } => {
            let taking = Taking { holder, now, until: now + *hold, limit: *limit };
            rows.take_messages(queue, taking).map(Done::Messages)
        }
        Take::Claims { limit } => rows.sweep(now, *limit).map(Done::Swept),
    }
}

fn batch(rows: &mut impl Rows, parts: &[Part], now: Timestamp) -> Result<Committed, Error> {
    let mut committed = Committed { at: now, versions: Vec::new() };
    for part in parts {
        if let Some(version) = self::part(rows, part, now)? {
            committed.versions.push(version);
        }
    }
    Ok(committed)
}

/// One part; the version to which it brought a stream.
fn part(rows: &mut impl Rows, part: &Part, now: Timestamp) -> Result<Option<(String, u64)>, Error> {
    match part {
        Part::Fence { lease, epoch } => fence(rows, lease, *epoch).map(|_| ())?,
        Part::Append { stream, expected, events } => {
            return append(rows, stream, *expected, events, now);
        }
        Part::Pack { stream, up_to, event } => pack(rows, stream, *up_to, event, now)?,
        Part::Remove { stream } => {
            if let Some(row) = rows.stream(stream)? {
                rows.remove_stream(stream, &row)?;
            }
        }
        Part::Mark { stream, category, status, owner } => {
            let mark = Mark { category: category.clone(), status: status.clone(), owner: owner.clone() };
            let mut row = changed_stream(rows, stream, now)?;
            row.mark = Some(Arc::new(mark));
            rows.put_stream(stream, &mut row, true)?;
        }
        Part::Claim { key, value, keep } => claim(rows, key, value, *keep, now)?,
        Part::Release { key } => rows.remove_claim(key)?,
        Part::SetTimer { id, due, payload } => {
            rows.put_timer(WaitingRow { id, due: due.at(now), payload })?;
        }
        Part::CancelTimer { id } => rows.remove_timer(id)?,
        Part::PutMessage { queue, id, due, payload } => {
            rows.put_message(queue, WaitingRow { id, due: due.at(now), payload })?;
        }
        Part::DoneMessage { id } => rows.remove_message(id)?,
    }
    Ok(None)
}

/// The row of a stream that is changed now, if need be a new one.
fn changed_stream(rows: &mut impl Rows, name: &str, now: Timestamp) -> Result<StreamRow, Error> {
    let row = rows.stream(name)?;
    let created = row.as_ref().map_or(now, |row| row.created);
    Ok(StreamRow { created, changed: now, ..row.unwrap_or_default() })
}

fn append(
    rows: &mut impl Rows,
    stream: &str,
    expected: Expected,
    events: &[NewEvent],
    now: Timestamp,
) -> Result<Option<(String, u64)>, Error> {
    let mut row = changed_stream(rows, stream, now)?;
    let expected = match expected {
        Expected::Any => row.head,
        Expected::NoStream => 0,
        Expected::Version(version) => version,
    };
    if expected != row.head {
        return Err(Refused::Conflict { stream: stream.to_owned(), expected, found: row.head }.into());
    }
    if events.is_empty() {
        return Ok(None);
    }
    let after = row.head;
    row.head += events.len() as u64;
    row.first = if row.first == 0 { 1 } else { row.first };
    rows.put_stream(stream, &mut row, false)?;
    for (version, event) in (after + 1..).zip(events) {
        rows.put_event(At { name: stream, row: &row, version, time: now }, event, false)?;
    }
    Ok(Some((stream.to_owned(), row.head)))
}

fn pack(
    rows: &mut impl Rows,
    stream: &str,
    up_to: u64,
    event: &NewEvent,
    now: Timestamp,
) -> Result<(), Error> {
    let mut row = rows.stream(stream)?.unwrap_or_default();
    let (first, last) = (row.first, row.head);
    if up_to == 0 || up_to < first || up_to > last {
        return Err(Refused::NothingToPack { stream: stream.to_owned(), up_to, first, last }.into());
    }
    rows.remove_events(stream, &row, up_to)?;
    row.first = up_to;
    rows.put_stream(stream, &mut row, false)?;
    rows.put_event(At { name: stream, row: &row, version: up_to, time: now }, event, true)
}

fn claim(
    rows: &mut impl Rows,
    key: &str,
    value: &[u8],
    keep: Option<Duration>,
    now: Timestamp,
) -> Result<(), Error> {
    let standing = rows.claim(key)?.filter(|claim| stands(claim, now));
    if let Some(standing) = standing.filter(|claim| claim.value != value) {
        return Err(Refused::Claimed { key: key.to_owned(), value: standing.value }.into());
    }
    rows.put_claim(key, &ClaimRow { value: value.to_vec(), expires: keep.map(|keep| now + keep) })
}

/// Whether a claim has not run out.
pub(crate) fn stands(claim: &ClaimRow, now: Timestamp) -> bool {
    claim.expires.is_none_or(|expires| expires > now)
}

/// The lease, if it has this epoch.
fn fence(rows: &mut impl Rows, lease: &str, mine: u64) -> Result<LeaseState, Error> {
    let state = rows.lease(lease)?;
    let now = state.as_ref().map_or(0, |state| state.epoch);
    match state {
        Some(state) if now == mine => Ok(state),
        _ => Err(Refused::Fenced { lease: lease.to_owned(), mine, now }.into()),
    }
}

fn acquire(
    rows: &mut impl Rows,
    name: &str,
    owner: &str,
    now: Timestamp,
    ttl: Duration,
) -> Result<Lease, Error> {
    let state = rows.lease(name)?;
    let epoch = state.as_ref().map_or(0, |state| state.epoch);
    let holder = state.filter(|state| state.until > now).and_then(|state| Some((state.owner?, state.until)));
    match holder {
        Some((holder, _)) if holder == owner => grant(rows, name, owner, epoch, now + ttl),
        Some((owner, until)) => Err(Refused::Held { lease: name.to_owned(), owner, until }.into()),
        None => grant(rows, name, owner, epoch + 1, now + ttl),
    }
}

fn grant(
    rows: &mut impl Rows,
    name: &str,
    owner: &str,
    epoch: u64,
    until: Timestamp,
) -> Result<Lease, Error> {
    rows.put_lease(name, &LeaseState { epoch, owner: Some(owner.to_owned()), until })?;
    Ok(Lease { name: name.to_owned(), owner: owner.to_owned(), epoch, until })
}

/// A lease that ran out can be renewed as long as nobody took it: nobody acted in between.
fn renew(rows: &mut impl Rows, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<Lease, Error> {
    let state = fence(rows, &lease.name, lease.epoch)?;
    if state.owner.as_ref() != Some(&lease.owner) {
        let (mine, now) = (lease.epoch, state.epoch);
        return Err(Refused::Fenced { lease: lease.name.clone(), mine, now }.into());
    }
    grant(rows, &lease.name, &lease.owner, lease.epoch, now + ttl)
}

/// The epoch rises at once, so that nothing that is still on its way counts under it.
fn release(rows: &mut impl Rows, lease: &Lease, now: Timestamp) -> Result<(), Error> {
    let state = fence(rows, &lease.name, lease.epoch)?;
    rows.put_lease(&lease.name, &LeaseState { epoch: state.epoch + 1, owner: None, until: now })
}
