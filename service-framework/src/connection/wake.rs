//! A bell: any thread rings it, the owner of the sockets hears it in its poll.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// An eventfd with the state that keeps a thousand rings from being a thousand system calls.
pub(crate) struct Wake {
    fd: OwnedFd,
    rung: AtomicBool,
    /// Called at the first ring of several, where nobody polls.
    listener: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Wake {
    /// A silent bell.
    pub(crate) fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { fd, rung: AtomicBool::new(false), listener: OnceLock::new() })
    }

    /// Makes the descriptor readable, once until [`Wake::clear`].
    ///
    /// What the owner is to find must be in place before.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Only a counter at its limit can refuse, and then the descriptor is readable already.
            let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
            if let Some(listener) = self.listener.get() {
                listener();
            }
        }
    }

    /// Calls this at each ring too; the first one that is given counts.
    pub(crate) fn on_ring(&self, listener: impl Fn() + Send + Sync + 'static) {
        let _ = self.listener.set(Box::new(listener));
    }

    /// Silences the bell; whoever rings from now on is heard by the next poll. `heard`: the poll found it readable.
    ///
    /// The owner looks at its queues after this, never before: a ring between the two would be lost. What the poll
    /// heard counts by itself, for one who rings notes it before it writes, and may be held up between the two.
    pub(crate) fn clear(&self, heard: bool) {
        if heard || self.rung.load(Ordering::Acquire) {
            let mut count = [0; 8];
            let _ = rustix::io::read(&self.fd, &mut count);
            self.rung.store(false, Ordering::Release);
        }
    }

    /// The descriptor for a poll set.
    pub(crate) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readable(wake: &Wake) -> bool {
        let mut items = [zmq::PollItem::from_fd(wake.fd(), zmq::POLLIN)];
        zmq::poll(&mut items, 0).unwrap() == 1
    }

    #[test]
    fn rings_once_until_cleared_and_again_after() {
        let wake = Wake::new().unwrap();
        assert!(!readable(&wake));
        wake.ring();
        wake.ring();
        assert!(readable(&wake));
        wake.clear(false);
        assert!(!readable(&wake));
        wake.ring();
        assert!(readable(&wake));
    }

    #[test]
    fn a_ring_that_was_noted_and_cleared_before_it_was_written_is_silenced_by_the_next_clear() {
        let wake = Wake::new().unwrap();
        rustix::io::write(&wake.fd, &1_u64.to_ne_bytes()).unwrap();
        wake.clear(true);
        assert!(!readable(&wake));
    }
}
