//! Services: handlers, what they may send, hooks, and the loop that runs them.
//!
//! One thread owns a service's sockets. It polls them all together with one bell, gives each message to its handler,
//! and sends what comes back. A handler is a function ([`Handler`]): a plain `fn` runs there and then, in order; an
//! `async fn` is polled there and may wait while others go on; one in [`workers`] may block. Whatever they ask for
//! besides the message is a parameter ([`Extract`]).
//!
//! Read [`Service`] first, then [`ToSend`].

mod answer;
mod asked;
mod blocking;
mod builder;
mod change;
mod codec;
mod declare;
#[cfg(test)]
mod derived_tests;
#[cfg(feature = "cluster")]
mod discovered;
mod error;
mod external;
mod extract;
#[cfg(feature = "flows")]
mod flow_service;
#[cfg(feature = "flows")]
mod flows;
#[cfg(feature = "testing")]
mod for_test;
mod found;
mod given;
mod handler;
mod hook;
mod inline;
mod input;
mod link;
mod links;
mod now;
mod open;
mod open_states;
mod outs;
mod own;
mod owner;
mod pool;
mod prepare;
#[cfg(feature = "programs")]
mod programs;
#[cfg(test)]
#[cfg(all(feature = "testing", feature = "programs"))]
mod programs_tests;
mod reactor;
mod request;
mod run;
mod scope;
mod seen;
mod shared;
mod start;
mod state_links;
mod state_out;
mod state_sockets;
mod state_table;
#[cfg(test)]
mod state_tests;
mod states;
mod stop;
#[cfg(test)]
mod tap_tests;
#[cfg(test)]
mod tests;
mod to_send;

pub use blocking::{BlockingPending, BlockingToSend};
pub use builder::{Named, Service, TakesFirst};
pub use change::DeltaChange;
pub use codec::{BySerde, ByType, Incoming, Outgoing, OwnedIncoming};
pub use declare::{Calls, Declarations};
pub use error::{AnyError, HandlerError, Refused, Result, RunError, SetupError};
pub use extract::{
    Caller, Config, Deadline, Extract, HasOwn, InAsync, InHook, Lends, LendsOwn, MayBlock, OnOwner, OnWorker,
    Place, Run,
};
#[cfg(feature = "flows")]
pub use flow_service::flow_service;
#[cfg(feature = "flows")]
pub(crate) use flow_service::{HostReach, side_of, with_flows};
#[cfg(feature = "flows")]
pub use flows::ServiceRequests;
pub use given::Given;
pub use handler::{
    Async, Erased, Handler, NoShape, NoShapeEither, Nothing, OnWorkers, Plain, Signature, Workers, workers,
};
pub use hook::{AsyncHook, ErasedHook, Hook, HookRest, HookSignature, PlainHook};
pub use inline::{Inline, InlineError};
pub use links::{ExternalRequest, Fields, Link, LinkOptions, Links, Publisher, Requester, Taker};
pub use own::Own;
pub use prepare::{Prepared, Setup};
#[cfg(feature = "programs")]
pub use programs::Programs;
pub use request::{Pending, Request, Returned};
pub use scope::write_current_workflow;
pub(crate) use seen::{SeenState, SeenValue};
pub(crate) use shared::Shared;
pub use start::{Start, StartError, Started};
pub use state_links::{DeltaIn, DeltaOut, FullIn, FullOut, RecordIn, RecordOut};
pub use state_out::{Changes, OwnDelta, OwnFull};
pub use states::{StateError, States};
pub use stop::{Cause, Stop};
pub use to_send::ToSend;

#[cfg(feature = "cluster")]
pub(crate) use {discovered::Face, shared::Listening};
#[cfg(feature = "testing")]
pub(crate) use {
    for_test::links_for_test,
    handler::{Fault, Kind, Rest, Step},
    inline::{Hub, Opened, Relation},
};

pub use crate::connection::{SendError, SocketError};
