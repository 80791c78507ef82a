//! Functions as hooks: `main`, `init_function` and what runs on signals.
//!
//! As with handlers, one trait finds the shape of a function, [`HookSignature`], and one asks of it what it has to be,
//! [`Hook`].

use std::pin::Pin;

use super::declare::Declarations;
use super::error::Result;
use super::extract::{Extract, InAsync, InHook, Run};
use super::handler::taken;
#[cfg(feature = "flows")]
use super::to_send::ToSend;

/// A function of the shape of a hook. `M` only tells the shapes apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have the shape of `main` or a hook",
    label = "takes or returns something else than a hook",
    note = "it returns the `Result` of `service_framework::prelude`: `fn lead(market: Market) -> Result`",
    note = "it is a `fn`, an `async fn` or a closure, and may ask for at most eight things",
    note = "the types of a closure's parameters have to be written: `|market: Market, desk: Desk| …`"
)]
pub trait HookSignature<M> {}

/// A function that can be `main`, `init_function` or a signal handler: plain, where it may block, or async.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be `main` or a hook",
    label = "not a hook",
    note = "a hook is `Send + 'static`: what a closure takes along must be so too"
)]
pub trait Hook<M> {
    /// Forgets the types.
    fn erase(self) -> ErasedHook;
}

/// Marks a plain hook.
#[derive(Debug)]
pub struct PlainHook;
/// Marks an async hook.
#[derive(Debug)]
pub struct AsyncHook;

/// The rest of an async hook.
pub type HookRest = Pin<Box<dyn Future<Output = Result>>>;

/// A hook whose types are forgotten, but for what they say of the service.
pub struct ErasedHook {
    pub(crate) call: HookCall,
    pub(crate) asks: Declarations,
}

#[cfg(feature = "flows")]
impl ErasedHook {
    /// The same hook, before which something else is done with what sends.
    pub(super) fn after(hook: Option<Self>, first: impl FnOnce(ToSend) + Send + 'static) -> Self {
        let to_send = |run: &Run<'_>| ToSend { shared: run.shared.clone(), scope: (run.scope)() };
        let (call, asks) = match hook {
            Some(Self { call, asks }) => (Some(call), asks),
            None => (None, Declarations::default()),
        };
        let call = match call {
            Some(HookCall::Async(then)) => HookCall::Async(Box::new(move |run| {
                first(to_send(run));
                then(run)
            })),
            Some(HookCall::Blocking(then)) => HookCall::Blocking(Box::new(move |run| {
                first(to_send(run));
                then(run)
            })),
            None => HookCall::Blocking(Box::new(move |run| {
                first(to_send(run));
                Ok(())
            })),
        };
        Self { call, asks }
    }
}

pub(crate) enum HookCall {
    /// A plain function.
    Blocking(Box<dyn FnOnce(&Run<'_>) -> Result + Send>),
    /// An async function.
    Async(Box<dyn FnOnce(&Run<'_>) -> HookRest + Send>),
}

macro_rules! hooks {
    ($($E:ident $e:ident),*) => {
        impl<F, R, $($E,)*> HookSignature<(PlainHook, R, $($E,)*)> for F where F: FnOnce($($E,)*) -> Result<R> {}

        impl<F, R, $($E,)*> Hook<(PlainHook, R, $($E,)*)> for F
        where
            $($E: Extract<InHook>,)*
            F: FnOnce($($E::Of<'_>,)*) -> Result<R> + Send + 'static,
        {
            fn erase(self) -> ErasedHook {
                let mut _asks = Declarations::default();
                $($E::declare(&mut _asks);)*
                let call = HookCall::Blocking(Box::new(move |_run| {
                    taken!(_run, self($($e,)*).map(drop); $(InHook: $E $e),*)
                }));
                ErasedHook { call, asks: _asks }
            }
        }

        impl<F, W, R, $($E,)*> HookSignature<(AsyncHook, W, R, $($E,)*)> for F
        where
            F: FnOnce($($E,)*) -> W,
            W: Future<Output = Result<R>>,
        {}

        impl<F, W, R, $($E,)*> Hook<(AsyncHook, W, R, $($E,)*)> for F
        where
            $($E: for<'a> Extract<InAsync, Of<'a> = $E>,)*
            F: FnOnce($($E,)*) -> W + Send + 'static,
            W: Future<Output = Result<R>> + 'static,
        {
            fn erase(self) -> ErasedHook {
                let mut _asks = Declarations::default();
                $($E::declare(&mut _asks);)*
                let call = HookCall::Async(Box::new(move |_run| {
                    let waiting: W = taken!(_run, self($($e,)*); $(InAsync: $E $e),*);
                    Box::pin(async move { waiting.await.map(drop) })
                }));
                ErasedHook { call, asks: _asks }
            }
        }
    };
}

hooks!();
hooks!(E1 e1);
hooks!(E1 e1, E2 e2);
hooks!(E1 e1, E2 e2, E3 e3);
hooks!(E1 e1, E2 e2, E3 e3, E4 e4);
hooks!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5);
hooks!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5, E6 e6);
hooks!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5, E6 e6, E7 e7);
hooks!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5, E6 e6, E7 e7, E8 e8);
