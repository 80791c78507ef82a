//! The way from anywhere to the thread that owns the out connections.
//!
//! On that very thread a request or a message goes straight into its connection; from any other it is queued and
//! the owner's bell rung.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::inline::Ways;
use super::outs::{Command, Outs};
use crate::connection::Wake;

thread_local! {
    /// The out connections that this thread owns, by the number of their link.
    static LOCAL: RefCell<Vec<(u64, Local)>> = const { RefCell::new(Vec::new()) };
}

/// The out connections of a service on the thread that owns them.
#[derive(Clone)]
pub(super) enum Local {
    /// Through sockets.
    Sockets(Rc<RefCell<Outs>>),
    /// To services of the same thread.
    Inside(Rc<Ways>),
}

/// The handle that every context of one service shares.
pub(crate) struct Link {
    number: u64,
    commands: Mutex<Commands>,
    woken: Mutex<Vec<u64>>,
    /// Whoever waits until the owner has nothing to do.
    #[cfg(feature = "testing")]
    settling: Mutex<Vec<tokio::sync::oneshot::Sender<()>>>,
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
        Self {
            number,
            commands: Mutex::default(),
            woken: Mutex::default(),
            #[cfg(feature = "testing")]
            settling: Mutex::default(),
            wake,
        }
    }

    /// Makes this thread the owner of `outs` until the returned guard goes.
    pub(crate) fn own(self: &Arc<Self>, outs: Rc<RefCell<Outs>>) -> Owned {
        self.own_local(Local::Sockets(outs))
    }

    /// Makes this thread the owner of out connections that lead to services of the same thread.
    pub(super) fn own_inside(self: &Arc<Self>, ways: Rc<Ways>) -> Owned {
        self.own_local(Local::Inside(ways))
    }

    fn own_local(self: &Arc<Self>, outs: Local) -> Owned {
        LOCAL.with_borrow_mut(|local| local.push((self.number, outs)));
        Owned(self.clone())
    }

    /// The out connections, if this thread is their owner.
    pub(super) fn local(&self) -> Option<Local> {
        LOCAL.with_borrow(|local| {
            local.iter().find(|(number, _)| *number == self.number).map(|(_, outs)| outs.clone())
        })
    }

    /// Whether this thread is the owner.
    pub(crate) fn is_local(&self) -> bool {
        LOCAL.with_borrow(|local| local.iter().any(|(number, _)| *number == self.number))
    }

    /// Has the owner carry out a command. One that is not taken is dropped, which ends a request with `Stopping`.
    pub(crate) fn send(&self, command: Command) -> Result<(), NotTaken> {
        match self.local() {
            Some(Local::Sockets(outs)) => outs.borrow_mut().carry_out(command, Instant::now()),
            Some(Local::Inside(ways)) => ways.carry_out(command),
            None => return self.queue(command),
        }
        Ok(())
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

    /// Whether somebody has asked for something.
    pub(crate) fn has_commands(&self) -> bool {
        !self.lock_commands().queue.is_empty()
    }

    /// Refuses commands from now on, and drops those that nobody carried out.
    fn close(&self) {
        let mut commands = self.lock_commands();
        commands.is_closed = true;
        let unheard = std::mem::take(&mut commands.queue);
        // Dropping them wakes who waits, who may want this lock.
        drop(commands);
        drop(unheard);
        #[cfg(feature = "testing")]
        self.lock_settling().clear();
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

#[cfg(feature = "testing")]
impl Link {
    fn lock_settling(&self) -> MutexGuard<'_, Vec<tokio::sync::oneshot::Sender<()>>> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What ends once the owner has nothing to do that has come in.
    pub(crate) fn settled(&self) -> tokio::sync::oneshot::Receiver<()> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.lock_settling().push(tell);
        self.wake.ring();
        told
    }

    /// How many wait for that. What whoever asks now did before has come in by the owner's next look.
    pub(crate) fn settling(&self) -> usize {
        self.lock_settling().len()
    }

    /// Tells the first `asked` that wait for it whether the owner has nothing to do. What it only waits for wakes it by
    /// itself.
    pub(crate) fn tell_settled(&self, asked: usize, has_nothing_to_do: bool, only_waits: bool) {
        let mut settling = self.lock_settling();
        if has_nothing_to_do {
            let asked = asked.min(settling.len());
            for waiting in settling.drain(..asked) {
                let _ = waiting.send(());
            }
        }
        if !settling.is_empty() && !only_waits {
            self.wake.ring();
        }
    }
}

/// A thread's ownership, ended for good by dropping it.
pub(crate) struct Owned(Arc<Link>);

impl Drop for Owned {
    fn drop(&mut self) {
        let own = LOCAL.with_borrow_mut(|local| {
            let place = local.iter().position(|(number, _)| *number == self.0.number);
            place.map(|place| local.swap_remove(place))
        });
        // What goes with it may want the table.
        drop(own);
        self.0.close();
    }
}
