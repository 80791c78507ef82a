//! Random lives of one owner and one replica: both are killed, stopped and continued, and in the end they are equal.
//!
//! `STATES_SEED` runs one of them again; `STATES_RUNS` says how many there are (`scripts/soak`).

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use super::ledger::{LARGE, Ledger, SMALL, Size, check_shown, start_copy};
use super::net::Net;
use crate::behaviour::hostile::Dice;
use crate::support::Process;

/// Unless said otherwise.
const RUNS: u64 = 20;
/// At the same time: most of a run is waiting.
const THREADS: usize = 4;
const MOST_EVENTS: usize = 8;
/// More than a publisher keeps for a subscriber that does not read.
const FLOOD: i64 = 70_000;

/// One owner, one replica, and what happens to them.
struct World {
    net: Net,
    dice: Dice,
    size: Size,
    owner: Ledger,
    copy: Process,
    owner_arguments: Vec<&'static str>,
    copy_arguments: Vec<String>,
    /// What has happened, by the numbers in [`World::happen`].
    events: Vec<usize>,
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() {
            let (size, arguments) = (self.size, &self.copy_arguments);
            eprintln!("{size:?}, {arguments:?}, {:?}", self.events);
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let _first_are_alike: Vec<_> = (0..8).map(|_| dice.roll()).collect();
        let net = if dice.below(2) == 0 { Net::over_ipc() } else { Net::over_tcp() };
        let size = if dice.below(3) == 0 { LARGE } else { SMALL };
        let topic = if dice.below(2) == 0 { "" } else { "eu" };
        let mut copy_arguments = vec!["--topic".to_owned(), topic.to_owned()];
        if dice.below(2) == 0 {
            let path = net.place.path("book.copy").display().to_string();
            copy_arguments.extend(["--local_copy".to_owned(), path]);
        }
        let owner_arguments = vec!["--topic", topic];
        let copy = start(&net, &copy_arguments);
        let owner = Ledger::start(&net, size, &owner_arguments);
        Self { net, dice, size, owner, copy, owner_arguments, copy_arguments, events: Vec::new() }
    }

    /// One thing that happens; both run when it is over.
    fn happen(&mut self) {
        let event = self.dice.below(20);
        self.events.push(event);
        match event {
            0..6 => self.burst(),
            6..9 => self.restart_owner(),
            9..12 => self.restart_copy(),
            12..15 => self.stop_copy(),
            15..18 => self.stop_owner(),
            18 => self.restart_both(),
            _ => self.flood(),
        }
        check_shown(&self.net.read("copy"), self.size);
    }

    fn burst(&mut self) {
        let steps = 1 + self.dice.below(600);
        self.owner.burst(&self.net, steps as i64);
    }

    fn restart_owner(&mut self) {
        self.owner.restart(&self.net, &self.owner_arguments);
    }

    fn restart_copy(&mut self) {
        // One that is asked to end leaves a copy on disk that is new.
        let signal = if self.dice.below(2) == 0 { Signal::KILL } else { Signal::TERM };
        self.copy.end_by(signal);
        if self.dice.below(2) == 0 {
            self.burst();
        }
        self.copy = start(&self.net, &self.copy_arguments);
    }

    fn stop_copy(&mut self) {
        self.copy.signal(Signal::STOP);
        match self.dice.below(3) {
            0 => self.restart_owner(),
            1 => self.burst(),
            _ => {
                self.burst();
                self.restart_owner();
                self.burst();
            }
        }
        self.copy.signal(Signal::CONT);
    }

    fn stop_owner(&mut self) {
        self.owner.process.signal(Signal::STOP);
        match self.dice.below(3) {
            0 => check_shown(&self.net.read("copy"), self.size),
            1 => {
                self.copy.end_by(Signal::KILL);
                self.copy = start(&self.net, &self.copy_arguments);
            }
            _ => {
                self.restart_owner();
                return;
            }
        }
        self.owner.process.signal(Signal::CONT);
    }

    fn restart_both(&mut self) {
        self.restart_owner();
        self.copy.end_by(Signal::KILL);
        self.copy = start(&self.net, &self.copy_arguments);
    }

    fn flood(&mut self) {
        self.copy.signal(Signal::STOP);
        self.owner.burst(&self.net, FLOOD);
        self.copy.signal(Signal::CONT);
    }
}

fn start(net: &Net, arguments: &[String]) -> Process {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    start_copy(net, "copy", &arguments)
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..=world.dice.below(MOST_EVENTS) {
        world.happen();
    }
    world.owner.wait_for_copy(&world.net, "copy");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// Runs one seed after another, and says which one failed.
fn run_some(next: &AtomicU64, first: u64, runs: u64, tells: bool) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let done = seed - first;
        if done >= runs {
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            // Not `eprintln!`: nobody sees that of a thread.
            let _ = writeln!(io::stderr(), "STATES_SEED={seed} runs this one again");
            std::panic::resume_unwind(panic);
        }
        if tells && done % 10 == 9 {
            let _ = writeln!(io::stderr(), "{} of {runs}", done + 1);
        }
    }
}

#[test]
fn a_replica_ends_equal_to_its_owner_whatever_happens_to_both() {
    if let (Some(seed), None) = (number("STATES_SEED"), number("STATES_RUNS")) {
        return run(seed);
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let first = number("STATES_SEED").unwrap_or(time.as_micros() as u64);
    let asked = number("STATES_RUNS");
    let (runs, next) = (asked.unwrap_or(RUNS), AtomicU64::new(first));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| run_some(&next, first, runs, asked.is_some()));
        }
    });
}
