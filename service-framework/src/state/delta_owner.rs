//! The owner of a delta state with its publisher: numbering, applying and publishing are one step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::backing::{self, Backing};
use super::outlet::Outlet;
use super::owner::{Numbered, Owner, Taken};
use super::replica::{At, Life, Status};
use super::rules::DeltaRules;
use super::update::write_update;
use super::view::View;
use crate::connection::{SendError, SocketError, Wake};
use crate::model::Mismatch;
use crate::value::DecodeError;
use crate::wire::{Extras, WorkflowId, most_args};

/// A delta state where it belongs. Any thread may change it.
pub(crate) struct DeltaOwner {
    name: String,
    rules: DeltaRules,
    inner: Mutex<Inner>,
    /// Rung when the thread that keeps the times has a new one.
    wake: Arc<Wake>,
}

struct Inner {
    owner: Owner,
    /// None before the sockets are open and after they are closed.
    publisher: Option<Outlet>,
    /// Whether somebody else is the owner, until that is taken over.
    is_standby: bool,
    /// What other owners have too.
    backing: Option<Arc<dyn Backing>>,
    args: Vec<u8>,
}

/// The arguments that travel with an update: how many, and their entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    pub(crate) count: usize,
    pub(crate) entries: Vec<u8>,
}

impl Others {
    /// Adds one, name and value as MessagePack.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        self.count += 1;
        self.entries.extend_from_slice(name);
        self.entries.extend_from_slice(value);
    }
}

impl DeltaOwner {
    pub(crate) fn new(name: &str, rules: DeltaRules, epoch: u64, is_standby: bool, wake: Arc<Wake>) -> Self {
        let inner =
            Inner { owner: Owner::new(epoch), publisher: None, is_standby, backing: None, args: Vec::new() };
        Self { name: name.into(), rules, inner: Mutex::new(inner), wake }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Publishes from now on.
    pub(crate) fn open(&self, publisher: Outlet) {
        self.lock().publisher = Some(publisher);
    }

    /// Has the state in common with other owners from now on, once it is open.
    ///
    /// # Errors
    /// As [`DeltaOwner::take_shared`].
    pub(crate) fn share(&self, backing: Arc<dyn Backing>) -> Result<(), SendError> {
        self.lock().backing = Some(backing);
        self.take_shared(None)
    }

    /// Takes over what other owners have written under these keys, or under all.
    ///
    /// # Errors
    /// It is not what the model says, or the service has ended. Nothing has changed then.
    pub(crate) fn take_shared(&self, keys: Option<&[Vec<u8>]>) -> Result<(), SendError> {
        let inner = &mut *self.lock();
        let Some(backing) = &inner.backing else { return Ok(()) };
        let Some(changes) = backing::lacking(&**backing, inner.owner.map(), keys) else { return Ok(()) };
        self.rules.changes.check_named("state", &changes).map_err(|found| self.invalid(found))?;
        let publisher = self.publisher(&mut inner.publisher, inner.is_standby)?;
        let numbered = inner.owner.change(&changes, None, false);
        let Some(numbered) = numbered.map_err(|error| self.encoding(&error.to_string()))? else {
            return Ok(());
        };
        let (epoch, workflow) = (inner.owner.epoch(), WorkflowId::new());
        publish(publisher, &mut inner.args, epoch, &numbered, &Others::default(), &workflow)
            .map_err(|source| self.socket(source))
    }

    /// Has this state, without telling anybody, as if all updates up to this number had been its own.
    #[cfg(feature = "recording")]
    pub(crate) fn resume(&self, map: super::map::StateMap, number: i64) {
        self.lock().owner.resume(map, number);
    }

    /// Closes the socket; later changes end with `Stopping`.
    pub(crate) fn close(&self) {
        self.lock().publisher = None;
    }

    /// Sets and deletes keys under one number; what is not there need not be deleted.
    pub(crate) fn change(
        &self,
        changes: &[u8],
        others: &Others,
        expires: Option<Instant>,
        workflow: &WorkflowId,
    ) -> Result<(), SendError> {
        self.rules.changes.check_named("state", changes).map_err(|found| self.invalid(found))?;
        self.check_others(others)?;
        SendError::unless_they_fit(&self.name, changes.len() + others.entries.len())?;
        self.step(others, workflow, |owner| owner.change(changes, expires, others.count > 0))
    }

    /// Puts another state in the place of this one.
    pub(crate) fn replace(
        &self,
        state: &[u8],
        others: &Others,
        workflow: &WorkflowId,
    ) -> Result<(), SendError> {
        self.rules.whole.check_named("state", state).map_err(|found| self.invalid(found))?;
        self.check_others(others)?;
        SendError::unless_they_fit(&self.name, state.len() + others.entries.len())?;
        self.step(others, workflow, |owner| owner.replace(state).map(Some))
    }

    /// Changes what is not as it is in another state, under one number; nothing if all is.
    pub(crate) fn set_to(&self, state: &[u8], workflow: &WorkflowId) -> Result<(), SendError> {
        self.rules.whole.check_named("state", state).map_err(|found| self.invalid(found))?;
        SendError::unless_they_fit(&self.name, state.len())?;
        self.step(&Others::default(), workflow, |owner| owner.set_to(state))
    }

    /// Changes and publishes under one lock.
    fn step<'a>(
        &self,
        others: &Others,
        workflow: &WorkflowId,
        change: impl FnOnce(&mut Owner) -> Result<Option<Numbered<'a>>, DecodeError>,
    ) -> Result<(), SendError> {
        let inner = &mut *self.lock();
        let publisher = self.publisher(&mut inner.publisher, inner.is_standby)?;
        let before = inner.owner.next_time();
        let was = inner.backing.is_some().then(|| inner.owner.map().clone());
        let numbered = change(&mut inner.owner).map_err(|error| self.encoding(&error.to_string()))?;
        if let (Some(backing), Some(was), Some(numbered)) = (&inner.backing, was, &numbered) {
            backing::write(&**backing, &was, numbered).map_err(|error| self.encoding(&error.to_string()))?;
        }
        let sent = numbered.map_or(Ok(()), |numbered| {
            publish(publisher, &mut inner.args, inner.owner.epoch(), &numbered, others, workflow)
        });
        // Who waits for a later time looks again then anyway.
        if inner.owner.next_time().is_some_and(|next| before.is_none_or(|before| next < before)) {
            self.wake.ring();
        }
        sent.map_err(|source| self.socket(source))
    }

    /// Goes on with what another owner had, in a life later than its own.
    pub(crate) fn take_over(&self, view: View, workflow: &WorkflowId) -> Result<(), SendError> {
        let (map, epoch) = view.into_parts();
        let inner = &mut *self.lock();
        let publisher = self.publisher(&mut inner.publisher, false)?;
        inner.is_standby = false;
        let numbered = inner.owner.take_over(map, epoch, most_args());
        tracing::info!(state = self.name, epoch = inner.owner.epoch(), "this is the owner now");
        publish(publisher, &mut inner.args, inner.owner.epoch(), &numbered, &Others::default(), workflow)
            .map_err(|source| self.socket(source))
    }

    /// Deletes the keys whose time has come.
    pub(crate) fn on_time(&self, now: Instant) {
        let inner = &mut *self.lock();
        let Some(publisher) = &mut inner.publisher else { return };
        let was = inner.backing.is_some().then(|| inner.owner.map().clone());
        let expired = inner.owner.expire(now).map_err(|error| error.to_string());
        let told = expired.and_then(|numbered| {
            let Some(numbered) = numbered else { return Ok(()) };
            if let (Some(backing), Some(was)) = (&inner.backing, was) {
                backing::write(&**backing, &was, &numbered).map_err(|error| error.to_string())?;
            }
            let (epoch, workflow) = (inner.owner.epoch(), WorkflowId::new());
            publish(publisher, &mut inner.args, epoch, &numbered, &Others::default(), &workflow)
                .map_err(|error| error.to_string())
        });
        if let Err(reason) = told {
            tracing::error!(state = self.name, reason, "keys whose time has come were not deleted");
        }
    }

    /// When [`DeltaOwner::on_time`] has something to do.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        let inner = self.lock();
        inner.owner.next_time().filter(|_| inner.publisher.is_some())
    }

    /// The state as it is, for an answer; `None` while somebody else is the owner.
    pub(crate) fn taken(&self, since: Option<(u64, i64)>) -> Option<Taken> {
        let inner = self.lock();
        if let Some(publisher) = &inner.publisher {
            publisher.look_after();
        }
        (!inner.is_standby).then(|| inner.owner.taken(since))
    }

    pub(crate) fn view(&self) -> View {
        let inner = self.lock();
        let at = At { life: Life::Counted(inner.owner.epoch()), number: Some(inner.owner.number()) };
        View::new(inner.owner.map().clone(), Some(at), Status::Current)
    }

    fn publisher<'a>(
        &self,
        publisher: &'a mut Option<Outlet>,
        is_standby: bool,
    ) -> Result<&'a mut Outlet, SendError> {
        if is_standby {
            return Err(SendError::Standby { state: self.name.clone() });
        }
        publisher.as_mut().ok_or(SendError::Stopping)
    }

    fn check_others(&self, others: &Others) -> Result<(), SendError> {
        if others.count == 0 && !self.rules.needs_others {
            return Ok(());
        }
        let mut args = Vec::new();
        crate::value::msgpack::write::map(&mut args, others.count);
        args.extend_from_slice(&others.entries);
        self.rules.others.check(&args).map_err(|found| self.invalid(found))
    }

    fn invalid(&self, mismatches: Vec<Mismatch>) -> SendError {
        SendError::InvalidArguments { connection: self.name.clone(), mismatches }
    }

    fn encoding(&self, reason: &str) -> SendError {
        SendError::Encoding { connection: self.name.clone(), reason: reason.into() }
    }

    fn socket(&self, source: SocketError) -> SendError {
        SendError::Socket { connection: self.name.clone(), source }
    }
}

fn publish(
    publisher: &mut Outlet,
    args: &mut Vec<u8>,
    epoch: u64,
    numbered: &Numbered<'_>,
    others: &Others,
    workflow: &WorkflowId,
) -> Result<(), SocketError> {
    args.clear();
    let entries = (others.count, &others.entries[..]);
    write_update(args, numbered.number, numbered.is_snapshot, &numbered.state, entries);
    publisher.publish_with(args, workflow, &Extras { epoch: Some(epoch), ..Extras::default() })
}
