//! Errors of frames.

use crate::value::DecodeError;

/// A frame that is no message. To a request it is answered with [`super::codes::BAD_MESSAGE`]; anything else is
/// dropped. Nothing was done with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The frame is not one whole MessagePack value within the limits.
    #[error("the message is not well-formed MessagePack: {0}")]
    NotMessagePack(#[from] DecodeError),
    /// The frame is another value than a map.
    #[error("expected a message, which is a map, found {found}")]
    NotAMap {
        /// What was found: `a list`, `text`, ….
        found: &'static str,
    },
    /// A message without arguments.
    #[error("the message has no `{key}`")]
    Missing {
        /// The key that is missing: `args` or `return_args`.
        key: &'static str,
    },
    /// The error in a reply is not what an error should be.
    #[error("expected an error, which is a map of code, message and details, found {found}")]
    NotAnError {
        /// What was found instead.
        found: String,
    },
}
