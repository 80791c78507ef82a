//! Programs to test: the real hooks or others, a journal in memory, and attempts that follow each other at once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;

use crate::model::Problem;
use crate::program::{
    Answer, Bound, Call, End, Engine, EngineError, HookError, Hooks, IntoHook, Plan, Pool, Request, Settings,
    Spec, Step, Watch,
};
use crate::service::Programs;
use crate::store::Store;

/// How long a run may go on after its answer, which it does not.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs to test in this process. Hooks that ask another service fail, unless they are given a function by
/// [`ProgramsKit::instead`].
///
/// # Panics
/// If spec and hooks do not agree, with all that is wrong.
///
/// ```
/// use service_framework::prelude::*;
/// use service_framework::program::Hooks;
/// use service_framework::service::Programs;
/// use service_framework::testing;
///
/// let hooks = Hooks::new()
///     .hook("reserve", |_: &mut Pool| Ok(()))
///     .rectified_by("release", |_: &mut Pool| Ok(()))
///     .hook("charge", |_: &mut Pool| Ok(()));
/// let spec = r#"{"name": "shop", "programs": {"buy": {"hooks": ["reserve", "charge"], "args": {}, "outputs": {}}},
///     "hooks": {
///         "reserve": {"reference": "shop.reserve", "args": {}, "rectifiers": ["release"]},
///         "release": {"reference": "shop.release", "args": {}},
///         "charge": {"reference": "shop.charge", "args": {}}
///     }}"#;
/// let kit = testing::programs(Programs::from_text(spec, hooks));
/// assert!(kit.run("buy", "{}").is_done());
/// for run in kit.broken_everywhere("buy", "{}") {
///     assert!(run.is_undone(), "{run}");
/// }
/// let run = kit.instead("charge", |_: &mut Pool| Err(HookError::new("no money"))).run("buy", "{}");
/// assert_eq!((run.done(), run.undone()), (vec!["reserve"], vec!["release"]));
/// ```
pub fn programs(programs: Programs) -> ProgramsKit {
    let alone = programs.alone("it asks another service: give it a function by `instead`");
    let (spec, hooks) = alone.unwrap_or_else(|problems| refuse(problems));
    ProgramsKit { spec: spec.without_waits(), hooks }
}

#[expect(clippy::panic, reason = "a test is told so")]
fn refuse(problems: Vec<Problem>) -> ! {
    panic!("{}", EngineError::Problems(problems))
}

/// Programs to test.
#[derive(Clone)]
pub struct ProgramsKit {
    spec: Spec,
    hooks: Hooks,
}

impl ProgramsKit {
    /// Puts another function behind a hook.
    #[must_use]
    pub fn instead<Form>(mut self, hook: &str, function: impl IntoHook<Form>) -> Self {
        self.hooks = self.hooks.instead(hook, function);
        self
    }

    /// Runs a program with the values of a JSON object.
    ///
    /// # Panics
    /// If the text is no JSON object, if the program is refused (an argument is missing, say), or if spec and hooks do not
    /// agree.
    pub fn run(&self, program: &str, values: &str) -> TestRun {
        self.run_broken(program, values, None)
    }

    /// Runs a program once for each of its steps, with this step failing, whatever it does otherwise: all that was done before
    /// is to be undone. A program of n steps runs n times, and never as a whole.
    ///
    /// # Panics
    /// As [`ProgramsKit::run`].
    pub fn broken_everywhere(&self, program: &str, values: &str) -> Vec<TestRun> {
        let Some(place) = self.spec.program_place(program) else {
            return refused(&format!("there is no program {program:?}"));
        };
        let steps = Plan::new(&Arc::new(self.spec.clone()), place).calls();
        (0..steps).map(|step| self.run_broken(program, values, Some(step))).collect()
    }

    fn run_broken(&self, program: &str, values: &str, broken: Option<usize>) -> TestRun {
        let log = Arc::new(Log { calls: Mutex::default(), broken });
        let hooks = self.hooks.clone().around(|bound| breakable(bound, log.clone()));
        let settings = Settings { watch: Some(log.clone()), ..Settings::default() };
        let engine = Engine::start(self.spec.clone(), &hooks, Store::in_memory(), settings)
            .unwrap_or_else(|error| refused(&error.to_string()));
        let answer = engine.run(Request::new(program, pool(values)));
        // It has nothing left to do.
        let _ = engine.stop(PATIENCE);
        match answer {
            Answer::Ran { end, pool, .. } => TestRun { end, pool, calls: log.calls().clone() },
            Answer::Refused(refusal) => refused(&refusal.to_string()),
        }
    }
}

fn pool(values: &str) -> Pool {
    match serde_json::from_str(values) {
        Ok(Json::Object(values)) => Pool::from_json(&values).unwrap_or_else(|error| refused(error.text())),
        Ok(_) => refused("the values are no JSON object"),
        Err(error) => refused(&format!("the values are no JSON object: {error}")),
    }
}

#[expect(clippy::panic, reason = "a test is told so")]
fn refused<T>(why: &str) -> T {
    panic!("{why}")
}

/// One call of a hook's function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Called {
    hook: String,
    attempt: u32,
    is_reversing: bool,
    error: Option<String>,
}

/// What is called, and which call of those that do something fails.
struct Log {
    calls: Mutex<Vec<Called>>,
    broken: Option<usize>,
}

impl Log {
    fn calls(&self) -> std::sync::MutexGuard<'_, Vec<Called>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the call that was announced last is the one that fails.
    fn breaks(&self) -> bool {
        let calls = self.calls();
        let steps = calls.iter().filter(|call| !call.is_reversing && call.attempt == 1).count();
        let is_step = calls.last().is_some_and(|call| !call.is_reversing);
        is_step && self.broken.is_some_and(|broken| steps == broken + 1)
    }
}

impl Watch for Log {
    fn before(&self, step: &Step<'_>, _: &Pool) -> bool {
        let (hook, attempt, is_reversing) = (step.hook.name.clone(), step.attempt, step.is_reversing);
        self.calls().push(Called { hook, attempt, is_reversing, error: None });
        true
    }

    fn after(&self, _: &Step<'_>, _: &Pool, error: Option<&str>) {
        if let Some(call) = self.calls().last_mut() {
            call.error = error.map(str::to_owned);
        }
    }

    fn noted(&self, text: &str) {
        let (hook, error) = (String::new(), Some(text.to_owned()));
        self.calls().push(Called { hook, attempt: 0, is_reversing: false, error });
    }
}

fn breakable(bound: Bound, log: Arc<Log>) -> Bound {
    bound.around(move |function, pool: &mut Pool, call: &Call| match log.breaks() {
        true => Err(HookError::new("the test breaks this step")),
        false => function(pool, call),
    })
}

/// A run that has ended. Printed, it shows its calls.
#[derive(Clone, Debug)]
pub struct TestRun {
    /// How.
    pub end: End,
    /// The answer: outputs, and of a failed run what begins with `_`.
    pub pool: Pool,
    calls: Vec<Called>,
}

impl TestRun {
    /// Whether the program came to its end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.end == End::Done
    }

    /// Whether it failed and everything that it had done was undone.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.end == End::Rectified
    }

    /// The hooks that did something, in the order in which they ended, dependencies among them.
    #[must_use]
    pub fn done(&self) -> Vec<&str> {
        self.called().filter(|call| call.error.is_none()).map(|call| call.hook.as_str()).collect()
    }

    /// The hooks that undid something, in their order.
    #[must_use]
    pub fn undone(&self) -> Vec<&str> {
        let undone = self.calls.iter().filter(|call| call.is_reversing && call.error.is_none());
        undone.map(|call| call.hook.as_str()).collect()
    }

    /// The last attempt of each step.
    fn called(&self) -> impl Iterator<Item = &Called> {
        let again = |place: usize| self.calls.get(place + 1).is_some_and(|next| next.attempt > 1);
        let calls = self.calls.iter().enumerate().filter(move |(place, _)| !again(*place));
        calls.map(|(_, call)| call).filter(|call| !call.is_reversing && call.attempt > 0)
    }
}

impl fmt::Display for TestRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.end)?;
        for Called { hook, attempt, is_reversing, error } in &self.calls {
            let sign = match (*attempt, *is_reversing) {
                (0, _) => "! ",
                (_, true) => "<- ",
                (_, false) => "-> ",
            };
            let error = error.as_ref().map(|error| format!(" failed: {error}")).unwrap_or_default();
            writeln!(f, "{sign}{hook}{error}")?;
        }
        write!(f, "{}", self.pool.to_json())
    }
}
