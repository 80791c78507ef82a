//! Limits: how large and how deep a message may be.

/// How large and how deep a message may be; a message beyond either is refused before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers within each other; 128. A tagged set counts as two. More than [`Limits::MAX_DEPTH`] count as
    /// that many, so that no message can exhaust the stack.
    pub depth: usize,
    /// Bytes of a whole message; 64 MiB.
    pub bytes: usize,
}

impl Limits {
    /// The greatest depth that can be asked for.
    pub const MAX_DEPTH: usize = 128;

    pub(crate) fn effective_depth(&self) -> usize {
        self.depth.min(Self::MAX_DEPTH)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: Self::MAX_DEPTH, bytes: 64 << 20 }
    }
}
