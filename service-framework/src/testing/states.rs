//! The test's side of states: owners that it plays, replicas that it looks at.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{HasTestSide, Kit, LinkForTest, world};
use crate::model::{Message, OwnedMessage, Read, Side, Typed};
use crate::service::{DeltaIn, DeltaOut, FullIn, FullOut, RecordIn, RecordOut};

/// The owner of a delta state that the service follows, played by the test. The service's handlers of changes are through
/// when a method returns.
///
/// # Panics
/// All methods, if the value is none that the state can hold.
pub struct PlayedDelta<V, K = String> {
    kit: Kit,
    name: String,
    out: DeltaOut<V, K>,
}

impl<V: Typed, K: Typed> PlayedDelta<V, K> {
    /// Sets a key.
    pub fn set<Q: Typed + ?Sized>(&self, key: &Q, value: impl Borrow<V>)
    where
        K: Borrow<Q>,
    {
        self.kit.play(&self.name, || self.out.set(key, value));
    }

    /// Sets a key that goes by itself after that time.
    pub fn set_for<Q: Typed + ?Sized>(&self, key: &Q, value: impl Borrow<V>, time_to_live: Duration)
    where
        K: Borrow<Q>,
    {
        self.kit.play(&self.name, || self.out.set_for(key, value, time_to_live));
    }

    /// Deletes a key.
    pub fn remove<Q: Typed + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.kit.play(&self.name, || self.out.remove(key));
    }

    /// Puts another state in the place of this one.
    pub fn replace(&self, state: &BTreeMap<K, V>) {
        self.kit.play(&self.name, || self.out.replace(state));
    }

    /// The owner of this topic, of several.
    #[must_use]
    pub fn of(&self, topic: &str) -> Self {
        let name = world::of_owner(&self.name, topic);
        let out = self.kit.world_link(Side::Out, &name);
        Self { kit: self.kit.clone(), name, out }
    }
}

/// The owner of a delta state whose keys are the fields of `T`, played by the test; see [`PlayedDelta`].
pub struct PlayedRecord<T> {
    kit: Kit,
    name: String,
    out: RecordOut<T>,
}

impl<T: Message> PlayedRecord<T> {
    /// Sets the state.
    ///
    /// # Panics
    /// The value is none that the state can hold.
    pub fn set<'m>(&self, state: impl Borrow<T::Of<'m>>) {
        self.kit.play(&self.name, || self.out.set(state));
    }
}

/// The owner of a full state, played by the test; see [`PlayedDelta`].
pub struct PlayedFull<T> {
    kit: Kit,
    name: String,
    out: FullOut<T>,
}

impl<T: Message> PlayedFull<T> {
    /// Sets the state.
    ///
    /// # Panics
    /// The value is none that the state can hold.
    pub fn set<'m>(&self, state: impl Borrow<T::Of<'m>>) {
        self.kit.play(&self.name, || self.out.set(state));
    }
}

/// A delta state that the service owns, as the test sees it.
///
/// # Panics
/// All methods, if it holds what the types of the test cannot.
pub struct SeenDelta<V, K = String> {
    kit: Kit,
    name: String,
    seen: DeltaIn<V, K>,
}

impl<V, K> SeenDelta<V, K>
where
    K: for<'de> Read<'de> + Ord,
    V: for<'de> Read<'de>,
{
    /// The value of a key as it is now.
    #[must_use]
    pub fn get<Q: Typed + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.kit.done(self.now().get(key))
    }

    /// The state as it is now.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<K, V> {
        self.kit.done(self.now().to_map())
    }

    fn now(&self) -> DeltaIn<V, K> {
        self.kit.look(&self.name);
        let mut seen = self.seen.clone();
        seen.refresh();
        seen
    }
}

/// A delta state that the service owns, whose keys are the fields of `T`, as the test sees it.
pub struct SeenRecord<T> {
    kit: Kit,
    name: String,
    seen: RecordIn<T>,
}

impl<T: OwnedMessage> SeenRecord<T> {
    /// The state as it is now; `None` while it is empty.
    ///
    /// # Panics
    /// It holds what the types of the test cannot.
    #[must_use]
    pub fn get(&self) -> Option<T> {
        self.kit.look(&self.name);
        let mut seen = self.seen.clone();
        seen.refresh();
        self.kit.done(seen.read())
    }
}

/// A full state that the service owns, as the test sees it.
pub struct SeenFull<T> {
    kit: Kit,
    name: String,
    seen: FullIn<T>,
}

impl<T: OwnedMessage> SeenFull<T> {
    /// The state as it is now; `None` before the first.
    ///
    /// # Panics
    /// It holds what the types of the test cannot.
    #[must_use]
    pub fn get(&self) -> Option<T> {
        self.kit.look(&self.name);
        let mut seen = self.seen.clone();
        seen.refresh();
        self.kit.done(seen.read())
    }
}

impl<V, K> HasTestSide for DeltaIn<V, K> {
    type Seen = PlayedDelta<V, K>;
}

impl<V: Typed, K: Typed> LinkForTest for DeltaIn<V, K> {
    fn seen(kit: &Kit, name: &str) -> PlayedDelta<V, K> {
        let out = kit.world_link(Side::Out, name);
        PlayedDelta { kit: kit.clone(), name: name.to_owned(), out }
    }
}

macro_rules! link {
    ([$($generics:tt)*] $type:ty => $seen:ident<$($parameter:ident),+>, $field:ident, $side:ident) => {
        impl<$($parameter),+> HasTestSide for $type {
            type Seen = $seen<$($parameter),+>;
        }

        impl<$($generics)*> LinkForTest for $type {
            fn seen(kit: &Kit, name: &str) -> Self::Seen {
                $seen { kit: kit.clone(), name: name.to_owned(), $field: kit.world_link(Side::$side, name) }
            }
        }
    };
}

link!([T: Message] RecordIn<T> => PlayedRecord<T>, out, Out);
link!([T: Message] FullIn<T> => PlayedFull<T>, out, Out);
link!([V: Typed, K: Typed] DeltaOut<V, K> => SeenDelta<V, K>, seen, In);
link!([T: Message] RecordOut<T> => SeenRecord<T>, seen, In);
link!([T: Message] FullOut<T> => SeenFull<T>, seen, In);
