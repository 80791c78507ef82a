//! What most services use: `use service_framework::prelude::*;`.

pub use std::process::ExitCode;
pub use std::sync::Arc;
pub use std::time::Duration;

pub use crate::derives::{Config, Links, Message};
pub use crate::model::ConnectionModel;
#[cfg(feature = "programs")]
pub use crate::program::{Call, HookError, Pool};
pub use crate::service::{
    BlockingToSend, Caller, Config, Deadline, DeltaChange, DeltaIn, DeltaOut, ExternalRequest, FullIn,
    FullOut, Own, Publisher, RecordIn, RecordOut, Refused, Requester, Result, SendError, Service, States,
    ToSend, workers,
};
pub use crate::value::{Bytes, Date, DateTime, Decimal, Set, Time, TimeDelta, Uuid, Value};
pub use crate::wire::WorkflowId;
