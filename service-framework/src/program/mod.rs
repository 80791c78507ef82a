//! Programs: sequences of hooks that undo themselves.
//!
//! A [`Spec`] says which programs there are, of which hooks each is made, and what undoes what; [`graph`] shows it. The
//! functions behind them are [`Hooks`]; an [`Engine`] runs requests with them and keeps a journal, and a [`Server`] takes
//! requests over TCP. Hooks share a [`Pool`].

mod error;
mod execute;
pub mod graph;
mod plain;
mod pool;
mod run;
mod runs;
mod serve;
pub mod spec;

pub use error::HookError;
pub use execute::{
    Answer, Bound, Call, Engine, EngineError, Hooks, IntoHook, JournalError, Keep, OnPool, Refusal, Settings,
    Step, Watch,
};
pub(crate) use pool::{CANCELLED, IN_DOUBT, LAST_FAILED};
pub use pool::{Changes, Pool};
pub use run::{End, Event, EventError, Illegal, Next, Plan, Request, RequestError, Run, answer, prepare};
pub use runs::{Happened, RunInfo, Runs, RunsError};
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub use serve::fuzzing;
pub use serve::{PORT, ServeError, ServeSettings, Server};
pub use spec::Spec;
