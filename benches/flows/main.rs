//! Flows of three durable steps, in one run with what the disk itself can do.
//!
//! Run with `cargo bench --bench flows --features full`. Each flow asks a function of this process for three results, one after the
//! other: each is an errand of the outbox, done after it was committed, and its result is committed before the next. Interpreters run
//! on threads here; a process of its own adds two pipes to each turn. PostgreSQL is measured if SERVICE_FRAMEWORK_TEST_POSTGRES names
//! a server. Arguments: how many seconds are spent on each measurement (1), and how many rounds there are (5). `benches/peers/flows/run` measures others beside it.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

#[path = "../statistics.rs"]
mod statistics;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use service_framework::Value;
use service_framework::flow::connect::{Connector, Errand, Performed, Performing};
use service_framework::flow::engine::{Monty, Outcome};
use service_framework::flow::worker::{Pool, Threads, TurnLimits};
use service_framework::flow::{Flows, Host, HostSettings, Start};
use service_framework::store::{Location, Store};
use statistics::{median, sorted};

const IN_FLIGHT: [usize; 2] = [1, 128];
const SCRIPT: &str = "
from flow.service import to_send

def main(n):
    a = to_send('step', {'n': n})['n']
    b = to_send('step', {'n': a})['n']
    return to_send('step', {'n': b})['n']
";

/// Answers at once, with what it was given and one more.
struct Step;

impl Connector for Step {
    fn queue(&self) -> &'static str {
        "service"
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        let n = errand.args.get(1).and_then(|args| args.get("n")).and_then(Value::as_i64).unwrap_or_default();
        let answer: Value = [("n", n + 1)].into_iter().collect();
        Box::pin(async move { Performed::Done(Outcome::Value(answer)) })
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<f64>().ok());
    let time = Duration::from_secs_f64(numbers.next().unwrap_or(1.0));
    // Odd, so that the median is one of them.
    let rounds = numbers.next().map_or(5, |rounds| rounds as usize).max(1);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let stores = stores(folder.path());
    println!("flows of three steps a second, {rounds} rounds of {time:?} each");
    let mut limits = Vec::new();
    let mut rates = vec![[const { Vec::new() }; IN_FLIGHT.len()]; stores.len()];
    for _ in 0..rounds {
        limits.push(fdatasync(folder.path(), time));
        for (store, (_, opened)) in stores.iter().enumerate() {
            for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
                rates[store][index].push(flows(opened, in_flight, time));
            }
        }
    }
    let limits = sorted(limits.into_iter());
    println!("{:<28} {:>8.0}", "fdatasync (limit)", median(&limits));
    for (store, (name, _)) in stores.iter().enumerate() {
        for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            let rates = sorted(rates[store][index].iter().copied());
            println!(
                "{:<28} {:>8.0} ({:.0} to {:.0})  {:.3} of the limit",
                format!("{name}, {in_flight} in flight"),
                median(&rates),
                rates[0],
                rates[rates.len() - 1],
                median(&rates) / median(&limits)
            );
        }
    }
}

/// The stores that are measured, by name.
fn stores(folder: &Path) -> Vec<(&'static str, Store)> {
    let open = |location: Location| Store::open(&location).expect("a store");
    let mut stores =
        vec![("memory", Store::in_memory()), ("sqlite", open(Location::File(folder.join("store.db"))))];
    if let Ok(url) = std::env::var("SERVICE_FRAMEWORK_TEST_POSTGRES") {
        let url = format!("{url}{}schema=bench_flows", if url.contains('?') { '&' } else { '?' });
        stores.push(("postgres", open(Location::Postgres(url))));
    }
    stores
}

/// Flows that come to their end in a second, so many at a time.
fn flows(store: &Store, in_flight: usize, time: Duration) -> f64 {
    let pool = Pool::new(2, TurnLimits::default(), Threads::open(|| Monty)).expect("interpreters");
    let engine = Arc::new(Monty);
    let connectors: Vec<Arc<dyn Connector>> = vec![Arc::new(Step)];
    let settings = HostSettings::default();
    let host = Host::start(&Flows::of(store), engine, Some(pool), connectors, settings).expect("a host");
    let (ended, ends) = mpsc::channel();
    host.observe(move |_, status| {
        if status.has_ended() {
            let _ = ended.send(status);
        }
    });
    let start = |n: i64| {
        let start = Start {
            file: "steps.py".to_owned(),
            source: SCRIPT.to_owned(),
            function: Some("main".to_owned()),
            args: vec![("n".to_owned(), Value::Int(n))],
            ..Start::default()
        };
        host.start_flow(start).expect("a flow");
    };
    let began = Instant::now();
    let mut started = 0;
    while started < in_flight {
        started += 1;
        start(started as i64);
    }
    let mut done = 0;
    while began.elapsed() < time {
        let status = ends.recv_timeout(Duration::from_secs(30)).expect("an end");
        assert_eq!(status.word(), "done");
        done += 1;
        started += 1;
        start(started as i64);
    }
    let rate = f64::from(done) / began.elapsed().as_secs_f64();
    assert!(host.stop(Duration::from_secs(30)));
    rate
}

/// How many times a second 200 bytes more of a file can be brought to the disk.
fn fdatasync(folder: &Path, time: Duration) -> f64 {
    let mut file = File::create(folder.join("limit")).expect("a file");
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        file.write_all(&[7; 200]).and_then(|()| file.sync_data()).expect("a write");
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}
