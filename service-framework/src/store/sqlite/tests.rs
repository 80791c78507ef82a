//! What only a file can go through: bad files, full disks, damage, other processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::engine::Sqlite;
use super::open::{Opening, migrate};
use crate::store::backend::{Change, Work};
use crate::store::writer::Engine as _;
use crate::store::{
    Batch, Durability, Error, Expected, Filter, Location, NewEvent, Refused, Store, StoreOptions,
    SystemClock, Topic,
};

/// A folder for one file.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("store.db")
    }

    fn open(&self) -> Result<Store, Error> {
        Store::open(&Location::File(self.path()))
    }

    fn store(&self) -> Store {
        self.open().unwrap()
    }

    fn why_not(&self) -> String {
        self.open().unwrap_err().to_string()
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }
}

fn append(stream: &str, payload: &[u8]) -> Batch {
    Batch::new().append(stream, Expected::Any, [NewEvent::new("kind", payload)])
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let place = Place::new();
    let store = place.store();
    let pending: Vec<_> = (0..100).map(|n: u8| store.submit(append("a", &[n]))).collect();
    drop(store);
    assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
    let store = place.store();
    let events = store.read("a", 1, 1000).unwrap();
    assert_eq!(
        events.iter().map(|event| event.payload[0]).collect::<Vec<_>>(),
        (0..100).collect::<Vec<u8>>()
    );
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn the_last_one_leaves_one_file() {
    let place = Place::new();
    let store = place.store();
    store.commit(append("a", b"")).unwrap();
    store.read("a", 1, 1).unwrap();
    drop(store);
    let names = fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["store.db"]);
}

#[test]
fn what_is_no_store_is_refused_with_a_reason() {
    let place = Place::new();
    fs::write(
        place.path(),
        "this is a text that is long enough not to be taken for an empty file ".repeat(20),
    )
    .unwrap();
    assert!(place.why_not().ends_with("it is no SQLite database"), "{}", place.why_not());
    fs::remove_file(place.path()).unwrap();
    place.sql("CREATE TABLE mine (x)");
    assert!(
        place.why_not().ends_with("it is an SQLite database of another application"),
        "{}",
        place.why_not()
    );
    fs::remove_file(place.path()).unwrap();
    place.sql("PRAGMA application_id = 42");
    assert!(
        place.why_not().ends_with("it is an SQLite database of another application"),
        "{}",
        place.why_not()
    );
    fs::remove_file(place.path()).unwrap();
    fs::create_dir(place.path()).unwrap();
    assert!(place.why_not().contains("it is a folder"), "{}", place.why_not());
    let nowhere = Location::File(place.0.path().join("no/store.db"));
    assert!(Store::open(&nowhere).unwrap_err().to_string().contains("there is no folder"));
}

#[test]
fn a_store_that_has_to_be_there_is_not_made() {
    let place = Place::new();
    let asked = StoreOptions::new().make(false).open(&Location::File(place.path()));
    assert!(asked.unwrap_err().to_string().ends_with("there is no such file"));
    assert!(!place.path().exists());
}

#[test]
fn a_newer_schema_is_refused() {
    let place = Place::new();
    drop(place.store());
    place.sql("PRAGMA user_version = 7");
    assert!(place.why_not().contains("its schema is 7, newer than this version's 1"), "{}", place.why_not());
}

#[test]
fn a_truncated_file_is_refused() {
    let place = Place::new();
    let store = place.store();
    store.commit(append("a", &vec![7; 100_000])).unwrap();
    drop(store);
    let bytes = fs::read(place.path()).unwrap();
    for length in [50, 4096, bytes.len() - 4096] {
        fs::write(place.path(), &bytes[..length]).unwrap();
        let error = place.open().unwrap_err();
        assert!(matches!(error, Error::Damaged { .. } | Error::CannotOpen { .. }), "{length}: {error}");
    }
}

#[test]
fn schemas_are_brought_up_to_date_in_steps() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
    migrate(&mut connection, &["not run again", "CREATE TABLE b (x)", "CREATE TABLE c (x)"]).unwrap();
    let version = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(version(&connection), 3);
    let half = migrate(&mut connection, &["", "", "", "CREATE TABLE d (x)", "CREATE TABLE c (x)"]);
    assert!(half.is_err());
    assert_eq!(version(&connection), 3);
    assert!(connection.execute("SELECT * FROM d", []).is_err());
    connection.execute_batch("SELECT * FROM a, b, c").unwrap();
}

#[test]
fn durabilities_are_what_the_place_can_give() {
    let place = Place::new();
    let open = |durability, location| StoreOptions::new().durability(durability).open(&location);
    let file = || Location::File(place.path());
    assert!(open(Durability::Os, file()).is_ok());
    assert!(open(Durability::Fsync, file()).is_ok());
    assert!(matches!(open(Durability::Memory, file()), Err(Error::CannotOpen { .. })));
    assert!(open(Durability::Memory, Location::Memory).is_ok());
    assert!(matches!(open(Durability::Os, Location::Memory), Err(Error::CannotOpen { .. })));
}

#[test]
fn a_full_disk_writes_nothing_and_the_store_goes_on() {
    let place = Place::new();
    let opening =
        Opening { path: place.path(), durability: Durability::Fsync, may_make: true, may_migrate: true };
    let (connection, _) = opening.store().unwrap();
    let mut engine = Sqlite::new(opening, connection, Arc::new(SystemClock));
    let small = |stream: &str| Work::Change(Change::Batch(append(stream, b"small")));
    assert!(engine.group(&[small("before")]).unwrap()[0].is_ok());
    let pages: i64 =
        engine.connection().unwrap().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |engine: &Sqlite, most: i64| {
        let set =
            engine.connection().unwrap().pragma_update_and_check(None, "max_page_count", most, |_| Ok(()));
        set.unwrap();
    };
    limit(&engine, pages + 2);
    let large = Work::Change(Change::Batch(append("large", &vec![1; 100_000])));
    let error = engine.group(&[small("beside"), large]).unwrap_err();
    assert!(matches!(&error, Error::NotWritten { reason, .. } if reason == "the disk is full"), "{error}");
    assert!(engine.group(&[small("after")]).unwrap()[0].is_ok());
    let store = place.store();
    let heads = ["before", "beside", "large", "after"].map(|stream| store.head(stream).unwrap());
    assert_eq!(heads, [1, 0, 0, 1]);
    assert_eq!(store.verify().unwrap(), []);
}

/// Changes bytes of the file: `from` is there as often as said, and becomes `to`.
fn mangle(path: &Path, from: &[u8], to: &[u8], times: usize) {
    let mut bytes = fs::read(path).unwrap();
    let places: Vec<_> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert_eq!(places.len(), times);
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
    fs::write(path, bytes).unwrap();
}

#[test]
fn changed_bytes_are_found_and_never_returned() {
    let place = Place::new();
    let store = place.store();
    for stream in ["a", "b", "c"] {
        store
            .commit(append(stream, b"before").append(stream, Expected::Any, [NewEvent::new("x", b"MANGLED")]))
            .unwrap();
    }
    store
        .commit(append("c", b"whole").remove("a").append("a", Expected::Any, [NewEvent::new("x", b"fine")]))
        .unwrap();
    store.compact().unwrap();
    drop(store);
    let in_file = fs::read(place.path()).unwrap().windows(7).filter(|bytes| *bytes == b"MANGLED").count();
    mangle(&place.path(), b"MANGLED", b"mangled", in_file);
    let store = place.store();
    let error = store.read("b", 1, 10).unwrap_err();
    assert!(matches!(&error, Error::Damaged { what, .. } if what.contains("event 2")), "{error}");
    assert_eq!(store.read("b", 1, 1).unwrap().len(), 1);
    assert_eq!(store.read("a", 1, 10).unwrap().len(), 1);
    let damage = store.verify().unwrap();
    assert_eq!(
        damage.iter().map(|damage| damage.place.as_str()).collect::<Vec<_>>(),
        ["stream b", "stream c"]
    );
}

#[test]
fn missing_events_are_found() {
    let place = Place::new();
    let store = place.store();
    for stream in ["a", "b", "c", "d"] {
        let events = ["1", "2", "3"].map(|kind| NewEvent::new(kind, b""));
        store.commit(Batch::new().append(stream, Expected::Any, events)).unwrap();
    }
    place.sql("DELETE FROM event WHERE stream = 1 AND version = 2; DELETE FROM event WHERE stream = 2 AND version = 3;
        DELETE FROM stream WHERE id = 3; UPDATE event SET packed = 1 WHERE stream = 4 AND version = 2");
    let damage = store.verify().unwrap();
    let places: Vec<_> = damage.iter().map(|damage| damage.place.as_str()).collect();
    assert_eq!(damage.len(), 4, "{damage:?}");
    for place in ["stream a", "stream b", "stream without a name, number 3", "stream d"] {
        assert!(places.contains(&place), "{damage:?}");
    }
}

#[test]
fn a_damaged_page_is_found() {
    let place = Place::new();
    let store = place.store();
    (0..200).for_each(|_| drop(store.commit(append("a", &[7; 500])).unwrap()));
    drop(store);
    let mut bytes = fs::read(place.path()).unwrap();
    let last = bytes.len() - 4096 * 3;
    bytes[last..last + 4096].fill(0xff);
    fs::write(place.path(), bytes).unwrap();
    let store = place.store();
    assert_ne!(store.verify().unwrap(), []);
    assert!(matches!(store.read("a", 1, 1000), Err(Error::Damaged { .. })));
}

#[test]
fn backups_are_whole_and_never_overwrite() {
    let place = Place::new();
    let store = place.store();
    store.commit(append("a", b"1").mark("a", "run", "done", None)).unwrap();
    let copy = place.0.path().join("copy.db");
    std::thread::scope(|scope| {
        let writing =
            scope.spawn(|| (0..50).for_each(|_| drop(store.commit(append("b", &[0; 1000])).unwrap())));
        store.backup(&copy).unwrap();
        writing.join().unwrap();
    });
    let error = store.backup(&copy).unwrap_err().to_string();
    assert!(error.contains("there is a file already"), "{error}");
    let copied = Store::open(&Location::File(copy)).unwrap();
    assert_eq!(copied.verify().unwrap(), []);
    assert_eq!(copied.read("a", 1, 10).unwrap(), store.read("a", 1, 10).unwrap());
    assert_eq!(copied.streams(&Filter::category("run"), None, 10).unwrap().len(), 1);
    assert!(store.backup(&place.0.path().join("no/copy.db")).is_err());
    let left = fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("partial")));
}

#[test]
fn room_is_given_back() {
    let place = Place::new();
    let store = place.store();
    store.commit(append("a", &vec![1; 1_000_000])).unwrap();
    store.commit(append("b", b"stays").remove("a")).unwrap();
    assert!(store.compact().unwrap() > 900_000);
    assert!(fs::metadata(place.path()).unwrap().len() < 200_000);
    assert_eq!(store.verify().unwrap(), []);
    assert_eq!(store.read("b", 1, 10).unwrap().len(), 1);
}

#[test]
fn figures_count_what_is_there() {
    let place = Place::new();
    let store = place.store();
    let batch = append("a", b"").mark("a", "run", "done", None).mark("b", "run", "running", None);
    store
        .commit(batch.claim("k", b"").set_timer("t", Duration::ZERO, b"").put_outbox(
            "q",
            "m",
            Duration::ZERO,
            b"",
        ))
        .unwrap();
    store.acquire("l", "me", Duration::ZERO).wait().unwrap();
    let info = store.info().unwrap();
    assert_eq!((info.backend, info.schema, info.migrated_from), ("sqlite", 1, None));
    assert_eq!(
        (info.streams, info.events, info.timers, info.outbox, info.claims, info.leases),
        (2, 1, 1, 1, 1, 1)
    );
    let marks = info.marks.iter().map(|mark| (mark.category.as_str(), mark.status.as_str(), mark.count));
    assert_eq!(marks.collect::<Vec<_>>(), [("run", "done", 1), ("run", "running", 1)]);
    assert!(info.size > 4096);
}

#[test]
fn two_on_one_file_see_each_other() {
    let place = Place::new();
    let (one, two) = (place.store(), place.store());
    let mine = one.acquire("lease", "one", Duration::ZERO).wait().unwrap();
    let theirs = two.acquire("lease", "two", Duration::from_secs(60)).wait().unwrap();
    let stale = one.commit(append("a", b"stale").fence("lease", mine.epoch)).unwrap_err();
    assert!(matches!(stale.refused(), Some(Refused::Fenced { mine: 1, now: 2, .. })), "{stale}");
    two.commit(append("a", b"fresh").fence("lease", theirs.epoch)).unwrap();
    assert_eq!(one.read("a", 1, 10).unwrap()[0].payload, b"fresh");
    let mut watch = one.watch([Topic::category("run")]);
    two.commit(Batch::new().mark("a", "run", "running", None)).unwrap();
    assert!(watch.wait(Duration::from_secs(30)));
}

#[test]
fn what_another_process_wrote_meanwhile_is_not_overwritten() {
    let place = Place::new();
    let (one, two) = (place.store(), place.store());
    let after = |store: &Store, version| {
        let expected = if version == 0 { Expected::NoStream } else { Expected::Version(version) };
        store.commit(Batch::new().append("a", expected, [NewEvent::new("said", "x")]))
    };
    for version in [0, 2, 4] {
        assert!(after(&one, version).is_ok());
        assert!(after(&two, version + 1).is_ok());
        let late = after(&one, version + 1).unwrap_err();
        let found = version + 2;
        assert!(
            matches!(late.refused(), Some(Refused::Conflict { found: it, .. }) if *it == found),
            "{late}"
        );
    }
    two.commit(Batch::new().remove("a")).unwrap();
    assert!(after(&one, 6).is_err());
    assert!(after(&one, 0).is_ok());
}

#[test]
fn what_is_refused_leaves_no_trace_in_its_group() {
    let place = Place::new();
    let opening =
        Opening { path: place.path(), durability: Durability::Fsync, may_make: true, may_migrate: true };
    let (connection, _) = opening.store().unwrap();
    let mut engine = Sqlite::new(opening, connection, Arc::new(SystemClock));
    let new = |stream: &str| Batch::new().append(stream, Expected::NoStream, [NewEvent::new("said", stream)]);
    let works = [
        new("a").claim("key", "a"),
        // Refused at its end, after it has touched everything.
        new("b").mark("a", "run", "lost", None).release("other").remove("a").claim("key", "b"),
        new("a"),
        Batch::new().remove("a"),
        new("a").append("a", Expected::Version(1), [NewEvent::new("said", "more")]),
        new("b").release("key").claim("key", "c").mark("b", "run", "done", None),
    ];
    let works = works.map(|batch| Work::Change(Change::Batch(batch)));
    let answers = engine.group(&works).unwrap();
    let is_done: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(is_done, [true, false, false, true, true, true]);
    let store = place.store();
    assert_eq!(["a", "b"].map(|stream| store.read(stream, 1, 9).unwrap().len()), [2, 1]);
    assert_eq!(store.claimed("key").unwrap().as_deref(), Some(&b"c"[..]));
    let marked = store.streams(&Filter::category("run"), None, 9).unwrap();
    assert_eq!(marked.iter().map(|info| info.stream.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn many_open_a_new_file_at_once() {
    let place = Place::new();
    std::thread::scope(|scope| {
        (0..8).for_each(|n| {
            let place = &place;
            scope.spawn(move || place.store().commit(append(&format!("stream {n}"), b"")).unwrap());
        });
    });
    assert_eq!(place.store().info().unwrap().streams, 8);
}

#[test]
fn listings_use_an_index() {
    let place = Place::new();
    let store = place.store();
    store.commit(append("a", b"").mark("a", "run", "running", Some("me"))).unwrap();
    let connection = Connection::open(place.path()).unwrap();
    let plan = |condition: &str| -> String {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT name FROM stream WHERE category = ?1 AND name > ?2 {condition} ORDER BY name"
        );
        let mut statement = connection.prepare(&sql).unwrap();
        statement.query(["run", ""]).unwrap().next().unwrap().unwrap().get(3).unwrap()
    };
    assert!(plan("").contains("stream_by_category (category=? AND name>?)"), "{}", plan(""));
    assert!(plan("AND status = 's'").contains("stream_by_status (category=? AND status=? AND name>?)"));
    let both = plan("AND +status = 's' AND owner = 'o'");
    assert!(both.contains("stream_by_owner (category=? AND owner=? AND name>?)"), "{both}");
}
