//! What functions of a running service find by the type that they ask for: configs, links, own and shared values.

use std::any::{Any, TypeId};
use std::sync::{Arc, Mutex, PoisonError};

use super::declare::short_name;

/// Values by their type. There are few of them, so they are looked for one by one.
#[derive(Default)]
pub(crate) struct Found {
    pub(super) configs: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    pub(super) links: Vec<(TypeId, Box<[Place]>)>,
    pub(super) owned: Vec<(TypeId, Owned)>,
    pub(super) shared: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
}

/// An own value, which is out while a function has it.
pub(crate) type Owned = Mutex<Option<Box<dyn Any + Send>>>;

/// Where the connection or the state of a link is in the tables of its service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) index: usize,
    /// Whether the model is still that of the link's types, so that what they write needs no check.
    pub(crate) is_own_model: bool,
}

fn find<T: 'static, V>(all: &[(TypeId, V)]) -> Option<&V> {
    all.iter().find(|(of, _)| *of == TypeId::of::<T>()).map(|(_, value)| value)
}

/// What is asked for is declared, and what is declared is checked to be there before a service runs.
#[expect(clippy::panic, reason = "only a service that was not prepared gets here, and there is none")]
fn declared<T, V>(value: Option<V>) -> V {
    match value {
        Some(value) => value,
        None => panic!("`{}` was asked for and never declared", short_name::<T>()),
    }
}

impl Found {
    pub(super) fn config_as<T: 'static>(&self) -> &T {
        declared::<T, _>(find::<T, _>(&self.configs).and_then(|value| value.downcast_ref()))
    }

    pub(super) fn links_of<L: 'static>(&self) -> &[Place] {
        find::<L, _>(&self.links).map(|links| &**links).unwrap_or_default()
    }

    pub(super) fn shared<T: Send + Sync + 'static>(&self) -> Arc<T> {
        declared::<T, _>(find::<T, _>(&self.shared).and_then(|value| value.clone().downcast().ok()))
    }

    /// Lets own values go, which may hold on to the service itself.
    pub(super) fn let_go(&self) {
        for (_, slot) in &self.owned {
            let value = lock(slot).take();
            drop(value);
        }
    }

    /// Lends an own value to a function, and takes it back however that ends.
    #[expect(clippy::panic, reason = "a mistake in the program, as borrowing a `RefCell` twice is")]
    pub(super) fn with_owned<S: 'static, O>(&self, then: impl FnOnce(&mut S) -> O) -> O {
        let slot = declared::<S, _>(find::<S, _>(&self.owned));
        let mut lent = Lent { slot, value: lock(slot).take() };
        match lent.value.as_mut().and_then(|value| value.downcast_mut()) {
            Some(value) => then(value),
            None => panic!("`{}` was asked for while it was in use", short_name::<S>()),
        }
    }
}

fn lock(slot: &Owned) -> std::sync::MutexGuard<'_, Option<Box<dyn Any + Send>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Lent<'a> {
    slot: &'a Owned,
    value: Option<Box<dyn Any + Send>>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            *lock(self.slot) = Some(value);
        }
    }
}
