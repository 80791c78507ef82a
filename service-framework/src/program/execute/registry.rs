//! The functions behind the hooks of a spec, by the names of the hooks, and whether they are those that the spec names.

use std::collections::{BTreeMap, BTreeSet};

use super::agreement::{self, Known};
use super::hooks::{Bound, IntoHook};
use crate::model::{Problem, child, near_miss};
use crate::program::spec::{Hook, Spec, Target};

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
    /// The rectifiers that were named beside each hook.
    beside: BTreeMap<String, BTreeSet<String>>,
    last: Option<String>,
    /// Those that were named by [`Hooks::hook`], and those of whom it is not clear what is behind them.
    named: BTreeSet<String>,
    twice: BTreeSet<String>,
    /// Rectifiers of nothing.
    stray: Vec<String>,
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
        if !self.named.insert(name.to_owned()) {
            self.twice.insert(name.to_owned());
        }
        self.add(name, function.into_hook());
        self.last = Some(name.to_owned());
        self
    }

    /// The function behind a rectifier of the hook before: the spec must say so too, and all rectifiers of that hook stand
    /// beside it or none. One may stand beside several hooks, and be a hook itself.
    #[must_use]
    pub fn rectified_by<Form>(mut self, name: &str, function: impl IntoHook<Form>) -> Self {
        match &self.last {
            Some(hook) => {
                self.beside.entry(hook.clone()).or_default().insert(name.to_owned());
            }
            None => self.stray.push(name.to_owned()),
        }
        self.add(name, function.into_hook());
        self
    }

    /// Puts another function behind a hook that has one: for tests, in which a hook fails or must not do what it does.
    #[must_use]
    pub fn instead<Form>(mut self, name: &str, function: impl IntoHook<Form>) -> Self {
        self.bound.insert(name.to_owned(), function.into_hook());
        self
    }

    /// Puts a function behind a hook that has none.
    #[cfg(feature = "testing")]
    #[must_use]
    pub(crate) fn or_else<Form>(mut self, name: &str, function: impl IntoHook<Form>) -> Self {
        self.bound.entry(name.to_owned()).or_insert_with(|| function.into_hook());
        self
    }

    /// The same hooks, each with something around its function.
    #[cfg(feature = "testing")]
    #[must_use]
    pub(crate) fn around(mut self, wrap: impl Fn(Bound) -> Bound) -> Self {
        self.bound = self.bound.into_iter().map(|(name, bound)| (name, wrap(bound))).collect();
        self
    }

    fn add(&mut self, name: &str, bound: Bound) {
        let identity = bound.identity;
        let before = self.bound.entry(name.to_owned()).or_insert(bound);
        if before.identity != identity {
            self.twice.insert(name.to_owned());
        }
    }

    /// The functions in the order of the hooks of a spec.
    ///
    /// # Errors
    /// Hooks without a function, functions without a hook, rectifiers beside a hook that are not those of the spec, and fields
    /// of typed hooks that do not agree with the spec: all of them.
    pub(crate) fn bind(&self, spec: &Spec) -> Result<Vec<Bound>, Vec<Problem>> {
        let (mut problems, mut bound) = (Vec::new(), Vec::new());
        let known = Known::of(spec);
        for hook in spec.hooks() {
            match self.bound.get(&hook.name) {
                Some(function) => {
                    problems.extend(agreement::problems(hook, function, &known));
                    bound.push(function.clone());
                }
                None => problems.push(self.missing(hook)),
            }
        }
        let surplus = self.bound.keys().filter(|name| spec.hook(name).is_none());
        problems.extend(surplus.map(|name| self.surplus(name, spec)));
        problems.extend(self.twice.iter().map(|name| twice(name)));
        problems.extend(self.stray.iter().map(|name| stray(name)));
        problems.extend(spec.hooks().iter().flat_map(|hook| self.wrong_rectifiers(hook, spec)));
        if problems.is_empty() { Ok(bound) } else { Err(problems) }
    }

    fn missing(&self, hook: &Hook) -> Problem {
        let names = self.bound.keys().map(String::as_str);
        Problem::missing(path(&hook.name), format!("a function for {}", hook.reference))
            .with_near_miss(&hook.name, names)
    }

    fn surplus(&self, name: &str, spec: &Spec) -> Problem {
        let known = spec.hooks().iter().map(|hook| hook.name.as_str());
        let problem = Problem::new(path(name), "a hook of the spec", "a function without one");
        match near_miss(name, known.clone()) {
            Some(_) => problem.with_near_miss(name, known),
            None => problem.with_hint(format!("the spec has {}", listed(known))),
        }
    }

    /// What stands beside a hook and the spec does not say, and what the spec says and does not stand there.
    fn wrong_rectifiers(&self, hook: &Hook, spec: &Spec) -> Vec<Problem> {
        let Some(beside) = self.beside.get(&hook.name) else { return Vec::new() };
        let said: BTreeSet<&str> =
            hook.rectifiers.iter().filter_map(|target| name_of(spec, *target)).collect();
        let path = child(&path(&hook.name), "rectifiers");
        let more = beside.iter().filter(|name| !said.contains(name.as_str())).map(|name| {
            let expected = format!("{name:?}, which stands beside the function of this hook");
            let hint = "add it to the spec, or use `.hook` for a function that rectifies nothing here";
            Problem::new(&path, expected, found(&said)).with_hint(hint)
        });
        let less = said.iter().filter(|name| !beside.contains(**name)).map(|name| {
            let expected = format!("`.rectified_by({name:?}, …)` beside the function of this hook too");
            Problem::new(&path, expected, listed(beside.iter().map(String::as_str)))
                .with_hint("all rectifiers of a hook stand beside it or none")
        });
        more.chain(less).collect()
    }
}

fn path(name: &str) -> String {
    child("hooks", name)
}

fn name_of(spec: &Spec, target: Target) -> Option<&str> {
    match target {
        Target::Hook(place) => spec.hooks().get(place).map(|hook| hook.name.as_str()),
        Target::Program(_) => None,
    }
}

fn found(names: &BTreeSet<&str>) -> String {
    if names.is_empty() { "no rectifiers".to_owned() } else { listed(names.iter().copied()) }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn twice(name: &str) -> Problem {
    Problem::new(path(name), "one function", "two").with_hint("name each hook once")
}

fn stray(name: &str) -> Problem {
    let problem = Problem::new(path(name), "a hook before it that it rectifies", "none");
    problem.with_hint("`.rectified_by` follows the `.hook` that it undoes")
}
