//! Services: handlers, what they may send, hooks, and the loop that runs them.
//!
//! One thread owns a service's sockets. It polls them all together with one bell, gives each message to its handler,
//! and sends what comes back. A handler is a function ([`Handler`]): a plain `fn` runs there and then, in order; an
//! `async fn` is polled there and may wait while others go on; one in [`workers`] may block. Whatever they ask for
//! besides the message is a parameter ([`Extract`]).
//!
//! Read [`Service`] first, then [`ToSend`].

mod answer;
mod builder;
mod error;
mod external;
mod extract;
mod handler;
mod input;
mod link;
mod open;
mod open_states;
mod outs;
mod owner;
mod pool;
mod prepare;
mod reactor;
mod run;
mod scope;
mod shared;
mod state_out;
mod state_sockets;
mod state_table;
#[cfg(test)]
mod state_tests;
mod states;
mod stop;
#[cfg(test)]
mod tests;
mod to_send;

pub use builder::Service;
pub use error::{HandlerError, Refused, Result, RunError, SetupError};
pub use extract::{Config, Deadline, Extract, MayBlock, OnOwner, Place, Run};
pub use handler::{Async, Erased, ErasedHook, Handler, Hook, HookRest, OnWorkers, Plain, Workers, workers};
pub use prepare::{Prepared, Setup};
pub use scope::write_current_workflow;
pub use state_out::{Changes, DeltaOut, FullOut};
pub use states::{StateError, States};
pub use stop::{Cause, Stop};
pub use to_send::{BlockingPending, BlockingRequest, BlockingToSend, Pending, Request, ToSend};

pub use crate::connection::{SendError, SocketError};
