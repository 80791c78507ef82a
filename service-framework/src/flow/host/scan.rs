//! What a host looks for: flows that can go on, times that are over, errands that nobody does, hosts that are gone.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Incoming, Inner, schedule};
use crate::flow::errors::FlowError;
use crate::flow::history::{Event, Status};
use crate::flow::limits::free_of;
use crate::flow::stream::{CATEGORY, ErrandForm, TimerForm, all, id_in};
use crate::store::{Batch, Filter, Timestamp};
use crate::value::decode;

/// How many are taken at once.
const PAGE: usize = 256;
/// How long it rests between two looks.
const REST: Duration = Duration::from_millis(2);
/// How often it looks at what others write to flows that are hot here.
const OWN: Duration = Duration::from_millis(100);

/// Looks whenever the bell rings, and once in a while.
pub(super) async fn scan(inner: Weak<Inner>) {
    let (mut own, mut gone) = (Instant::now(), Instant::now());
    loop {
        let Some(bell) = inner.upgrade().map(|inner| inner.bell.clone()) else { return };
        let _ = tokio::time::timeout(Duration::from_secs(1), bell.notified()).await;
        let Some(inner) = inner.upgrade().filter(|inner| !inner.is_stopping()) else { return };
        let looked = tokio::task::block_in_place(|| inner.look_for_work(&mut own, &mut gone));
        if let Err(error) = looked {
            tracing::warn!(%error, "the store of flows cannot be read; it is tried again");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        drop(inner);
        tokio::time::sleep(REST).await;
    }
}

impl Inner {
    fn look_for_work(self: &Arc<Self>, own: &mut Instant, gone: &mut Instant) -> Result<(), FlowError> {
        self.take_timers()?;
        self.take_errands()?;
        if self.pool.is_none() {
            return Ok(());
        }
        self.take_ready()?;
        self.take_queued()?;
        if own.elapsed() >= OWN {
            *own = Instant::now();
            self.look_at_own()?;
        }
        if gone.elapsed() >= self.settings.lease / 3 {
            self.take_over()?;
            self.free_places()?;
            *gone = Instant::now();
        }
        Ok(())
    }

    fn take_ready(self: &Arc<Self>) -> Result<(), FlowError> {
        let mut after = None::<String>;
        while self.has_room() {
            let filter = Filter::category(CATEGORY).status(Status::Ready.word());
            let page = self.store().streams(&filter, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.stream.clone());
            for info in &page {
                let flow = id_in(&info.stream).filter(|flow| self.has_room() && !self.is_hot(flow));
                flow.into_iter().for_each(|flow| self.open(flow, None));
            }
        }
        Ok(())
    }

    /// As many of those that are queued as there are places for, the oldest first.
    fn take_queued(self: &Arc<Self>) -> Result<(), FlowError> {
        for (name, most) in self.names_with_room()? {
            let queued = self.flows.queued(&name, PAGE)?;
            let free = match most {
                Some(most) if !queued.is_empty() => free_of(self.store(), &name, most, queued.len())?.len(),
                _ => queued.len(),
            };
            if free == 0 && !queued.is_empty() {
                self.is_full(&name);
            }
            // One that cannot be taken up is hot for a while, and those behind it have their turn.
            for flow in queued.iter().filter(|flow| !self.is_hot(flow)).take(free) {
                if self.has_room() {
                    self.open(flow, None);
                }
            }
        }
        Ok(())
    }

    fn is_hot(&self, flow: &str) -> bool {
        self.hot().contains_key(flow)
    }

    /// Flows of this host to which others have written, and those that have no task here.
    fn look_at_own(self: &Arc<Self>) -> Result<(), FlowError> {
        let lease = self.lease.fence().0;
        let filter = Filter::category(CATEGORY).status(Status::Running.word()).owner(lease);
        for info in all(self.store(), &filter)? {
            let Some(flow) = id_in(&info.stream) else { continue };
            let known = self.hot().get(flow).map(|hot| (hot.version(), hot.clone()));
            match known {
                Some((version, hot)) if version < info.version => hot.send(Incoming::Look),
                Some(_) => {}
                None => self.open(flow, None),
            }
        }
        Ok(())
    }

    fn take_timers(self: &Arc<Self>) -> Result<(), FlowError> {
        let is_due = |now, next: Option<_>| next.is_some_and(|next| next <= now);
        while is_due(self.store().now()?, self.store().next_timer()?) {
            let timers = self.store().take_timers(self.lease.fence().0, self.settings.lease, PAGE).wait()?;
            if timers.is_empty() {
                break;
            }
            for timer in timers {
                let cancel = Batch::new().cancel_timer(&timer.id);
                if let Some(name) = schedule::name_in(&timer.id) {
                    self.fire(name, &timer.payload);
                    continue;
                }
                match decode::<TimerForm>(&timer.payload) {
                    Ok(form) if timer.id.starts_with("flow/") => {
                        self.deliver(&form.flow, Event::Elapsed(form.timing), cancel);
                    }
                    // It is of somebody else.
                    _ => tracing::debug!(timer = timer.id, "a timer is none of a flow"),
                }
            }
        }
        Ok(())
    }

    /// Starts what is due of a schedule. What cannot be done now comes again.
    fn fire(&self, schedule: &str, since: &[u8]) {
        let since = decode(since).map_or_else(|_| Timestamp::default(), Timestamp::from_micros);
        if let Err(error) = self.flows.fire(&*self.engine, schedule, since) {
            tracing::warn!(schedule, %error, "what is due of a schedule cannot be started; it is tried again");
        }
    }

    fn take_errands(self: &Arc<Self>) -> Result<(), FlowError> {
        for queue in self.connectors.keys() {
            let now = self.store().now()?;
            if self.store().next_outbox(queue)?.is_none_or(|next| next > now) {
                continue;
            }
            let holder = self.lease.fence().0;
            let taken = self.store().take_outbox(queue, holder, self.settings.lease, PAGE).wait()?;
            for item in taken {
                match decode::<ErrandForm>(&item.payload) {
                    Ok(form) => {
                        let tried = form.tried + item.attempt.saturating_sub(1);
                        self.spawn(self.clone().perform(ErrandForm { tried, ..form }));
                    }
                    Err(error) => {
                        tracing::error!(id = item.id, %error, "an errand cannot be read, and is dropped");
                        self.store().submit(Batch::new().done_outbox(item.id)).wait()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Flows whose host has not renewed its lease are this one's from now on.
    fn take_over(self: &Arc<Self>) -> Result<(), FlowError> {
        let filter = Filter::category(CATEGORY).status(Status::Running.word());
        let mine = self.lease.fence().0;
        let mut is_gone = HashMap::<String, bool>::new();
        for info in all(self.store(), &filter)? {
            let Some(owner) = info.mark.owner.clone().filter(|owner| *owner != mine) else { continue };
            let gone = match is_gone.get(&owner) {
                Some(gone) => *gone,
                None => {
                    let gone = self.lease.take_from(&owner)?;
                    is_gone.insert(owner, gone);
                    gone
                }
            };
            if let Some(flow) = id_in(&info.stream).filter(|_| gone)
                && self.handle.block_on(self.claim(flow, info.version, false))?.is_some()
            {
                tracing::warn!(flow, "taking up a flow whose host is gone");
                if self.has_room() {
                    self.open(flow, None);
                }
            }
        }
        Ok(())
    }
}
