//! Wire: what stands in a frame around the arguments. No sockets, no clock.
//!
//! A message is one frame with one MessagePack map, `{"args": …, "workflow_id": …}` or its reply
//! `{"return_args": …, "workflow_id": …}`; a published one may have its topic in front. [`Envelope`] splits a frame
//! and leaves the arguments as the bytes they are, [`write_request`], [`write_reply`] and [`write_error`] put bytes
//! into one. Nothing here knows what arguments mean, or decodes them.
//!
//! Byte for byte this is what the original Python services send. What is added to it are further keys of the map,
//! which they ignore: [`Extras`], and the `error` of an [`ErrorReply`].

pub mod codes;
mod correlation;
mod envelope;
mod error;
mod error_reply;
mod frame;
mod topic;
mod workflow_id;

pub use correlation::Correlation;
pub use envelope::Envelope;
pub use error::WireError;
pub use error_reply::ErrorReply;
pub use frame::{Extras, write_error, write_reply, write_reply_with, write_request};
pub(crate) use frame::{most_args, write_with_raw_id};
pub use topic::{split_topic, topic_prefix};
pub use workflow_id::WorkflowId;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
