//! Workflow ids, which follow a request through all services that it touches.

use std::fmt;
use std::sync::Arc;

use crate::value::msgpack::{Reader, Token, write};
use crate::value::{Tag, Tagged, Uuid};

/// The id of a workflow: a UUID where it began, text once it has been suffixed. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WorkflowId {
    /// The id of a workflow as it began.
    Uuid(Uuid),
    /// An id that somebody suffixed or made up.
    Text(Arc<str>),
}

impl WorkflowId {
    /// The id of a workflow that begins here: random.
    #[expect(clippy::new_without_default, reason = "two new ids differ, a default would not")]
    #[must_use]
    pub fn new() -> Self {
        Self::Uuid(Uuid::random())
    }

    /// Reads an id from [`super::Envelope::workflow_id`].
    ///
    /// Numbers, true and tagged texts become the text that Python's `str` makes of them. `None` stands for what is
    /// no id, so that a new workflow begins: nil, what Python takes for false (empty text, zero, false), bytes,
    /// lists, maps and extensions.
    #[must_use]
    pub fn from_raw(raw: &[u8]) -> Option<Self> {
        if let Some(id) = Uuid::from_usual(raw) {
            return Some(Self::Uuid(id));
        }
        let mut reader = Reader::new(raw);
        if let Ok(Some(tagged)) = reader.tagged() {
            return Self::from_tagged(tagged);
        }
        match reader.token().ok()? {
            Token::Str("") | Token::Int(0) | Token::Float(0.0) => None,
            Token::Str(text) => Some(Self::from(text)),
            Token::Int(number) => Some(Self::from(number.to_string().as_str())),
            Token::UInt(number) => Some(Self::from(number.to_string().as_str())),
            Token::Float(number) => Some(Self::from(format!("{number:?}").as_str())),
            Token::Bool(true) => Some(Self::from("True")),
            _ => None,
        }
    }

    fn from_tagged(tagged: Tagged<'_>) -> Option<Self> {
        match tagged {
            Tagged::Text(Tag::Uuid, text) => text.parse().ok().map(Self::Uuid),
            Tagged::Text(_, text) => Some(Self::from(text)),
            Tagged::Set(_) | Tagged::NdArray(_) => None,
        }
    }

    /// Appends the id as it is sent: a tagged UUID or text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Uuid(id) => id.write(out),
            Self::Text(text) => write::str(out, text),
        }
    }

    /// The id of the `n`-th sending, counted from 0, of a handler whose request had this id: the first repeats
    /// it, then come `id_1`, `id_2`, ….
    #[must_use]
    pub fn nth(&self, n: usize) -> Self {
        if n == 0 {
            return self.clone();
        }
        Self::from(format!("{self}_{n}").as_str())
    }
}

impl From<&str> for WorkflowId {
    fn from(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl From<Uuid> for WorkflowId {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl fmt::Display for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => id.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
