//! Hooks: the shapes of functions that can be behind one.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Instant;

use crate::model::{Arguments, Message, OwnedMessage};
use crate::program::error::HookError;
use crate::program::pool::Pool;

/// What a hook is told besides the pool.
#[derive(Clone, Debug)]
pub struct Call {
    /// The run's id.
    pub run: String,
    /// The same for every attempt of one step of one run, and for no other: what to send along where the other side
    /// keeps track of repetitions.
    pub idempotency_key: String,
    /// 1 for the first time.
    pub attempt: u32,
    /// When its result counts no more; none if it may take as long as it likes.
    pub until: Option<Instant>,
}

pub(crate) type Function = dyn Fn(&mut Pool, &Call) -> Result<(), HookError> + Send + Sync;

/// A function behind a hook.
#[derive(Clone)]
pub struct Bound {
    pub(crate) function: Arc<Function>,
    /// Whether it ends by itself when its time is over.
    pub(crate) keeps_time: bool,
    /// What it reads from the pool and what it writes to it, if its types say so.
    pub(super) reads: Option<Arguments>,
    pub(super) writes: Option<Arguments>,
    /// Which function it is.
    pub(super) identity: TypeId,
}

impl Bound {
    /// One that ends by itself when [`Call::until`] has passed, such as a request.
    pub fn keeping_time<F>(function: F) -> Self
    where
        F: Fn(&mut Pool, &Call) -> Result<(), HookError> + Send + Sync + 'static,
    {
        Self { keeps_time: true, ..Self::of::<F>(function) }
    }

    /// One that is `F`, whatever it is wrapped in.
    fn of<F: 'static>(
        function: impl Fn(&mut Pool, &Call) -> Result<(), HookError> + Send + Sync + 'static,
    ) -> Self {
        let identity = TypeId::of::<F>();
        Self { function: Arc::new(function), keeps_time: false, reads: None, writes: None, identity }
    }

    /// The same with something around its function, which is given it.
    #[cfg(feature = "testing")]
    pub(crate) fn around(
        self,
        wrap: impl Fn(&Function, &mut Pool, &Call) -> Result<(), HookError> + Send + Sync + 'static,
    ) -> Self {
        let inner = self.function;
        Self { function: Arc::new(move |pool: &mut Pool, call: &Call| wrap(&*inner, pool, call)), ..self }
    }

    fn typed<F: 'static, A: OwnedMessage, R: Message>(
        function: impl Fn(A, &Call) -> Result<R, HookError> + Send + Sync + 'static,
    ) -> Self {
        let on_pool = move |pool: &mut Pool, call: &Call| {
            let returned = function(pool.read::<A>()?, call)?;
            pool.write(&returned)
        };
        Self { reads: Some(A::arguments()), writes: Some(R::arguments()), ..Self::of::<F>(on_pool) }
    }
}

/// A function that can be a hook: `fn(&mut Pool) -> Result<(), HookError>`, or `fn(Reserve) -> Result<Reserved, HookError>`
/// whose messages are read from the pool and written to it. Either may also be told of its [`Call`], by a last parameter
/// `&Call`. `Form` is which of them; the compiler finds it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no hook",
    label = "no hook",
    note = "a hook is `fn(&mut Pool) -> Result<(), HookError>`",
    note = "or `fn(A) -> Result<B, HookError>`, where `A` and `B` derive `Message`: `A` is read from the pool, `B` written \
            to it; a last parameter `&Call` may follow"
)]
pub trait IntoHook<Form> {
    /// The hook.
    fn into_hook(self) -> Bound;
}

impl IntoHook<()> for Bound {
    fn into_hook(self) -> Bound {
        self
    }
}

/// The form of hooks that take the pool.
#[derive(Debug)]
pub struct OnPool;

impl<F> IntoHook<OnPool> for F
where
    F: Fn(&mut Pool) -> Result<(), HookError> + Send + Sync + 'static,
{
    fn into_hook(self) -> Bound {
        Bound::of::<F>(move |pool, _| self(pool))
    }
}

impl<F> IntoHook<(OnPool, Call)> for F
where
    F: Fn(&mut Pool, &Call) -> Result<(), HookError> + Send + Sync + 'static,
{
    fn into_hook(self) -> Bound {
        Bound::of::<F>(self)
    }
}

impl<F, A, R> IntoHook<(A, R)> for F
where
    F: Fn(A) -> Result<R, HookError> + Send + Sync + 'static,
    A: OwnedMessage,
    R: Message,
{
    fn into_hook(self) -> Bound {
        Bound::typed::<F, A, R>(move |read, _| self(read))
    }
}

impl<F, A, R> IntoHook<(A, R, Call)> for F
where
    F: Fn(A, &Call) -> Result<R, HookError> + Send + Sync + 'static,
    A: OwnedMessage,
    R: Message,
{
    fn into_hook(self) -> Bound {
        Bound::typed::<F, A, R>(self)
    }
}
