//! Everything that is moved while a recording is replayed, on one thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ask::Asker;
use super::tell::{Standing, Teller};
use crate::connection::{PollItem, SocketError, Sockets, Wake, is_ready, poll, readable};
use crate::launcher::signals;

/// Sockets of those who ask, tell, and stand in for owners of states.
pub(super) struct Stage {
    pub(super) sockets: Sockets,
    pub(super) wake: Arc<Wake>,
    pub(super) askers: Vec<Asker>,
    pub(super) tellers: Vec<Teller>,
    pub(super) standings: Vec<Standing>,
    is_stopped: Arc<AtomicBool>,
    /// Whether it was stopped while there was something left to do.
    pub(super) was_cut_off: bool,
}

impl Stage {
    /// An empty one, which Ctrl-C stops.
    pub(super) fn new() -> io::Result<Self> {
        let (wake, is_stopped) = (Arc::new(Wake::new()?), Arc::<AtomicBool>::default());
        let (bell, flag) = (wake.clone(), is_stopped.clone());
        let stop = move |_| {
            flag.store(true, Ordering::Release);
            bell.ring();
        };
        signals::on_stop(stop, || {})?;
        Ok(Self {
            sockets: Sockets::new(),
            wake,
            askers: Vec::new(),
            tellers: Vec::new(),
            standings: Vec::new(),
            is_stopped,
            was_cut_off: false,
        })
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Moves everything until a time, or a stop; at least once.
    pub(super) fn until(&mut self, due: Instant) -> Result<(), SocketError> {
        loop {
            self.turn(due)?;
            if Instant::now() >= due || self.is_stopped() {
                return Ok(());
            }
        }
    }

    /// Moves everything for so long, or until a stop.
    pub(super) fn stay(&mut self, time: Duration) -> Result<(), SocketError> {
        match Instant::now().checked_add(time) {
            Some(due) => self.until(due),
            None => self.until(Instant::now() + Duration::from_hours(24 * 365)),
        }
    }

    /// Waits for something to do, at most until a time, and does it.
    pub(super) fn turn(&mut self, until: Instant) -> Result<(), SocketError> {
        let ready: Vec<bool> = {
            let mut items: Vec<PollItem<'_>> = vec![readable(self.wake.fd())];
            self.askers.iter().for_each(|asker| asker.requester.poll_items(&mut items));
            self.standings.iter().for_each(|standing| standing.socket().poll_items(&mut items));
            let askers = self.askers.iter().filter_map(|asker| asker.requester.next_deadline());
            let standings = self.standings.iter().filter_map(|standing| standing.socket().next_time());
            let until = askers.chain(standings).chain([until]).min().unwrap_or(until);
            poll(&mut items, Some(until.saturating_duration_since(Instant::now())))?;
            items.iter().map(is_ready).collect()
        };
        self.wake.clear(ready[0]);
        let (now, mut rest) = (Instant::now(), &ready[1..]);
        for asker in &mut self.askers {
            let (mine, others) = rest.split_at(asker.requester.poll_places().min(rest.len()));
            rest = others;
            if mine.contains(&true) {
                asker.requester.on_ready(mine, now)?;
            }
            asker.requester.expire(now);
        }
        for standing in &mut self.standings {
            let (mine, others) = rest.split_at(standing.socket().places().min(rest.len()));
            rest = others;
            standing.socket_mut().turn(mine, now)?;
        }
        Ok(())
    }
}
