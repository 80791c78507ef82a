//! Hooks: the functions behind the hooks of a spec, by their names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::model::{Arguments, Message, OwnedMessage, Problem, Type, near_miss};
use crate::program::error::HookError;
use crate::program::pool::Pool;
use crate::program::spec::{Arg, ArgType, Hook, Spec};

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
    reads: Option<Arguments>,
}

impl Bound {
    /// One that ends by itself when [`Call::until`] has passed, such as a request.
    pub fn keeping_time<F>(function: F) -> Self
    where
        F: Fn(&mut Pool, &Call) -> Result<(), HookError> + Send + Sync + 'static,
    {
        Self { function: Arc::new(function), keeps_time: true, reads: None }
    }
}

/// A function that can be a hook: `fn(&mut Pool) -> Result<(), HookError>`, or `fn(Reserve) -> Result<Reserved, HookError>`
/// whose messages are read from the pool and written to it. `Form` is which of them; the compiler finds it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no hook",
    label = "no hook",
    note = "a hook is `fn(&mut Pool) -> Result<(), HookError>`",
    note = "or `fn(A) -> Result<B, HookError>`, where `A` and `B` derive `Message`: `A` is read from the pool, `B` written \
            to it"
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
        let function = move |pool: &mut Pool, _: &Call| self(pool);
        Bound { function: Arc::new(function), keeps_time: false, reads: None }
    }
}

impl<F, A, R> IntoHook<(A, R)> for F
where
    F: Fn(A) -> Result<R, HookError> + Send + Sync + 'static,
    A: OwnedMessage,
    R: Message,
{
    fn into_hook(self) -> Bound {
        let function = move |pool: &mut Pool, _: &Call| {
            let returned = self(pool.read::<A>()?)?;
            pool.write(&returned)
        };
        Bound { function: Arc::new(function), keeps_time: false, reads: Some(A::arguments()) }
    }
}

/// The functions behind the hooks of a spec.
///
/// ```
/// # #[cfg(feature = "programs")] {
/// use service_framework::program::{HookError, Hooks, Pool};
///
/// fn reserve(pool: &mut Pool) -> Result<(), HookError> {
///     pool.set("reserved", true);
///     Ok(())
/// }
///
/// fn release(pool: &mut Pool) -> Result<(), HookError> {
///     pool.remove("reserved");
///     Ok(())
/// }
///
/// let hooks = Hooks::new().hook("reserve", reserve).rectified_by("release", release);
/// # let _ = hooks;
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Hooks {
    bound: BTreeMap<String, Bound>,
    /// Which hook a rectifier was named beside.
    pairs: Vec<(String, String)>,
    last: Option<String>,
    twice: Vec<String>,
}

impl Hooks {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The function behind the hook of this key in the spec.
    #[must_use]
    pub fn hook<Form>(mut self, name: &str, function: impl IntoHook<Form>) -> Self {
        self.last = Some(name.to_owned());
        self.add(name, function.into_hook());
        self
    }

    /// The function behind the rectifier of the hook before: the spec must say so too. It may stand beside several hooks.
    #[must_use]
    pub fn rectified_by<Form>(mut self, name: &str, function: impl IntoHook<Form>) -> Self {
        if let Some(hook) = &self.last {
            let is_known = self.pairs.iter().any(|(_, rectifier)| rectifier == name);
            self.pairs.push((hook.clone(), name.to_owned()));
            if !is_known {
                self.add(name, function.into_hook());
            }
        }
        self
    }

    fn add(&mut self, name: &str, bound: Bound) {
        if self.bound.insert(name.to_owned(), bound).is_some() {
            self.twice.push(name.to_owned());
        }
    }

    /// The functions in the order of the hooks of a spec.
    ///
    /// # Errors
    /// Hooks without a function, functions without a hook, rectifiers that the spec does not have so, and fields of typed
    /// hooks that are not among the hook's arguments: all of them.
    pub(crate) fn bind(&self, spec: &Spec) -> Result<Vec<Bound>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut bound = Vec::new();
        for hook in spec.hooks() {
            match self.bound.get(&hook.name) {
                Some(function) => {
                    problems.extend(disagreements(hook, function));
                    bound.push(function.clone());
                }
                None => problems.push(self.missing(hook)),
            }
        }
        let surplus = self.bound.keys().filter(|name| spec.hook(name).is_none());
        problems.extend(surplus.map(|name| self.surplus(name, spec)));
        problems.extend(self.twice.iter().map(|name| {
            Problem::new(format!("hooks.{name}"), "one function", "two").with_hint("name each hook once")
        }));
        problems.extend(self.pairs.iter().filter_map(|(hook, rectifier)| wrong_pair(spec, hook, rectifier)));
        if problems.is_empty() { Ok(bound) } else { Err(problems) }
    }

    fn missing(&self, hook: &Hook) -> Problem {
        let names = self.bound.keys().map(String::as_str);
        Problem::missing(format!("hooks.{}", hook.name), format!("a function for {}", hook.reference))
            .with_near_miss(&hook.name, names)
    }

    fn surplus(&self, name: &str, spec: &Spec) -> Problem {
        let known = spec.hooks().iter().map(|hook| hook.name.as_str());
        let problem = Problem::new(format!("hooks.{name}"), "a hook of the spec", "a function without one");
        match near_miss(name, known.clone()) {
            Some(_) => problem.with_near_miss(name, known),
            None => problem.with_hint(format!("the spec has {}", known.collect::<Vec<_>>().join(", "))),
        }
    }
}

fn wrong_pair(spec: &Spec, hook: &str, rectifier: &str) -> Option<Problem> {
    let place = spec.hooks().iter().position(|known| known.name == rectifier)?;
    let found = spec.hook(hook)?;
    let is_said = found.rectifiers.contains(&crate::program::spec::Target::Hook(place));
    let path = format!("hooks.{hook}.rectifiers");
    (!is_said).then(|| {
        Problem::new(
            path,
            format!("{rectifier:?}, which stands beside it in the program"),
            "no such rectifier",
        )
        .with_hint("add it to the spec, or use `.hook` for a function that rectifies nothing here")
    })
}

/// What a typed hook reads and the spec does not say.
fn disagreements(hook: &Hook, bound: &Bound) -> Vec<Problem> {
    let Some(reads) = &bound.reads else { return Vec::new() };
    let required = reads.required.iter().map(|(name, of)| (name, of, true));
    let optional = reads.optional.iter().map(|(name, of)| (name, of, false));
    let fields = required.chain(optional);
    fields.filter_map(|(name, of, is_required)| disagreement(hook, name, of, is_required)).collect()
}

fn disagreement(hook: &Hook, name: &str, of: &Type, is_required: bool) -> Option<Problem> {
    let path = format!("hooks.{}.args.{name}", hook.name);
    let Some(arg) = hook.args.iter().find(|arg| arg.name == name) else {
        let known = hook.args.iter().map(|arg| arg.name.as_str());
        let expected = "an argument, because the function reads it";
        return Some(Problem::missing(path, expected).with_near_miss(name, known));
    };
    if !fits(arg, of) {
        let expected = format!("the type that the function reads, {}", of.to_json());
        return Some(Problem::new(path, expected, arg.kind.as_str()));
    }
    (is_required && !arg.required && arg.default.is_none()).then(|| {
        Problem::new(path, "a required argument, because the function always reads it", "an optional one")
            .with_hint("make it required, give it a default, or make the field an `Option`")
    })
}

fn fits(arg: &Arg, of: &Type) -> bool {
    match of {
        Type::Any => true,
        Type::Optional(inner) => fits(arg, inner),
        Type::Str => arg.kind == ArgType::Str,
        Type::Int => arg.kind == ArgType::Int,
        Type::Float => matches!(arg.kind, ArgType::Float | ArgType::Int),
        Type::Bool => arg.kind == ArgType::Bool,
        Type::List(_) | Type::Tuple(_) => arg.kind == ArgType::List,
        Type::Map(..) | Type::Record(_) | Type::Set(_) => arg.kind == ArgType::Dict,
        // What may be several types is seen when it is read.
        _ => true,
    }
}
