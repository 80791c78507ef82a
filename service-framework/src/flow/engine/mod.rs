//! The interpreter of scripts: what a flow needs of one, and nothing of which one it is.
//!
//! An [`Engine`] takes a script and runs it until it needs something from outside, which is a [`Step`]. Whoever drives it answers,
//! and gets the next step. It reads no clock, file or socket and draws no random numbers of its own: all of that is a [`Call`].

mod function;
mod monty;

use serde::{Deserialize, Serialize};

use crate::value::Value;

pub use function::{Function, Misfit, Parameter};
pub use monty::{Monty, State as MontyState};

/// How much stack a thread needs that runs an [`Engine`], in bytes: values may nest as deep as calls, and are walked.
pub const STACK: usize = 16 << 20;

/// What is to be run: a script, and which of its functions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// How the file is called in tracebacks.
    pub file: String,
    /// The text, as its author wrote it.
    pub source: String,
    /// The function that is called after the top level has run; none if there is none to be called.
    pub function: Option<String>,
    /// Its arguments, by name.
    pub args: Vec<(String, Value)>,
}

/// What a script may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How deep calls may nest.
    pub recursion: usize,
    /// Most bytes that are printed between two steps; what is over is an error of the script.
    pub printed: usize,
    /// Most bytes of the arguments of one call, and of the result.
    pub argument: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { recursion: 1000, printed: 1 << 20, argument: 16 << 20 }
    }
}

/// Something that a script asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its number in the flow, counted up from 0 in the order in which a script asks: the same in every replay.
    pub id: u32,
    /// What is asked for, such as `http.request`.
    pub name: String,
    /// With what, in order. Only plain data: no functions, no objects of classes.
    pub args: Vec<Value>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// This.
    Value(Value),
    /// It is raised in the script, where it can be caught.
    Error(Raised),
}

/// An exception that is raised in a script from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Its type, one of Python's own such as `OSError`; `Timeout` is `TimeoutError`. One that is unknown becomes `RuntimeError`.
    pub kind: String,
    /// What it says.
    pub message: String,
}

/// Where a script stood, outermost first in a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function, or `<module>`.
    pub function: String,
    /// From 1 on, in the author's text.
    pub line: u32,
    /// From 1 on, in characters.
    pub column: u32,
    /// The author's line, without the blanks around it.
    pub text: String,
}

/// Why a script ended without a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Type of the exception, such as `ValueError`; `LimitExceeded` if it took more than its [`Limits`].
    pub kind: String,
    /// What it says.
    pub message: String,
    /// Where, outermost first.
    pub frames: Vec<Frame>,
    /// The traceback as Python writes it, with the author's file and lines.
    pub traceback: String,
    /// The compensations that ran after it, by their functions, in the order in which they ran.
    #[serde(default)]
    pub compensated: Vec<String>,
    /// What went wrong when its compensations ran, in order: each a line.
    #[serde(default)]
    pub not_compensated: Vec<String>,
}

impl Failure {
    /// That of a script that took more than it may: it was interrupted then, and came to this if it came to a failure.
    #[must_use]
    pub fn exceeded(reason: &str, interrupted: Option<&Failure>) -> Self {
        let kind = "LimitExceeded";
        let (mut lines, mut failure) = (String::new(), Self::default());
        if let Some(interrupted) = interrupted {
            let stack = interrupted.traceback.trim_end().rsplit_once('\n').map(|(stack, _)| stack);
            lines = stack.map(|stack| format!("{stack}\n")).unwrap_or_default();
            failure = interrupted.clone();
        }
        Self {
            kind: kind.to_owned(),
            message: reason.to_owned(),
            traceback: format!("{lines}{kind}: {reason}\n"),
            ..failure
        }
    }
}

/// What a script came to.
#[derive(Debug)]
pub enum Step<S> {
    /// It asks for something and stands still until it has it.
    Call {
        /// What it asks for.
        call: Call,
        /// To be given back with the answer.
        state: S,
    },
    /// All its tasks wait for these calls, which were answered with [`Engine::later`].
    Wait {
        /// Their numbers, in order.
        on: Vec<u32>,
        /// To be given back with what one of them came to.
        state: S,
    },
    /// It ended with this result.
    Done(Value),
    /// It failed.
    Failed(Failure),
}

/// A step, and what the script printed on its way there.
#[derive(Debug)]
pub struct Stepped<S> {
    /// What it came to.
    pub step: Step<S>,
    /// What it printed.
    pub printed: String,
}

/// Why a saved state cannot be used; the journal can be replayed instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a saved state cannot be used: {0}")]
pub struct Unusable(pub String);

/// Something in a script that it cannot be run with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// From 1 on.
    pub line: u32,
    /// From 1 on, in characters.
    pub column: u32,
    /// What cannot be run.
    pub what: String,
    /// How to write it instead.
    pub instead: String,
}

/// A file that a script starts as a flow, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Its name, as it stands there.
    pub file: String,
    /// From 1 on.
    pub line: u32,
    /// From 1 on, in characters.
    pub column: u32,
}

/// An interpreter. What it does is given by its arguments alone: the same answers give the same calls.
pub trait Engine {
    /// A script that stands still.
    type State: Send;

    /// Its name and version, under which [`Engine::save`]d states can be loaded, such as `monty-0.0.23/3f2a…`; what changes the
    /// order or the arguments of calls changes it.
    fn version(&self) -> String;

    /// Everything in a script that cannot be run, in the order of its lines. A script without complaints starts.
    fn check(&self, file: &str, source: &str) -> Vec<Complaint>;

    /// The functions at the top level of a script, in the order of its lines: what a [`Script::function`] can be. None if it cannot
    /// be read, or if the engine cannot tell.
    fn functions(&self, _source: &str) -> Vec<Function> {
        Vec::new()
    }

    /// The files that a script says it starts as flows, in the order of its lines: those whose names stand in it. None if it cannot
    /// be read, or if the engine cannot tell.
    fn starts(&self, _source: &str) -> Vec<Mention> {
        Vec::new()
    }

    /// Runs a script from its beginning.
    fn start(&self, script: &Script, limits: &Limits) -> Stepped<Self::State>;

    /// Goes on from a [`Step::Call`] with what came of it.
    fn answer(&self, state: Self::State, outcome: Outcome) -> Stepped<Self::State>;

    /// Goes on from a [`Step::Call`] whose outcome comes later: the script has something to await.
    fn later(&self, state: Self::State) -> Stepped<Self::State>;

    /// Goes on from a [`Step::Wait`]: one of its calls came to this. A call that is not among those is an error of the caller and
    /// gives the same wait again.
    fn settle(&self, state: Self::State, call: u32, outcome: Outcome) -> Stepped<Self::State>;

    /// Goes on from any step by raising `KeyboardInterrupt` where the script stands: `except Exception` does not catch it, `finally`
    /// and compensations run, and may ask for more.
    fn interrupt(&self, state: Self::State) -> Stepped<Self::State>;

    /// Where the script stands, outermost first; if it stands in several tasks at once, where it does in one of them. It stays there.
    fn frames(&self, state: &Self::State) -> Vec<Frame>;

    /// Everything that is needed to go on from here, for the same [`Engine::version`].
    ///
    /// # Errors
    /// It cannot be saved; it can be replayed.
    fn save(&self, state: &Self::State) -> Result<Vec<u8>, Unusable>;

    /// The script that was saved. Only bytes that [`Engine::save`] gave and whose checksum was looked at.
    ///
    /// # Errors
    /// They are of another version.
    fn load(&self, bytes: &[u8], script: &Script, limits: &Limits) -> Result<Step<Self::State>, Unusable>;
}

/// What an [`Engine`] says of scripts before they run.
pub trait Checks: Send + Sync {
    /// [`Engine::check`].
    fn check(&self, file: &str, source: &str) -> Vec<Complaint>;

    /// [`Engine::functions`].
    fn functions(&self, source: &str) -> Vec<Function>;

    /// [`Engine::version`].
    fn version(&self) -> String;
}

impl<E: Engine + Send + Sync> Checks for E {
    fn check(&self, file: &str, source: &str) -> Vec<Complaint> {
        Engine::check(self, file, source)
    }

    fn functions(&self, source: &str) -> Vec<Function> {
        Engine::functions(self, source)
    }

    fn version(&self) -> String {
        Engine::version(self)
    }
}
