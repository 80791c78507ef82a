//! A service's own values: what its functions keep between messages.

use std::marker::PhantomData;
use std::sync::Arc;

use super::declare::Declarations;
use super::extract::{Extract, HasOwn, LendsOwn, Place, Run};
use super::shared::Shared;

/// A value that the service owns ([`Service::owns`](super::Service::owns)), for functions that wait: it is lent for as
/// long as a closure runs, and so never over an `.await`. A plain handler asks for `&mut S` instead.
///
/// ```
/// use service_framework::service::Own;
///
/// async fn count(_: (), calls: Own<u64>) -> service_framework::Result {
///     let so_far = calls.with(|calls| {
///         *calls += 1;
///         *calls
///     });
///     tracing::info!(so_far);
///     Ok(())
/// }
/// # let _ = service_framework::Service::new("counter").owns(0_u64).replyer("count", count);
/// ```
pub struct Own<S> {
    shared: Arc<Shared>,
    /// Stays on the owner thread, where nothing else has the value at the same time.
    stays: PhantomData<*const S>,
}

impl<S: Send + 'static> Own<S> {
    /// Calls a function with the value.
    ///
    /// # Panics
    /// Within itself, for the same value.
    pub fn with<R>(&self, then: impl FnOnce(&mut S) -> R) -> R {
        self.shared.found.with_owned(then)
    }
}

impl<S> Clone for Own<S> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), stays: PhantomData }
    }
}

impl<P: HasOwn, S: Send + 'static> Extract<P> for Own<S> {
    type Of<'a> = Self;

    fn declare(declarations: &mut Declarations) {
        declarations.owned::<S>();
    }

    fn with<O>(run: &Run<'_>, then: impl FnOnce(Self) -> O) -> O {
        then(Self { shared: run.shared.clone(), stays: PhantomData })
    }
}

impl<P: LendsOwn, S: Send + 'static> Extract<P> for &mut S {
    type Of<'a> = &'a mut S;

    fn declare(declarations: &mut Declarations) {
        declarations.owned::<S>();
    }

    fn with<O>(run: &Run<'_>, then: impl FnOnce(&mut S) -> O) -> O {
        run.shared.found.with_owned(then)
    }
}

/// A value that all functions of the service share ([`Service::shares`](super::Service::shares)).
impl<P: Place, T: Send + Sync + 'static> Extract<P> for Arc<T> {
    type Of<'a> = Self;

    fn declare(declarations: &mut Declarations) {
        declarations.shared::<T>();
    }

    fn with<O>(run: &Run<'_>, then: impl FnOnce(Self) -> O) -> O {
        then(run.shared.found.shared())
    }
}
