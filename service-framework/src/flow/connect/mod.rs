//! Connectors: what flows ask the world for, and what the world tells them.
//!
//! What a flow asks for is a row of the store's outbox first. A [`Connector`] gets it as an [`Errand`] after it was committed, and what
//! comes of it becomes an event of the flow. A connector may be called again for the same errand, with the same key.

pub mod callbacks;
pub mod cron;
mod flows;
pub mod http;
mod json;
mod programs;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::flow::engine::Outcome;
use crate::value::Value;

pub use flows::OtherFlows;
pub use programs::RunPrograms;

/// Something that a flow asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Which flow.
    pub flow: String,
    /// The call's number in it.
    pub call: u32,
    /// What is asked for, such as `http.request`.
    pub name: String,
    /// With what.
    pub args: Vec<Value>,
    /// 1 for the first time. It counts how often it was tried, over restarts too.
    pub attempt: u32,
}

impl Errand {
    /// What is the same each time that it is tried, and for nothing else: what `Idempotency-Key` says.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.flow, self.call)
    }
}

/// What came of an errand.
#[derive(Clone, Debug, PartialEq)]
pub enum Performed {
    /// The flow gets this.
    Done(Outcome),
    /// It did not come to an end and is tried again after this time; the store keeps it meanwhile.
    Again {
        /// When.
        after: Duration,
        /// Why, for those who look at what a flow waits for.
        reason: String,
    },
    /// It is in the hands of somebody else, who brings the flow its outcome.
    Elsewhere,
}

/// A connector at work.
pub type Performing<'a> = Pin<Box<dyn Future<Output = Performed> + Send + 'a>>;

/// Does what flows ask for. It runs inside a tokio runtime with timers and IO; it must not block.
pub trait Connector: Send + Sync {
    /// The first part of the names that it performs: `http` for `http.request`. Also the queue of the outbox.
    fn queue(&self) -> &'static str;

    /// Does it. Dropping the future is how it is stopped; it will be asked again then.
    fn perform(&self, errand: Errand) -> Performing<'_>;
}
