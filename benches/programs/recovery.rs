//! Runs that a crash cut off, and how long it takes until none is left.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use service_framework::program::{Answer, End, Engine, Hooks, Pool, Request, Settings};
use service_framework::store::{Batch, Event, Expected, Filter, Location, Mark, NewEvent, Store};
use uuid::Uuid;

use crate::programs::{hooks, spec};

/// The programs of the runs that are left: one is undone, the other one goes on.
const PROGRAMS: [&str; 2] = ["order_freely", "order_resumed"];
/// The hooks in which runs are cut off, in the order in which they run.
const HOOKS: [&str; 4] = ["reserve", "price", "charge", "ship"];
/// How long a server that is cut off keeps its runs.
const LEASE: Duration = Duration::from_secs(1);
/// How many runs are written at once.
const PAGE: usize = 200;
/// How many fresh runs there are at once; as many as run at once anyway.
const AT_ONCE: usize = 64;

/// Measures both, and prints them.
pub(crate) fn compare(runs: usize) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let [left, fresh] = ["left.db", "fresh.db"].map(|name| folder.path().join(name));
    fill(&left, runs);
    println!("{runs} runs each, SQLite");
    let recovered = measured("recovered", &["recover", &left.to_string_lossy()]);
    let begun = measured("fresh", &["fresh", &fresh.to_string_lossy(), &runs.to_string()]);
    println!("recovered / fresh, runs a second: {:.2}", begun / recovered);
}

/// Runs a part of this in a process of its own; the seconds that it says it took.
fn measured(name: &str, arguments: &[&str]) -> f64 {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this).args(arguments).stderr(Stdio::inherit()).output().expect("a process");
    assert!(output.status.success(), "{name} ended with {}", output.status);
    let line = String::from_utf8(output.stdout).expect("text");
    let (seconds, rest) = line.trim().split_once(' ').expect("seconds and more");
    println!("{name:<10} {seconds:>8} s {rest}");
    seconds.parse().expect("seconds")
}

/// Says how long so many runs took, and how much memory this process had at most.
fn say(runs: usize, time: Duration, how: &str) {
    let seconds = time.as_secs_f64();
    let rate = runs as f64 / seconds;
    println!("{seconds:.2} {rate:>8.0} a second, {:.0} MB of memory at most, {how}", most_memory());
}

/// In megabytes of 1,000,000 bytes.
fn most_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its most memory");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024.0 / 1e6
}

fn open(path: impl AsRef<Path>) -> Store {
    Store::open(&Location::File(path.as_ref().to_owned())).expect("a store")
}

fn engine(store: Store, hooks: &Hooks, name: String) -> Engine {
    let settings = Settings { name, lease: LEASE, ..Settings::default() };
    Engine::start(spec(), hooks, store, settings).expect("an engine")
}

fn order(program: &str) -> Request {
    let mut pool = Pool::new();
    pool.set("item", "rope");
    pool.set("country", "earth");
    Request::new(program, pool)
}

/// Begins a run, and ends this process in one of its hooks.
pub(crate) fn leave(store: &str, program: &str, hook: &str) {
    let hooks = hooks().instead(hook, |_: &mut Pool| -> Result<(), _> { std::process::abort() });
    let answer = engine(open(store), &hooks, format!("left in {hook}")).run(order(program));
    unreachable!("this process has ended: {answer:?}");
}

/// A run that was cut off.
struct Left {
    mark: Mark,
    events: Vec<NewEvent>,
}

/// Has servers cut off in every hook of every program, and copies what they left until there are this many.
fn fill(path: &Path, runs: usize) {
    let this = std::env::current_exe().expect("this program");
    for (program, hook) in PROGRAMS.into_iter().flat_map(|program| HOOKS.map(|hook| (program, hook))) {
        let mut command = Command::new(&this);
        command.args(["leave", &path.to_string_lossy(), program, hook]).stderr(Stdio::null());
        assert!(!command.status().expect("a process").success(), "it is cut off");
    }
    let store = open(path);
    let left = unfinished(&store, usize::MAX);
    let samples: Vec<Left> = left.iter().map(|(stream, mark)| sample(&store, stream, mark)).collect();
    assert_eq!(samples.len(), PROGRAMS.len() * HOOKS.len());
    let mut copies = samples.iter().cycle().take(runs.saturating_sub(samples.len())).peekable();
    while copies.peek().is_some() {
        let batch = copies.by_ref().take(PAGE).fold(Batch::new(), copy);
        store.commit(batch).expect("a commit");
    }
    wait_until_all_are_gone(&store, &samples);
}

fn unfinished(store: &Store, most: usize) -> Vec<(String, Mark)> {
    let filter = Filter::category("run").status("running");
    let page = store.streams(&filter, None, most).expect("streams");
    page.into_iter().map(|info| (info.stream, info.mark)).collect()
}

fn sample(store: &Store, stream: &str, mark: &Mark) -> Left {
    let again = |event: Event| NewEvent::new(event.kind, event.payload);
    let events = store.read(stream, 1, usize::MAX).expect("events").into_iter().map(again).collect();
    Left { mark: mark.clone(), events }
}

fn copy(batch: Batch, left: &Left) -> Batch {
    let stream = format!("run/{}", Uuid::now_v7().simple());
    let Mark { category, status, owner } = &left.mark;
    batch.append(&stream, Expected::NoStream, left.events.iter().cloned()).mark(
        &stream,
        category,
        status,
        owner.as_deref(),
    )
}

/// Not their time is measured.
fn wait_until_all_are_gone(store: &Store, samples: &[Left]) {
    let is_gone = |left: &Left| {
        let lease = store.lease(left.mark.owner.as_deref().expect("an owner")).expect("a lease");
        lease.is_none_or(|lease| store.now().is_ok_and(|now| lease.until < now))
    };
    let until = Instant::now() + LEASE * 10;
    while !samples.iter().all(is_gone) {
        assert!(Instant::now() < until, "a server that was cut off goes on");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Takes a store up, until all runs in it have ended.
pub(crate) fn recover(path: &str) {
    let began = Instant::now();
    let engine = engine(open(path), &hooks(), "recovers".to_owned());
    engine.recover().expect("a store that can be read");
    while !unfinished(engine.store(), 1).is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
    let time = began.elapsed();
    let count = |status: &str| {
        let marks = engine.store().info().expect("a store that can be read").marks;
        marks.iter().filter(|mark| mark.status == status).map(|mark| mark.count).sum::<u64>() as usize
    };
    let (done, undone, stuck) = (count("done"), count("rectified"), count("stuck"));
    assert_eq!(stuck, 0, "no rectifier fails");
    say(done + undone, time, &format!("{done} done, {undone} undone"));
    assert!(engine.stop(Duration::from_secs(30)));
}

/// Runs so many from the beginning to the end.
pub(crate) fn fresh(path: &str, runs: usize) {
    let engine = engine(open(path), &hooks(), "fresh".to_owned());
    let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        return;
                    }
                    let answer = engine.run(order(PROGRAMS[number % PROGRAMS.len()]));
                    assert!(matches!(answer, Answer::Ran { end: End::Done, .. }), "{answer:?}");
                }
            });
        }
    });
    say(runs, began.elapsed(), &format!("{runs} done"));
    assert!(engine.stop(Duration::from_secs(30)));
}
