//! The way from anywhere to the thread that owns the out connections.
//!
//! On that very thread a request or a message goes straight into its connection; from any other it is queued and
//! the owner's bell rung.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::outs::{Command, Outs};
use crate::connection::Wake;

thread_local! {
    /// The out connections that this thread owns, by the number of their link.
    static LOCAL: RefCell<Vec<(u64, Rc<RefCell<Outs>>)>> = const { RefCell::new(Vec::new()) };
}

/// The handle that every context of one service shares.
pub(crate) struct Link {
    number: u64,
    commands: Mutex<Commands>,
    woken: Mutex<Vec<u64>>,
    pub(crate) wake: Arc<Wake>,
}

/// Commands that wait for the owner; beyond, they are refused.
pub(crate) const MOST_COMMANDS: usize = 100_000;

/// What other threads ask for.
#[derive(Default)]
struct Commands {
    queue: Vec<Command>,
    /// The owner is gone for good.
    is_closed: bool,
}

/// Why a command was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Too many wait already.
    Full,
    /// There is no owner any more.
    Closed,
}

impl Link {
    pub(crate) fn new(wake: Arc<Wake>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { number, commands: Mutex::default(), woken: Mutex::default(), wake }
    }

    /// Makes this thread the owner of `outs` until the returned guard goes.
    pub(crate) fn own(self: &Arc<Self>, outs: Rc<RefCell<Outs>>) -> Owned {
        LOCAL.with_borrow_mut(|local| local.push((self.number, outs)));
        Owned(self.clone())
    }

    /// Runs `here` if this thread is the owner.
    pub(crate) fn with_local<R>(&self, here: impl FnOnce(&mut Outs) -> R) -> Option<R> {
        let outs = LOCAL.with_borrow(|local| {
            local.iter().find(|(number, _)| *number == self.number).map(|(_, outs)| outs.clone())
        })?;
        Some(here(&mut outs.borrow_mut()))
    }

    fn is_local(&self) -> bool {
        LOCAL.with_borrow(|local| local.iter().any(|(number, _)| *number == self.number))
    }

    /// Has the owner carry out a command. One that is not taken is dropped, which ends a request with `Stopping`.
    pub(crate) fn send(&self, command: Command) -> Result<(), NotTaken> {
        let mut command = Some(command);
        self.with_local(|outs| {
            if let Some(command) = command.take() {
                outs.carry_out(command, Instant::now());
            }
        });
        match command {
            Some(command) => self.queue(command),
            None => Ok(()),
        }
    }

    fn queue(&self, command: Command) -> Result<(), NotTaken> {
        let mut commands = self.lock_commands();
        if commands.is_closed {
            return Err(NotTaken::Closed);
        }
        if commands.queue.len() >= MOST_COMMANDS {
            return Err(NotTaken::Full);
        }
        commands.queue.push(command);
        drop(commands);
        self.wake.ring();
        Ok(())
    }

    fn lock_commands(&self) -> MutexGuard<'_, Commands> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What other threads have asked for since.
    pub(crate) fn commands(&self) -> Vec<Command> {
        std::mem::take(&mut self.lock_commands().queue)
    }

    /// Refuses commands from now on, and drops those that nobody carried out.
    fn close(&self) {
        let mut commands = self.lock_commands();
        commands.is_closed = true;
        let unheard = std::mem::take(&mut commands.queue);
        // Dropping them wakes who waits, who may want this lock.
        drop(commands);
        drop(unheard);
    }

    /// Notes that a task can go on.
    pub(crate) fn wake_task(&self, task: u64) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        // The owner looks at its tasks before it sleeps; only others have to wake it.
        if !self.is_local() {
            self.wake.ring();
        }
    }

    /// Moves the tasks that can go on to the end of `tasks`.
    pub(crate) fn woken(&self, tasks: &mut Vec<u64>) {
        tasks.append(&mut self.woken.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether this task can go on; what others were woken stays noted.
    pub(crate) fn take_woken(&self, task: u64) -> bool {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let before = woken.len();
        woken.retain(|other| *other != task);
        woken.len() < before
    }

    /// Whether a task can go on.
    pub(crate) fn has_woken(&self) -> bool {
        !self.woken.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// A thread's ownership, ended for good by dropping it.
pub(crate) struct Owned(Arc<Link>);

impl Drop for Owned {
    fn drop(&mut self) {
        LOCAL.with_borrow_mut(|local| local.retain(|(number, _)| *number != self.0.number));
        self.0.close();
    }
}
