//! The rows of a group in the database: read at once, written at once, each table by one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use postgres::Row;
use postgres::types::ToSql;

use super::draft::{Cell, Draft, Stream, Waiting};
use super::link::Link;
use crate::store::backend::Change;
use crate::store::batch::Part;
use crate::store::rows::{LeaseState, Mark, checksum};
use crate::store::rules::{ClaimRow, StreamRow};
use crate::store::time::Timestamp;

type Outcome<T> = Result<T, postgres::Error>;

/// The names that a group is about.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    leases: BTreeSet<&'a str>,
    streams: BTreeSet<&'a str>,
    claims: BTreeSet<&'a str>,
    timers: BTreeSet<&'a str>,
    messages: BTreeSet<&'a str>,
}

/// As many locks a store has; two names may share one, which costs a wait and nothing else.
const LOCKS: u32 = 256;

impl<'a> Names<'a> {
    pub(super) fn add(&mut self, change: &'a Change) {
        match change {
            Change::Batch(batch) => batch.parts.iter().for_each(|part| self.add_part(part)),
            Change::Acquire { lease, .. } => drop(self.leases.insert(lease)),
            Change::Renew { lease, .. } | Change::Release { lease } => drop(self.leases.insert(&lease.name)),
        }
    }

    fn add_part(&mut self, part: &'a Part) {
        match part {
            Part::Fence { lease, .. } => self.leases.insert(lease),
            Part::Append { stream, .. }
            | Part::Pack { stream, .. }
            | Part::Remove { stream }
            | Part::Mark { stream, .. } => self.streams.insert(stream),
            Part::Claim { key, .. } | Part::Release { key } => self.claims.insert(key),
            Part::SetTimer { id, .. } | Part::CancelTimer { id } => self.timers.insert(id),
            Part::PutMessage { id, .. } | Part::DoneMessage { id } => self.messages.insert(id),
        };
    }

    /// The locks that keep others away from these names, in the order in which everybody takes them.
    pub(super) fn locks(&self) -> Vec<i32> {
        let tables = [&self.leases, &self.streams, &self.claims, &self.timers, &self.messages];
        let names =
            (0u8..).zip(tables).flat_map(|(table, names)| names.iter().map(move |name| (table, *name)));
        let locks: BTreeSet<u32> = names.map(|(table, name)| lock(table, name)).collect();
        locks.into_iter().filter_map(|lock| i32::try_from(lock).ok()).collect()
    }

    /// Reads the rows of these names.
    pub(super) fn load(&self, link: &mut Link) -> Outcome<Draft> {
        let mut draft = Draft::default();
        if !self.leases.is_empty() {
            let sql = "SELECT epoch, owner, until, name FROM lease WHERE name = ANY($1)";
            for row in link.query(sql, &[&list(&self.leases)])? {
                draft.leases.insert(row.get(3), Cell::loaded(lease_row(&row)));
            }
        }
        if !self.streams.is_empty() {
            let sql = "SELECT id, first, head, created, changed, category, status, owner, name
                FROM stream WHERE name = ANY($1)";
            for row in link.query(sql, &[&list(&self.streams)])? {
                draft.streams.insert(row.get(8), stream(&row));
            }
        }
        if !self.claims.is_empty() {
            let sql = "SELECT value, expires, key FROM claim WHERE key = ANY($1)";
            for row in link.query(sql, &[&list(&self.claims)])? {
                draft.claims.insert(row.get(2), Cell::loaded(claim_row(&row)));
            }
        }
        Ok(draft)
    }
}

fn list<'a>(names: &BTreeSet<&'a str>) -> Vec<&'a str> {
    names.iter().copied().collect()
}

fn lock(table: u8, name: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[table]);
    hasher.update(name.as_bytes());
    hasher.finalize() % LOCKS
}

pub(super) fn lease_row(row: &Row) -> LeaseState {
    LeaseState { epoch: unsigned(row.get(0)), owner: row.get(1), until: time(row.get(2)) }
}

pub(super) fn claim_row(row: &Row) -> ClaimRow {
    ClaimRow { value: row.get(0), expires: row.get::<_, Option<i64>>(1).map(time) }
}

/// From the columns `category`, `status`, `owner` that begin at this one.
pub(super) fn mark(row: &Row, at: usize) -> Option<Mark> {
    let (category, status): (Option<String>, Option<String>) = (row.get(at), row.get(at + 1));
    let owner = row.get(at + 2);
    category.zip(status).map(|(category, status)| Mark { category, status, owner })
}

fn stream(row: &Row) -> Stream {
    let stored = row.get(0);
    let row = StreamRow {
        id: stored,
        first: unsigned(row.get(1)),
        head: unsigned(row.get(2)),
        created: time(row.get(3)),
        changed: time(row.get(4)),
        mark: mark(row, 5).map(Arc::new),
    };
    Stream { stored, row: Some(row), ..Stream::default() }
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

impl Draft {
    /// Writes all that is changed.
    pub(super) fn write(&self, link: &mut Link) -> Outcome<()> {
        self.write_leases(link)?;
        self.remove_streams(link)?;
        let numbers = self.write_streams(link)?;
        self.write_events(link, &numbers)?;
        self.write_claims(link)?;
        let timers = self.timers.iter().map(|(id, cell)| (id.as_str(), cell));
        write_waiting(link, &Table::TIMERS, timers.collect())?;
        let messages = self.messages.iter().map(|(id, cell)| (id.as_str(), cell));
        write_waiting(link, &Table::OUTBOX, messages.collect())
    }

    fn write_leases(&self, link: &mut Link) -> Outcome<()> {
        let changed = self.leases.iter().filter(|(_, cell)| cell.is_changed);
        let rows: Vec<_> = changed.filter_map(|(name, cell)| Some((name, cell.row.as_ref()?))).collect();
        let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        let epochs: Vec<i64> = rows.iter().map(|(_, lease)| signed(lease.epoch)).collect();
        let owners: Vec<Option<&str>> = rows.iter().map(|(_, lease)| lease.owner.as_deref()).collect();
        let untils: Vec<i64> = rows.iter().map(|(_, lease)| lease.until.as_micros()).collect();
        let sql = "INSERT INTO lease (name, epoch, owner, until)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])
            ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, owner = excluded.owner, until = excluded.until";
        unless_empty(link, rows.len(), sql, &[&names, &epochs, &owners, &untils])
    }

    /// Takes away events that are packed or removed, and streams that are removed.
    fn remove_streams(&self, link: &mut Link) -> Outcome<()> {
        let streams = self.streams.values().filter(|stream| stream.stored != 0 && stream.remove_up_to > 0);
        let (ids, up_to): (Vec<i64>, Vec<i64>) =
            streams.map(|stream| (stream.stored, signed(stream.remove_up_to))).unzip();
        let sql = "DELETE FROM event e USING unnest($1::bigint[], $2::bigint[]) AS gone (stream, up_to)
            WHERE e.stream = gone.stream AND e.version <= gone.up_to";
        unless_empty(link, ids.len(), sql, &[&ids, &up_to])?;
        let removed = self.streams.values().filter(|stream| stream.stored != 0 && stream.is_removed);
        let ids: Vec<i64> = removed.map(|stream| stream.stored).collect();
        unless_empty(link, ids.len(), "DELETE FROM stream WHERE id = ANY($1)", &[&ids])
    }

    /// Writes the rows of streams; the number of each by its name.
    fn write_streams(&self, link: &mut Link) -> Outcome<BTreeMap<String, i64>> {
        let changed = self.streams.iter().filter(|(_, stream)| stream.is_changed);
        let rows: Vec<_> = changed.filter_map(|(name, stream)| Some((name, stream.row.as_ref()?))).collect();
        if rows.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        let number = |of: fn(&StreamRow) -> i64| rows.iter().map(|(_, row)| of(row)).collect::<Vec<_>>();
        let (firsts, heads) = (number(|row| signed(row.first)), number(|row| signed(row.head)));
        let created = number(|row| row.created.as_micros());
        let changed = number(|row| row.changed.as_micros());
        let word = |of: fn(&Mark) -> Option<&str>| -> Vec<Option<&str>> {
            rows.iter().map(|(_, row)| row.mark.as_deref().and_then(of)).collect()
        };
        let (categories, statuses) = (word(|mark| Some(&mark.category)), word(|mark| Some(&mark.status)));
        let owners = word(|mark| mark.owner.as_deref());
        let sql = "INSERT INTO stream (name, first, head, created, changed, category, status, owner)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
                $7::text[], $8::text[])
            ON CONFLICT (name) DO UPDATE SET first = excluded.first, head = excluded.head,
                changed = excluded.changed, category = excluded.category, status = excluded.status,
                owner = excluded.owner
            RETURNING name, id";
        let written =
            link.query(sql, &[&names, &firsts, &heads, &created, &changed, &categories, &statuses, &owners])?;
        Ok(written.into_iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    fn write_events(&self, link: &mut Link, numbers: &BTreeMap<String, i64>) -> Outcome<()> {
        let events =
            self.streams.iter().filter_map(|(name, stream)| Some((*numbers.get(name)?, &stream.events)));
        let events: Vec<_> =
            events.flat_map(|(id, events)| events.iter().map(move |row| (id, row))).collect();
        let streams: Vec<i64> = events.iter().map(|(id, _)| *id).collect();
        let versions: Vec<i64> = events.iter().map(|(_, row)| signed(row.version)).collect();
        let packed: Vec<bool> = events.iter().map(|(_, row)| row.is_packed).collect();
        let sum = |(version, kind, payload): (u64, &str, &[u8])| i64::from(checksum(version, kind, payload));
        let parts =
            events.iter().map(|(_, row)| (row.version, &*row.event.kind, row.event.payload.as_slice()));
        let checksums: Vec<i64> = parts.clone().map(sum).collect();
        let times: Vec<i64> = events.iter().map(|(_, row)| row.at.as_micros()).collect();
        let kinds: Vec<&str> = parts.clone().map(|(_, kind, _)| kind).collect();
        let payloads: Vec<&[u8]> = parts.map(|(_, _, payload)| payload).collect();
        let sql = "INSERT INTO event (stream, version, packed, checksum, at, kind, payload)
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::bigint[], $5::bigint[], $6::text[],
                $7::bytea[])";
        let params: [&(dyn ToSql + Sync); 7] =
            [&streams, &versions, &packed, &checksums, &times, &kinds, &payloads];
        unless_empty(link, events.len(), sql, &params)
    }

    fn write_claims(&self, link: &mut Link) -> Outcome<()> {
        let changed = || self.claims.iter().filter(|(_, cell)| cell.is_changed);
        let gone: Vec<&str> =
            changed().filter(|(_, cell)| cell.row.is_none()).map(|(key, _)| key.as_str()).collect();
        unless_empty(link, gone.len(), "DELETE FROM claim WHERE key = ANY($1)", &[&gone])?;
        let rows: Vec<_> = changed().filter_map(|(key, cell)| Some((key, cell.row.as_ref()?))).collect();
        let keys: Vec<&str> = rows.iter().map(|(key, _)| key.as_str()).collect();
        let values: Vec<&[u8]> = rows.iter().map(|(_, claim)| claim.value.as_slice()).collect();
        let expiries: Vec<Option<i64>> =
            rows.iter().map(|(_, claim)| claim.expires.map(Timestamp::as_micros)).collect();
        let sql = "INSERT INTO claim (key, value, expires) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[])
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires";
        unless_empty(link, rows.len(), sql, &[&keys, &values, &expiries])
    }
}

/// A table of what waits.
struct Table {
    remove: &'static str,
    write: &'static str,
    has_queue: bool,
}

impl Table {
    const TIMERS: Self = Self {
        remove: "DELETE FROM timer WHERE id = ANY($1)",
        write: "INSERT INTO timer (id, due, ready, attempt, payload)
            SELECT id, due, due, 0, payload FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS t (id, due, payload)
            ON CONFLICT (id) DO UPDATE SET due = excluded.due, ready = excluded.ready, attempt = 0, holder = NULL,
                payload = excluded.payload",
        has_queue: false,
    };
    const OUTBOX: Self = Self {
        remove: "DELETE FROM outbox WHERE id = ANY($1)",
        write: "INSERT INTO outbox (id, due, ready, attempt, payload, queue)
            SELECT id, due, due, 0, payload, queue
            FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[]) AS t (id, due, payload, queue)
            ON CONFLICT (id) DO UPDATE SET due = excluded.due, ready = excluded.ready, attempt = 0, holder = NULL,
                payload = excluded.payload, queue = excluded.queue",
        has_queue: true,
    };
}

fn write_waiting(link: &mut Link, table: &Table, cells: Vec<(&str, &Cell<Waiting>)>) -> Outcome<()> {
    let gone: Vec<&str> = cells.iter().filter(|(_, cell)| cell.row.is_none()).map(|(id, _)| *id).collect();
    unless_empty(link, gone.len(), table.remove, &[&gone])?;
    let rows: Vec<_> = cells.iter().filter_map(|(id, cell)| Some((*id, cell.row.as_ref()?))).collect();
    let ids: Vec<&str> = rows.iter().map(|(id, _)| *id).collect();
    let dues: Vec<i64> = rows.iter().map(|(_, row)| row.due.as_micros()).collect();
    let payloads: Vec<&[u8]> = rows.iter().map(|(_, row)| &*row.payload).collect();
    let queues: Vec<&str> = rows.iter().map(|(_, row)| &*row.queue).collect();
    let params: [&(dyn ToSql + Sync); 4] = [&ids, &dues, &payloads, &queues];
    unless_empty(link, rows.len(), table.write, if table.has_queue { &params } else { &params[..3] })
}

fn unless_empty(link: &mut Link, count: usize, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Outcome<()> {
    if count > 0 { link.execute(sql, params).map(drop) } else { Ok(()) }
}
