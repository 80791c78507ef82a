//! A process that writes to a store, for tests that kill it, fence it, or fill its disk.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use service_framework::store::{Batch, Committed, Error, Expected, NewEvent, Store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["pairs", location, threads] => pairs(&Store::open(&location.parse()?)?, threads.parse()?)?,
        ["stale", location] => stale(&Store::open(&location.parse()?)?)?,
        ["fill", location] => fill(&Store::open(&location.parse()?)?)?,
        _ => eprintln!("store_writer pairs LOCATION THREADS | stale LOCATION | fill LOCATION"),
    }
    Ok(())
}

fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
        std::process::exit(1);
    }
}

/// Appends to two streams at once, again and again in each thread, and says every version that is acknowledged.
fn pairs(store: &Store, threads: usize) -> Result<(), Error> {
    thread::scope(|scope| {
        let writers: Vec<_> =
            (0..threads).map(|number| scope.spawn(move || write_pairs(store, number))).collect();
        writers.into_iter().try_for_each(|writer| writer.join().unwrap_or(Ok(())))
    })
}

fn write_pairs(store: &Store, number: usize) -> Result<(), Error> {
    let streams = [format!("left-{number}"), format!("right-{number}")];
    let mut version = store.head(&streams[0])?;
    loop {
        let event = || [NewEvent::new("pair", vec![version as u8; 300])];
        let batch = Batch::new()
            .append(&streams[0], Expected::Version(version), event())
            .append(&streams[1], Expected::Version(version), event())
            .mark(&streams[0], "pair", if version % 2 == 0 { "odd" } else { "even" }, None);
        store.commit(batch)?;
        version += 1;
        say(&format!("{number} {version}"));
    }
}

/// Takes a lease that runs out at once, and writes under it when it is told to.
fn stale(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let lease = store.acquire("lease", "stale", Duration::ZERO).wait()?;
    say(&format!("epoch {}", lease.epoch));
    io::stdin().lock().read_line(&mut String::new())?;
    let event = NewEvent::new("stale", b"");
    match store.commit(Batch::new().fence("lease", lease.epoch).append("a", Expected::Any, [event])) {
        Ok(_) => say("written"),
        Err(error) => say(&error.to_string()),
    }
    Ok(())
}

/// Writes until no file may grow any more, then goes on when they may again.
fn fill(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    // Handled, the signal does not end the process, and the write fails as it does on a full disk.
    signal_hook::flag::register(rustix::process::Signal::XFSZ.as_raw(), Arc::new(AtomicBool::new(false)))?;
    let append = || -> Result<Committed, Error> {
        store.commit(Batch::new().append("a", Expected::Any, [NewEvent::new("large", vec![7; 20_000])]))
    };
    let unlimited = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(500_000), ..unlimited })?;
    let mut acknowledged = 0;
    let error = loop {
        match append() {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    let refused = append().is_err();
    say(&format!("{acknowledged} {refused} {error}"));
    setrlimit(Resource::Fsize, unlimited)?;
    say(&format!("{}", append()?.version("a").unwrap_or(0)));
    Ok(())
}
