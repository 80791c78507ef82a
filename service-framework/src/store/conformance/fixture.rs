//! A store for one test, and its time.

use std::time::Duration;

use tempfile::TempDir;

use crate::store::{
    Batch, Committed, Error, Expected, Location, ManualClock, NewEvent, Refused, Store, StoreOptions,
    Timestamp,
};

/// An empty store.
pub(super) struct Fixture {
    pub(super) store: Store,
    clock: Clock,
    /// Goes with the fixture.
    _folder: Option<TempDir>,
}

/// What the store's time is.
enum Clock {
    Here(ManualClock),
    #[cfg(feature = "postgres")]
    There(Database),
}

impl Fixture {
    pub(super) fn memory() -> Self {
        let clock = clock();
        Self { store: Store::in_memory_at(clock.clone()), clock: Clock::Here(clock), _folder: None }
    }

    pub(super) fn sqlite() -> Self {
        let (clock, folder) = (clock(), tempfile::tempdir().unwrap());
        let location = Location::File(folder.path().join("store.db"));
        let store = StoreOptions::new().clock(clock.clone()).open(&location).unwrap();
        Self { store, clock: Clock::Here(clock), _folder: Some(folder) }
    }

    /// A store on the server of the environment, if it names one.
    #[cfg(feature = "postgres")]
    pub(super) fn postgres() -> Option<Self> {
        let database = database()?;
        let store = Store::open(&database.location()).unwrap();
        database.stop_clock();
        Some(Self { store, clock: Clock::There(database), _folder: None })
    }

    /// Lets the store's time pass.
    pub(super) fn pass(&self, time: Duration) {
        match &self.clock {
            Clock::Here(clock) => clock.advance(time),
            #[cfg(feature = "postgres")]
            Clock::There(database) => {
                database.sql(&format!("UPDATE clock SET at = at + {}", time.as_micros()))
            }
        }
    }

    pub(super) fn commit(&self, batch: Batch) -> Committed {
        self.store.commit(batch).unwrap()
    }

    /// Why the batch was refused.
    pub(super) fn refused(&self, batch: Batch) -> Refused {
        refused(self.store.commit(batch))
    }

    /// The kinds of all events of a stream.
    pub(super) fn kinds(&self, stream: &str) -> Vec<String> {
        self.store.read(stream, 0, 1000).unwrap().into_iter().map(|event| event.kind).collect()
    }
}

const BEGIN: i64 = 1_700_000_000_000_000;

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_micros(BEGIN))
}

/// A schema of its own on the server of the environment, which goes with this.
#[cfg(feature = "postgres")]
pub(in crate::store) struct Database {
    pub(in crate::store) url: String,
    pub(in crate::store) schema: String,
}

/// A schema without a store; None if the environment names no server.
#[cfg(feature = "postgres")]
pub(in crate::store) fn database() -> Option<Database> {
    let Ok(url) = std::env::var("SERVICE_FRAMEWORK_TEST_POSTGRES") else {
        eprintln!("skipped: SERVICE_FRAMEWORK_TEST_POSTGRES names no PostgreSQL server");
        return None;
    };
    Some(Database { url, schema: format!("test_{}", uuid::Uuid::new_v4().simple()) })
}

#[cfg(feature = "postgres")]
impl Database {
    pub(in crate::store) fn location(&self) -> Location {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let schema = &self.schema;
        format!("{}{separator}schema={schema}&application_name={schema}", self.url).parse().unwrap()
    }

    pub(in crate::store) fn sql(&self, sql: &str) {
        let mut client = postgres::Client::connect(&self.url, postgres::NoTls).unwrap();
        client.batch_execute(&format!("SET search_path TO {}; {sql}", self.schema)).unwrap();
    }

    /// Makes the store's time a number in a table.
    fn stop_clock(&self) {
        self.sql(&format!(
            "CREATE TABLE clock (at bigint); INSERT INTO clock VALUES ({BEGIN});
            CREATE OR REPLACE FUNCTION store_now() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT at FROM clock'"
        ));
    }
}

#[cfg(feature = "postgres")]
impl Drop for Database {
    fn drop(&mut self) {
        if let Ok(mut client) = postgres::Client::connect(&self.url, postgres::NoTls) {
            // A schema that stays is in nobody's way.
            let _ = client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema));
        }
    }
}

pub(super) fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> Refused {
    answer.unwrap_err().refused().unwrap().clone()
}

/// Appends one event of this kind, whatever the version.
pub(super) fn append(stream: &str, kind: &'static str) -> Batch {
    Batch::new().append(stream, Expected::Any, [event(kind)])
}

pub(super) fn event(kind: &'static str) -> NewEvent {
    NewEvent::new(kind, kind.as_bytes())
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
