//! What a handler, a hook or `main` can ask for besides the message: each is a parameter of its function.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use super::blocking::BlockingToSend;
use super::declare::Declarations;
use super::links::{Links, Taker};
use super::scope::Scope;
use super::shared::Shared;
use super::to_send::ToSend;
use crate::model::ConfigType;
use crate::wire::WorkflowId;

/// One run of a function of the service: where its parameters come from.
pub struct Run<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) scope: &'a dyn Fn() -> Arc<Scope>,
}

/// A place where functions of a service run.
pub trait Place: 'static {}

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;
        impl Place for $name {}
    )+};
}

places! {
    /// A plain handler on the thread that owns the sockets, where nothing may block and all runs in turn.
    OnOwner,
    /// An async handler or hook on that thread.
    InAsync,
    /// A handler on one of several threads that may block.
    OnWorker,
    /// A plain hook or a plain `main`, which may block and which nothing else runs beside.
    InHook,
}

/// A place where functions run through without waiting, so that something can be lent to them.
#[diagnostic::on_unimplemented(
    message = "nothing can be lent to an async function, which may wait",
    label = "asks for something lent",
    note = "ask for links and configs themselves, without `&`",
    note = "instead of `&mut T` ask for `Own<T>`, which lends the value to a closure: `book.with(|book| …)`"
)]
pub trait Lends: Place {}
impl Lends for OnOwner {}
impl Lends for OnWorker {}
impl Lends for InHook {}

/// A type that a function running at `P` can have as a parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a function of a service can ask for at this place",
    label = "cannot be asked for here",
    note = "every function may ask for structs with `#[derive(Links)]` or `#[derive(Config)]`, for `Arc<T>` of what \
            `Service::shares`, for `ToSend`, `States`, `Config`, `WorkflowId`, `Deadline` and `Caller`; those that are not \
            async also for `&Links` and `&Config`",
    note = "what `Service::owns` is `&mut T` in plain handlers and hooks, and `Own<T>` in async ones; workers share, by `Arc<T>`",
    note = "`BlockingToSend` is for functions that may block: in `workers`, plain hooks and a plain `main`",
    note = "a message is the first parameter of a handler; hooks have none"
)]
pub trait Extract<P: Place> {
    /// The same type for one call.
    type Of<'a>;
    /// Adds it to what the service has.
    fn declare(declarations: &mut Declarations);
    /// Takes it from a run, for as long as `then` runs.
    #[doc(hidden)]
    fn with<O>(run: &Run<'_>, then: impl FnOnce(Self::Of<'_>) -> O) -> O;
}

/// Implements [`Extract`] for a derived type, owned and lent.
#[doc(hidden)]
#[macro_export]
macro_rules! __asked_for {
    (config $name:ty) => {
        $crate::__asked_for!($name, config, |run, then| then(run.config::<$name>()), run.with_config(then));
    };
    (links $name:ty) => {
        $crate::__asked_for!(
            $name,
            links,
            |run, then| then(run.links::<$name>()),
            then(&run.links::<$name>())
        );
    };
    ($name:ty, $declare:ident, |$run:ident, $then:ident| $own:expr, $lent:expr) => {
        #[automatically_derived]
        impl<P: $crate::service::Place> $crate::service::Extract<P> for $name {
            type Of<'a> = Self;
            fn declare(declarations: &mut $crate::service::Declarations) {
                declarations.$declare::<Self>();
            }
            fn with<O>($run: &$crate::service::Run<'_>, $then: impl FnOnce(Self) -> O) -> O {
                $own
            }
        }
        #[automatically_derived]
        impl<'x, P: $crate::service::Lends> $crate::service::Extract<P> for &'x $name {
            type Of<'a> = &'a $name;
            fn declare(declarations: &mut $crate::service::Declarations) {
                declarations.$declare::<$name>();
            }
            fn with<O>($run: &$crate::service::Run<'_>, $then: impl FnOnce(&$name) -> O) -> O {
                $lent
            }
        }
    };
}

/// Implements [`Extract`] for what is taken from a run without anything being declared.
macro_rules! take {
    ([$($generic:tt)*] $place:ty, $type:ty, |$run:ident| $take:expr) => {
        impl<$($generic)*> Extract<$place> for $type {
            type Of<'a> = Self;

            fn declare(_declarations: &mut Declarations) {}

            fn with<O>($run: &Run<'_>, then: impl FnOnce(Self) -> O) -> O {
                then($take)
            }
        }
    };
}

pub(super) use take;

take!([P: Place] P, ToSend, |run| run.to_send());
take!([] OnWorker, BlockingToSend, |run| run.blocking_to_send());
take!([] InHook, BlockingToSend, |run| run.blocking_to_send());
take!([P: Place] P, Config, |run| Self(run.shared.clone()));
// The message's id; in hooks and `main` a new one.
take!([P: Place] P, WorkflowId, |run| (run.scope)().id().cloned().unwrap_or_else(Self::new));
take!([P: Place] P, Deadline, |run| Self((run.scope)().deadline));

impl Run<'_> {
    pub(super) fn to_send(&self) -> ToSend {
        ToSend { shared: self.shared.clone(), scope: (self.scope)() }
    }

    fn blocking_to_send(&self) -> BlockingToSend {
        BlockingToSend { inner: self.to_send(), stays: PhantomData }
    }

    /// A config as a type.
    #[doc(hidden)]
    #[must_use]
    pub fn config<T: ConfigType>(&self) -> T {
        self.shared.found.config_as::<T>().copy()
    }

    /// A config as a type, lent.
    #[doc(hidden)]
    pub fn with_config<T: ConfigType, O>(&self, then: impl FnOnce(&T) -> O) -> O {
        then(self.shared.found.config_as::<T>())
    }

    /// A struct of links.
    #[doc(hidden)]
    #[must_use]
    pub fn links<L: Links>(&self) -> L {
        L::take(&mut Taker::new(self.to_send(), self.shared.found.links_of::<L>()))
    }
}

/// The service's configuration, checked. Derefs to [`crate::model::Config`].
#[derive(Clone)]
pub struct Config(Arc<Shared>);

impl Deref for Config {
    type Target = crate::model::Config;

    fn deref(&self) -> &Self::Target {
        &self.0.config
    }
}

/// When the one who asked stops waiting; `None` if it did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Option<Instant>);

/// Where a message came from, such as `127.0.0.1`; `None` if nobody knows: over `ipc` and `inproc`, and inside one
/// process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Option<Arc<str>>);

macro_rules! caller {
    ($($place:ty),+) => {$(
        impl Extract<$place> for Caller {
            type Of<'a> = Self;

            fn declare(declarations: &mut Declarations) {
                declarations.caller = true;
            }

            fn with<O>(run: &Run<'_>, then: impl FnOnce(Self) -> O) -> O {
                then(Self((run.scope)().caller.clone()))
            }
        }
    )+};
}

caller!(OnOwner, InAsync, OnWorker);
