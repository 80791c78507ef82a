//! Errors of values: what could not be read or written, where, and what stood there.

/// Bytes that are not the one value they should be. Nothing was kept of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end within a value, or a length promises more than is there.
    #[error("at least {needed} bytes should follow at byte {at}, {left} do")]
    Truncated {
        /// Where they should stand: behind a marker or a length.
        at: usize,
        /// Bytes that should follow, at least.
        needed: u64,
        /// Bytes that follow.
        left: usize,
    },
    /// The byte 0xc1, which no MessagePack value begins with.
    #[error("byte {at} is 0xc1, with which no value begins")]
    Reserved {
        /// Where it stands.
        at: usize,
    },
    /// Text that is not UTF-8.
    #[error("the text at byte {at} is not UTF-8")]
    Utf8 {
        /// Where the text begins, behind its length.
        at: usize,
    },
    /// Containers within each other beyond [`super::Limits::depth`].
    #[error("the value at byte {at} is more than {limit} containers deep")]
    TooDeep {
        /// Where the first container too many begins.
        at: usize,
        /// The depth allowed.
        limit: usize,
    },
    /// A message longer than [`super::Limits::bytes`].
    #[error("the message has {bytes} bytes, {limit} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The length allowed.
        limit: usize,
    },
    /// Bytes after the one value.
    #[error("{left} bytes follow the value, which ends at byte {at}")]
    Trailing {
        /// Where the value ends.
        at: usize,
        /// How many bytes follow.
        left: usize,
    },
    /// A value of another shape than the type that was asked for; the text is serde's.
    #[error("{0}")]
    Shape(String),
}

/// A value that MessagePack cannot hold; the text is serde's. What was written before it is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be written as MessagePack: {0}")]
pub struct EncodeError(pub(super) String);

/// Text that is not what its type says, for example a decimal number with two points.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found `{found}`")]
pub struct InvalidText {
    /// What the text should have been, with an example.
    pub expected: &'static str,
    /// The text, its first 80 characters at most.
    pub found: String,
}

impl InvalidText {
    pub(super) fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(80).collect() }
    }
}
