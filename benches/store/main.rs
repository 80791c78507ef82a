//! Appends to an event store against what the disk itself can do, in one run.
//!
//! Run with `cargo bench --bench store`. Each writer appends one event of 200 bytes to a stream of its own, under a fence and at an
//! expected version, and waits until that is acknowledged before it appends the next. The limit writes 200 bytes to the end of a
//! file and waits for `fdatasync`, one after the other, in the same folder. PostgreSQL is measured if
//! SERVICE_FRAMEWORK_TEST_POSTGRES names a server.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

#[path = "../statistics.rs"]
mod statistics;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use service_framework::store::{Batch, Expected, Location, NewEvent, Store};
use statistics::{median, sorted};

/// Rounds of each; odd, so that the median is one of them.
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_millis(800);
const WRITERS: [usize; 3] = [1, 8, 64];
const PAYLOAD: [u8; 200] = [7; 200];

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let stores = stores(folder.path());
    println!("appends a second, {ROUNDS} rounds of {TIME:?} each");
    let rounds: Vec<Round> = (0..ROUNDS).map(|round| Round::run(round, folder.path(), &stores)).collect();
    show("fdatasync (limit)", sorted(rounds.iter().map(|round| round.limit)), None);
    for (store, (name, _)) in stores.iter().enumerate() {
        for (index, writers) in WRITERS.into_iter().enumerate() {
            let rates = sorted(rounds.iter().map(|round| round.rates[store][index]));
            let ratios = sorted(rounds.iter().map(|round| round.rates[store][index] / round.limit));
            show(&format!("{name}, {writers} writers"), rates, Some(ratios));
        }
    }
}

fn show(name: &str, rates: Vec<f64>, ratios: Option<Vec<f64>>) {
    let of_limit = ratios.map(|ratios| {
        format!("  {:.2} of the limit ({:.2} to {:.2})", median(&ratios), ratios[0], ratios[ROUNDS - 1])
    });
    println!("{name:<28} {:>8.0}{}", median(&rates), of_limit.unwrap_or_default());
}

/// The stores that are measured, by name.
fn stores(folder: &Path) -> Vec<(&'static str, Store)> {
    let open = |location: Location| Store::open(&location).expect("a store");
    let mut stores =
        vec![("memory", Store::in_memory()), ("sqlite", open(Location::File(folder.join("store.db"))))];
    if let Ok(url) = std::env::var("SERVICE_FRAMEWORK_TEST_POSTGRES") {
        let url = format!("{url}{}schema=bench_store", if url.contains('?') { '&' } else { '?' });
        stores.push(("postgres", open(Location::Postgres(url))));
    }
    stores
}

struct Round {
    limit: f64,
    /// By store, then by writers.
    rates: Vec<Vec<f64>>,
}

impl Round {
    fn run(number: usize, folder: &Path, stores: &[(&str, Store)]) -> Self {
        let limit = limit(folder);
        let of = |store: &Store| WRITERS.into_iter().map(|writers| appends(store, number, writers)).collect();
        Self { limit, rates: stores.iter().map(|(_, store)| of(store)).collect() }
    }
}

fn limit(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("limit")).expect("a file");
    let (began, mut count) = (Instant::now(), 0u32);
    while began.elapsed() < TIME {
        file.write_all(&PAYLOAD).and_then(|()| file.sync_data()).expect("a write");
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

fn appends(store: &Store, round: usize, writers: usize) -> f64 {
    let lease = store.acquire("bench", "bench", Duration::from_secs(600)).wait().expect("a lease");
    let (began, count) = (Instant::now(), AtomicU64::new(0));
    thread::scope(|scope| {
        for writer in 0..writers {
            let (lease, count) = (&lease, &count);
            scope.spawn(move || {
                let stream = format!("{round}-{writers}-{writer}-{}", lease.epoch);
                // A store of an earlier run may have it.
                let mut version = store.head(&stream).expect("a version");
                while began.elapsed() < TIME {
                    let events = [NewEvent::new("step", PAYLOAD)];
                    let batch = Batch::new().fence(&lease.name, lease.epoch).append(
                        &stream,
                        Expected::Version(version),
                        events,
                    );
                    store.commit(batch).expect("a commit");
                    version += 1;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    count.into_inner() as f64 / began.elapsed().as_secs_f64()
}
