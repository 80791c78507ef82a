//! Figures, checks, backups and compaction of a file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

use super::numbers::from_sql;
use super::open::{Opening, SCHEMA, files};
use super::reading::{Readers, event_row};
use crate::store::error::Error;
use crate::store::rows::sound;
use crate::store::time::Timestamp;
use crate::store::upkeep::{Damage, Info, MarkCount};

/// Most faults that SQLite's own check lists.
const FAULTS: i64 = 10_000;
/// Pages that are given back at once, so that writers get in between.
const SLICE: i64 = 1_000;

/// # Errors
/// The file cannot be read.
pub(super) fn info(readers: &Readers, opening: &Opening, now: Timestamp) -> Result<Info, Error> {
    let size =
        files(&opening.path).iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum();
    readers.with(|connection| {
        let transaction = connection.unchecked_transaction()?;
        let count = |sql: &str| transaction.query_row(sql, [], |row| row.get(0).map(from_sql));
        Ok(Info {
            backend: "sqlite",
            location: opening.path.display().to_string(),
            schema: transaction.pragma_query_value(None, "user_version", |row| row.get(0))?,
            migrated_from: None,
            size,
            streams: count("SELECT count(*) FROM stream")?,
            events: count("SELECT coalesce(sum(head - first + 1), 0) FROM stream WHERE head > 0")?,
            marks: marks(&transaction)?,
            timers: count("SELECT count(*) FROM timer")?,
            outbox: count("SELECT count(*) FROM outbox")?,
            claims: count("SELECT count(*) FROM claim")?,
            leases: count("SELECT count(*) FROM lease")?,
            now,
        })
    })
}

fn marks(connection: &Connection) -> rusqlite::Result<Vec<MarkCount>> {
    let sql = "SELECT category, status, count(*) FROM stream WHERE category IS NOT NULL
        GROUP BY category, status ORDER BY category, status";
    let mark_count = |row: &Row<'_>| {
        Ok(MarkCount { category: row.get(0)?, status: row.get(1)?, count: from_sql(row.get(2)?) })
    };
    connection.prepare_cached(sql)?.query_map([], mark_count)?.collect()
}

/// All damage: of the file as SQLite sees it, of the streams, and of each event.
///
/// # Errors
/// The file cannot be read at all.
pub(super) fn verify(readers: &Readers) -> Result<Vec<Damage>, Error> {
    let mut damage = readers.with(of_the_file)?;
    for part in [of_the_streams, of_the_events] {
        match readers.with(part) {
            Ok(found) => damage.extend(found),
            // Pages that cannot be read are in the list of the file; what else there is can still be looked at.
            Err(Error::Damaged { what, .. }) => damage.push(Damage { place: "file".to_owned(), what }),
            Err(error) => return Err(error),
        }
    }
    Ok(damage)
}

fn of_the_file(connection: &Connection) -> rusqlite::Result<Vec<Damage>> {
    let mut damage = Vec::new();
    let checked = connection.pragma(None, "integrity_check", FAULTS, |row| {
        let what: String = row.get(0)?;
        if what != "ok" {
            damage.push(Damage { place: "file".to_owned(), what });
        }
        Ok(())
    });
    if let Err(error) = checked {
        damage.push(Damage { place: "file".to_owned(), what: error.to_string() });
    }
    if connection.pragma_query_value::<u32, _>(None, "user_version", |row| row.get(0)).ok()
        != u32::try_from(SCHEMA.len()).ok()
    {
        damage.push(Damage { place: "file".to_owned(), what: "its schema is another one".to_owned() });
    }
    Ok(damage)
}

/// Streams whose events are not those that they should have.
fn of_the_streams(connection: &Connection) -> rusqlite::Result<Vec<Damage>> {
    let sql = "SELECT coalesce(s.name, 'without a name, number ' || e.stream), coalesce(s.first, 0), coalesce(s.head, 0),
            coalesce(e.low, 0), coalesce(e.high, 0), coalesce(e.count, 0), coalesce(e.late_packed, 0)
        FROM stream s FULL JOIN (
            SELECT stream, min(version) AS low, max(version) AS high, count(*) AS count,
                max(packed AND EXISTS (
                    SELECT 1 FROM event o WHERE o.stream = event.stream AND o.version < event.version
                )) AS late_packed
            FROM event GROUP BY stream
        ) e ON e.stream = s.id";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let number = |at| row.get(at).map(from_sql);
        let name: String = row.get(0)?;
        Ok((name, [number(1)?, number(2)?], [number(3)?, number(4)?], number(5)?, row.get::<_, bool>(6)?))
    })?;
    let mut damage = Vec::new();
    for row in rows {
        let (name, should, is, count, has_late_packed) = row?;
        let expected = if should[1] == 0 { 0 } else { (should[1] + 1).saturating_sub(should[0]) };
        let place = format!("stream {name}");
        if should != is || count != expected {
            let what = format!(
                "it should have the versions {} to {}, it has {count} events from {} to {}",
                should[0], should[1], is[0], is[1]
            );
            damage.push(Damage { place: place.clone(), what });
        }
        if has_late_packed {
            damage.push(Damage { place, what: "a packed event is not its first".to_owned() });
        }
    }
    Ok(damage)
}

/// Events that are not what was written.
fn of_the_events(connection: &Connection) -> rusqlite::Result<Vec<Damage>> {
    let sql = "SELECT e.version, e.packed, e.checksum, e.at, e.kind, e.payload, coalesce(s.name, e.stream)
        FROM event e LEFT JOIN stream s ON s.id = e.stream";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut damage = Vec::new();
    while let Some(row) = rows.next()? {
        let place = || row.get::<_, String>(6).unwrap_or_else(|_| "?".to_owned());
        let what = match event_row(row) {
            Ok((event, checksum)) => sound(event, checksum).err(),
            Err(error) => Some(error.to_string()),
        };
        damage.extend(what.map(|what| Damage { place: format!("stream {}", place()), what }));
    }
    Ok(damage)
}

/// Copies the file as it is at one moment, while others write. The copy is there as a whole or not at all.
///
/// # Errors
/// There is a file already, or it cannot be written.
pub(super) fn backup(readers: &Readers, to: &Path) -> Result<(), Error> {
    let failed = |reason: String| Error::NotWritten { store: to.display().to_string(), reason };
    if to.symlink_metadata().is_ok() {
        return Err(failed("there is a file already; a backup never takes the place of one".to_owned()));
    }
    let partial = Partial::beside(to);
    let path = partial.0.to_str().ok_or_else(|| failed("the path has to be UTF-8".to_owned()))?;
    let copied = readers.with(|connection| connection.execute("VACUUM INTO ?1", [path]));
    copied.map_err(|error| match error {
        Error::Unreadable { reason, .. } => failed(reason),
        error => error,
    })?;
    partial.keep_as(to).map_err(|error| failed(error.to_string()))
}

/// A file that goes away unless it is kept.
struct Partial(PathBuf);

impl Partial {
    fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.partial", uuid::Uuid::new_v4().simple()));
        Self(name.into())
    }

    /// Gives it its name, unless a file has that by now.
    fn keep_as(&self, path: &Path) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        fs::hard_link(&self.0, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // If it was never made, there is nothing to take away.
        let _ = fs::remove_file(&self.0);
    }
}

/// Gives room back to the file system; how many bytes.
///
/// # Errors
/// The file cannot be written.
pub(super) fn compact(readers: &Readers) -> Result<u64, Error> {
    readers.with(|connection| {
        let number = |name| connection.pragma_query_value::<i64, _>(None, name, |row| row.get(0));
        let before = number("page_count")?;
        while number("freelist_count")? > 0 {
            let free = number("freelist_count")?;
            connection.pragma(None, "incremental_vacuum", SLICE, |_| Ok(()))?;
            if number("freelist_count")? >= free {
                break;
            }
        }
        let freed = (before - number("page_count")?).max(0) * number("page_size")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(from_sql(freed))
    })
}
