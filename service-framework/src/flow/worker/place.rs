//! Where an interpreter runs: a process that somebody starts, or for tests a thread.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use super::child::serve;
use crate::flow::engine::Engine;

/// What a process took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time of processors since it began.
    pub cpu: Duration,
    /// Bytes of memory now.
    pub memory: u64,
}

/// A process that runs [`serve`].
pub trait Place: Send {
    /// What it took; none if it cannot be found out.
    fn usage(&self) -> Option<Usage>;

    /// Ends it, if it has not ended yet, and says how it ended.
    fn end(&mut self) -> Ended;
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The system gave it no more of something, such as memory: the script needs too much.
    Limit(String),
    /// Otherwise, as far as is known.
    Crash(String),
}

/// A process, and the pipes to it.
pub struct Opened {
    /// The process.
    pub place: Box<dyn Place>,
    /// What it reads.
    pub to: Box<dyn Write + Send>,
    /// What it writes.
    pub from: Box<dyn Read + Send>,
}

/// Starts processes.
pub(super) type Open = dyn Fn() -> io::Result<Opened> + Send + Sync;

/// Interpreters on threads of this process: for tests, and for who trusts all scripts. One that does not end cannot be ended.
pub struct Threads;

impl Threads {
    /// How to start one with this engine.
    pub fn open<E, M>(make: M) -> impl Fn() -> io::Result<Opened> + Send + Sync + 'static
    where
        E: Engine,
        M: Fn() -> E + Clone + Send + Sync + 'static,
    {
        move || {
            let (mut here, to) = io::pipe()?;
            let (from, mut there) = io::pipe()?;
            let make = make.clone();
            // Deep scripts need a deep stack, as in a process of their own.
            let thread = thread::Builder::new().name("interpreter".to_owned()).stack_size(64 << 20);
            thread.spawn(move || serve(&make(), &mut here, &mut there))?;
            Ok(Opened { place: Box::new(OnThread), to: Box::new(to), from: Box::new(from) })
        }
    }
}

struct OnThread;

impl Place for OnThread {
    fn usage(&self) -> Option<Usage> {
        None
    }

    fn end(&mut self) -> Ended {
        Ended::Crash("its thread ended".to_owned())
    }
}
