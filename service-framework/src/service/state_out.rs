//! The out states of a service, as its handlers, hooks and `main` change them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::blocking::BlockingToSend;
use super::scope::Scope;
use super::state_table::OutState;
use super::to_send::ToSend;
use crate::connection::{SendError, after};
use crate::state::{DeltaOwner, FullOwner, FullView, Others, Raw, View, write_changes};
use crate::value::msgpack::{Reader, Token, write};
use crate::value::{self, DecodeError};

impl ToSend {
    /// An own delta state, to change it. Keep it where the state is changed often.
    ///
    /// # Errors
    /// There is none of this name, or it is a full state.
    pub fn delta(&self, state: &str) -> Result<OwnDelta, SendError> {
        match self.shared.states.out(state)? {
            OutState::Delta(owner) => Ok(OwnDelta { owner: owner.clone(), scope: self.scope.clone() }),
            OutState::Full(_) => {
                Err(SendError::WrongType { name: state.into(), is: "full state", wanted: "delta" })
            }
        }
    }

    /// An own full state, to set it.
    ///
    /// # Errors
    /// There is none of this name, or it is a delta state.
    pub fn full(&self, state: &str) -> Result<OwnFull, SendError> {
        match self.shared.states.out(state)? {
            OutState::Full(owner) => {
                Ok(OwnFull { name: state.into(), owner: owner.clone(), scope: self.scope.clone() })
            }
            OutState::Delta(_) => {
                Err(SendError::WrongType { name: state.into(), is: "delta state", wanted: "full" })
            }
        }
    }

    /// Changes an own state of either type: a full one is set to `args`; of a delta one `args` are as on the wire,
    /// `{"state": {key: value or nil}, …}`, where `is_snapshot: true` replaces it. The number is the framework's.
    ///
    /// # Errors
    /// There is no such state, the arguments are not what its model says, or the service has ended.
    pub fn state(&self, state: &str, args: impl Serialize) -> Result<(), SendError> {
        match self.shared.states.out(state)? {
            OutState::Full(_) => self.full(state)?.set(args),
            OutState::Delta(_) => {
                let delta = self.delta(state)?;
                let args = encode(state, &args)?;
                let parts = Parts::read(&args).map_err(|error| encoding(state, &error))?;
                delta.apply(parts)
            }
        }
    }
}

impl BlockingToSend {
    /// See [`ToSend::delta`].
    ///
    /// # Errors
    /// As [`ToSend::delta`].
    pub fn delta(&self, state: &str) -> Result<OwnDelta, SendError> {
        self.inner.delta(state)
    }

    /// See [`ToSend::full`].
    ///
    /// # Errors
    /// As [`ToSend::full`].
    pub fn full(&self, state: &str) -> Result<OwnFull, SendError> {
        self.inner.full(state)
    }

    /// See [`ToSend::state`].
    ///
    /// # Errors
    /// As [`ToSend::state`].
    pub fn state(&self, state: &str, args: impl Serialize) -> Result<(), SendError> {
        self.inner.state(state, args)
    }
}

/// An update as a handler wrote it, taken apart.
struct Parts<'a> {
    state: &'a [u8],
    is_snapshot: bool,
    others: Others,
}

impl<'a> Parts<'a> {
    fn read(args: &'a [u8]) -> Result<Self, DecodeError> {
        let shape = |expected: &str| DecodeError::Shape(format!("{expected} is expected"));
        let mut reader = Reader::new(args);
        let Token::Map(entries) = reader.token()? else { return Err(shape("a map of arguments")) };
        let (mut state, mut is_snapshot, mut others) = (None, false, Others::default());
        for _ in 0..entries {
            let name = reader.raw()?;
            let raw = reader.raw()?;
            match Reader::new(name).token()? {
                Token::Str("state") => state = Some(raw),
                Token::Str("current_num") => {}
                Token::Str("is_snapshot") => match Reader::new(raw).token()? {
                    Token::Bool(truth) => is_snapshot = truth,
                    _ => return Err(shape("true or false under is_snapshot")),
                },
                _ => others.add(name, raw),
            }
        }
        Ok(Self { state: state.ok_or_else(|| shape("a map under state"))?, is_snapshot, others })
    }
}

/// A delta state that this service owns. Cheap to clone, may go to any thread.
///
/// Each call is one update with one number: every replica sees all of it or nothing. When it returns, the state has
/// changed and the update is on its way.
#[derive(Clone)]
pub struct OwnDelta {
    owner: Arc<DeltaOwner>,
    scope: Arc<Scope>,
}

impl OwnDelta {
    pub(super) fn new(owner: Arc<DeltaOwner>, scope: Arc<Scope>) -> Self {
        Self { owner, scope }
    }

    /// Sets a key, or deletes it by nil.
    pub(super) fn set_bytes(
        &self,
        key: &[u8],
        value: &[u8],
        time_to_live: Option<Duration>,
    ) -> Result<(), SendError> {
        let mut changes = Vec::new();
        write::map(&mut changes, 1);
        changes.extend_from_slice(key);
        changes.extend_from_slice(value);
        // The clock of the runtime, which a test may have stopped.
        let now = tokio::time::Instant::now().into_std();
        let expires = time_to_live.map(|time| after(now, time));
        self.owner.change(&changes, &Others::default(), expires, &self.scope.next_id())
    }

    pub(super) fn replace_bytes(&self, state: &[u8]) -> Result<(), SendError> {
        self.owner.replace(state, &Others::default(), &self.scope.next_id())
    }

    pub(super) fn set_to_bytes(&self, state: &[u8]) -> Result<(), SendError> {
        self.owner.set_to(state, &self.scope.next_id())
    }

    pub(super) fn encoding(&self, error: &dyn std::error::Error) -> SendError {
        encoding(self.owner.name(), error)
    }

    /// Sets one key.
    ///
    /// # Errors
    /// Key or value are not what the model says, or the service has ended. Nothing has changed then; so for all
    /// methods here.
    pub fn set(&self, key: impl Serialize, value: impl Serialize) -> Result<(), SendError> {
        self.set_bytes(&self.encode(&key)?, &self.encode(&value)?, None)
    }

    /// Sets one key, which goes by itself after that time unless it is set again.
    ///
    /// # Errors
    /// As [`OwnDelta::set`].
    pub fn set_for(
        &self,
        key: impl Serialize,
        value: impl Serialize,
        time_to_live: Duration,
    ) -> Result<(), SendError> {
        self.set_bytes(&self.encode(&key)?, &self.encode(&value)?, Some(time_to_live))
    }

    /// Deletes one key; one that is not there need not be deleted.
    ///
    /// # Errors
    /// As [`OwnDelta::set`].
    pub fn remove(&self, key: impl Serialize) -> Result<(), SendError> {
        self.set_bytes(&self.encode(&key)?, &self.encode(&())?, None)
    }

    /// Puts another state in the place of this one: a map, or a struct with a field for each key.
    ///
    /// # Errors
    /// As [`OwnDelta::set`].
    pub fn replace(&self, state: impl Serialize) -> Result<(), SendError> {
        self.replace_bytes(&self.encode(&state)?)
    }

    /// Several changes that make one update.
    pub fn update(&self) -> Changes<'_> {
        Changes { delta: self, keys: BTreeMap::new(), others: Others::default(), fault: None }
    }

    /// The state as it is.
    #[must_use]
    pub fn view(&self) -> View {
        self.owner.view()
    }

    /// Makes a standby the owner, which goes on with what it has seen of the one before. Its updates are of a later
    /// life than those of any owner that it has heard of, so replicas follow it.
    ///
    /// # Errors
    /// As [`OwnDelta::set`].
    pub fn take_over(&self, seen: View) -> Result<(), SendError> {
        self.owner.take_over(seen, &self.scope.next_id())
    }

    fn apply(&self, parts: Parts<'_>) -> Result<(), SendError> {
        let workflow = self.scope.next_id();
        match parts.is_snapshot {
            true => self.owner.replace(parts.state, &parts.others, &workflow),
            false => self.owner.change(parts.state, &parts.others, None, &workflow),
        }
    }

    fn encode(&self, part: &impl Serialize) -> Result<Vec<u8>, SendError> {
        encode(self.owner.name(), part)
    }
}

/// Changes that are to be one update; they are made by [`Changes::publish`].
#[must_use = "nothing changes before `publish`"]
pub struct Changes<'a> {
    delta: &'a OwnDelta,
    keys: BTreeMap<Raw, Option<Raw>>,
    others: Others,
    fault: Option<SendError>,
}

impl Changes<'_> {
    /// Sets a key; of several changes to one key the last counts.
    pub fn set(mut self, key: impl Serialize, value: impl Serialize) -> Self {
        if let (Some(key), Some(value)) = (self.encode(&key), self.encode(&value)) {
            self.keys.insert(Raw::key(&key), Some(value[..].into()));
        }
        self
    }

    /// Deletes a key.
    pub fn remove(mut self, key: impl Serialize) -> Self {
        if let Some(key) = self.encode(&key) {
            self.keys.insert(Raw::key(&key), None);
        }
        self
    }

    /// Adds an argument that travels with the update and reaches the handlers of changes, not the state.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        if let (Some(name), Some(value)) = (self.encode(&name), self.encode(&value)) {
            self.others.add(&name, &value);
        }
        self
    }

    /// Sets a key, or deletes it.
    pub(super) fn change_bytes(mut self, key: &[u8], value: Option<Vec<u8>>) -> Self {
        self.keys.insert(Raw::key(key), value.map(|value| value[..].into()));
        self
    }

    /// Makes the changes.
    ///
    /// # Errors
    /// As [`OwnDelta::set`].
    pub fn publish(self) -> Result<(), SendError> {
        let Self { delta, keys, others, fault } = self;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let mut changes = Vec::new();
        write_changes(keys.iter().map(|(key, value)| (key, value.as_ref())), &mut changes);
        delta.owner.change(&changes, &others, None, &delta.scope.next_id())
    }

    fn encode(&mut self, part: &impl Serialize) -> Option<Vec<u8>> {
        encode(self.delta.owner.name(), part).map_err(|fault| self.fault = Some(fault)).ok()
    }
}

/// A full state that this service owns. Cheap to clone, may go to any thread.
#[derive(Clone)]
pub struct OwnFull {
    name: String,
    owner: Arc<FullOwner>,
    scope: Arc<Scope>,
}

impl OwnFull {
    pub(super) fn new(name: String, owner: Arc<FullOwner>, scope: Arc<Scope>) -> Self {
        Self { name, owner, scope }
    }

    pub(super) fn set_bytes(&self, state: &[u8]) -> Result<(), SendError> {
        self.owner.set(state, &self.scope.next_id())
    }

    pub(super) fn encoding(&self, error: &dyn std::error::Error) -> SendError {
        encoding(&self.name, error)
    }

    /// Sets the state and sends it to every replica; whoever comes later is sent it then.
    ///
    /// # Errors
    /// It is not what the model says, or the service has ended. Nothing has changed then.
    pub fn set(&self, state: impl Serialize) -> Result<(), SendError> {
        self.set_bytes(&encode(&self.name, &state)?)
    }

    /// The state as it is.
    #[must_use]
    pub fn view(&self) -> FullView {
        self.owner.view()
    }
}

fn encode(state: &str, part: &impl Serialize) -> Result<Vec<u8>, SendError> {
    value::encode(part).map_err(|error| encoding(state, &error))
}

fn encoding(state: &str, error: &dyn std::error::Error) -> SendError {
    SendError::Encoding { connection: state.into(), reason: error.to_string() }
}
