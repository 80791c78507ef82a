//! Figures, checks and compaction of a schema.

use postgres::Row;

use super::link::Link;
use super::reading::{Readers, event};
use super::tables::{time, unsigned};
use super::target::Target;
use crate::store::error::Error;
use crate::store::rows::sound;
use crate::store::upkeep::{Damage, Info, MarkCount};

/// Events that are looked at by one statement.
const PAGE: i64 = 1_000;

const SIZE: &str = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r'";

/// # Errors
/// The server cannot be asked.
pub(super) fn info(readers: &Readers, target: &Target) -> Result<Info, Error> {
    let sql = "SELECT (SELECT version FROM service_framework_store)::bigint,
        (SELECT count(*) FROM stream),
        (SELECT coalesce(sum(head - first + 1), 0) FROM stream WHERE head > 0)::bigint,
        (SELECT count(*) FROM timer), (SELECT count(*) FROM outbox), (SELECT count(*) FROM claim),
        (SELECT count(*) FROM lease), store_now()";
    let marks = "SELECT category, status, count(*) FROM stream WHERE category IS NOT NULL
        GROUP BY category, status ORDER BY category, status";
    let location = target.name.clone();
    let info = readers.with(move |link| {
        let Some(row) = link.one(sql, &[])? else { return Ok(None) };
        let number = |at: usize| unsigned(row.get(at));
        Ok(Some(Info {
            backend: "postgres",
            location: location.clone(),
            schema: u32::try_from(number(0)).unwrap_or(0),
            migrated_from: None,
            size: size(link)?,
            streams: number(1),
            events: number(2),
            marks: link.query(marks, &[])?.iter().map(mark_count).collect(),
            timers: number(3),
            outbox: number(4),
            claims: number(5),
            leases: number(6),
            now: time(row.get(7)),
        }))
    })?;
    let nothing =
        || Error::Unreadable { store: target.name.clone(), reason: "it answered nothing".to_owned() };
    info.ok_or_else(nothing)
}

fn size(link: &mut Link) -> Result<u64, postgres::Error> {
    Ok(link.one(SIZE, &[])?.map_or(0, |row| unsigned(row.get(0))))
}

fn mark_count(row: &Row) -> MarkCount {
    MarkCount { category: row.get(0), status: row.get(1), count: unsigned(row.get(2)) }
}

/// All damage of streams and events. What is stored otherwise the server checks by itself.
///
/// # Errors
/// The server cannot be asked.
pub(super) fn verify(readers: &Readers) -> Result<Vec<Damage>, Error> {
    let mut damage = readers.with(of_the_streams)?;
    let mut after: Place = (i64::MIN, i64::MIN);
    loop {
        let (found, last) = readers.with(move |link| of_events(link, after))?;
        damage.extend(found);
        match last {
            Some(last) => after = last,
            None => return Ok(damage),
        }
    }
}

/// Streams whose events are not those that they should have.
fn of_the_streams(link: &mut Link) -> Result<Vec<Damage>, postgres::Error> {
    let sql = "SELECT coalesce(s.name, 'without a name, number ' || e.stream), coalesce(s.first, 0), coalesce(s.head, 0),
            coalesce(e.low, 0), coalesce(e.high, 0), coalesce(e.count, 0)
        FROM stream s FULL JOIN (
            SELECT stream, min(version) AS low, max(version) AS high, count(*) AS count FROM event GROUP BY stream
        ) e ON e.stream = s.id
        WHERE (coalesce(s.first, 0), coalesce(s.head, 0)) <> (coalesce(e.low, 0), coalesce(e.high, 0))
            OR coalesce(e.count, 0) <> CASE WHEN s.head > 0 THEN s.head - s.first + 1 ELSE 0 END";
    let damage = |row: &Row| Damage {
        place: format!("stream {}", row.get::<_, String>(0)),
        what: format!(
            "it should have the versions {} to {}, it has {} events from {} to {}",
            row.get::<_, i64>(1),
            row.get::<_, i64>(2),
            row.get::<_, i64>(5),
            row.get::<_, i64>(3),
            row.get::<_, i64>(4)
        ),
    };
    Ok(link.query(sql, &[])?.iter().map(damage).collect())
}

/// Number of a stream and version of an event.
type Place = (i64, i64);

/// Events that are not what was written, of one page; and the last of that page.
fn of_events(link: &mut Link, after: Place) -> Result<(Vec<Damage>, Option<Place>), postgres::Error> {
    let sql = "SELECT e.version, e.packed, e.checksum, e.at, e.kind, e.payload, e.stream,
            coalesce(s.name, e.stream::text)
        FROM event e LEFT JOIN stream s ON s.id = e.stream
        WHERE (e.stream, e.version) > ($1, $2) ORDER BY e.stream, e.version LIMIT $3";
    let rows = link.query(sql, &[&after.0, &after.1, &PAGE])?;
    let wrong = rows.iter().filter_map(|row| {
        let what = sound(event(row), row.get(2)).err()?;
        Some(Damage { place: format!("stream {}", row.get::<_, String>(7)), what })
    });
    Ok((wrong.collect(), rows.last().map(|row| (row.get(6), row.get(0)))))
}

/// Makes the room of what was removed free for what comes; how much the server could give back to the disk.
///
/// # Errors
/// The server cannot be asked.
pub(super) fn compact(readers: &Readers) -> Result<u64, Error> {
    readers.with(|link| {
        let before = size(link)?;
        link.run("VACUUM event")?;
        for table in ["stream", "claim", "timer", "outbox", "lease"] {
            link.run(&format!("VACUUM {table}"))?;
        }
        Ok(before.saturating_sub(size(link)?))
    })
}
