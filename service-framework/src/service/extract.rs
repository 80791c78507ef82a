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

/// Which places are of a kind. The compiler need not list them where one is not.
macro_rules! places_of {
    ($kind:ident: $($place:ident),+) => {$(
        #[diagnostic::do_not_recommend]
        impl $kind for $place {}
    )+};
}

/// A place where functions run through without waiting, so that something can be lent to them.
#[diagnostic::on_unimplemented(
    message = "nothing can be lent to an async function, which may wait",
    label = "asks for something lent",
    note = "ask for links and configs themselves, without `&`"
)]
pub trait Lends: Place {}
places_of!(Lends: OnOwner, OnWorker, InHook);

/// A place where a value of the service's own can be lent.
#[diagnostic::on_unimplemented(
    message = "a value of the service's own is `&mut T` only in a plain handler or hook",
    label = "asks for a value of the service's own",
    note = "an `async fn` asks for `Own<T>`, which lends the value to a closure: `book.with(|book| …)`",
    note = "functions in `workers` run beside others: they ask for `Arc<T>` of what `Service::shares`, such as \
            `.shares(Arc::new(Mutex::new(value)))`"
)]
pub trait LendsOwn: Lends {}
places_of!(LendsOwn: OnOwner, InHook);

/// A place on the thread that has the service's own values.
#[diagnostic::on_unimplemented(
    message = "functions in `workers` run beside others, so they have no values of the service's own",
    label = "asks for a value of the service's own",
    note = "they ask for `Arc<T>` of what `Service::shares`, such as `.shares(Arc::new(Mutex::new(value)))`"
)]
pub trait HasOwn: Place {}
places_of!(HasOwn: OnOwner, InAsync, InHook);

/// A place where waiting holds up nobody.
#[diagnostic::on_unimplemented(
    message = "this function must not block, so it has no `BlockingToSend`",
    label = "asks for `BlockingToSend`",
    note = "a handler that blocks goes in as `workers(4, function)`; `main` and hooks that are no `async fn` may block",
    note = "an `async fn` waits by `.await`; by name it sends with `ToSend`"
)]
pub trait MayBlock: Place {}
places_of!(MayBlock: OnWorker, InHook);

/// A type that a function running at `P` can have as a parameter.
#[diagnostic::on_unimplemented(
    message = "this function cannot ask for `{Self}`",
    label = "asks for `{Self}`",
    note = "a message comes first, and only once: `fn place(order: Order, …)`; `main` and hooks have none",
    note = "connections and states are the fields of a struct with `#[derive(Links)]`, settings those of one with \
            `#[derive(Config)]`",
    note = "a value of your own is `&mut T` after `.owns(value)`, or `Own<T>` in an `async fn`; `Arc<T>` after \
            `.shares(Arc::new(value))`",
    note = "there are `WorkflowId` and `Deadline`, in handlers `Caller`, and by name `ToSend`, `States` and `Config`"
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
take!([P: MayBlock] P, BlockingToSend, |run| run.blocking_to_send());
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
