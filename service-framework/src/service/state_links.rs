//! States as fields of a struct of links: owned (`…Out`) and followed (`…In`), each of its own types.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use super::found::Place;
use super::given::Given;
use super::links::{Fields, Link, LinkOptions, Taker};
use super::state_out::{OwnDelta, OwnFull};
use super::state_table::{InEntry, OutState, Seen};
use super::states::StateError;
use super::to_send::ToSend;
use crate::connection::SendError;
use crate::model::{Message, OwnedMessage, Read, StateModel, Type, Typed};
use crate::state::{FullView, Status, View, ViewError};

/// The replica of a delta state: a map from `K` to `V`, as it was when the function began, and so for its whole run.
///
/// Taking it costs next to nothing, whatever its size. What has changed meanwhile shows after [`DeltaIn::refresh`].
pub struct DeltaIn<V, K = String> {
    seen: InLink,
    types: PhantomData<fn() -> (K, V)>,
}

/// The replica of a delta state whose keys are the fields of `T`.
pub struct RecordIn<T> {
    seen: InLink,
    types: PhantomData<fn() -> T>,
}

/// The replica of a full state.
pub struct FullIn<T> {
    seen: InLink,
    types: PhantomData<fn() -> T>,
}

/// An in state, and what it showed when it was taken; of several owners each.
#[derive(Clone)]
struct InLink {
    to_send: ToSend,
    place: Place,
    first: Option<Seen>,
    others: Vec<Seen>,
    /// Whether one of several owners was named.
    is_of_one: bool,
}

impl InLink {
    fn take(taker: &mut Taker<'_>) -> Self {
        let mut link = Self {
            to_send: taker.to_send.clone(),
            place: taker.next(),
            first: None,
            others: Vec::new(),
            is_of_one: false,
        };
        link.refresh();
        link
    }

    fn entries(&self) -> &[InEntry] {
        self.to_send.shared.states.replicas_at(self.place.index)
    }

    fn refresh(&mut self) {
        let mut seen = self.entries().iter().map(|entry| entry.state.see());
        let (first, others) = (seen.next(), seen.collect());
        drop((std::mem::replace(&mut self.first, first), std::mem::replace(&mut self.others, others)));
    }

    /// As the owner of this topic has it.
    fn of(&self, topic: &str) -> Result<Self, StateError> {
        let entries = self.entries();
        let found = entries.iter().position(|entry| entry.topic.as_deref() == Some(topic));
        let Some(index) = found else { return Err(super::states::several_owners(entries)) };
        let first = if index == 0 { self.first.clone() } else { self.others.get(index - 1).cloned() };
        Ok(Self {
            to_send: self.to_send.clone(),
            place: self.place,
            first,
            others: Vec::new(),
            is_of_one: true,
        })
    }

    fn status(&self) -> Status {
        let all = self.first.iter().chain(&self.others).map(Seen::status);
        all.fold(Status::Current, |found, next| if found.is_current() { next } else { found })
    }

    async fn wait_until_current(&mut self, within: Duration) -> Result<(), StateError> {
        let in_time = super::states::until_current(self.entries().iter(), within).await;
        self.refresh();
        if in_time {
            return Ok(());
        }
        let name = self.entries().first().map(|entry| entry.name.clone()).unwrap_or_default();
        Err(StateError::NotCurrent { name, status: self.status(), after: within })
    }

    /// What it showed; an error if it has several owners and none was named.
    fn only(&self) -> Result<Option<&Seen>, ViewError> {
        let topics = || self.entries().iter().filter_map(|entry| entry.topic.clone());
        match self.is_of_one || topics().next().is_none() {
            true => Ok(self.first.as_ref()),
            false => Err(ViewError::Owners { topics: topics().collect() }),
        }
    }

    fn delta(&self) -> Result<Option<&View>, ViewError> {
        Ok(self.only()?.and_then(|seen| match seen {
            Seen::Delta(view) => Some(view),
            Seen::Full(_) => None,
        }))
    }

    fn full(&self) -> Result<Option<&FullView>, ViewError> {
        Ok(self.only()?.and_then(|seen| match seen {
            Seen::Full(view) => Some(view),
            Seen::Delta(_) => None,
        }))
    }
}

/// What all replicas have in common.
macro_rules! replica {
    ($name:ident<$($parameter:ident),+>) => {
        impl<$($parameter),+> $name<$($parameter),+> {
            /// Takes the state as it is now.
            pub fn refresh(&mut self) {
                self.seen.refresh();
            }

            /// Whether it was what its owner had when it was taken; of several owners the first that is not.
            #[must_use]
            pub fn status(&self) -> Status {
                self.seen.status()
            }

            /// The state as the owner of this topic has it, of several owners.
            ///
            /// # Errors
            /// There is no owner of this topic.
            pub fn of(&self, topic: &str) -> Result<Self, StateError> {
                Ok(Self { seen: self.seen.of(topic)?, types: PhantomData })
            }

            /// Waits until it is what its owner has, or each of its owners, and takes it as it is then.
            ///
            /// # Errors
            /// It is not within that time.
            pub async fn wait_until_current(&mut self, within: Duration) -> Result<(), StateError> {
                self.seen.wait_until_current(within).await
            }
        }

        impl<$($parameter),+> Clone for $name<$($parameter),+> {
            fn clone(&self) -> Self {
                Self { seen: self.seen.clone(), types: PhantomData }
            }
        }
    };
}

replica!(DeltaIn<V, K>);
replica!(RecordIn<T>);
replica!(FullIn<T>);

impl<V, K> DeltaIn<V, K>
where
    K: for<'de> Read<'de>,
    V: for<'de> Read<'de>,
{
    /// The value of a key.
    ///
    /// # Errors
    /// It is beyond `V`, such as a number out of its range.
    pub fn get<Q: Typed + ?Sized>(&self, key: &Q) -> Result<Option<V>, ViewError>
    where
        K: Borrow<Q>,
    {
        self.seen.delta()?.map_or(Ok(None), |view| view.get_typed(key))
    }

    /// Whether a key is there.
    pub fn contains_key<Q: Typed + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.view().is_some_and(|view| view.contains_typed(key))
    }

    /// Every key with its value, in an order that stays the same.
    pub fn iter(&self) -> impl Iterator<Item = Result<(K, V), ViewError>> {
        let (view, wrong) = match self.seen.delta() {
            Ok(view) => (view, None),
            Err(error) => (None, Some(Err(error))),
        };
        wrong.into_iter().chain(view.into_iter().flat_map(View::iter_typed))
    }

    /// All keys and values as a map.
    ///
    /// # Errors
    /// As [`DeltaIn::get`].
    pub fn to_map(&self) -> Result<BTreeMap<K, V>, ViewError>
    where
        K: Ord,
    {
        self.iter().collect()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().map_or(0, View::len)
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the last update in it, counted by its owner from 0; see [`View::number`].
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.view()?.number()
    }

    /// The state of its one owner; nothing of several.
    fn view(&self) -> Option<&View> {
        self.seen.delta().ok().flatten()
    }
}

impl<T: OwnedMessage> RecordIn<T> {
    /// The state; `None` while it is empty.
    ///
    /// # Errors
    /// Some of its fields are there and others, which must be, are not.
    pub fn read(&self) -> Result<Option<T>, ViewError> {
        match self.seen.delta()? {
            Some(view) if !view.is_empty() => view.read_typed().map(Some),
            _ => Ok(None),
        }
    }

    /// The number of the last update in it, counted by its owner from 0; see [`View::number`].
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.seen.delta().ok()??.number()
    }
}

impl<T: OwnedMessage> FullIn<T> {
    /// The state; `None` while there is nothing yet.
    ///
    /// # Errors
    /// It is beyond `T`, such as a number out of its range.
    pub fn read(&self) -> Result<Option<T>, ViewError> {
        self.seen.full()?.map_or(Ok(None), FullView::read_typed)
    }
}

/// A delta state that this service owns: a map from `K` to `V`. Cheap to clone, may go to any thread.
///
/// Each call is one update with one number: every replica sees all of it or nothing. When it returns, the state has
/// changed and the update is on its way.
pub struct DeltaOut<V, K = String> {
    out: OutLink,
    types: PhantomData<fn(K, V)>,
}

/// A delta state that this service owns, whose keys are the fields of `T`. Only fields that change travel.
pub struct RecordOut<T> {
    out: OutLink,
    types: PhantomData<fn(T)>,
}

/// A full state that this service owns.
pub struct FullOut<T> {
    out: OutLink,
    types: PhantomData<fn(T)>,
}

/// An out state.
#[derive(Clone)]
struct OutLink {
    to_send: ToSend,
    place: Place,
}

impl OutLink {
    fn take(taker: &mut Taker<'_>) -> Self {
        Self { to_send: taker.to_send.clone(), place: taker.next() }
    }

    fn delta(&self) -> Result<OwnDelta, SendError> {
        match self.to_send.shared.states.out_at(self.place.index)? {
            (_, OutState::Delta(owner)) => Ok(OwnDelta::new(owner.clone(), self.to_send.scope.clone())),
            (name, OutState::Full(_)) => {
                Err(SendError::WrongType { name: name.into(), is: "full state", wanted: "delta" })
            }
        }
    }

    fn full(&self) -> Result<OwnFull, SendError> {
        match self.to_send.shared.states.out_at(self.place.index)? {
            (name, OutState::Full(owner)) => {
                Ok(OwnFull::new(name.into(), owner.clone(), self.to_send.scope.clone()))
            }
            (name, OutState::Delta(_)) => {
                Err(SendError::WrongType { name: name.into(), is: "delta state", wanted: "full" })
            }
        }
    }
}

fn bytes<T: Typed + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.write(&mut out);
    out
}

impl<V: Typed, K: Typed> DeltaOut<V, K> {
    /// Sets one key.
    ///
    /// # Errors
    /// The service only stands by for the state's owner, or has ended. Nothing has changed then; so for all methods
    /// here.
    pub fn set<Q: Typed + ?Sized>(&self, key: &Q, value: impl Given<V>) -> Result<(), SendError>
    where
        K: Borrow<Q>,
    {
        self.out.delta()?.set_bytes(&bytes(key), &bytes(value.lent()), None)
    }

    /// Sets one key, which goes by itself after that time unless it is set again.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn set_for<Q: Typed + ?Sized>(
        &self,
        key: &Q,
        value: impl Given<V>,
        time_to_live: Duration,
    ) -> Result<(), SendError>
    where
        K: Borrow<Q>,
    {
        self.out.delta()?.set_bytes(&bytes(key), &bytes(value.lent()), Some(time_to_live))
    }

    /// Deletes one key; one that is not there need not be deleted.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn remove<Q: Typed + ?Sized>(&self, key: &Q) -> Result<(), SendError>
    where
        K: Borrow<Q>,
    {
        self.out.delta()?.set_bytes(&bytes(key), &bytes(&()), None)
    }

    /// Makes several changes one update: those of the last value that a key is given, `None` to delete it.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn change<'q, Q, W>(
        &self,
        changes: impl IntoIterator<Item = (&'q Q, Option<W>)>,
    ) -> Result<(), SendError>
    where
        Q: Typed + ?Sized + 'q,
        K: Borrow<Q>,
        W: Given<V>,
    {
        let delta = self.out.delta()?;
        let mut update = delta.update();
        for (key, value) in changes {
            update = update.change_bytes(&bytes(key), value.map(|value| bytes(value.lent())));
        }
        update.publish()
    }

    /// Puts another state in the place of this one.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn replace(&self, state: &BTreeMap<K, V>) -> Result<(), SendError> {
        self.out.delta()?.replace_bytes(&bytes(state))
    }

    /// Makes a standby the owner, which goes on with what it has seen of the one before.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn take_over(&self, seen: &DeltaIn<V, K>) -> Result<(), SendError> {
        let delta = self.out.delta()?;
        match seen.seen.delta().map_err(|error| delta.encoding(&error))? {
            Some(view) => delta.take_over(view.clone()),
            None => Err(SendError::Stopping),
        }
    }
}

impl<V, K> DeltaOut<V, K>
where
    K: for<'de> Read<'de>,
    V: for<'de> Read<'de>,
{
    /// The value of a key as it is now.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn get<Q: Typed + ?Sized>(&self, key: &Q) -> Result<Option<V>, SendError>
    where
        K: Borrow<Q>,
    {
        let delta = self.out.delta()?;
        delta.view().get_typed(key).map_err(|error| delta.encoding(&error))
    }

    /// The state as it is now.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn to_map(&self) -> Result<BTreeMap<K, V>, SendError>
    where
        K: Ord,
    {
        let delta = self.out.delta()?;
        delta.view().iter_typed().collect::<Result<_, _>>().map_err(|error| delta.encoding(&error))
    }
}

impl<T: Message> RecordOut<T> {
    /// Sets the state. Only the fields that are not as they were travel; where none are, nothing does.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn set<'m>(&self, state: impl Given<T::Of<'m>>) -> Result<(), SendError> {
        self.out.delta()?.set_to_bytes(&state.lent().to_msgpack())
    }
}

impl<T: OwnedMessage> RecordOut<T> {
    /// The state as it is now; `None` before the first.
    ///
    /// # Errors
    /// As [`DeltaOut::set`].
    pub fn read(&self) -> Result<Option<T>, SendError> {
        let delta = self.out.delta()?;
        let view = delta.view();
        if view.is_empty() {
            return Ok(None);
        }
        view.read_typed().map(Some).map_err(|error| delta.encoding(&error))
    }
}

impl<T: Message> FullOut<T> {
    /// Sets the state and sends it to every replica; whoever comes later is sent it then.
    ///
    /// # Errors
    /// It is too large, or the service has ended. Nothing has changed then.
    pub fn set<'m>(&self, state: impl Given<T::Of<'m>>) -> Result<(), SendError> {
        self.out.full()?.set_bytes(&state.lent().to_msgpack())
    }
}

impl<T: OwnedMessage> FullOut<T> {
    /// The state as it is now; `None` before the first.
    ///
    /// # Errors
    /// As [`FullOut::set`].
    pub fn read(&self) -> Result<Option<T>, SendError> {
        let full = self.out.full()?;
        full.view().read_typed().map_err(|error| full.encoding(&error))
    }
}

/// The type of a delta state whose keys are the fields of a message.
fn record<T: Message>() -> Type {
    let arguments = T::arguments();
    Type::Record(arguments.required.into_iter().chain(arguments.optional).collect())
}

macro_rules! link {
    ([$($generics:tt)*] $type:ty, $field:ident: $taken:ident, |$name:ident| $model:expr) => {
        impl<$($generics)*> Link for $type {
            fn declare(fields: &mut Fields, $name: &str, options: LinkOptions) {
                fields.state($model, options);
            }

            fn take(taker: &mut Taker<'_>) -> Self {
                Self { $field: $taken::take(taker), types: PhantomData }
            }
        }
    };
}

link!([V: Typed, K: Typed] DeltaIn<V, K>, seen: InLink, |name| StateModel::delta_in(name, Type::map(K::type_of(), V::type_of())));
link!([V: Typed, K: Typed] DeltaOut<V, K>, out: OutLink, |name| StateModel::delta_out(name, Type::map(K::type_of(), V::type_of())));
link!([T: Message] RecordIn<T>, seen: InLink, |name| StateModel::delta_in(name, record::<T>()));
link!([T: Message] RecordOut<T>, out: OutLink, |name| StateModel::delta_out(name, record::<T>()));
link!([T: Message] FullIn<T>, seen: InLink, |name| full(StateModel::full_in(name), T::arguments()));
link!([T: Message] FullOut<T>, out: OutLink, |name| full(StateModel::full_out(name), T::arguments()));

fn full(model: StateModel, arguments: crate::model::Arguments) -> StateModel {
    StateModel { arguments, ..model }
}

macro_rules! clone {
    ($($name:ident<$($parameter:ident),+>),+) => {$(
        impl<$($parameter),+> Clone for $name<$($parameter),+> {
            fn clone(&self) -> Self {
                Self { out: self.out.clone(), types: PhantomData }
            }
        }
    )+};
}

clone!(DeltaOut<V, K>, RecordOut<T>, FullOut<T>);
